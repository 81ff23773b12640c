"""The verdict asks workers, and says what it found even if all are lost."""

import contextlib
import socket
import sys
import threading

import pytest
from answers import EXERCISES

from tlkeras.grading import State
from tlkeras.grading.notebooks import source
from tlkeras.grading.sandbox import Limits, worker
from tlkeras.grading.sandbox.channel import Channel, Closed
from tlkeras.grading.submissions import verdict

CHOSEN = {name: EXERCISES[name] for name in ("softmax", "causal_mask")}
RIGHT = """
import numpy as np
def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
"""


class Session:
    """A worker in a thread: no sandbox, and no code here that needs one."""

    printed = (b"hello", 5)

    def __init__(self, channel):
        self.channel = channel
        self.ending = {"status": 3}

    def wait_for_end(self, seconds):
        return True


@contextlib.contextmanager
def in_a_thread(limits):
    near, far = socket.socketpair()

    def serve():
        with contextlib.suppress(Closed):
            worker.serve(far)

    thread = threading.Thread(target=serve)
    thread.start()
    channel = Channel(near)
    channel.receive()  # it is ready
    with near, far:
        yield Session(channel)
        near.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture(autouse=True)
def _own_main(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("HOME", "/")


def graded(*cells, open_session=in_a_thread, limits=None):
    steps = source.steps(dict(enumerate(cells)))
    return verdict.grade(steps, CHOSEN, 3, open_session, limits or Limits())


def states(found):
    return {name: outcome.state for name, outcome in found.outcomes.items()}


def test_each_exercise_has_an_outcome_and_points():
    found = graded(RIGHT, "def causal_mask(n): return np.ones((n, n), bool)")
    assert states(found) == {"softmax": State.PASSED, "causal_mask": State.WRONG}
    assert found.outcomes["softmax"].points == EXERCISES["softmax"].points
    assert found.unfinished is None
    assert found.printed == (b"hello", 5)
    assert found.seconds.keys() == CHOSEN.keys()


def test_a_name_that_does_not_exist_says_why():
    found = graded(RIGHT, "raise OSError('lost')\ndef causal_mask(n): return 3")
    assert states(found) == {"softmax": State.PASSED, "causal_mask": State.RAISED}
    assert "lost" in found.outcomes["causal_mask"].message
    missing = graded(RIGHT).outcomes["causal_mask"]
    assert missing.state is State.NOT_ATTEMPTED


def test_a_cell_that_needed_a_later_one_runs_again():
    found = graded("causal_mask = made()", RIGHT, "def made(): return np.tri")
    assert found.outcomes["causal_mask"].state is not State.NOT_ATTEMPTED
    assert found.cell_runs[0].failures == ()


def test_workers_that_are_lost_are_started_so_often_and_no_more():
    opened = []

    @contextlib.contextmanager
    def lost(limits):
        near, far = socket.socketpair()
        far.close()
        with near:
            opened.append(near)
            yield Session(Channel(near))

    found = graded(*[f"a{n} = {n}" for n in range(20)], open_session=lost)
    assert len(opened) == verdict.STARTS
    assert found.unfinished == "starts"
    assert set(states(found).values()) == {State.RAISED}
    assert "it ended itself with status 3" in found.outcomes["softmax"].message


def test_without_time_nothing_is_started():
    found = graded(RIGHT, limits=Limits(wall=0))
    assert found.unfinished == "time"
    assert set(states(found).values()) == {State.TIMED_OUT}
