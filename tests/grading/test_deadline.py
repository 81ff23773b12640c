"""What takes too long is stopped, even if it swallows exceptions."""

import pytest
from answers import ATTENTION, SOFTMAX, right

from tlkeras.grading import State, check


@pytest.mark.parametrize("swallow", [False, True])
def test_a_loop_that_never_ends_is_stopped(swallow):
    def loop(x):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                if not swallow:
                    raise
                swallow_once.append(1)
                if len(swallow_once) > 2:
                    raise

    swallow_once = []
    outcome = check(SOFTMAX, loop, seconds=0.3)
    assert outcome.state is State.TIMED_OUT
    assert "never ends" in outcome.message


def test_a_loop_that_swallows_every_exception_is_stopped():
    def stubborn(x):
        while True:
            try:
                x = x + 0
            except BaseException:
                x = x - 0

    outcome = check(SOFTMAX, stubborn, seconds=0.5)
    assert outcome.state is State.TIMED_OUT


def test_time_lost_in_a_diagnostic_case_takes_nothing_away():
    def slow_on_squares(query, key, value, mask=None):
        while query.shape[-2] == key.shape[-2] == 5:
            pass
        return right(query, key, value)  # and no mask

    outcome = check(ATTENTION, slow_on_squares, seconds=1)
    assert outcome.state is State.WRONG
    assert outcome.cases["plain"]
