"""Every lesson's notebook, run from its first cell to its last, and in any order."""

import json
import os
import random
import re

import nbclient
import nbformat
import pytest

from tlkeras.course import build, lessons
from tlkeras.grading.notebooks.source import defined, parse, python

LESSONS = lessons()
pytestmark = pytest.mark.slow


def execute(lesson, tmp_path):
    """A notebook at quick scale as learners meet it: blank, and solved bit by bit.

    One kernel runs every cell as it is handed out, in order; then the solutions; then
    every cell of the solved notebook, in an order drawn from the lesson's number.

    Args:
        lesson: a Lesson.
        tmp_path: where it runs.

    Returns:
        The cells of the blank notebook, and those that ran after them.
    """
    notebook = nbformat.reads(build.build(lesson), as_version=4)
    blank, whole = code_of(lesson), code_of(lesson, solved=True)
    end = len(notebook.cells)
    later = [text for text in whole if text not in blank]
    later += random.Random(LESSONS.index(lesson) + 1).sample(whole, len(whole))
    notebook.cells += map(nbformat.v4.new_code_cell, later)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    # Under pytest a kernel would not show what C++ libraries write; a learner's does.
    hidden = ("PYTEST_CURRENT_TEST", "TF_CPP_MIN_LOG_LEVEL")
    client.execute(env={k: v for k, v in os.environ.items() if k not in hidden})
    return notebook.cells[:end], notebook.cells[end:]


def code_of(lesson, solved=False):
    """The text of each code cell, in order."""
    notebook = nbformat.reads(build.build(lesson, solved=solved), as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def states(cells):
    """How each check ended, in the order in which they ran."""
    cards = "".join(outputs(cells, "text/html"))
    return re.findall(r'class="tlkeras-card" data-state="([^"]*)"', cards)


def outputs(cells, kind):
    for cell in cells:
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                yield output["data"][kind]


def said(cells, stream):
    """What went to standard output or standard error."""
    return [
        output["text"]
        for cell in cells
        for output in cell.get("outputs", [])
        if output.get("name") == stream
    ]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("TLKERAS_SCALE", "quick")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_blank_notebook_runs_and_solved_every_cell_again_in_any_order(
    lesson, tmp_path
):
    blank, solved = execute(lesson, tmp_path)
    assert states(blank) == ["not attempted"] * len(lesson.names)
    assert states(solved) == ["passed"] * len(lesson.names)
    stood_in = "not solved yet, so the course's own solution was used here"
    assert stood_in in "".join(said(blank, "stdout"))
    assert stood_in not in "".join(said(solved, "stdout"))
    for cells in (blank, solved):
        assert list(outputs(cells, "image/png")), "a lesson has figures"
        assert said(cells, "stderr") == []  # a learner would worry about warnings


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_a_solution_defines_what_its_stub_defines(lesson):
    """So that the solved notebook, too, runs in order: the blank one was seen to."""
    blank, whole = code_of(lesson), code_of(lesson, solved=True)
    for stub, solution in zip(blank, whole, strict=True):
        assert defined_by(stub) == defined_by(solution)


def defined_by(text):
    statements = parse(python(text)).body
    return set().union(*(defined(statement) for statement in statements))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_learners_notebook_holds_no_solution_and_no_output(lesson):
    text = build.build(lesson)
    notebook = json.loads(text)
    assert "SOLUTION" not in text
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    stubs = [cell for cell in code if "NotImplementedError" in "".join(cell["source"])]
    assert len(stubs) == len(lesson.exercises)
