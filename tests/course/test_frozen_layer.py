"""Lesson 06's Frozen: what Keras does with wrong layers is what the reference says."""

import keras
import pytest

from tlkeras.course import lesson
from tlkeras.grading import check


def keep(layer, body):
    layer.backbone = body


def freeze(layer, body):
    layer.backbone = body
    body.trainable = False


def freeze_weights(layer, body):
    layer.backbone = body
    for weight in body.weights:
        weight.trainable = False


def freeze_dense(layer, body):
    layer.backbone = body
    for each in body.layers:
        if isinstance(each, keras.layers.Dense):
            each.trainable = False


def freeze_norm(layer, body):
    layer.backbone = body
    body.get_layer("norm").trainable = False


def flag_too_early(layer, body):
    layer.trainable = False
    layer.backbone = body


def plain(layer, inputs):
    return layer.backbone(inputs)


def handed_on(layer, inputs, training=None):
    return layer.backbone(inputs, training=training)


def inference(layer, inputs):
    return layer.backbone(inputs, training=False)


def always(layer, inputs):
    return layer.backbone(inputs, training=True)


def stopped(layer, inputs):
    return keras.ops.stop_gradient(layer.backbone(inputs))


def stopped_inference(layer, inputs):
    return keras.ops.stop_gradient(layer.backbone(inputs, training=False))


WRONG = (
    ("dropout-on", freeze, plain),
    ("dropout-on", freeze, handed_on),
    ("still-learns", keep, inference),
    ("still-learns", flag_too_early, inference),
    ("nothing-frozen", keep, plain),
    ("statistics-move", freeze_weights, plain),
    ("still-listed", keep, stopped_inference),
    ("gradient-stopped", keep, stopped),
    ("norm-left-out", freeze_dense, plain),
    ("norm-learns", freeze_dense, inference),
    ("only-norm-frozen", freeze_norm, plain),
    ("kernel-learns", freeze_norm, inference),
    ("always-training", freeze, always),
    ("learns-and-trains", keep, always),
    ("output-dropped", freeze_weights, always),
)


def made(init, call):
    class Frozen(keras.layers.Layer):
        def __init__(self, backbone):
            super().__init__()
            init(self, backbone)

    Frozen.call = call
    return Frozen


@pytest.mark.parametrize(
    ("name", "init", "call"), WRONG, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_wrong_layer_is_named_as_the_reference_foretells(name, init, call):
    outcome = check(lesson("06_three_ways").exercises["Frozen"], made(init, call))
    assert outcome.diagnoses == [f"freeze.{name}"]


def test_weights_frozen_one_by_one_will_do():
    outcome = check(
        lesson("06_three_ways").exercises["Frozen"], made(freeze_weights, inference)
    )
    assert outcome.passed


def test_a_layer_that_returns_nothing_is_told_so():
    outcome = check(
        lesson("06_three_ways").exercises["Frozen"], made(keep, lambda layer, x: None)
    )
    assert "returned None" in dict(outcome.parts)["Your code raised"]
