"""Cells run statement by statement, as far as they can."""

import sys

import pytest

from tlkeras.grading.running.cells import Cells


@pytest.fixture
def cells(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return Cells()


def names(cells):
    return {n for n in cells.names if n.islower() and len(n) == 1}


@pytest.mark.parametrize(
    ("text", "errors", "defined"),
    [
        ("a = 1\nb = a + 1", [], {"a", "b"}),
        ("a = 1\n1 / 0\nb = 2", ["ZeroDivisionError"], {"a", "b"}),
        ("a = 1\n1 / 0\na = 2", ["ZeroDivisionError"], {"a"}),
        ("import no_such_module as m\na = 1", ["ModuleNotFoundError"], {"a"}),
        ("raise ValueError\na = 1", ["ValueError"], set()),
        ("exit()\na = 1", ["SystemExit"], set()),
        ("a = (", ["SyntaxError"], set()),
        ("display(3)\nget_ipython().run_line_magic('x', '')\na = 1", [], {"a"}),
        ("import asyncio\nawait asyncio.sleep(0)\na = 1", [], {"a"}),
        ("from __future__ import annotations\ndef f(x: nothing): pass", [], {"f"}),
    ],
)
def test_what_can_run_does(cells, text, errors, defined):
    failures = cells.run(0, text)
    assert [failure.raised.name for failure in failures] == errors
    assert names(cells) == defined


def test_after_an_error_nothing_that_exists_is_changed(cells):
    cells.run(0, "a = 1\n1 / 0\na = 2")
    assert cells.names["a"] == 1


def test_what_is_lost_with_an_import_stops_nothing(cells):
    failures = cells.run(0, "import no_such as m\nm.start()\na = 1\na = 2")
    assert [f.raised.name for f in failures] == ["ModuleNotFoundError", "NameError"]
    assert cells.names["a"] == 2
    assert failures[0].names == {"m"}


def test_a_failure_names_the_cells_own_line(cells):
    (failure,) = cells.run(4, "a = 1\n\nb = a / 0")
    assert failure.raised.lines == ((3, "b = a / 0"),)
