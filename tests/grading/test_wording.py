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
