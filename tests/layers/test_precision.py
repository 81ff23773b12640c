"""Attention in every precision, against float64 NumPy."""

import keras
import numpy as np
import pytest
from helpers import numpy
from keras import ops
from reference import attention, multi_head_attention

from tlkeras.layers import (
    MultiHeadAttention,
    TransformerDecoder,
    TransformerEncoder,
    scaled_dot_product_attention,
)
from tlkeras.layers._attention import WAYS, Visibility

# What a few roundings make of outputs of size 1.
TOLERANCES = {"float64": 1e-12, "float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}
BACKEND = keras.backend.backend()
if BACKEND != "tensorflow":
    del TOLERANCES["float64"]  # which Keras computes in float32 there
POLICIES = [*TOLERANCES, "mixed_float16", "mixed_bfloat16"]

every_dtype = pytest.mark.parametrize("dtype", list(TOLERANCES))
every_policy = pytest.mark.parametrize("policy", POLICIES)
one_and_many = pytest.mark.parametrize(
    ("queries", "keys"), [(1, 1), (1, 7), (5, 1), (5, 7)]
)


def computed_in(policy):
    return keras.dtype_policies.get(policy).compute_dtype


def dtype_of(x):
    return keras.backend.standardize_dtype(x.dtype)


def close(found, expected, dtype):
    """The type is right, and so are the numbers, to what the type can hold."""
    assert dtype_of(found) == dtype
    tolerance = TOLERANCES[dtype]
    found = numpy(found).astype("float64")
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def rounded(rng, dtype, *shape, size=1.0):
    """Random numbers that the type can hold, as a tensor of it and in float64."""
    x = ops.cast(ops.convert_to_tensor(size * rng.normal(size=shape)), dtype)
    return x, numpy(x).astype("float64")


def implementations(queries):
    fused = ["fused"] if BACKEND == "torch" else []
    single = ["single"] if queries == 1 else []
    return ["equation", "chunked", *fused, *single]


# The ways to compute attention


def heads(rng, dtype, queries, keys, size=1.0):
    """Query, key and value `(B, length, heads, size)`; two heads share a key."""
    shapes = ((2, queries, 4, 6), (2, keys, 2, 6), (2, keys, 2, 6))
    return [
        rounded(rng, dtype, *shape, size=s)
        for shape, s in zip(shapes, (size, size, 1.0), strict=True)
    ]


def expected_of(query, key, value, mask=None):
    key, value = (np.repeat(x, 2, axis=2) for x in (key, value))
    swapped = [np.swapaxes(x, 1, 2) for x in (query, key, value)]
    return np.swapaxes(attention(*swapped, mask)[0], 1, 2)


@every_dtype
@one_and_many
@pytest.mark.parametrize("masked", [False, True])
def test_every_implementation(rng, dtype, queries, keys, masked):
    tensors, arrays = zip(*heads(rng, dtype, queries, keys), strict=True)
    mask = None
    if masked:
        mask = rng.random((2, 1, queries, keys)) < 0.6
        mask[0, 0, 0] = False  # sees nothing
    visible = Visibility(() if mask is None else (ops.convert_to_tensor(mask),))
    for name in implementations(queries):
        output, _ = WAYS[name](*tensors, visible)
        close(output, expected_of(*arrays, mask), dtype)


@every_dtype
@one_and_many
def test_a_row_that_sees_nothing_is_uniform(rng, dtype, queries, keys):
    tensors, arrays = zip(*heads(rng, dtype, queries, keys), strict=True)
    visible = Visibility((ops.zeros((2, 1, queries, keys), "bool"),))
    mean = np.repeat(arrays[2].mean(axis=1, keepdims=True), 2, axis=2)  # (B, 1, N, V)
    expected = np.broadcast_to(mean, (2, queries, 4, 6))
    for name in implementations(queries):
        close(WAYS[name](*tensors, visible)[0], expected, dtype)


@pytest.mark.parametrize("queries", [1, 5])
def test_float16_does_not_overflow_before_the_scale(rng, queries):
    tensors = [
        ops.full((1, n, 1, 64), x, "float16")
        for n, x in ((queries, 60.0), (3, 60.0), (3, 0.5))
    ]  # 64 · 60 · 60 = 230 400, and a float16 ends at 65 504
    for name in implementations(queries):
        output, _ = WAYS[name](*tensors, Visibility())
        close(output, np.full((1, queries, 1, 64), 0.5), "float16")


@every_dtype
@pytest.mark.parametrize("scale", [None, 0.3])
def test_the_equation(rng, dtype, scale):
    shapes = ((2, 5, 6), (2, 7, 6), (2, 7, 3))
    pairs = [rounded(rng, dtype, *shape) for shape in shapes]
    (query, key, value), (q, k, v) = zip(*pairs, strict=True)
    output, scores = scaled_dot_product_attention(
        query=query,
        key=key,
        value=value,
        scale=scale,
        return_attention_scores=True,
    )
    factor = 1.0 if scale is None else scale * 6**0.5
    expected, weights = attention(q * factor, k, v)
    close(output, expected, dtype)
    close(scores, weights, dtype)


@every_dtype
def test_dropout_of_another_type(rng, dtype):
    arrays = [rounded(rng, dtype, 2, 5, 6)[0] for _ in range(3)]
    dropout = keras.layers.Dropout(0.1, dtype="float32")
    output = scaled_dot_product_attention(*arrays, dropout=dropout)
    expected = numpy(scaled_dot_product_attention(*arrays)).astype("float64")
    assert dtype_of(output) == dtype
    close(ops.cast(output, "float32"), expected, "float32")


# The layers

DIM, LENGTH = 8, 7


def randomized(layer, rng):
    """Weights that no half type rounds."""
    for weight in layer.weights:
        weight.assign(rng.integers(-64, 65, weight.shape) / 128)
    return layer


def padded_at_the_end():
    return np.array([[True] * LENGTH, [True] * (LENGTH - 2) + [False] * 2])


def options(policy, queries, **arguments):
    names = ["auto", "equation", "chunked"]
    for name in names:
        yield MultiHeadAttention(
            num_heads=2, key_dim=4, implementation=name, dtype=policy, **arguments
        )


@every_policy
@one_and_many
def test_multi_head_attention(rng, policy, queries, keys):
    dtype = computed_in(policy)
    query, q = rounded(rng, dtype, 2, queries, DIM)
    value, v = rounded(rng, dtype, 2, keys, DIM)
    mask = rng.random((2, queries, keys)) < 0.6
    weights = None
    for layer in options(policy, queries):
        layer.build((2, queries, DIM), (2, keys, DIM))
        weights = weights or randomized(layer, rng).get_weights()
        layer.set_weights(weights)
        layer_output = layer(query=query, value=value, attention_mask=mask)
        expected, scores = multi_head_attention(weights, q, v, mask)
        close(layer_output, expected, dtype)
        if layer.implementation == "chunked":
            continue
        output, found = layer(
            query=query,
            value=value,
            attention_mask=mask,
            return_attention_scores=True,
        )
        close(output, expected, dtype)
        close(found, scores, dtype)


@every_policy
@pytest.mark.parametrize("queries", [1, 5])
@pytest.mark.parametrize("arguments", [{}, {"use_gate": True}, {"dropout": 0.5}])
def test_training(rng, policy, queries, arguments):
    layer = MultiHeadAttention(num_heads=2, key_dim=4, dtype=policy, **arguments)
    x, _ = rounded(rng, computed_in(policy), 2, queries, DIM)
    output, scores = layer(x, x, training=True, return_attention_scores=True)
    for found in (output, scores, layer(x, x, training=True)):
        assert dtype_of(found) == computed_in(policy)
        assert np.isfinite(numpy(found).astype("float64")).all()


@every_policy
@pytest.mark.parametrize("num_key_value_heads", [2, 1])
def test_a_cache_gives_what_the_whole_sequence_gives(rng, policy, num_key_value_heads):
    """One token at a time, with padding at the end, whatever the implementation."""
    dtype = computed_in(policy)
    x, _ = rounded(rng, dtype, 2, LENGTH, DIM)
    keep = padded_at_the_end()
    for layer in options(policy, 1, num_key_value_heads=num_key_value_heads):
        layer.build((2, LENGTH, DIM), (2, LENGTH, DIM))
        randomized(layer, rng)
        whole = layer(x, x, value_mask=keep, use_causal_mask=True)
        cache = ops.zeros((2, 2, LENGTH, num_key_value_heads, 4), dtype)
        for index in range(LENGTH):
            token = x[:, index : index + 1]
            output, cache = layer(
                token,
                token,
                attention_mask=keep[:, None],
                use_causal_mask=True,
                cache=cache,
                cache_update_index=index,
            )
            assert dtype_of(cache) == dtype
            expected = numpy(whole)[:, index : index + 1].astype("float64")
            close(output, expected, dtype)


@every_policy
def test_decoder_with_caches(rng, policy):
    dtype = computed_in(policy)
    layer = TransformerDecoder(16, 2, normalize_first=True, dtype=policy)
    target, _ = rounded(rng, dtype, 2, LENGTH, DIM)
    source, _ = rounded(rng, dtype, 2, 1, DIM)
    layer.build(target.shape, source.shape)
    randomized(layer, rng)
    whole = numpy(layer(target, source)).astype("float64")
    own = ops.zeros((2, 2, LENGTH, 2, 4), dtype)
    across = ops.zeros((2, 2, 1, 2, 4), dtype)
    for index in range(LENGTH):
        output, own, across = layer(
            target[:, index : index + 1],
            source,
            self_attention_cache=own,
            self_attention_cache_update_index=index,
            cross_attention_cache=across,
            cross_attention_cache_update_index=None if index else 0,
        )
        assert {dtype_of(own), dtype_of(across)} == {dtype}
        close(output, whole[:, index : index + 1], dtype)


@every_policy
def test_encoder_of_one_token(rng, policy):
    dtype = computed_in(policy)
    layer = TransformerEncoder(16, 2, dtype=policy)
    x, array = rounded(rng, dtype, 2, 1, DIM)
    layer.build(x.shape)
    weights = randomized(layer, rng).get_weights()
    exact = TransformerEncoder(16, 2, dtype="float32")
    exact.build(x.shape)
    exact.set_weights(weights)
    expected = numpy(exact(array.astype("float32")))
    if dtype == "float64":
        np.testing.assert_allclose(numpy(layer(x)), expected, rtol=1e-5, atol=1e-5)
    else:
        close(layer(x), expected, dtype)
