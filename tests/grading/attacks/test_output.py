"""The folder of results: one grading at a time, one batch a report, nothing by half."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from arena import ROOT, isolation_or_skip
from typer.testing import CliRunner

from tlkeras import cli, files
from tlkeras.course import grade as grading
from tlkeras.grading import sandbox
from tlkeras.grading.submissions import batch, output, record, result, submission

WORDS = {"COLUMNS": "10000"}


def quick(job):
    """As `grade`, but nothing runs: a point for each `#`, and `raise` raises."""
    content = submission.read(job.file)
    handed_in = {"name": job.name, "file": job.file, "bytes": len(content)}
    handed_in["sha256"] = submission.fingerprint(content)
    header = grading._header(job, handed_in, 0)
    if b"raise" in content:
        raise RuntimeError(content.decode("utf-8", "surrogateescape"))
    made = record.refused(header, "graded", None)
    made |= {"lesson": "01_tiny", "max_points": 3}
    if b"damaged" in content:
        made = {"schema": "no result"}
    if b"half" in content:
        made["notes"] = ["half of a pair \ud800 \udcff"]
    return made | {"points": content.count(b"#")}, b"printed\xff"


@pytest.fixture
def graded(monkeypatch, tmp_path):
    """`tlkeras grade`, with a quick grader: exit code, and what it says."""
    monkeypatch.setattr(grading, "grade", quick)
    monkeypatch.setattr(batch, "_pool", ThreadPoolExecutor)
    isolation = sandbox.Isolation("A")
    monkeypatch.setattr(sandbox, "choose", lambda hidden, tier: isolation)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        done = CliRunner().invoke(cli.app, ["grade", *map(str, words)], env=WORDS)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.output

    return run


def hand_in(folder, **contents):
    """Files of a class in a folder."""
    Path(folder).mkdir(exist_ok=True)
    for name, content in contents.items():
        (Path(folder) / f"{name}.ipynb").write_bytes(content)
    return folder


def marks(folder="out"):
    """Points by name, as the table has them."""
    with open(Path(folder) / "grades.csv", encoding="utf-8", newline="") as file:
        return {row["submission"]: row["points"] for row in csv.DictReader(file)}


# ── one grading at a time ─────────────────────────────────────────────────────────────


def test_a_second_grading_is_told_of_the_first(graded, tmp_path):
    hand_in("class", ada=b"#")
    with output.alone("out"):
        code, said = graded("class", "--out", "out")
        (tmp_path / "link").symlink_to("out")
        assert graded("class", "--out", "link")[0] == 2
    assert code == 2
    assert f"out is in use by another grading (process {os.getpid()} on " in said
    assert len(said.strip().splitlines()) == 1
    assert not Path("out/grading.json").exists()
    assert graded("class", "--out", "out")[0] == 0


HOLD = """
import sys, time
sys.path.insert(0, {root!r})
from tlkeras.grading.submissions import output
with output.alone("out"):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_folder_is_free_when_its_grading_has_died(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    words = [sys.executable, "-c", HOLD.format(root=str(ROOT))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, **pipes) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(output.OutputError, match="in use"), output.alone("out"):
            pass
        process.send_signal(number)
    with output.alone("out"):
        pass


# ── what counts ───────────────────────────────────────────────────────────────────────


def test_who_was_removed_or_renamed_does_not_count(graded):
    hand_in("class", ada=b"#", bob=b"##", eve=b"###")
    assert graded("class", "--out", "out")[0] == 0
    os.remove("class/bob.ipynb")
    os.rename("class/eve.ipynb", "class/mallory.ipynb")
    code, said = graded("class", "--out", "out")
    assert code == 0
    assert "2 more there are not of this batch" in said
    assert marks() == {"ada": "1", "mallory": "3"}
    report = Path("out/report.html").read_text("utf-8")
    assert "bob" not in report
    assert "2 of them, are kept and not counted" in report
    assert result.read(result.path_of("out", "bob"))["points"] == 2


def test_a_class_in_two_halves(graded):
    hand_in("monday", ada=b"#", hw=b"##")
    hand_in("tuesday", bob=b"#", hw=b"###")
    assert graded("monday", "--out", "out")[0] == 0
    assert graded("tuesday", "--out", "out")[0] == 0
    assert marks() == {"bob": "1", "hw-2": "3"}  # a namesake replaces nobody
    code, said = graded("monday", "tuesday", "--out", "out")
    assert code == 0
    assert "4 of them were graded before" in said
    assert "not of this batch" not in said
    assert marks() == {"ada": "1", "bob": "1", "hw": "2", "hw-2": "3"}
    assert len({r["graded"]["seed"] for r in result.read_all("out")}) == 1


def test_the_same_file_by_another_way_is_the_same_submission(graded, tmp_path):
    hand_in("class", ada=b"#")
    for place in ("class", tmp_path / "class", "class/../class"):
        assert graded(place, "--out", "out")[0] == 0
        assert marks() == {"ada": "1"}
    os.rename("class", "moved")
    assert graded("moved", "--out", "out")[0] == 0
    assert marks() == {"ada": "1"}


def test_a_changed_seed_counts_no_result_of_the_old_one(graded):
    hand_in("class", ada=b"#", bob=b"#")
    assert graded("class", "--out", "out", "--seed", 1)[0] == 0
    os.remove("class/bob.ipynb")
    assert graded("class", "--out", "out", "--seed", 2)[0] == 0
    assert marks() == {"ada": "1"}
    report = Path("out/report.html").read_text("utf-8")
    assert "<dd>2</dd>" in report


@pytest.mark.parametrize("out", ["class", "class/out", "class/a/../out", "link/out"])
@pytest.mark.parametrize("place", ["class", "class/", "class/../class", "link", "."])
def test_results_are_not_read_from_among_the_submissions(graded, tmp_path, out, place):
    """There a learner may have put a seed, or the result of a grading of his own."""
    hand_in("class", ada=b"#")
    (tmp_path / "link").symlink_to("class")
    before = sorted(tmp_path.rglob("*"))
    code, said = graded(place, "--out", out)
    assert code == 2
    assert "where results may have been handed in" in said
    assert sorted(tmp_path.rglob("*")) == before


# ── nothing by half ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "out",
    ["file", "file/out", "/proc/out", "/sys/out", "dangling", "loop", "n" * 300],
)
def test_where_nothing_can_be_written_is_one_sentence(graded, tmp_path, out):
    hand_in("class", ada=b"#")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("/proc/nothing/there")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))
    code, said = graded("class", "--out", out)
    assert code == 2
    assert "cannot be written" in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("writes", range(9))
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(
    graded, tmp_path, monkeypatch, writes, number
):
    """The disk is full after some writes, wherever the grading is by then."""
    hand_in("class", ada=b"#", bob=b"##")
    left, fsync = [None] * writes, os.fsync

    def full(file):
        if not left:
            raise OSError(number, os.strerror(number))
        left.pop()
        fsync(file)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        code, said = graded("class", "--out", "out")
    assert code == 2
    assert (
        said.strip()
        .splitlines()[-1]
        .startswith(f"tlkeras: out cannot be written ({os.strerror(number)})")
    )
    assert not list(tmp_path.rglob(".*"))  # drafts
    for found in result.read_all("out"):
        assert found["points"] == {"ada": 1, "bob": 2}[found["submission"]["name"]]
    assert graded("class", "--out", "out")[0] == 0
    assert marks() == {"ada": "1", "bob": "2"}


