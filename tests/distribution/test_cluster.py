"""Comparing and grading on a cluster of two real processes, one of which is killed."""

import os
import signal
from pathlib import Path

import pytest
from grading import test_batch

from tlkeras.grading.submissions import batch
from tlkeras.transfer import compare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as two,
        Client(two) as client,
    ):
        yield client


def killer(marker):
    """A function that kills its process when it is first called, and never again."""

    def kill_once():
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    return kill_once


def test_a_killed_worker_loses_nothing_of_a_comparison(cluster, tmp_path):
    ran, kill_once = tmp_path / "ran", killer(tmp_path / "killed")
    ran.mkdir()

    def strategy(count, seed):
        if (count, seed) == (20, 1):
            kill_once()
        (ran / f"{count}-{seed}-{os.getpid()}").touch()
        return {"score": count + seed / 10, "process": os.getpid()}

    arguments = ({"only": strategy}, (10, 20, 30), range(3), tmp_path / "results")
    found = compare(*arguments, verbose=False, executor=cluster.get_executor(retries=2))
    assert (tmp_path / "killed").exists()
    for count in (10, 20, 30):
        assert found.values("only", count, "score") == {
            seed: count + seed / 10 for seed in range(3)
        }
    processes = {result.metrics["process"] for result in found.results}
    assert os.getpid() not in processes
    before = sorted(ran.iterdir())
    assert len(before) >= 9
    again = compare(*arguments, verbose=False, executor=cluster.get_executor())
    assert again.results == found.results
    assert sorted(ran.iterdir()) == before  # nothing was run twice


def test_what_a_strategy_raises_comes_after_the_others_were_kept(cluster, tmp_path):
    def strategy(count, seed):
        if seed == 1:
            raise ArithmeticError(f"no luck with {count}")
        return 0.5

    arguments = ({"only": strategy}, (10,), range(4), tmp_path)
    with pytest.raises(ArithmeticError, match="no luck with 10"):
        compare(*arguments, verbose=False, executor=cluster.get_executor())
    assert len(list(tmp_path.glob("only-*.json"))) == 3


def test_a_killed_worker_loses_nothing_of_a_class(cluster, tmp_path):
    kill_once = killer(tmp_path / "killed")

    def grade(job):
        if job.name == "002":
            kill_once()
        return test_batch.grade(job)

    todo = test_batch.jobs(tmp_path / "in", map(str, range(6)))
    arguments = (todo, grade, test_batch.failed, tmp_path / "out", 2)
    done = list(batch.run(*arguments, cluster.get_executor(retries=2)))
    assert (tmp_path / "killed").exists()
    assert test_batch.points(tmp_path / "out") == {f"{n:03}": n for n in range(6)}
    assert not any(old for _, _, old in done)
    again = list(batch.run(*arguments, cluster.get_executor()))
    assert all(old for _, _, old in again)
