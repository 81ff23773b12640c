"""Biases by distance: the buckets of T5, in attention, with masks and a cache."""

import itertools
import math

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, randomize
from keras import ops

from tlkeras.generation import jit
from tlkeras.layers import (
    MultiHeadAttention,
    RelativePositionBias,
    TransformerDecoder,
    TransformerEncoder,
    scaled_dot_product_attention,
)

B, T, N, D = 3, 6, 2, 8


@pytest.fixture
def x(rng):
    return floats(rng, B, T, D)


def made(rng, **arguments):
    layer = RelativePositionBias(
        N, **{"num_buckets": 8, "max_distance": 6, **arguments}
    )
    layer.build((None, None, D))
    return randomize(layer, rng)


def buckets(layer, distance):
    """What the layer takes for distances s − t, found from a table that counts."""
    numbers = np.arange(layer.num_buckets)[:, None] * np.ones((1, layer.num_heads))
    if not layer.built:
        layer.build((None, None, D))
    layer.embeddings.assign(numbers)
    far = max(abs(distance), 1)
    x = np.zeros((1, 1, 2), "float32")
    start = far if distance < 0 else 0
    bias = layer(x, start_index=start, key_length=far + 1)  # (1, N, 1, far + 1)
    return int(numpy(bias)[0, 0, 0, start + distance])


@pytest.mark.parametrize(
    ("distance", "both", "causal"),
    # Half of 32 buckets, 8 of them exact: 8 · 16^(k / 8) ends bucket 8 + k.
    [
        (0, 0, 0),
        (-1, 1, 1),
        (1, 17, 0),
        (-7, 7, 7),
        (-8, 8, 8),
        (-11, 8, 11),
        (-12, 9, 12),
        (-15, 9, 15),
        (-16, 10, 16),
        (22, 26, 0),
        (23, 27, 0),
        (-31, 11, 21),
        (-32, 12, 21),
        (-64, 14, 26),
        (90, 30, 0),
        (91, 31, 0),
        (-112, 15, 30),
        (-113, 15, 31),
        (-127, 15, 31),
        (-128, 15, 31),
        (128, 31, 0),
        (-129, 15, 31),
        (-1000, 15, 31),
        (1000, 31, 0),
    ],
)
def test_the_bucket_of_a_distance(distance, both, causal):
    assert buckets(RelativePositionBias(1), distance) == both
    assert buckets(RelativePositionBias(1, bidirectional=False), distance) == causal


def test_the_table_above_is_the_rule():
    """Where a bucket ends, in exact numbers: n < 8 · 16^(k / 8), n⁸ < 8⁸ · 16ᵏ."""
    layer = RelativePositionBias(1)
    for n in (8, 11, 12, 15, 16, 22, 23, 31, 32, 63, 64, 90, 91, 127):
        ended = sum(n**8 >= 8**8 * 16**k for k in range(1, 8))
        assert buckets(layer, -n) == 8 + ended, n


@pytest.mark.parity
def test_every_bucket_is_that_of_transformers():
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    rule, compared = T5Attention._relative_position_bucket, 0
    counts, farthest = (4, 6, 8, 12, 32, 40, 128), (5, 16, 20, 33, 100, 128, 256, 1000)
    for count, far, both in itertools.product(counts, farthest, (True, False)):
        if far <= count // (4 if both else 2):
            continue
        layer = RelativePositionBias(1, count, far, both)
        layer.build((None, None, D))
        layer.embeddings.assign(np.arange(count)[:, None])
        x, length = np.zeros((1, 1, 2), "float32"), 2 * far + 5  # beyond, on both sides
        found = numpy(layer(x, start_index=far + 2, key_length=length))[0, 0, 0]
        distance = torch.arange(length) - (far + 2)
        np.testing.assert_array_equal(found, rule(distance, both, count, far))
        compared += 1
    assert compared > 80


def test_only_the_distance_counts(rng, x):
    bias = numpy(made(rng)(x))
    assert bias.shape == (B, N, T, T)
    np.testing.assert_array_equal(bias[:, :, 1:, 1:], bias[:, :, :-1, :-1])
    np.testing.assert_array_equal(bias[0], bias[2])
    assert (bias[0, 0] != bias[0, 1]).all()  # each head has its own


def test_a_causal_bias_of_what_is_later_is_that_of_itself(rng, x):
    bias = numpy(made(rng, bidirectional=False)(x))[0, 0]
    later = np.triu_indices(T, 1)
    np.testing.assert_array_equal(bias[later], np.full(len(later[0]), bias[0, 0]))


def test_a_later_query_gets_its_own_rows(rng, x):
    layer = made(rng, bidirectional=False)
    whole = numpy(layer(x))
    step = jit(lambda x, t: layer(x, start_index=t, key_length=T), layer)
    for t in (0, 3, T - 1):
        row = step(ops.convert_to_tensor(x[:, t : t + 1]), ops.convert_to_tensor(t))
        np.testing.assert_array_equal(numpy(row), whole[:, :, t : t + 1])


