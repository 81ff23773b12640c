"""Answers whose form explains the failure: each has a true message of its own."""

import keras  # noqa: F401 - not within the seconds of a check
import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.grading import State, check

ATTENTION = lesson("01_attention").exercises["scaled_dot_product_attention"]
SOFTMAX = lesson("01_attention").exercises["softmax"]
LAYER = lesson("02_multi_head").exercises["MultiHead"]
RIGHT = ATTENTION.reference


class AClass:
    def __init__(self, *inputs):
        pass


class AnObject:
    """Neither can be called nor is a layer."""


class Refusing:
    def __init__(self, heads):
        self.heads = heads


def at_random(x):
    return RNG.normal(size=x.shape)


def remembering(x):
    SEEN.append(x)
    return SOFTMAX.reference(x) + len(SEEN) / 10


def shape_by_turns(x):
    SEEN.append(x)
    return x if len(SEEN) % 2 else x.sum(-1)


def none_by_turns(x):
    SEEN.append(x)
    return SOFTMAX.reference(x) if len(SEEN) <= 2 else None


def raising_by_turns(x):
    known = x.shape in SEEN
    SEEN.append(x.shape)
    return x if known else 1 / 0


RNG = np.random.default_rng(0)
SEEN: list = []
ANSWERS = {
    "random": (SOFTMAX, at_random, "other-numbers", "drawn at random"),
    "remembering": (SOFTMAX, remembering, "other-numbers", "leaves behind"),
    "other shape": (SOFTMAX, shape_by_turns, "other-output", "at a second call"),
    "right at first": (SOFTMAX, none_by_turns, "other-output", "at a second call"),
    "raised at first": (SOFTMAX, raising_by_turns, "other-output", "at a second call"),
    "class": (ATTENTION, AClass, "gave-class", "scaled_dot_product_attention(query, k"),
    "object": (LAYER, AnObject(), "gave-instance", "type AnObject, not a class"),
    "called object": (LAYER, lambda: 3, "gave-function", "a class"),
    "missing": (ATTENTION, lambda query, key: 3, "other-arguments", "mask=None)"),
    "none": (SOFTMAX, lambda: 3, "other-arguments", "called as softmax(x)"),
    "extra": (SOFTMAX, lambda x, axis: 3, "other-arguments", "called as softmax(x)"),
    "keyword": (SOFTMAX, lambda x, *, axis: 3, "other-arguments", "renamed or added"),
    "moved": (
        ATTENTION,
        lambda query, scale=1, key=None, value=None: query * scale,
        "moved-arguments",
        "takes (query, scale, key, value)",
    ),
    "constructor": (LAYER, Refusing, "arguments-refused", "renamed or added"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_form_is_named_and_nothing_is_guessed(name):
    exercise, answer, problem, words = ANSWERS[name]
    SEEN.clear()
    outcome = check(exercise, answer)
    assert outcome.problem == problem, outcome.message
    assert outcome.state in (State.WRONG, State.RAISED)
    assert not outcome.passed
    assert words in outcome.message
    assert "guess" not in outcome.message
    assert "mistake" not in outcome.message
    assert outcome.diagnoses == []


def test_points_are_those_of_the_cases_that_were_right():
    SEEN.clear()
    outcome = check(SOFTMAX, none_by_turns)
    assert 0 < outcome.points < outcome.max_points


def test_a_known_mistake_comes_first():
    def renamed(key, query, value, mask=None):
        return RIGHT(query=key, key=query, value=value)  # ignores the mask

    assert check(ATTENTION, renamed).diagnoses == ["attention.mask-ignored"]


def test_other_names_and_more_with_a_default_are_welcome():
    def other(q, k, v, allowed=None, *, dropout=0.0):
        return RIGHT(q, k, v, allowed)

    assert check(ATTENTION, other).passed


def test_a_call_inside_the_answer_is_its_own_error():
    def inside(x):
        return helper(x, 3)

    def helper(x):
        return x

    outcome = check(SOFTMAX, inside)
    assert outcome.problem == "raised"
    assert "return helper(x, 3)" in outcome.message


def test_an_object_of_the_class_is_found_by_its_type(monkeypatch):
    kind = type("MultiHead", (), {"__call__": lambda self, x: x})
    outcome = lesson("02_multi_head").check(kind())
    assert outcome.problem == "gave-instance"
    assert "check(MultiHead)" in outcome.message
