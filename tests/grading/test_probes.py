"""Probes travel as text, with all that they need and nothing that they must not."""

import sys
import types

import numpy as np
import pytest

from tlkeras.grading import Exercise
from tlkeras.grading.sandbox import probes

MODULE = """
import contextlib
import numpy as np
from functools import reduce as fold

FACTOR, TABLE = 3, {"a": (1, None)}
ARRAY = np.zeros(3)


def helper(x, times=FACTOR):
    import math
    return math.prod([times, 1]) * x


@contextlib.contextmanager
def quietly():
    yield TABLE["a"][0]


class Box:
    def __init__(self, content):
        self.content = content

    def open(self):
        return helper(self.content)


def probe(answer, x):
    x = Box(x).open()
    with quietly() as one:
        return answer(fold(lambda a, b: a + b, [np.asarray(x), one]))


def reference(x):
    return x


def cheating(answer, x):
    return reference(x)


def hoarding(answer, x):
    return ARRAY + x


def lost(answer, x):
    return nowhere(x)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    path = tmp_path / "exercises.py"
    path.write_text(MODULE)
    module = types.ModuleType("tlkeras_exercises_test")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(MODULE, str(path), "exec"), module.__dict__)
    return module


def exercise(module, probe):
    return Exercise("f", "s", 1, module.reference, (), (), probe=probe)


def test_a_probe_does_the_same_elsewhere(module):
    text = probes.source(exercise(module, module.probe))
    names: dict = {}
    exec(text, names)
    assert names[probes.NAME](np.square, 2) == module.probe(np.square, 2) == 49
    assert "reference" not in text
    assert "ARRAY" not in text


def test_a_mere_call_needs_no_text(module):
    from tlkeras.grading.judge.exercise import call

    assert probes.source(exercise(module, call)) == ""
    names: dict = {}
    exec(probes.source(exercise(module, call), [module.Box]), names)
    assert names["Box"](2).open() == 6


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cheating", "reaches a right answer, reference"),
        ("hoarding", "uses ARRAY, a ndarray"),
        ("lost", "uses nowhere, which is not defined"),
    ],
)
def test_what_must_not_or_cannot_travel_is_named(module, name, said):
    with pytest.raises(probes.ProbeError, match=said):
        probes.source(exercise(module, getattr(module, name)))


def test_a_lambda_is_refused(module):
    with pytest.raises(probes.ProbeError, match="with `def`"):
        probes.source(exercise(module, lambda answer, x: answer(x)))
