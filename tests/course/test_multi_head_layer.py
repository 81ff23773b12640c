"""The first exercise whose answer is a layer: what a learner is told about it."""

import sys

import keras
import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.grading import State, check

EXERCISE = lesson("02_multi_head").exercises["MultiHead"]
MODULE = sys.modules["tlkeras_exercises_02_multi_head.MultiHead"]


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
    "NumPy on ops.shape": lambda query: np.reshape(query, keras.ops.shape(query)),
    "x.shape": lambda query: keras.ops.reshape(query, query.shape),
    "arithmetic on x.shape": lambda query: query[: query.shape[0] * 1],
}


@pytest.mark.parametrize("name", WORKS_WITH_ARRAYS_ALONE)
def test_what_works_with_arrays_alone_is_explained(name):
    def attend(query, *rest):
        return MODULE._by_library(WORKS_WITH_ARRAYS_ALONE[name](query), *rest)

    outcome, text = told(MODULE._layer_of(attend))
    assert outcome.state is State.RAISED
    right = [case for case, right in outcome.cases.items() if right]
    assert right == ["call", "mask", *([] if "NumPy" in name else ["gradients"])]
    assert "`ops.shape(x)`" in text
    assert "not written yet" not in text  # TensorFlow raised it, no stub did
    assert "automatically infer" not in text  # Keras's own words before the error
    assert "_call(layer" not in text  # a line of the probe, not of the learner


def test_a_mask_that_was_not_given_is_explained():
    def attend(query, key, value, num_heads, mask):
        return MODULE._by_library(query, key, value, num_heads, mask[:, None][:, 0])

    _, text = told(MODULE._layer_of(attend))
    assert "'NoneType' object is not subscriptable" in text
    assert "`if mask is not None`" in text


def test_using_the_matrices_without_their_biases_is_named():
    class MultiHead(keras.layers.Layer):
        def __init__(self, num_heads, *dense):
            super().__init__()
            self.num_heads, self.dense = num_heads, list(dense)

        def call(self, query, value, attention_mask=None):
            matrices = [layer.kernel for layer in self.dense]
            pairs = zip((query, value, value), matrices[:3], strict=True)
            projected = (keras.ops.matmul(x, matrix) for x, matrix in pairs)
            heads = MODULE._by_library(*projected, self.num_heads, attention_mask)
            return keras.ops.matmul(heads, matrices[3])

    outcome, text = told(MultiHead)
    assert outcome.diagnoses == ["layer.bias-forgotten"]
    assert "query_dense_matrix (9, 12)" in text
