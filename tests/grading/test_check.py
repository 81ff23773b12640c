"""A check: its state, its points, and whose fault it is."""

import numpy as np
import pytest
from answers import ATTENTION, EXERCISES, SOFTMAX, right

from tlkeras.grading import State, check


@pytest.mark.parametrize("value", [None, 3, np.ones(3), "softmax"])
def test_a_result_instead_of_a_function_is_refused_with_the_right_call(value):
    outcome = check(SOFTMAX, value)
    assert (outcome.state, outcome.problem) == (State.WRONG, "not-callable")
    assert "check(softmax)" in outcome.message


def test_a_right_answer_gets_all_points():
    outcome = check(ATTENTION, right)
    assert outcome.passed
    assert outcome.points == outcome.max_points == 6
    assert all(outcome.cases.values())


def test_a_stub_is_not_attempted():
    def stub(*args):
        raise NotImplementedError

    outcome = check(ATTENTION, stub)
    assert outcome.state is State.NOT_ATTEMPTED
    assert "5. Attention in one equation" in outcome.message


def test_partial_credit_counts_the_cases_that_are_right():
    def without_mask(query, key, value, mask=None):
        return right(query, key, value)

    outcome = check(ATTENTION, without_mask)
    assert outcome.diagnoses == ["attention.mask-ignored"]
    assert outcome.cases["plain"]
    assert not outcome.cases["mask"]
    assert outcome.points == round(6 * 4 / 9, 2)  # four of nine cases have no mask


def test_our_own_fault_is_called_ours():
    import dataclasses

    def broken(x, **steps):
        raise RuntimeError("a bug of ours")

    outcome = check(dataclasses.replace(SOFTMAX, reference=broken), lambda x: x)
    assert outcome.state is State.UNCHECKABLE
    assert "ours, not yours" in outcome.message
    assert "a bug of ours" in outcome.message


def test_padding_before_real_tokens_must_be_hidden_too():
    def right_side_only(x, token_ids):
        lengths = (token_ids != 0).sum(1)[:, None, None]
        positions = np.arange(x.shape[1])
        causal = positions[None, :] <= positions[:, None]
        return right(x, x, x, causal & (positions < lengths))

    outcome = check(EXERCISES["causal_self_attention"], right_side_only)
    assert [case for case, right in outcome.cases.items() if not right] == ["gap"]
