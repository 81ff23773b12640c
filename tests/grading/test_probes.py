"""Probes travel as text, with all that they need and nothing that they must not."""

import importlib
import sys
import types

import numpy as np
import pytest

from tlkeras.grading import Exercise, Misconception
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


FILES = {
    "__init__": "",
    "_shared": "FACTOR = 3\n\ndef helper(x):\n    return FACTOR * x\n",
    "first": (
        "from ._shared import helper\n"
        "def reference(x):\n    return x\n"
        "def step(x):\n    return -x\n"
        "def local(x):\n    return 2 * helper(x)\n"
    ),
    "second": (
        "from . import _shared\n"
        "from .first import local, reference, step\n"
        "def local_too(x):\n    return local(x)\n"
        "def probe(answer, x):\n    return answer(local_too(x))\n"
        "def cheating(answer, x):\n    return reference(x)\n"
        "def mistaken(answer, x):\n    return step(x)\n"
        "def whole(answer, x):\n    return _shared.helper(x)\n"
    ),
    "third": (
        "from .first import local as of_first\n"
        "FACTOR = 4\n"
        "def local(x):\n    return x\n"
        "def functions(answer, x):\n    return local(of_first(x))\n"
        "def constants(answer, x):\n    return FACTOR * of_first(x)\n"
    ),
}


@pytest.fixture
def lesson_modules(tmp_path, monkeypatch):
    """The files of a lesson by name, in a package."""
    package = "tlkeras_exercises_files"
    (tmp_path / package).mkdir()
    for name, text in FILES.items():
        (tmp_path / package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield {name: importlib.import_module(f"{package}.{name}") for name in FILES}
    for name in [m for m in sys.modules if m.startswith(package)]:
        del sys.modules[name]


def test_a_probe_takes_what_it_uses_from_the_other_files_of_its_lesson(lesson_modules):
    module = lesson_modules["second"]
    text = probes.source(Exercise("f", "s", 1, abs, (), (), probe=module.probe))
    assert "tlkeras_exercises" not in text
    names: dict = {}
    exec(text, names)
    assert names[probes.NAME](np.square, 2) == module.probe(np.square, 2) == 144
    assert not names.keys() & {"reference", "step"}


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("second", "cheating", "reaches a right answer, reference"),
        ("second", "mistaken", "reaches a step of a misconception, step"),
        ("second", "whole", "uses _shared: import what it needs"),
        ("third", "functions", "two things that are called local"),
        ("third", "constants", "two things that are called FACTOR"),
    ],
)
def test_what_another_file_has_is_refused_as_what_its_own_has(
    lesson_modules, file, name, said
):
    first, probe = lesson_modules["first"], getattr(lesson_modules[file], name)
    wrong = (Misconception("f.step", "s", change=first.step),)
    made = Exercise("f", "s", 1, first.reference, (), wrong, probe=probe)
    with pytest.raises(probes.ProbeError, match=said):
        probes.source(made)
