"""What is no right array is named: its kind, its shape, its numbers."""

import numpy as np
import pytest
from answers import EXERCISES, SOFTMAX, softmax_in_place

from tlkeras.grading import State, check
from tlkeras.grading.judge.compare import number


async def softmax_async(x):
    return x


def ragged(x):
    return [[1.0], [1.0, 2.0]]


def test_a_zero_has_no_sign():
    assert number(np.float32(-0.0)) == "0"
    assert number(-0.25) == "−0.25"


BAD_ANSWERS = {
    "returned-none": (lambda x: None, "return"),
    "returned-generator": (lambda x: (row for row in x), "yield"),
    "returned-coroutine": (softmax_async, "async"),
    "returned-tuple": (lambda x: (x, x), "one array"),
    "returned-callable": (lambda x: np.exp, "parentheses"),
    "returned-other": (lambda x: "0.5", "an array"),
    "array-of-text": (lambda x: x.astype(str), "an array of numbers"),
    "not-an-array": (ragged, "same length"),
    "wrong-shape": (lambda x: x.sum(-1), "shape"),
    "not-floating": (lambda x: (x > 0).astype(int), "floating-point"),
    "wrong-values": (lambda x: x * 0.3 + 1, "Expected"),
    "not-finite": (lambda x: x * np.nan, "finite"),
    "changed-inputs": (softmax_in_place, "changed"),
}


@pytest.mark.parametrize("problem", BAD_ANSWERS)
def test_each_kind_of_bad_answer_is_named_and_explained(problem):
    answer, word = BAD_ANSWERS[problem]
    outcome = check(SOFTMAX, answer)
    assert outcome.state is State.WRONG
    assert outcome.problem == problem
    assert word in outcome.message
    assert outcome.points == 0
    assert not outcome.diagnoses


def test_a_mask_of_numbers_is_not_a_mask():
    outcome = check(EXERCISES["causal_mask"], lambda n: np.tril(np.ones((n, n))))
    assert outcome.problem == "not-boolean"
    assert "True means keep" in outcome.message


def test_text_is_no_array_and_objects_may_be_one():
    outcome = check(SOFTMAX, lambda x: x.astype(str))
    assert outcome.problem == "array-of-text"
    tril = lambda n: np.tri(n, dtype=bool).astype(object)  # noqa: E731
    assert check(EXERCISES["causal_mask"], tril).passed
