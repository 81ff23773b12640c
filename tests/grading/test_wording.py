"""What a learner is told: causes, hints, what to do first."""

import keras
import numpy as np
import pytest
from answers import ATTENTION, SOFTMAX, right, softmax_in_place

from tlkeras.course import lesson
from tlkeras.grading import State, check
from tlkeras.layers import scaled_dot_product_attention as attention

X = np.ones((2, 5, 4), "float32")


def test_an_exception_that_is_hard_to_read_is_explained():
    def answer(query, key, value, mask=None):
        if mask:
            return right(query, key, value, mask)
        return right(query, key, value)

    outcome = check(ATTENTION, answer)
    assert outcome.state is State.RAISED
    assert "if mask is not None" in dict(outcome.parts)["What that means"]
    assert "Likely cause" not in dict(outcome.folds)  # what it means has been said


@pytest.mark.parametrize(
    ("raises", "said"),
    [
        (lambda x: lenght, "spelt alike"),  # noqa: F821
        (lambda x: keras.ops.exp(x).swapaxes(0, 1), "ops.swapaxes(x, 1, 2)"),
        (lambda x: keras.ops.reshape(x, (x.size / 1,)), "`//` divides"),
        (lambda x: np.zeros(x.size / 1), "`//` divides"),
        (lambda x: list(range(x.size / 1)), "`//` divides"),
        (lambda x: keras.ops.matmul(x, keras.layers.Dense(2)), "Call the layer"),
        (lambda x: attention(X, X, X, np.ones((3, 5, 1), bool)), "mask[:, None]"),
        (lambda x: attention(X, X[[0, 1, 0]], X[[0, 1, 0]]), "Print the three shapes"),
    ],
)
def test_what_trips_a_beginner_is_explained(raises, said):
    outcome = check(SOFTMAX, raises)
    assert outcome.state is State.RAISED
    assert said in dict(outcome.parts)["What that means"]


def test_a_line_in_another_function_says_in_which():
    def helper(x):
        return x.nowhere

    def softmax(x):
        return helper(x)

    lines = dict(check(SOFTMAX, softmax).parts)["Your lines"].splitlines()
    assert lines[0].endswith("return helper(x)  # softmax")
    assert lines[1].endswith("return x.nowhere  # helper")
    (line,) = dict(check(SOFTMAX, helper).parts)["Your lines"].splitlines()
    assert line.endswith("return x.nowhere")


def test_a_problem_that_is_its_own_cause_is_not_called_unknown():
    outcome = check(SOFTMAX, softmax_in_place)
    assert "Likely cause" not in dict(outcome.parts + outcome.folds)


def test_hints_open_one_after_the_other_behind_the_cause():
    for number in range(4):
        outcome = check(SOFTMAX, lambda x: x, hint=number)
        headings = [heading for heading, _ in outcome.folds]
        hints = [f"Hint {n} of 3" for n in range(1, min(number + 1, 3) + 1)]
        assert headings == ["Likely cause", *hints]
        assert not {"Likely cause", "Hint 1 of 3"} & dict(outcome.parts).keys()


def test_the_failing_arguments_are_the_learners_to_try():
    outcome = check(SOFTMAX, lambda x: x)
    assert outcome.failing.keys() == {"x"}
    assert f"x {outcome.failing['x'].shape}" in outcome.message
    assert check(SOFTMAX, None).failing == {}


def softmax_to_be_written(x):
    raise NotImplementedError


def test_a_stub_that_the_answer_calls_is_named():
    def attention(query, key, value, mask=None):
        return softmax_to_be_written(query)

    outcome = check(ATTENTION, attention)
    assert outcome.state is State.RAISED
    assert "`softmax_to_be_written` is not written yet" in outcome.message


def test_what_a_learner_does_to_the_failing_arguments_spoils_no_later_check():
    first = check(SOFTMAX, lambda x: x, seed=3)
    first.failing["x"][...] = 7
    again = check(SOFTMAX, lambda x: x, seed=3)
    assert again.message == first.message
    assert not (again.failing["x"] == 7).any()


def copied_in_percent(written, read, n):
    runs = [
        [tuple(x[i : i + n]) for x in texts for i in range(len(x) - n + 1)]
        for texts in (written, read)
    ]
    return 100 * sum(run in runs[1] for run in runs[0]) / max(1, len(runs[0]))


def test_a_case_whose_rows_differ_in_length_is_diagnosed_and_described():
    exercise = lesson("09_gpt").exercises["copied_share"]
    outcome = check(exercise, copied_in_percent)
    assert outcome.diagnoses == ["copied.percent"]
    lengths = [(len(text),) for text in outcome.failing["written"]]
    assert len(set(lengths)) > 1
    assert f"written {lengths}" in outcome.message
