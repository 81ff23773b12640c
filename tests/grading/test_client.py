"""What a worker says is looked at before it is used: it may be anything."""

import time

import numpy as np
import pytest
from answers import SOFTMAX

from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.trial import trial
from tlkeras.grading.notebooks.source import Step
from tlkeras.grading.sandbox import Limits
from tlkeras.grading.sandbox.channel import Closed, Late
from tlkeras.grading.sandbox.client import Lost, Worker

DRAWN = trial(SOFTMAX, SOFTMAX.cases[0], 1)
LARGE = ["float64", 1 << 12, 1 << 12]
RAISED = {"name": "E", "text": "x\x00y", "lines": [[3, "f(x)"], "no line"], "stub": 7}


class Session:
    """One whose worker says what it is told to."""

    def __init__(self, reply, arrays=(), ending=None):
        self.channel = self
        self.ending = ending
        self._reply, self._arrays = reply, arrays

    def send(self, request, arrays, until):
        self._number = request["id"]

    def receive(self, until):
        if isinstance(self._reply, Exception):
            raise self._reply
        return {"id": self._number} | self._reply, list(self._arrays)

    def wait_for_end(self, seconds):
        return True


def worker(*arguments, **keywords):
    return Worker(Session(*arguments, **keywords), Limits(), time.monotonic() + 60)


def test_arrays_come_through_and_so_does_whether_inputs_changed():
    reply = worker({"changed": True}, [np.ones(3)]).call(SOFTMAX, DRAWN)
    np.testing.assert_array_equal(reply.arrays[0], 1)
    assert reply.changed
    assert not worker({"changed": 1}, [np.ones(3)]).call(SOFTMAX, DRAWN).changed


def test_an_exception_is_cleaned_before_it_is_told():
    raised = worker({"raised": RAISED}).call(SOFTMAX, DRAWN).raised
    assert (raised.name, raised.text, raised.stub) == ("E", "x�y", "7")
    assert raised.lines == ((3, "f(x)"),)
    assert worker({"raised": 3}).call(SOFTMAX, DRAWN).raised.name == "?"


def test_a_problem_is_told_with_just_the_values_that_its_sentence_needs():
    values = {"given": "list", "error": "ragged", "more": "x"}
    said = {"problem": "not-an-array", "values": values}
    problem = worker(said).call(SOFTMAX, DRAWN).problem
    assert problem.values == {"given": "list", "error": "ragged"}


def test_of_arrays_too_large_to_send_the_shape_is_enough():
    (array,) = worker({"shapes": [LARGE]}).call(SOFTMAX, DRAWN).arrays
    assert array.shape == (1 << 12, 1 << 12)


@pytest.mark.parametrize(
    ("reply", "arrays", "reason"),
    [
        ({"id": 99}, [np.ones(3)], "channel"),
        ({}, [], "channel"),
        ({}, [np.ones(3)] * 2, "channel"),
        ({"problem": "wrong-values"}, [], "channel"),
        ({"problem": ["not-an-array"]}, [], "channel"),
        ({"shapes": [["float64", 2]]}, [], "channel"),
        ({"shapes": [["object", 1 << 30]]}, [], "channel"),
        (Late("x"), [], "late"),
        (Closed("x"), [], "signal"),
    ],
)
def test_what_is_not_allowed_ends_the_worker(reply, arrays, reason):
    asked = worker(reply, arrays)
    with pytest.raises(Lost) as lost:
        asked.call(SOFTMAX, DRAWN)
    assert lost.value.reason == reason
    assert not asked.alive


@pytest.mark.parametrize(
    ("ending", "reason", "values"),
    [
        ({"status": 3}, "exit", {"number": 3}),
        ({"status": -11}, "signal", {"number": 11}),
        ({"status": -9, "reason": "memory"}, "memory", {"gigabytes": "8"}),
    ],
)
def test_how_it_ended_is_told(ending, reason, values):
    with pytest.raises(Lost) as lost:
        worker(Closed("x"), ending=ending).look(["f"])
    assert (lost.value.reason, lost.value.values) == (reason, values)


def test_a_worker_that_stopped_a_cell_goes_on():
    asked = worker({"timeout": True})
    with pytest.raises(CheckTimeoutError):
        asked.run(Step(0, "x"))
    assert asked.alive


@pytest.mark.parametrize("failures", [None, 3, [None], [{"raised": 3}], [{}] * 999])
def test_failures_that_are_none_are_left_out(failures):
    assert worker({"failures": failures}).run(Step(0, "x")) == ()
    told = {"failures": [{"names": ["f", 3], "raised": RAISED}]}
    (failure,) = worker(told).run(Step(0, "x"))
    assert failure.names == {"f"}


def test_forms_of_names_that_were_not_asked_for_are_left_out():
    form = {"kind": "function", "type": "function", "parameters": ["x"]}
    found = worker({"found": {"f": form, "g": form}}).look(["f"])
    assert list(found) == ["f"]
    assert found["f"].parameters == ("x",)
    assert not found["f"].callable
