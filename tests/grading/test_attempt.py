"""An answer is tried on copies, and whatever it does ends nothing but the answer."""

import numpy as np
from answers import SOFTMAX

from tlkeras.grading import State, check


def test_an_exit_in_an_answer_ends_nothing_but_the_answer():
    def leave(x):
        raise SystemExit

    assert check(SOFTMAX, leave).state is State.RAISED


def test_warnings_of_an_answer_do_not_stand_above_its_card(recwarn):
    check(SOFTMAX, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True))
    assert not recwarn.list


def test_an_answer_that_returns_the_same_array_each_time_is_judged_call_by_call():
    buffers = {}

    def first_axis(x):
        powers = np.exp(x - x.max(0))
        out = buffers.setdefault(x.shape, np.empty_like(x))
        out[...] = powers / powers.sum(0)
        return out

    assert check(SOFTMAX, first_axis).diagnoses == ["softmax.first-axis"]


class ExitsAsArray:
    def __array__(self, *args, **kwargs):
        raise SystemExit


def test_an_output_that_exits_when_read_is_an_exception_like_others():
    outcome = check(SOFTMAX, lambda x: ExitsAsArray())
    assert outcome.state is State.RAISED
    assert "SystemExit" in outcome.headline


def test_inputs_are_not_shared_between_checks():
    """An answer that spoils its inputs must not spoil the next check."""

    def spoil(x):
        x[...] = 7
        return x

    check(SOFTMAX, spoil)
    assert check(SOFTMAX, lambda x: SOFTMAX.reference(x)).passed
