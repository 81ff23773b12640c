"""What a worker answers to each request."""

import os
import sys

import numpy as np
import pytest

from tlkeras.grading.sandbox import worker
from tlkeras.grading.sandbox.channel import LARGEST

DOUBLE = "def f(x): return 2 * x"


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("HOME", os.environ.get("HOME", "/"))
    return worker._Notebook()


def run(notebook, text, seconds=5):
    reply, arrays = notebook.run({"number": 0, "text": text, "seconds": seconds}, [])
    assert arrays == []
    return reply


def call(notebook, text, inputs=None, count=None, seconds=5):
    assert run(notebook, text) == {"failures": []}
    request = {"name": "f", "count": count, "seconds": seconds}
    inputs = inputs or {"$tuple": [{"$array": 0}]}
    return notebook.call(request | {"inputs": inputs}, [np.arange(3.0)])


def test_a_call_gives_arrays_back(notebook):
    reply, (array,) = call(notebook, DOUBLE)
    assert reply == {"changed": False}
    np.testing.assert_array_equal(array, [0, 2, 4])
    reply, arrays = call(notebook, "def f(x): x += 1; return x, x", count=2)
    assert reply == {"changed": True}
    assert len(arrays) == 2


def test_why_there_are_none_is_told(notebook):
    reply, _ = call(notebook, "def f(x): return None")
    assert reply == {"problem": "returned-none", "values": {}}
    reply, _ = call(notebook, "def f(x): raise OSError('no')")
    assert (reply["raised"]["name"], reply["raised"]["text"]) == ("OSError", "no")
    reply, _ = call(notebook, "def f(x):\n    while True: pass", seconds=0.1)
    assert reply == {"timeout": True}


def test_large_arrays_are_told_by_their_shapes(notebook):
    size = LARGEST // 8 + 1
    text = f"import numpy as np\ndef f(x): return np.zeros({size})"
    assert call(notebook, text) == ({"shapes": [["float64", size]]}, [])


def test_numbers_longer_than_usual_are_cut(notebook):
    text = "import numpy as np\ndef f(x): return x.astype(np.longdouble)"
    _, (array,) = call(notebook, text)
    assert array.dtype == np.float64


def test_failures_of_a_cell_are_told_and_a_cell_is_stopped(notebook):
    (failure,) = run(notebook, "a = 1 / 0")["failures"]
    assert failure["names"] == ["a"]
    assert failure["raised"]["name"] == "ZeroDivisionError"
    assert run(notebook, "while True: pass", seconds=0.1) == {"timeout": True}


def test_only_names_that_exist_have_a_form(notebook):
    run(notebook, DOUBLE)
    reply, _ = notebook.look({"names": ["f", "g"]}, [])
    assert reply["found"]["f"]["parameters"] == ("x",)
    assert list(reply["found"]) == ["f"]


def test_a_probe_says_how_an_answer_is_called(notebook):
    text = "def twice(answer, x): return answer(answer(x))\n_tlkeras_probe = twice"
    assert notebook.probe({"name": "f", "text": text}, []) == ({}, [])
    _, (array,) = call(notebook, DOUBLE)
    np.testing.assert_array_equal(array, [0, 4, 8])
