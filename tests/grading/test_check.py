"""What a learner is told for each way in which an answer can go wrong."""

import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.grading import State, check

EXERCISES = lesson("01_attention").exercises
SOFTMAX = EXERCISES["softmax"]
ATTENTION = EXERCISES["scaled_dot_product_attention"]


def right(query, key, value, mask=None):
    logits = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    if mask is not None:
        logits = np.where(mask, logits, -1e9)
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ value


def softmax_in_place(x):
    x -= x.max(-1, keepdims=True)
    np.exp(x, out=x)
    return x / x.sum(-1, keepdims=True)


async def softmax_async(x):
    return x


def ragged(x):
    return [[1.0], [1.0, 2.0]]


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


@pytest.mark.parametrize("value", [None, 3, np.ones(3), "softmax"])
def test_a_result_instead_of_a_function_is_refused_with_the_right_call(value):
    outcome = check(SOFTMAX, value)
    assert (outcome.state, outcome.problem) == (State.WRONG, "not-callable")
    assert "check(softmax)" in outcome.message


def test_a_mask_of_numbers_is_not_a_mask():
    outcome = check(EXERCISES["causal_mask"], lambda n: np.tril(np.ones((n, n))))
    assert outcome.problem == "not-boolean"
    assert "True means keep" in outcome.message


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


def test_an_exception_alone_names_no_mistake():
    outcome = check(ATTENTION, lambda *inputs: 1 / 0)
    assert outcome.state is State.RAISED
    assert outcome.diagnoses == []


def test_a_traceback_shows_the_learners_lines_only():
    def helper(x):
        return np.linalg.inv(x)  # the learner's line; numpy's own frames follow it

    def answer(x):
        return helper(x)

    outcome = check(SOFTMAX, answer)
    assert outcome.state is State.RAISED
    lines = dict(outcome.parts)["Your lines"].splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        "return helper(x)",
        "return np.linalg.inv(x)  # the learner's line; numpy's own frames follow it",
    ]
    assert "tlkeras/grading" not in outcome.message
    assert "site-packages" not in outcome.message


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


def test_an_exit_in_an_answer_ends_nothing_but_the_answer():
    def leave(x):
        raise SystemExit

    assert check(SOFTMAX, leave).state is State.RAISED


def test_our_own_fault_is_called_ours():
    import dataclasses

    def broken(x, **steps):
        raise RuntimeError("a bug of ours")

    outcome = check(dataclasses.replace(SOFTMAX, reference=broken), lambda x: x)
    assert outcome.state is State.UNCHECKABLE
    assert "ours, not yours" in outcome.message
    assert "a bug of ours" in outcome.message


def test_an_exception_that_is_hard_to_read_is_explained():
    def answer(query, key, value, mask=None):
        if mask:
            return right(query, key, value, mask)
        return right(query, key, value)

    outcome = check(ATTENTION, answer)
    assert outcome.state is State.RAISED
    assert "if mask is not None" in dict(outcome.parts)["What that means"]


def test_a_problem_that_is_its_own_cause_is_not_called_unknown():
    headings = dict(check(SOFTMAX, softmax_in_place).parts)
    assert "Likely cause" not in headings


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


def test_text_is_no_array_and_objects_may_be_one():
    outcome = check(SOFTMAX, lambda x: x.astype(str))
    assert outcome.problem == "array-of-text"
    tril = lambda n: np.tri(n, dtype=bool).astype(object)  # noqa: E731
    assert check(EXERCISES["causal_mask"], tril).passed


def test_padding_before_real_tokens_must_be_hidden_too():
    def right_side_only(x, token_ids):
        lengths = (token_ids != 0).sum(1)[:, None, None]
        positions = np.arange(x.shape[1])
        causal = positions[None, :] <= positions[:, None]
        return right(x, x, x, causal & (positions < lengths))

    outcome = check(EXERCISES["causal_self_attention"], right_side_only)
    assert [case for case, right in outcome.cases.items() if not right] == ["gap"]


def test_hints_come_one_after_the_other_and_the_last_one_stays():
    hints = [check(SOFTMAX, lambda x: x, hint=n).parts[-1] for n in range(4)]
    assert [heading for heading, _ in hints] == [
        "Hint 1 of 3",
        "Hint 2 of 3",
        "Hint 3 of 3",
        "Hint 3 of 3",
    ]
    assert len({text for _, text in hints}) == 3


def test_the_same_seed_repeats_a_check_and_another_draws_other_inputs():
    def wrong(x):
        return x

    first, again, other = (check(SOFTMAX, wrong, seed=s).message for s in (1, 1, 2))
    assert first == again != other


def test_an_outcome_is_plain_data():
    import json

    outcome = check(ATTENTION, lambda q, k, v, mask=None: v[..., :1, :])
    data = json.loads(json.dumps(outcome.to_dict()))
    assert data["state"] == "wrong"
    assert data["passed"] is False
    assert data["message"] == str(outcome)
    assert set(data) >= {"points", "max_points", "diagnoses", "cases", "exercise"}


def test_inputs_are_not_shared_between_checks():
    """An answer that spoils its inputs must not spoil the next check."""

    def spoil(x):
        x[...] = 7
        return x

    check(SOFTMAX, spoil)
    assert check(SOFTMAX, lambda x: SOFTMAX.reference(x)).passed


class SilentError(Exception):
    def __str__(self):
        raise SystemExit


class EndlessError(Exception):
    def __str__(self):
        while True:
            pass


class HostileText(str):
    def __getitem__(self, places):
        raise SystemExit


class HostileTextError(Exception):
    def __str__(self):
        return HostileText("a text of its own kind")


class ExitsAsArray:
    def __array__(self, *args, **kwargs):
        raise SystemExit


def raising(error):
    def answer(*args):
        raise error

    return answer


def test_an_exception_whose_text_cannot_be_read_is_still_told():
    outcome = check(SOFTMAX, raising(SilentError()))
    assert outcome.state is State.RAISED
    assert "its text cannot be read" in outcome.message


def test_an_exception_whose_text_is_a_trap_is_still_told():
    outcome = check(SOFTMAX, raising(HostileTextError()))
    assert "HostileTextError: a text of its own kind" in outcome.message


def test_an_exception_whose_text_never_ends_is_stopped():
    outcome = check(SOFTMAX, raising(EndlessError()), seconds=1)
    assert outcome.state is State.TIMED_OUT


def test_an_output_that_exits_when_read_is_an_exception_like_others():
    outcome = check(SOFTMAX, lambda x: ExitsAsArray())
    assert outcome.state is State.RAISED
    assert "SystemExit" in outcome.headline


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b[1mbold\x1b[0m words", "bold words"),
        (
            "Exception encountered when calling Dense.call().\n\nreal cause",
            "real cause",
        ),
        ("x" * 5000, "x" * 299 + "…"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
    ],
)
def test_an_exceptions_text_is_one_short_plain_line(text, said):
    message = check(SOFTMAX, raising(ValueError(text))).message
    assert f"ValueError: {said}\n" in message


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


def softmax_to_be_written(x):
    raise NotImplementedError


def test_a_stub_that_the_answer_calls_is_named():
    def attention(query, key, value, mask=None):
        return softmax_to_be_written(query)

    outcome = check(ATTENTION, attention)
    assert outcome.state is State.RAISED
    assert "`softmax_to_be_written` is not written yet" in outcome.message


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
