"""The first exercise whose answer is a layer: what a learner is told about it."""

import sys

import keras
import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.grading import State, check

EXERCISE = lesson("02_multi_head").exercises["MultiHead"]
MODULE = sys.modules["tlkeras_exercises_02_multi_head"]


def told(layer):
    outcome = check(EXERCISE, layer, seconds=60)
    return outcome, "\n".join(text for _, text in outcome.parts)


def test_the_stub_is_not_attempted():
    class MultiHead(keras.layers.Layer):
        def __init__(self, num_heads, *dense):
            super().__init__()

        def call(self, query, value, attention_mask=None):
            raise NotImplementedError

    assert told(MultiHead)[0].state is State.NOT_ATTEMPTED


WORKS_WITH_ARRAYS_ALONE = {
    "NumPy": lambda query: np.asarray(query),
    "x.shape": lambda query: keras.ops.reshape(query, query.shape),
    "arithmetic on x.shape": lambda query: query[: query.shape[0] * 1],
}


@pytest.mark.parametrize("name", WORKS_WITH_ARRAYS_ALONE)
def test_what_works_with_arrays_alone_is_explained(name):
    def attend(query, *rest):
        return MODULE._by_library(WORKS_WITH_ARRAYS_ALONE[name](query), *rest)

    outcome, text = told(MODULE._layer_of(attend))
    assert outcome.state is State.RAISED
    assert [case for case, right in outcome.cases.items() if right] == ["call", "mask"]
    assert "`ops.shape(x)`" in text
    assert "_call(layer" not in text  # a line of the probe, not of the learner
