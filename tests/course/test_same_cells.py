"""Odd cells: `tlkeras check` and `tlkeras grade` make the same of each."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tlkeras
from tlkeras.course import build, grade, headless, lessons, material, syllabus
from tlkeras.grading.notebooks import notebook
from tlkeras.grading.sandbox import Limits, choose

TIERS = ("A", "C") if shutil.which("bwrap") else ("C",)
BOTH = {"double": "passed", "row_sums": "passed"}
NO_SUMS = {"double": "passed", "row_sums": "not attempted"}
WRONG_SUMS = {"double": "passed", "row_sums": "wrong"}
RAISED = {"double": "passed", "row_sums": "raised"}
STUB = "def row_sums(x):\n    raise NotImplementedError\n"
SUMS = "def row_sums(x):\n    return x.sum(1)\n"
WRONG = "def row_sums(x):\n    return x.sum()\n"

# What stands in the notebook instead of the answer to `row_sums`, and what comes of it.
CELLS = {
    # More than Python.
    "shell line": (["!echo hello\n" + SUMS], BOTH),
    "continued shell line": (
        ["!pip install \\\n    keras \\\n    numpy\n" + SUMS],
        BOTH,
    ),
    "continued magic": (["%env A=1 \\\n    2\n" + SUMS], BOTH),
    "indented shell line": (["if True:\n    !ls \\\n      -l\n" + SUMS], BOTH),
    "shell value": (["a = !ls\nb = %pwd\n" + SUMS], BOTH),
    "magic of its own line": (["%time AXIS = 1\n" + SUMS.replace("1", "AXIS")], BOTH),
    "cell magics": (["%%time\n%%capture\n" + SUMS], BOTH),
    "another language": (["%%bash\n" + SUMS], NO_SUMS),
    "file": (["%%writefile sums.py\n" + SUMS, "from sums import row_sums"], RAISED),
    "help": (["np.sum?\n?np.sum\n" + SUMS], BOTH),
    "percent in text": (
        ["!ls\nTEXT = '''\n%d %s\n'''\nassert '%d' in TEXT\n" + SUMS],
        BOTH,
    ),
    "prompts": ([">>> def row_sums(x):\n...     return x.sum(1)\n"], BOTH),
    "indented": (["    def row_sums(x):\n        return x.sum(1)"], BOTH),
    "await": (
        [
            "import asyncio\nasync def axis():\n"
            "    await asyncio.sleep(0)\n    return 1\n"
            "AXIS = await axis()\n" + SUMS.replace("1", "AXIS")
        ],
        BOTH,
    ),
    "await in a loop": (
        [
            "async def numbers():\n    yield 0\n    yield 1\n"
            "async for AXIS in numbers():\n    pass\n"
            "assert [n async for n in numbers()] == [0, 1]\n"
            + SUMS.replace("1", "AXIS")
        ],
        BOTH,
    ),
    "async answer": (["async " + SUMS], WRONG_SUMS),
    "future": (
        [
            "from __future__ import annotations\n"
            "def row_sums(x: Nothing):\n    return x.sum(1)"
        ],
        BOTH,
    ),
    # What only works elsewhere.
    "colab": (
        ["from google.colab import drive\ndrive.mount('/content/drive')\n" + SUMS],
        BOTH,
    ),
    "colab after a stub": ([STUB, "from google.colab import drive\n" + SUMS], BOTH),
    "input": (["name = input('Your name?')\nprint(name)\n" + SUMS], BOTH),
    "folder": (["import os\nos.chdir('/content/mine')\n" + SUMS], BOTH),
    "file that is not there": (["table = np.load('mine.npy')\n" + SUMS], BOTH),
    "program that is not there": (
        ["import subprocess\nsubprocess.run('no-such-program')\n" + SUMS],
        BOTH,
    ),
    "what depends on what is lost": (
        [
            "import no_such_module\nAXIS = no_such_module.AXIS\n"
            + SUMS.replace("1", "AXIS")
        ],
        RAISED,
    ),
    # The learner's own errors.
    "error before": (["1 / 0\n" + SUMS], BOTH),
    "error after": ([SUMS + "1 / 0"], BOTH),
    "failed test after": ([SUMS + "assert row_sums(np.ones((2, 2)))[0] == 3"], BOTH),
    "error, and an older answer": ([SUMS + "1 / 0\n" + WRONG], BOTH),
    "error, and an older answer later": ([SUMS, "1 / 0\n" + WRONG], BOTH),
    "error, and a deletion": ([SUMS + "1 / 0\ndel row_sums"], BOTH),
    "ended on purpose": ([SUMS + "raise SystemExit\n" + WRONG], BOTH),
    "ended before": (["import sys\nsys.exit()\n" + SUMS], RAISED),
    "raised before": (["raise RuntimeError('stop')\n" + SUMS], RAISED),
    "broken definition": (["@no_such_decorator\n" + SUMS], RAISED),
    "syntax error": ([SUMS + "def f(:\n"], RAISED),
    "return outside": (["return 3\n" + SUMS], BOTH),
    "moved": ([SUMS.replace("1", "AXIS") + "assert AXIS\n", "AXIS = 1"], BOTH),
    "moved with a name": (["f = g\n" + SUMS.replace("1", "f"), "g = 1"], BOTH),
    # Values and places.
    "value": (["row_sums = 3"], WRONG_SUMS),
    "class": (["class row_sums:\n    pass"], RAISED),
    "instance": (["class Sums:\n    pass\nrow_sums = Sums()"], WRONG_SUMS),
    "argument too many": (["def row_sums(x, axis):\n    return x.sum(1)"], RAISED),
    "other each time": (
        ["n = 0\ndef row_sums(x):\n    global n\n    n += 1\n    return x.sum(1) + n"],
        WRONG_SUMS,
    ),
    "deleted": ([], NO_SUMS),
    "deleted again": ([SUMS, "del row_sums"], NO_SUMS),
    "markdown": ([("markdown", f"```python\n{SUMS}```")], NO_SUMS),
    "raw": ([("raw", SUMS)], NO_SUMS),
    "raw with its stub": ([STUB, ("raw", SUMS)], NO_SUMS),
    "experiment": ([("experiment", SUMS)], NO_SUMS),
    "set-up cell with its stub": ([STUB, ("setup", "x = 1\n" + SUMS)], NO_SUMS),
    "experiment, and an answer": ([SUMS, ("experiment", WRONG)], BOTH),
}
# What is said of an answer that does not run, by the kind of its cell.
SAID = {
    "markdown": "which is a markdown cell, so it never runs",
    "raw": "which is a raw cell, so it never runs",
    "experiment": "It is a cell to experiment in, which checks do not run",
    "setup": "It is the set-up cell, which checks do not run",
}


def write(solved, cells, drop=("row_sums",)):
    """The solved notebook with other cells in place of some of its own."""
    document = json.loads(solved.read_text("utf-8"))
    kept = [
        cell
        for cell in document["cells"]
        if not any(word in "".join(cell["source"]) for word in drop)
    ]
    made = [cell if isinstance(cell, tuple) else ("code", cell) for cell in cells]
    tags = {"experiment", "setup"}
    document["cells"] = kept + [
        {
            "cell_type": "code" if kind in tags else kind,
            "source": text,
            "metadata": {"tags": sorted({kind} & tags)},
        }
        for kind, text in made
    ]
    solved.write_text(json.dumps(document), "utf-8")
    return solved


def graded(path, lesson, monkeypatch, tier="C"):
    monkeypatch.setattr(grade, "home", lambda: lesson.folder.parent)
    isolation = choose([lesson.folder.parent], tier)
    result, _ = grade.grade(grade.Job("x", str(path), 0, isolation, Limits()))
    return result


# Runs `check` on many notebooks in copies of one process, for its start takes a second.
CHECK_ALL = """
import json, os, sys
from tlkeras.course import headless

