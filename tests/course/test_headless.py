import json
import os
import time
from pathlib import Path

import pytest

from tlkeras.course import CourseError, headless, material
from tlkeras.grading.notebooks import notebook

# A loop that no exception ends: the inner one meets it, and the outer one goes on.
ENDLESS = """
def stubborn():
    while True:
        try:
            stubborn_too()
        except BaseException:
            pass

def stubborn_too():
    try:
        while True:
            pass
    finally:
        return stubborn()
"""


def with_cells(path, *sources, keep=lambda source: True, tags=()):
    """Append code cells to a notebook, and keep only some of those it has."""
    document = json.loads(path.read_text("utf-8"))
    cells = [c for c in document["cells"] if keep("".join(c["source"]))]
    document["cells"] = cells + [
        {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}}
        for source in sources
    ]
    path.write_text(json.dumps(document), "utf-8")
    return path


def states(path, **options):
    _, outcomes = headless.check_notebook(path, **options)
    return {name: outcome["state"] for name, outcome in outcomes.items()}


PASSED = {"double": "passed", "row_sums": "passed"}


def test_the_solved_notebook_passes_without_its_experiments(solved):
    lesson, outcomes = headless.check_notebook(solved)
    assert lesson.name == "01_tiny"
    assert [o["points"] for o in outcomes.values()] == [1, 2]
    assert states(solved) == PASSED


def test_a_notebook_whose_tags_a_service_dropped_passes(solved):
    """The cell that installs then runs like any other: its magic does nothing here."""
    document = json.loads(solved.read_text("utf-8"))
    assert any("setup" in c["metadata"].get("tags", ()) for c in document["cells"])
    for cell in document["cells"]:
        cell["metadata"] = {}
    solved.write_text(json.dumps(document), "utf-8")
    assert states(solved) == PASSED


def test_the_learners_notebook_is_not_attempted(tiny, tmp_path):
    from tlkeras.course import build

    build.update(tiny, tmp_path)
    assert set(states(tmp_path / "01_tiny.ipynb").values()) == {"not attempted"}


def test_cells_that_raise_print_exit_or_use_magics_stop_nothing(solved):
    sources = ["1 / 0", "import sys; sys.exit(1)", "input()", "print('{', flush=True)"]
    magics = [
        "%matplotlib inline\n%no_such_magic\n!echo '{'",
        "%%no_such_cell_magic\n?",
    ]
    document = json.loads(solved.read_text("utf-8"))
    strange = [
        {"cell_type": "code", "source": source, "metadata": {}}
        for source in [*sources, *magics]
    ]
    document["cells"] = strange + document["cells"]
    solved.write_text(json.dumps(document), "utf-8")
    assert states(solved) == PASSED


def test_a_line_magic_that_fails_leaves_the_rest_of_its_cell(solved):
    magic = "%no_such_magic\ndef row_sums(x):\n    return x.sum(1)"
    with_cells(solved, magic, keep=lambda source: "row_sums" not in source)
    assert states(solved) == PASSED


def test_what_is_missing_is_not_attempted_and_the_rest_counts(solved):
    with_cells(solved, keep=lambda source: "row_sums" not in source)
    assert states(solved) == {"double": "passed", "row_sums": "not attempted"}


def test_a_syntax_error_is_shown_with_its_line(solved):
    broken = "def row_sums(x:\n    return x"
    with_cells(solved, broken, keep=lambda source: "row_sums" not in source)
    _, outcomes = headless.check_notebook(solved)
    assert outcomes["row_sums"]["state"] == "raised"
    assert "SyntaxError" in outcomes["row_sums"]["message"]
    assert "line 1: def row_sums(x:" in outcomes["row_sums"]["message"]


def test_an_endless_loop_is_timed_out_and_the_rest_counts(solved):
    with_cells(solved, "def double(x):\n    while True:\n        pass")
    assert states(solved, seconds=6) == {"double": "timed out", "row_sums": "passed"}


def test_an_endless_loop_that_swallows_everything_is_killed(solved):
    with_cells(solved, ENDLESS + "def double(x):\n    stubborn()")
    began = time.monotonic()
    assert states(solved, seconds=12) == {"double": "timed out", "row_sums": "passed"}
    assert time.monotonic() - began < 20


def test_an_endless_cell_is_left_out(solved, monkeypatch):
    monkeypatch.setattr(headless, "CELL_SECONDS", 4)
    with_cells(solved, ENDLESS + "stubborn()", "while True:\n    pass")
    assert states(solved, seconds=45) == PASSED  # also on a busy machine


def test_nothing_outlives_the_limit_for_the_whole_notebook(solved, tmp_path):
    file = tmp_path / "process"
    child = "import subprocess; p = subprocess.Popen(['sleep', '600'])\n"
    tell = f"open({str(file)!r}, 'w').write(str(p.pid))\n"
    document = json.loads(solved.read_text("utf-8"))
    first = {"cell_type": "code", "source": child + tell + ENDLESS + "stubborn()"}
    document["cells"].insert(0, first)
    solved.write_text(json.dumps(document), "utf-8")
    began = time.monotonic()
    assert set(states(solved, seconds=3).values()) == {"timed out"}
    assert time.monotonic() - began < 10
    process = int(file.read_text())
    ended = time.monotonic() + 2  # a kill is no instant
    while _runs(process) and time.monotonic() < ended:
        time.sleep(0.1)
    assert not _runs(process)


def _runs(process):
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


def test_a_crash_loses_only_the_cell_that_crashed(solved):
    with_cells(solved, "import os; os._exit(3)")
    assert states(solved) == PASSED


def test_a_crash_in_a_check_loses_only_that_exercise(solved):
    with_cells(solved, "import os\ndef double(x):\n    os._exit(3)")
    assert states(solved) == {"double": "timed out", "row_sums": "passed"}


def test_code_runs_in_the_notebooks_folder_with_quick_settings(solved, monkeypatch):
    monkeypatch.chdir("/")
    (solved.parent / "helper.py").write_text("FACTOR = 2")
    source = (
        "import os, helper\n"
        "assert os.environ['TLKERAS_SCALE'] == 'quick'\n"
        "assert os.environ['MPLBACKEND'] == 'Agg'\n"
        "def double(x):\n    return helper.FACTOR * x"
    )
    with_cells(solved, source, keep=lambda source: "double" not in source)
    assert states(solved) == PASSED


def test_nothing_is_written_into_the_home_folder(solved, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    assert states(solved) == PASSED
    assert os.listdir(home) == []


@pytest.mark.parametrize(
    ("metadata", "name", "source"),
    [
        ({"tlkeras": {"lesson": "01_tiny"}}, "x.ipynb", ""),
        ({"tlkeras": {"lesson": ["nonsense"]}}, "01_tiny-Copy1.ipynb", ""),
        ({}, "x.ipynb", "check = lesson('01_tiny').check"),
        ({}, "x.ipynb", "def row_sums(x):\n    return 1"),
    ],
)
def test_the_lesson_is_found_by_what_is_left_to_tell_it(tiny, metadata, name, source):
    cell = {"cell_type": "code", "source": source}
    document = notebook.parse(json.dumps({"metadata": metadata, "cells": [cell]}))
    assert material.lesson_of(document, Path(name)) is tiny


def test_a_notebook_of_no_lesson_is_an_error(tiny, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text('{"cells": []}')
    with pytest.raises(CourseError, match=r"belongs to no lesson.*01_tiny"):
        headless.check_notebook(path)
