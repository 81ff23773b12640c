"""What a learner is told: causes, hints, what to do first."""

from answers import ATTENTION, SOFTMAX, right, softmax_in_place

from tlkeras.grading import State, check


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


def test_hints_come_one_after_the_other_and_the_last_one_stays():
    hints = [check(SOFTMAX, lambda x: x, hint=n).parts[-1] for n in range(4)]
    assert [heading for heading, _ in hints] == [
        "Hint 1 of 3",
        "Hint 2 of 3",
        "Hint 3 of 3",
        "Hint 3 of 3",
    ]
    assert len({text for _, text in hints}) == 3


def softmax_to_be_written(x):
    raise NotImplementedError


def test_a_stub_that_the_answer_calls_is_named():
    def attention(query, key, value, mask=None):
        return softmax_to_be_written(query)

    outcome = check(ATTENTION, attention)
    assert outcome.state is State.RAISED
    assert "`softmax_to_be_written` is not written yet" in outcome.message