# ── what fails of one submission is its own result ────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"raise", "RuntimeError"),
        (b"raise \xff", "RuntimeError"),
        (b"raise \x1b[2J \x00", "RuntimeError"),
        (b"damaged", "ResultError"),
        (b"half", None),
    ],
)
def test_one_failure_is_one_result(graded, content, said):
    hand_in("class", ada=b"#", bad=content, zoe=b"##")
    code, printed = graded("class", "--out", "out")
    assert code == (1 if said else 0), printed
    assert marks() == {"ada": "1", "bad": "0", "zoe": "2"}
    found = result.read(result.path_of("out", "bad"))
    assert (said or "") in (found["reason"] or "")
    if said:
        assert found["state"] == "stopped"
        assert found["reason"].startswith("The grader itself failed: ")
    assert "bad" in Path("out/report.html").read_text("utf-8")


def test_what_an_earlier_batch_of_another_lesson_left_is_not_taken_for_this_one(
    graded, monkeypatch
):
    hand_in("class", ada=b"#")
    assert graded("class", "--out", "out")[0] == 0
    lessons = ["01_tiny", "02_other"]

    def other(job):
        made, printed = quick(job)
        return made | {"lesson": lessons[job.name == "bob"]}, printed

    monkeypatch.setattr(grading, "grade", other)
    tiny = cli.course.lesson("01_tiny")
    monkeypatch.setattr(cli.course, "lesson", known(lessons, tiny))
    hand_in("class", bob=b"##")
    assert graded("class", "--out", "out")[0] == 0
    assert marks("out/01_tiny") == {"ada": "1"}
    assert marks("out/02_other") == {"bob": "2"}
    assert not Path("out/grades.csv").exists()
    assert Path("out/grades.earlier.csv").is_file()


def known(names, lesson):
    """Two lessons with the same exercises."""
    from types import SimpleNamespace

    def find(name):
        if name not in names:
            raise ValueError(name)
        return SimpleNamespace(name=name, title=name, exercises=lesson.exercises)

    return find


# ── reasons are true ──────────────────────────────────────────────────────────────────

DIES_AT_A_LOOK = """
import os
class Kind(type):
    __name__ = property(lambda self: os._exit(3))
class Thing(metaclass=Kind): pass
double = row_sums = Thing()
"""


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["import os; os._exit(1)"] * 13, "12 times"),
        (["crash = __import__('ctypes').string_at(0)"] * 20, "12 times"),
        (["import os; os.write(3, b'x' * 99)"] * 13, "12 times"),
        ([DIES_AT_A_LOOK], "12 times"),
    ],
)
def test_an_end_of_the_process_is_not_called_a_want_of_time(grader, cells, said):
    isolation_or_skip("A")
    found, _ = grader(*cells)
    assert found["state"] == "stopped"
    assert said in found["reason"]
    assert "used up the time" not in json.dumps(found)
    assert found["graded"]["seconds"] < 8
    for entry in found["exercises"]:
        assert (entry["state"], entry["points"]) == ("raised", 0)
        assert "an end of the whole process" in entry["headline"]


@pytest.mark.parametrize("slow", ["double", "row_sums"])
def test_a_want_of_time_is_called_one(grader, solved_cells, slow):
    from dataclasses import replace

    from arena import LIMITS

    cell = f"import time\ndef {slow}(x):\n    time.sleep(60)"
    limits = replace(LIMITS, wall=1.5, cell=5, exercise=5)
    found, _ = grader(*solved_cells, cell, limits=limits)
    assert found["state"] == "stopped"
    assert "used up the time" in found["reason"]
    states = {entry["name"]: entry["state"] for entry in found["exercises"]}
    assert states[slow] == "timed out"
