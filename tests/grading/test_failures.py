"""What cells that failed say about the names that are missing afterwards."""

import pytest

from tlkeras.grading.judge.failures import (
    CellRun,
    Failure,
    to_run_again,
    why_undefined,
)
from tlkeras.grading.judge.raised import Raised
from tlkeras.grading.notebooks import source


def failure(name, *names):
    return Failure(frozenset(names), Raised(name, "…"))


def steps(*texts):
    return source.steps(dict(enumerate(texts)))


OTHER, OWN = failure("ValueError", "g"), failure("OSError", "f")
LATE = CellRun(overstayed=True)
TWICE = steps("def f(x): return x", "def f(x): return 2 * x")


@pytest.mark.parametrize(
    ("cell_runs", "why"),
    [
        ({}, None),
        ({0: CellRun(), 1: CellRun()}, None),
        ({0: CellRun((OWN,)), 1: LATE}, LATE),
        ({0: LATE, 1: CellRun((OWN,))}, CellRun((OWN,))),
        ({0: CellRun((OTHER, OWN)), 1: CellRun()}, CellRun((OWN,))),
        ({0: CellRun((OTHER,))}, CellRun((OTHER,))),
    ],
)
def test_the_last_cell_that_would_define_a_name_says_why_it_did_not(cell_runs, why):
    assert why_undefined(TWICE, cell_runs, "f") == why
    assert why_undefined(TWICE, cell_runs, "another") is None


def test_a_cell_that_is_no_python_is_found_by_its_words():
    broken = steps("def f(:\n    return x")
    assert why_undefined(broken, {0: CellRun((OTHER,))}, "f") == CellRun((OTHER,))
    assert why_undefined(broken, {0: CellRun((OTHER,))}, "x") is None


@pytest.mark.parametrize(
    ("error", "texts", "again"),
    [
        ("NameError", ("y = g(1)", "def g(x): return x"), [0]),
        ("NameError", ("def g(x): return x", "y = g(1)"), []),
        ("NameError", ("y = h(1)", "def g(x): return x"), []),
        ("TypeError", ("y = g(1)", "def g(x): return x"), []),
    ],
)
def test_a_cell_runs_again_if_only_a_later_one_has_the_name_it_missed(
    error, texts, again
):
    cells = steps(*texts)
    cell_runs = {step.number: CellRun((failure(error, "y"),)) for step in cells}
    assert [step.number for step in to_run_again(cells, cell_runs)] == again
