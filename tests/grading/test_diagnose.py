"""A mistake is named if it gives the very same numbers, and never guessed."""

import numpy as np
import pytest
from answers import ATTENTION, right

from tlkeras.grading import State, check


def test_two_mistakes_at_once_are_both_named():
    def twice(query, key, value, mask=None):
        logits = query @ np.swapaxes(key, -1, -2)  # not scaled
        if mask is not None:
            logits = np.where(~mask, logits, -1e9)  # inverted
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True) @ value

    outcome = check(ATTENTION, twice)
    assert outcome.diagnoses == ["attention.not-scaled", "attention.mask-inverted"]
    assert "Two things at once" in outcome.message


def test_a_mistake_that_raises_is_told_by_its_numbers_elsewhere():
    def not_transposed(query, key, value, mask=None):
        logits = query @ key / np.sqrt(query.shape[-1])
        if mask is not None:
            logits = np.where(mask, logits, -1e9)
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True) @ value

    outcome = check(ATTENTION, not_transposed)
    assert outcome.state is State.RAISED
    assert outcome.diagnoses == ["attention.key-not-transposed"]


def test_an_unknown_mistake_is_never_guessed():
    outcome = check(ATTENTION, lambda q, k, v, mask=None: right(q, k, v, mask) + 0.1)
    assert outcome.state is State.WRONG
    assert outcome.diagnoses == []
    assert "will not guess" in outcome.message


def test_an_unknown_shape_is_met_with_what_to_do():
    outcome = check(ATTENTION, lambda q, k, v, mask=None: np.zeros((7, 7)))
    assert outcome.problem == "wrong-shape"
    assert outcome.diagnoses == []
    assert "gives this shape" in outcome.message
    assert "print the shape" in outcome.message


def test_an_exception_alone_names_no_mistake():
    outcome = check(ATTENTION, lambda *inputs: 1 / 0)
    assert outcome.state is State.RAISED
    assert outcome.diagnoses == []


def test_overflow_is_named_in_float32_as_in_float64():
    for kind in ("float32", "float64"):

        def overflows(query, key, value, mask=None, kind=kind):
            query, key = query.astype(kind), key.astype(kind)
            logits = query @ np.swapaxes(key, -1, -2) / query.shape[-1] ** 0.5
            if mask is not None:
                logits = np.where(mask, logits, -1e9).astype(kind)
            powers = np.exp(logits)
            return powers / powers.sum(-1, keepdims=True) @ value

        # A row of −1e9 alone has no largest power either: 0/0 in both.
        assert check(ATTENTION, overflows).diagnoses == ["attention.softmax-overflows"]


@pytest.mark.parametrize("number", [20, 100, 1000])
def test_hiding_with_a_number_that_is_not_negative_enough_is_found(number):
    def attention(query, key, value, mask=None):
        logits = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
        if mask is not None:
            logits = np.where(mask, logits, -number)
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True) @ value

    outcome = check(ATTENTION, attention)
    assert outcome.diagnoses == ["attention.fill-too-small"]
