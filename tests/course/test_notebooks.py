"""Every lesson's notebook, run from its first cell to its last."""

import json
import os
import re

import nbclient
import nbformat
import pytest

from tlkeras.course import build, lessons

LESSONS = lessons()
pytestmark = pytest.mark.slow


def execute(lesson, tmp_path, solved, **options):
    """The notebook after it has run at quick scale, in a folder of its own."""
    notebook = nbformat.reads(build.build(lesson, solved=solved), as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
        **options,
    )
    # Under pytest a kernel would not show what C++ libraries write; a learner's does.
    hidden = ("PYTEST_CURRENT_TEST", "TF_CPP_MIN_LOG_LEVEL")
    return client.execute(env={k: v for k, v in os.environ.items() if k not in hidden})


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
def test_the_solved_notebook_runs_and_shows_nothing_but_results(lesson, tmp_path):
    notebook = execute(lesson, tmp_path, solved=True)
    cards = "".join(outputs(notebook, "text/html"))
    states = re.findall(r'class="tlkeras-card" data-state="([^"]*)"', cards)
    assert states == ["passed"] * len(lesson.exercises)
    assert list(outputs(notebook, "image/png")), "a lesson has figures"
    assert noise(notebook) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_blank_notebook_is_not_attempted_anywhere(lesson, tmp_path):
    notebook = execute(lesson, tmp_path, solved=False, allow_errors=True)
    cards = [html for html in outputs(notebook, "text/html") if "tlkeras-card" in html]
    assert len(cards) == len(lesson.exercises)
    assert all('data-state="not attempted"' in card for card in cards)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda x: x.name)
def test_the_learners_notebook_holds_no_solution_and_no_output(lesson):
    text = build.build(lesson)
    notebook = json.loads(text)
    assert "SOLUTION" not in text
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    stubs = [cell for cell in code if "NotImplementedError" in "".join(cell["source"])]
    assert len(stubs) == len(lesson.exercises)