for line in list(sys.stdin):
    job = json.loads(line)
    process = os.fork()
    if process == 0:
        for number, path in ((0, job["job"]), (1, job["events"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        sys.stdin = open(0)
        headless.child()
        os._exit(0)
    os.waitpid(process, 0)
"""


@pytest.fixture(scope="module")
def practised(tmp_path_factory):
    """By name of a cell: its notebook, and what `tlkeras check` says of it."""
    folder, paths, lines = tmp_path_factory.mktemp("odd"), {}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syllabus, "home", lambda: Path(__file__).parent / "tiny")
        syllabus._read.cache_clear()
        [lesson] = lessons()
        whole = build.build(lesson, solved=True)
    for number, (name, (cells, _)) in enumerate(CELLS.items()):
        paths[name] = path = folder / f"01_tiny-{number}.ipynb"
        path.write_text(whole, "utf-8")
        job = {"notebook": str(write(path, cells)), "lesson": str(lesson.folder)}
        path.with_suffix(".job").write_text(
            json.dumps(job | {"folder": str(folder), "skip": [], "seconds": 20})
        )
        places = {each: str(path.with_suffix(f".{each}")) for each in ("job", "events")}
        lines.append(json.dumps(places))
    command = [sys.executable, "-c", CHECK_ALL]
    environment = os.environ | {"PYTHONPATH": str(Path(tlkeras.__file__).parents[1])}
    subprocess.run(
        command,
        input="\n".join(lines),
        text=True,
        check=True,
        cwd=folder,
        env=environment,
    )
    return {name: (path, _outcomes(path)) for name, path in paths.items()}


def _outcomes(path):
    events = map(
        json.loads, path.with_suffix(".events").read_text("utf-8").splitlines()
    )
    return {e["step"]: e["outcome"] for e in events if "outcome" in e}


# Where the sandbox might matter, in both; elsewhere what is said does not depend on it.
PAIRS = [
    (name, tier)
    for name in CELLS
    for tier in (TIERS if name in ("await", "colab", "input", "folder") else "C")
]


@pytest.mark.parametrize(("name", "tier"), PAIRS)
def test_practice_and_marks_make_the_same_of_odd_cells(
    tiny, practised, monkeypatch, name, tier
):
    (cells, wanted), (path, outcomes) = CELLS[name], practised[name]
    result = graded(path, tiny, monkeypatch, tier)
    marked = {entry["name"]: entry for entry in result["exercises"]}
    assert {n: outcome["state"] for n, outcome in outcomes.items()} == wanted
    for exercise, outcome in outcomes.items():
        for part in ("state", "points", "cases", "message"):
            assert marked[exercise][part] == outcome[part], part
    if cells and isinstance(cells[-1], tuple):
        said = SAID[cells[-1][0]] in outcomes["row_sums"]["message"]
        assert said == (wanted == NO_SUMS)


def test_a_deleted_cell_of_the_lesson_stands_in_for_itself(tiny, solved, monkeypatch):
    write(solved, [SUMS], drop=("row_sums", "import numpy", "LAST ="))
    _, practised = headless.check_notebook(solved)
    assert {n: outcome["state"] for n, outcome in practised.items()} == BOTH
    assert graded(solved, tiny, monkeypatch)["points"] == 3


def test_what_failed_is_noted_with_its_line(tiny, solved, monkeypatch):
    write(solved, ["x = 1\nfrom google.colab import drive\n" + SUMS])
    told = []
    headless.check_notebook(solved, report=lambda event: told.append(event))
    [failed] = [event["failed"] for event in told if "failed" in event]
    assert failed.startswith("line 2: ModuleNotFoundError: No module named 'google")
    [note] = graded(solved, tiny, monkeypatch)["notes"]
    assert f"cell 6, {failed}" in note


def test_the_reason_is_that_of_the_answers_own_statement(solved):
    text = "import no_such_module\nx = no_such_name\n@no_such_decorator\n" + SUMS
    write(solved, [text])
    said = headless.check_notebook(solved)[1]["row_sums"]["message"]
    assert "no_such_decorator" in said
    assert "no_such_module" not in said


def test_no_notebook_of_the_course_seems_to_hold_a_misplaced_answer():
    for lesson in lessons():
        path = lesson.folder.parents[1] / "notebooks" / f"{lesson.name}.ipynb"
        document = notebook.read(path)
        assert any(cell.kind == "markdown" for cell in document.cells)
        assert material.misplaced(document, lesson.exercises) == {}
