"""The feed-forward network against its equations in float64."""

import math

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, randomize

from tlkeras.layers import FeedForward, TransformerEncoder
from tlkeras.layers.feed_forward import exact_gelu


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0), "gelu": gelu, "gelu_tanh": gelu_tanh}


def built(rng, x, activation):
    layer = FeedForward(intermediate_dim=12, activation=activation)
    layer.build(x.shape)
    return randomize(layer, rng)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_equals_numpy(rng, name):
    x = floats(rng, 3, 5, 8)
    layer = built(rng, x, name)
    kernel_1, bias_1, kernel_2, bias_2 = (
        w.astype("float64") for w in layer.get_weights()
    )
    hidden = ACTIVATIONS[name](x @ kernel_1 + bias_1)
    close(layer(x), hidden @ kernel_2 + bias_2)


def test_gelu_by_a_product_is_the_exact_one():
    x = np.linspace(-8, 8, 1001, dtype="float32")
    close(exact_gelu(x), gelu(x.astype("float64")), 1e-6)
    close(exact_gelu(x), keras.activations.gelu(x), 1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gelu_keeps_half_precision(dtype):
    x = keras.ops.cast(np.linspace(-4, 4, 101), dtype)
    assert keras.backend.standardize_dtype(exact_gelu(x).dtype) == dtype
    expected = gelu(numpy(keras.ops.cast(x, "float32")).astype("float64"))
    close(keras.ops.cast(exact_gelu(x), "float32"), expected, 0.03)


def test_gelu_by_a_product_is_not_seen_in_configs():
    layers = FeedForward(12, activation="gelu"), TransformerEncoder(12, 2, 0, "gelu")
    for layer in layers:
        layer.build((None, 5, 8))
        assert layer.get_config()["activation"] == "gelu"
    assert layers[0].intermediate_dense.activation is exact_gelu
    assert layers[1]._feedforward_intermediate_dense.activation is exact_gelu


def test_swiglu_equals_numpy(rng):
    x = floats(rng, 3, 5, 8)
    layer = built(rng, x, "swiglu")
    weights = [w.astype("float64") for w in layer.get_weights()]
    gate, linear = (x @ weights[i] + weights[i + 1] for i in (0, 2))
    hidden = gate / (1 + np.exp(-gate)) * linear
    close(layer(x), hidden @ weights[4] + weights[5])


def test_positions_do_not_meet(rng):
    x = floats(rng, 3, 5, 8)
    layer = built(rng, x, "gelu")
    before = numpy(layer(x))
    x[:, 2] = 7
    after = numpy(layer(x))
    close(np.delete(after, 2, axis=1), np.delete(before, 2, axis=1), 1e-6)
