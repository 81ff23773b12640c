"""A batch goes on where it was, whatever ended it; none of it harms another."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tlkeras.grading.sandbox import Isolation
from tlkeras.grading.submissions import batch, record, result, submission

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    name: str
    file: str
    seed: int = 1
    isolation: Isolation = Isolation("A")  # noqa: RUF009
    lesson: str | None = None


def header(job, digest=None):
    handed_in = {"name": job.name, "file": job.file, "sha256": digest, "bytes": 1}
    graded = {"tlkeras": batch.tlkeras.__version__, "seed": job.seed, "seconds": 0.1}
    return record.header(handed_in, graded | {"isolation": job.isolation.to_dict()})


def failed(job, reason):
    return record.refused(header(job), "stopped", f"The grader itself failed: {reason}")


def grade(job):
    """As a real one, but quick: the text of the file is the number of points."""
    content = submission.read(job.file)
    if content == b"crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if content == b"raise":
        raise RuntimeError("a mistake of ours")
    if content.startswith(b"slow"):
        time.sleep(0.3)
        content = content[4:]
    marked = record.refused(
        header(job, submission.fingerprint(content)), "graded", None
    )
    return marked | {"points": float(content)}, b"printed\n"


def jobs(folder, contents):
    folder.mkdir(exist_ok=True)
    made = []
    for number, content in enumerate(contents):
        path = folder / f"{number:03}.ipynb"
        path.write_text(content)
        made.append(Job(f"{number:03}", str(path)))
    return made


def points(folder):
    return {r["submission"]["name"]: r["points"] for r in result.read_all(folder)}


def test_each_is_graded_once_and_again_if_it_changed(tmp_path):
    todo = jobs(tmp_path / "in", map(str, range(7)))
    with ThreadPoolExecutor(3) as executor:

        def run():
            made = batch.run(todo, grade, failed, tmp_path / "out", 3, executor)
            return sorted(job.name for job, _, old in made if not old)

        assert len(run()) == 7
        assert points(tmp_path / "out") == {f"{n:03}": n for n in range(7)}
        assert run() == []
        Path(todo[3].file).write_text("33")
        damaged = result.path_of(tmp_path / "out", "005")
        damaged.write_text("{")
        assert run() == ["003", "005"]
        assert points(tmp_path / "out")["003"] == 33
    printed = damaged.with_name(batch.PRINTED)
    assert printed.read_text() == "printed\n"


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"isolation": Isolation("C")}, {"lesson": "02_other"}],
)
def test_other_conditions_are_another_grading(tmp_path, change):
    from dataclasses import replace

    (job,) = jobs(tmp_path / "in", ["3"])
    with ThreadPoolExecutor(1) as executor:
        list(batch.run([job], grade, failed, tmp_path / "out", 1, executor))
    assert batch.is_finished(tmp_path / "out", job)
    assert not batch.is_finished(tmp_path / "out", replace(job, **change))


def test_a_mistake_of_ours_spoils_one_result_alone(tmp_path):
    todo = jobs(tmp_path / "in", ["1", "raise", "2"])
    with ThreadPoolExecutor(2) as executor:
        list(batch.run(todo, grade, failed, tmp_path / "out", 2, executor))
    found = {r["submission"]["name"]: r for r in result.read_all(tmp_path / "out")}
    assert [found[f"{n:03}"]["points"] for n in range(3)] == [1, 0, 2]
    assert "RuntimeError: a mistake of ours" in found["001"]["reason"]
    assert not batch.is_finished(tmp_path / "out", todo[1])  # so the next run tries


def test_a_process_that_dies_spoils_one_result_alone(tmp_path):
    contents = ["1", "slow2", "crash", "slow3", "4", "5", "crash", "6"]
    todo = jobs(tmp_path / "in", contents)
    list(batch.run(todo, grade, failed, tmp_path / "out", 2))
    found = {r["submission"]["name"]: r for r in result.read_all(tmp_path / "out")}
    assert [found[f"{n:03}"]["points"] for n in range(8)] == [1, 2, 0, 3, 4, 5, 0, 6]
    assert "its process ended" in found["002"]["reason"]
    assert found["003"]["reason"] is None


def test_few_submissions_are_held_at_once(tmp_path):
    todo = jobs(tmp_path / "in", ["1"] * 50)
    held = []

    class Executor(ThreadPoolExecutor):
        def submit(self, *arguments):
            future = super().submit(*arguments)
            held[:] = [f for f in held if not f.done()] + [future]
            assert len(held) <= 4
            return future

    with Executor(2) as executor:
        assert (
            len(list(batch.run(todo, grade, failed, tmp_path / "out", 2, executor)))
            == 50
        )


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_batch import Job, batch, failed, grade
if __name__ == "__main__":
    todo = [Job(p.stem, str(p)) for p in sorted(Path({folder!r}).glob("*.ipynb"))]
    for _ in batch.run(todo, grade, failed, {out!r}, 2):
        pass
"""


def test_kill_9_loses_nothing_and_leaves_no_process(tmp_path):
    jobs(tmp_path / "in", [f"slow{n}" for n in range(12)])
    script = tmp_path / "script.py"
    places = {"folder": str(tmp_path / "in"), "out": str(tmp_path / "out")}
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), **places))
    command = [sys.executable, str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for _ in range(3):
        process = subprocess.Popen(command, env=environment)
        begun = len(result.paths(tmp_path / "out"))
        end = time.monotonic() + 60
        while len(result.paths(tmp_path / "out")) < begun + 2:
            assert time.monotonic() < end
            time.sleep(0.02)
        children = _children(process.pid)
        process.kill()
        process.wait()
        assert children
        _wait_for_end(children)
        assert len(points(tmp_path / "out")) < 12  # all of them whole
    subprocess.run(command, env=environment, check=True)
    assert points(tmp_path / "out") == {f"{n:03}": n for n in range(12)}


def _children(process):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(path)
    return found


def _wait_for_end(stats):
    end = time.monotonic() + 10
    while any(_runs(path) for path in stats):
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(path):
    try:
        return path.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_seed_is_drawn_once_and_kept(tmp_path):
    first = batch.seed_of(tmp_path / "out")
    assert batch.seed_of(tmp_path / "out") == first
    assert batch.seed_of(tmp_path / "other") != first
    assert batch.seed_of(tmp_path / "out", 5) == 5
    assert batch.seed_of(tmp_path / "out") == 5
    (tmp_path / "out" / "grading.json").write_text("{")
    assert isinstance(batch.seed_of(tmp_path / "out"), int)
    assert json.loads((tmp_path / "out" / "grading.json").read_text())
