"""Every lesson's notebook, run from its first cell to its last."""

import json
import os
import random
import re

import nbclient
import nbformat
import pytest

from tlkeras.course import build, lessons

LESSONS = lessons()
pytestmark = pytest.mark.slow


def execute(lesson, tmp_path, solved, again=0):
    """The notebook after it has run at quick scale, in a folder of its own.

    Args:
        lesson: a Lesson.
        tmp_path: where it runs.
        solved: with its solutions.
        again: run every cell once more, in an order drawn from this number.
    """
    notebook = nbformat.reads(build.build(lesson, solved=solved), as_version=4)
    if again:
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        random.Random(again).shuffle(code)
        notebook.cells += map(nbformat.v4.new_code_cell, code)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    # Under pytest a kernel would not show what C++ libraries write; a learner's does.
    hidden = ("PYTEST_CURRENT_TEST", "TF_CPP_MIN_LOG_LEVEL")
    return client.execute(env={k: v for k, v in os.environ.items() if k not in hidden})


def states(notebook):
    """How each check ended, in the order in which they ran."""
    cards = "".join(outputs(notebook, "text/html"))
    return re.findall(r'class="tlkeras-card" data-state="([^"]*)"', cards)


def outputs(notebook, kind):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if kind in output.get("data", {}):
                yield output["data"][kind]


def noise(notebook):
    """Warnings and start-up notices: a learner would worry about them."""
    return [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    ]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("TLKERAS_SCALE", "quick")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_solved_notebook_runs_and_every_cell_again_in_any_order(lesson, tmp_path):
    notebook = execute(lesson, tmp_path, solved=True, again=LESSONS.index(lesson) + 1)
    assert states(notebook) == ["passed"] * 2 * len(lesson.names)
    assert list(outputs(notebook, "image/png")), "a lesson has figures"
    assert noise(notebook) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_rest_of_a_blank_notebook_runs(lesson, tmp_path):
    notebook = execute(lesson, tmp_path, solved=False)
    assert states(notebook) == ["not attempted"] * len(lesson.names)
    said = [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    ]
    assert "not solved yet, so the course's own solution was used here" in "".join(said)
    assert noise(notebook) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_learners_notebook_holds_no_solution_and_no_output(lesson):
    text = build.build(lesson)
    notebook = json.loads(text)
    assert "SOLUTION" not in text
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    stubs = [cell for cell in code if "NotImplementedError" in "".join(cell["source"])]
    assert len(stubs) == len(lesson.exercises)
