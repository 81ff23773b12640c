"""A traceback shows whose line it was."""

import numpy as np
from answers import SOFTMAX

from tlkeras.grading import State, check


def test_a_traceback_shows_the_learners_lines_only():
    def helper(x):
        return np.linalg.inv(x)  # the learner's line; numpy's own frames follow it

    def answer(x):
        return helper(x)

    outcome = check(SOFTMAX, answer)
    assert outcome.state is State.RAISED
    lines = dict(outcome.parts)["Your lines"].splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "return helper(x)  # answer",
        "return np.linalg.inv(x)  # the learner's line; numpy's own frames follow it"
        "  # helper",
    ]
    assert "tlkeras/grading" not in outcome.message
    assert "site-packages" not in outcome.message
