"""No attack gains a point, survives, holds up the next one or changes its result."""

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from arena import LIMITS, TINY

from tlkeras.course import grade

HERE = Path(__file__).parent
SECRET = "what-no-submission-may-see"
# Wrong answers, which an attack may replace, and what attacks refer to.
BEFORE = """
import numpy as np
def double(x): return 3 * x
def row_sums(x): return np.zeros(len(x))
"""
TOOLS = """
import gc, sys
RESULTS, NEIGHBOUR, LESSON = {results!r}, {neighbour!r}, {lesson!r}
SECRET, MARK, PORT, ABSTRACT = {secret!r}, {mark!r}, {port}, {abstract!r}
CHANNEL = next((o for o in gc.get_objects() if type(o).__name__ == "Channel"), None)
def NUMBER():
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["request"]["id"]
"""
# In the submission graded after an attack: is anything of the attack still there?
SENTINEL = """
import os
left = [*os.listdir("/tmp"), *os.listdir("/dev/shm")]
left += [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
for kind in ("msg", "sem", "shm"):
    left += open(f"/proc/sysvipc/{kind}").read().splitlines()[1:]
if left:
    print("LEAK", left)
"""


def attacks():
    for path in sorted((HERE / "cells").glob("*.py")):
        for part in path.read_text("utf-8").split("\n# %% ")[1:]:
            title, cell = part.split("\n", 1)
            honest = re.search(r"honest ([\d.]+)", title)
            points = float(honest[1]) if honest else 0.0
            patience = re.search(r"cell (\d+)", title)
            limits = replace(LIMITS, cell=int(patience[1])) if patience else LIMITS
            yield pytest.param(cell, points, limits, id=f"{path.stem}: {title}")


ATTACKS = list(attacks())


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 45
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(("cell", "honest", "limits"), ATTACKS)
def test_attack(
    cell, honest, limits, grader, solved_cells, listeners, tmp_path, monkeypatch
):
    results = tmp_path / "results"
    (results / "submissions" / "control").mkdir(parents=True)
    results.chmod(0o777)
    monkeypatch.setenv("TLKERAS_TEST_SECRET", SECRET)
    tools = TOOLS.format(
        results=str(results),
        neighbour=str(tmp_path / "control.ipynb"),
        lesson=str(HERE.parents[1] / "course" / "tiny" / "01_tiny"),
        secret=SECRET,
        mark=str(tmp_path / "mark"),
        port=listeners[0],
        abstract=listeners[1],
    )
    before = _files(results)
    began = time.monotonic()
    found, printed = grader(BEFORE, tools, cell, limits=limits)
    seconds = time.monotonic() - began

    assert found["points"] <= honest
    assert "LEAK" not in printed, printed[:500]
    assert not (tmp_path / "mark").exists()
    assert _files(results) == before
    assert seconds < limits.wall + 5  # its own limit, and the end of its processes
    assert len(found["exercises"]) == 2
    assert all(e["headline"] and e["message"] for e in found["exercises"])
    assert "<script" not in "".join(e["card"] for e in found["exercises"])
    assert _survivors() == []

    began = time.monotonic()
    control, printed = grader(SENTINEL, *solved_cells, name="control")
    assert control["points"] == control["max_points"] == 3
    assert "LEAK" not in printed, printed
    assert time.monotonic() - began < 5


def _files(folder):
    return {p: p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def _survivors(seconds=3):
    """What the warm parent has forked and is still there."""
    warm = grade._warm("A", grade.PLAIN, TINY)._process.pid
    end = time.monotonic() + seconds
    while len(left := _descendants(warm)) > 2 and time.monotonic() < end:
        time.sleep(0.02)
    return left[2:]  # after bubblewrap's first process and the warm parent


def _descendants(process):
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(name)] = int(fields[1])
    found = [process]
    for parent in found:  # grows
        found.extend(child for child, own in parents.items() if own == parent)
    return found[1:]


def test_a_test_of_leaks_can_fail(grader):
    _, printed = grader("print('LEAK', 1)")
    assert "LEAK" in printed


def test_the_sentinel_sees_what_is_left(grader, solved_cells):
    _, printed = grader("open('/tmp/x', 'w')", SENTINEL)
    assert "LEAK" in printed


def test_the_search_for_survivors_finds_one(isolation):
    parent = grade._warm("A", grade.PLAIN, TINY)
    with parent.session(LIMITS):
        assert _survivors(0)
    assert _survivors() == []
