"""Honest submissions keep their marks, however their notebooks come."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from arena import TINY, isolation_or_skip, notebook

from tlkeras.course import grade
from tlkeras.grading.sandbox import Limits, SandboxError, choose
from tlkeras.grading.sandbox import isolation as tiers
from tlkeras.grading.submissions import submission

FULL = Limits(wall=60, cell=20, exercise=10)


@pytest.fixture
def graded(isolation, tmp_path):
    """From the bytes of a notebook to its result."""

    def result_of(content, name="x.ipynb", tier=isolation, limits=FULL):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return grade.grade(grade.Job("x", str(path), 3, tier, limits))[0]

    return result_of


def test_printing_a_lot_and_extra_functions_cost_nothing(grader, solved_cells):
    noise = (
        "import sys, warnings\nsys.stderr.write('error\\n' * 1000)\n"
        "warnings.warn('careful')\nfor _ in range(100): print('x' * (1 << 20))"
    )
    extra = "def helper(x):\n    print('called')\n    return x\ndouble_it = helper"
    found, printed = grader(noise, *solved_cells, extra, limits=FULL)
    assert found["points"] == 3
    assert len(printed) == FULL.output
    assert found["notes"] == ["It printed more than 65536 bytes; the rest was dropped."]


def test_the_same_seed_gives_the_same_result(grader, solved_cells):
    from tlkeras.grading.submissions.result import without_times

    wrong = "def double(x):\n    return x ** 2"
    first, second = (grader(*solved_cells, wrong)[0] for _ in range(2))
    assert without_times(first) == without_times(second)
    assert first["exercises"][0]["misconceptions"]


SOLVED = {
    "reordered": lambda cells: cells[::-1],
    "doubled": lambda cells: [c for c in cells for _ in range(2)],
    "imports deleted": lambda cells: cells[1:],
    "a cell that raises": lambda cells: ["1 / 0", "import nothing", *cells, "raise"],
    "magics": lambda cells: [
        "%matplotlib inline\n!pip install keras",
        "%%bash\nls",
        *("%%time\n" + cell for cell in cells),
    ],
    "a cell that exits": lambda cells: ["exit()", "import sys; sys.exit(3)", *cells],
    "a cell that ends the process": lambda cells: ["import os; os._exit(0)", *cells],
    "an endless cell": lambda cells: ["while True: pass", *cells],
    "syntax errors": lambda cells: ["def broken(:", *cells, "x ="],
    "answers by assignment": lambda cells: [
        "import numpy as np\ndouble = lambda x: 2 * x\nrow_sums = lambda x: x.sum(-1)"
    ],
    "the course is imported": lambda cells: [
        "from tlkeras.course import lesson\nthis = lesson('01_tiny')\n"
        "check = this.check\n"
        "assert check(3).passed and this.at_scale(quick=1, default=2) == 1",
        *cells,
    ],
}


@pytest.mark.parametrize("change", SOLVED)
def test_whatever_can_be_graded_is(grader, solved_cells, change):
    limits = Limits(wall=60, cell=1 if "endless" in change else 20, exercise=10)
    found, _ = grader(*SOLVED[change](solved_cells), limits=limits)
    assert found["points"] == 3, [e["message"] for e in found["exercises"]]


def as_format_3(text):
    data = json.loads(text)
    cells = [{"cell_type": "code", "input": c["source"]} for c in data["cells"]]
    return json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3})


def without_metadata(text):
    return json.dumps({"cells": json.loads(text)["cells"]})


def from_colab(text):
    data = json.loads(text)
    data["metadata"] = {"colab": {}, "kernelspec": {"name": "ir"}}
    for cell in data["cells"]:
        cell |= {"metadata": {"id": "x"}, "source": cell["source"].splitlines(True)}
    return json.dumps(data)


def with_large_outputs(text):
    data = json.loads(text)
    data["cells"][0]["outputs"] = [{"data": {"image/png": "A" * (100 << 20)}}]
    return json.dumps(data)


@pytest.mark.parametrize(
    "change",
    [
        as_format_3,
        without_metadata,
        from_colab,
        with_large_outputs,
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
    ],
)
def test_formats_and_encodings(graded, solved_cells, change):
    found = graded(change(notebook(*solved_cells)))
    assert (found["points"], found["state"]) == (3, "graded")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "no cells"),
        (b'{"cells": []}', "belongs to no lesson"),
    ],
)
def test_what_cannot_be_read_has_a_reason(graded, content, said):
    found = graded(content)
    assert (found["state"], found["points"]) == ("unreadable", 0)
    assert said in found["reason"]
    assert found["submission"]["bytes"] == len(content)


def test_what_is_no_file_has_a_reason(isolation, tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "LARGEST", 1000)
    os.mkfifo(tmp_path / "pipe.ipynb")
    job = grade.Job("x", str(tmp_path / "pipe.ipynb"), 3, isolation, FULL)
    found, _ = grade.grade(job)
    assert found["state"] == "unreadable"
    assert "no ordinary file" in found["reason"]


def test_time_for_all_runs_out_with_a_reason(grader, solved_cells):
    slow = "import time\ndef row_sums(x):\n    time.sleep(60)"
    limits = Limits(wall=3, cell=3, exercise=3)
    found, _ = grader(*solved_cells, slow, limits=limits)
    assert found["points"] == 1
    assert found["exercises"][1]["state"] == "timed out"


def test_tier_c_grades_the_same_and_is_not_for_marks(grader, solved_cells):
    tier = choose([TINY], "C")
    assert not tier.for_marks
    found, _ = grader(*solved_cells, tier=tier, limits=FULL)
    assert found["points"] == 3
    assert found["graded"]["isolation"]["for_marks"] is False
    assert "not for marks" in found["graded"]["isolation"]["name"]


def test_tier_c_leaves_no_process(grader, solved_cells):
    background = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0:\n        time.sleep(1000.25)\n    os._exit(0)"
    )
    grader(background, *solved_cells, tier=choose([TINY], "C"), limits=FULL)
    own = grade._warm("C", grade.PLAIN, TINY)._process.pid
    end = time.monotonic() + 5
    while left := [p for p in _forks(own) if p != own]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def _forks(process):
    """Processes with the command line of a process: itself, and what it forked."""

    def command(name):
        try:
            return Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            return None

    names = filter(str.isdigit, os.listdir("/proc"))
    return [int(name) for name in names if command(name) == command(process)]


def test_tier_b_is_for_containers_whose_lessons_others_cannot_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(tiers, "in_container", lambda: False)
    with pytest.raises(SandboxError, match="not root in a container"):
        choose([TINY], "B")
    monkeypatch.setattr(tiers, "in_container", lambda: True)
    if os.geteuid():
        return
    with pytest.raises(SandboxError, match="every user can read"):
        choose([TINY], "B")
    hidden = tmp_path / "lessons"
    shutil.copytree(TINY, hidden)
    hidden.chmod(0o700)
    assert choose([hidden], "B").for_marks


def test_this_machine_has_the_best_tier():
    assert isolation_or_skip("A").tier == "A"