# ── in attention ──────────────────────────────────────────────────────────────────────


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def test_the_equation_adds_it(rng):
    q, k, v = (rng.normal(size=(B, N, n, 5)) for n in (4, 6, 6))
    bias = rng.normal(size=(N, 4, 6))
    mask = rng.random((B, 1, 4, 6)) < 0.6
    mask[1, 0, 2] = False  # sees nothing: whatever is added, all alike
    logits = q @ k.swapaxes(-1, -2) / math.sqrt(5) + bias
    scores = softmax(np.where(mask, logits, -1e9))
    found = scaled_dot_product_attention(q, k, v, mask, bias=bias)
    close(found, scores @ v)
    np.testing.assert_allclose(scores[1, :, 2], 1 / 6)


@pytest.mark.parametrize("axes", ["N T S", "B N T S"])
@pytest.mark.parametrize("wanted", [True, False])
def test_attention_adds_it(rng, x, axes, wanted):
    layer = randomize_built(MultiHeadAttention(N, 3), rng, x)
    bias = floats(rng, B, N, T, T)
    bias = bias if axes == "B N T S" else bias[0]
    keep = np.arange(T) < np.array([[6], [4], [1]])
    q, k, v = (
        np.einsum("btd,dnh->bnth", x, numpy(part.kernel))
        + numpy(part.bias)[None, :, None]
        for part in (layer.query_dense, layer.key_dense, layer.value_dense)
    )
    logits = q @ k.swapaxes(-1, -2) / math.sqrt(3) + bias
    scores = softmax(np.where(keep[:, None, None], logits, -1e9))
    output = np.einsum("bnth,nhd->btd", scores @ v, numpy(layer.output_dense.kernel))
    output = output + numpy(layer.output_dense.bias)
    found = layer(
        query=x,
        value=x,
        value_mask=keep,
        attention_bias=bias,
        return_attention_scores=wanted,
    )
    close(found, (output, scores) if wanted else output)


def randomize_built(layer, rng, *inputs):
    layer(*inputs, *inputs) if isinstance(layer, MultiHeadAttention) else layer(*inputs)
    return randomize(layer, rng)


def test_a_bias_of_zeros_changes_nothing(rng, x):
    nothing = np.zeros((N, T, T), "float32")
    for layer, name in (
        (TransformerEncoder(12, N), "attention_bias"),
        (TransformerDecoder(12, N), "decoder_attention_bias"),
    ):
        randomize_built(layer, rng, x)
        close(layer(x, **{name: nothing}), layer(x))
        other = layer(x, **{name: floats(rng, N, T, T)})
        assert np.abs(numpy(other) - numpy(layer(x))).max() > 1e-3


def test_steps_with_a_cache_equal_the_whole(rng, x):
    bias = made(rng, bidirectional=False)
    layer = randomize_built(TransformerDecoder(12, N), rng, x)
    whole = numpy(layer(x, decoder_attention_bias=bias(x)))
    cache = np.zeros((B, 2, T + 2, N, D // N), "float32")
    for t in range(T):
        y, cache = layer(
            x[:, t : t + 1],
            self_attention_cache=cache,
            self_attention_cache_update_index=t,
            decoder_attention_bias=bias(x[:, :1], start_index=t, key_length=T + 2),
        )
        close(y[:, 0], whole[:, t])


def test_it_learns_which_distance_counts(rng):
    """What stands two places before is asked for, and only positions can tell."""
    inputs = keras.Input((T, D))
    bias = RelativePositionBias(1, name="bias")(inputs)
    attention = MultiHeadAttention(1, D, use_bias=False)
    outputs = attention(inputs, inputs, attention_bias=bias)
    model = keras.Model(inputs, outputs)
    for name, value in (("query", 0.0), ("key", 0.0), ("value", 1.0), ("output", 1.0)):
        kernel = getattr(attention, f"{name}_dense").kernel
        kernel.assign(ops.reshape(value * ops.eye(D), kernel.shape))
    attention.trainable = False
    x = floats(rng, 64, T, D)
    y = np.roll(x, 2, axis=1)
    model.compile(keras.optimizers.Adam(0.5), "mse")
    weight = np.broadcast_to(1.0 * (np.arange(T) >= 2), (64, T))
    model.fit(x, y, sample_weight=weight, epochs=20, verbose=0)
    assert numpy(model.get_layer("bias").embeddings)[:, 0].argmax() == 2  # s − t = −2


@pytest.mark.parametrize("implementation", ["chunked", "flash"])
def test_ways_that_hold_no_scores_refuse_it(x, implementation):
    layer = MultiHeadAttention(N, 3, implementation=implementation)
    with pytest.raises(ValueError, match="attention_bias needs implementation='equat"):
        layer(x, x, attention_bias=np.zeros((N, T, T), "float32"))
