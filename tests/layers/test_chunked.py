"""Attention by tiles of queries and keys: the same numbers and the same gradients."""

import functools

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy
from keras import ops
from reference import attention

from tlkeras.layers import MultiHeadAttention, _chunked
from tlkeras.layers._chunked import chunked_attention
from tlkeras.masks import position_mask

BACKEND = keras.backend.backend()


def inputs(rng, dtype="float32"):
    shapes = ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6))
    return [floats(rng, *shape).astype(dtype) for shape in shapes]


def gradients(function, arrays):
    """Of the sum of the squares of the function's output."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        arrays = [tf.constant(a) for a in arrays]
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            loss = ops.sum(ops.square(function(*arrays)))
        return tape.gradient(loss, arrays)
    if BACKEND == "jax":
        import jax

        loss = lambda *arrays: ops.sum(ops.square(function(*arrays)))  # noqa: E731
        return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(*map(ops.array, arrays))
    import torch

    arrays = [torch.tensor(a, requires_grad=True) for a in arrays]
    ops.sum(ops.square(function(*arrays))).backward()
    return [a.grad for a in arrays]


def mask_cases(rng):
    keys = rng.random((2, 1, 1, 7)) < 0.6
    pairs = rng.random((2, 1, 5, 7)) < 0.6
    pairs[0, 0, 2] = False  # sees nothing
    heads = rng.random((2, 3, 5, 7)) < 0.6
    rows = np.array([True, False, True, True, True]).reshape(1, 1, 5, 1)
    return {
        "none": (),
        "keys": (keys,),
        "pairs": (pairs,),
        "heads": (heads,),
        "several": (keys, rows),
    }


# Every pair of lengths that are and are not multiples of a tile's.
TILES = [(1, 1), (2, 3), (5, 2), (3, 7), (512, 256)]
RULES = {
    "any order": {},
    "causal": {"use_causal_mask": True},
    "causal, later": {"use_causal_mask": True, "query_start": 2},
    "window": {"sliding_window": 2},
    "causal window": {"use_causal_mask": True, "sliding_window": 2},
    "window, past the keys": {"sliding_window": 2, "query_start": 5},
}
MASKS = ["none", "keys", "pairs", "heads", "several"]
# JAX compiles each case, for seconds; one head differs from three in a squeeze.
HEADS = [1, 3, 0] if BACKEND == "tensorflow" else [3, 0]
in_groups = pytest.mark.parametrize("heads", HEADS)


def whole_mask(masks, query_start=0, **rules):
    """All masks in one `(B, N, T, S)`, or `None`."""
    order = position_mask(query_start + np.arange(5), np.arange(7), **rules)
    masks = [*masks, *([] if order is None else [numpy(order)])]
    return functools.reduce(np.logical_and, masks) if masks else None


@in_groups
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("name", MASKS)
def test_equals_numpy(rng, name, rules, heads):
    arrays, masks, rules = inputs(rng), mask_cases(rng)[name], RULES[rules]
    mask = whole_mask(masks, **rules)
    expected, _ = attention(*(a.astype("float64") for a in arrays), mask)
    for tile in TILES[1:4] if BACKEND == "tensorflow" else TILES[1:2]:
        output = chunked_attention(*arrays, masks, **rules, tile=tile, heads=heads)
        close(output, expected)


@pytest.mark.parametrize("tile", TILES)
def test_tiles_of_any_size(rng, tile):
    arrays = inputs(rng)
    expected, _ = attention(*(a.astype("float64") for a in arrays))
    close(chunked_attention(*arrays, tile=tile), expected)


@in_groups
@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("name", MASKS)
def test_gradients_equal_those_of_the_equation(rng, name, rules, heads):
    from tlkeras.layers import scaled_dot_product_attention

    arrays, masks, rules = inputs(rng), mask_cases(rng)[name], RULES[rules]
    mask = whole_mask(masks, **rules)

    def chunked(query, key, value):
        return chunked_attention(
            query, key, value, masks, **rules, tile=(2, 3), heads=heads
        )

    def equation(query, key, value):
        return scaled_dot_product_attention(query, key, value, mask=mask)

    close(gradients(chunked, arrays), gradients(equation, arrays))


@pytest.mark.parametrize(
    ("threads", "heads", "wanted"),
    [(0, 4, 0), (1, 4, 1), (2, 4, 4), (2, 12, 4), (2, 9, 3), (2, 5, 1), (8, 1, 1)],
)
def test_a_tile_holds_two_heads_a_thread_at_most(monkeypatch, threads, heads, wanted):
    monkeypatch.setattr(_chunked, "_threads", lambda: threads)
    assert _chunked._heads_of_tile(heads) == wanted


def test_heads_that_threads_cannot_share_evenly(rng, monkeypatch):
    monkeypatch.setattr(_chunked, "_threads", lambda: 2)
    arrays = [floats(rng, 2, 9, 5, 4) for _ in range(3)]  # three tiles of three heads
    expected, _ = attention(*(a.astype("float64") for a in arrays))
    close(chunked_attention(*arrays, tile=(2, 3)), expected)


@pytest.mark.parametrize("causal", [True, False])
def test_hidden_tiles_are_not_visited(causal):
    """NaN where no query may look would show."""
    if BACKEND == "torch":
        pytest.skip("visits the tiles of each row in Python")
    x = np.ones((1, 1, 64, 4), "float32")
    value = x.copy()
    value[:, :, 32:] = np.nan
    rules = {"sliding_window": 8, "use_causal_mask": causal}
    output = chunked_attention(x, x, value, **rules, tile=(8, 8), heads=1)
    seen = 32 if causal else 24
    np.testing.assert_allclose(numpy(output)[0, 0, :seen], 1, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(rng, dtype):
    arrays = [ops.cast(a, dtype) for a in inputs(rng)]
    output = chunked_attention(*arrays, tile=(2, 3))
    assert keras.backend.standardize_dtype(output.dtype) == dtype
    expected, _ = attention(*(numpy(ops.cast(a, "float32")) for a in arrays))
    close(ops.cast(output, "float32"), expected, 2e-2)


def test_large_logits_do_not_overflow(rng):
    query, key, value = inputs(rng)
    arrays = (1e3 * query, 1e3 * key, value)
    expected, _ = attention(*(a.astype("float64") for a in arrays))
    close(chunked_attention(*arrays, tile=(3, 2)), expected)


def test_auto_is_chunked_when_long(rng):
    x = floats(rng, 1, 800, 8)
    layers = [
        MultiHeadAttention(2, 4, implementation=name)
        for name in ("auto", "equation", "chunked")
    ]
    for layer in layers:
        layer(x, x)
        layer.set_weights(layers[0].get_weights())
    outputs = [numpy(layer(x, x, use_causal_mask=True)) for layer in layers]
    close(outputs[0], outputs[1])
    close(outputs[2], outputs[1])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_model_trains(rng, jit_compile):
    if BACKEND == "torch" and jit_compile:
        pytest.skip("torch.compile needs a C++ compiler")
    inputs = keras.Input((300, 8))
    layer = MultiHeadAttention(2, 4, implementation="chunked")
    model = keras.Model(inputs, layer(inputs, inputs, use_causal_mask=True))
    model.compile(keras.optimizers.Adam(0.01), loss="mse", jit_compile=jit_compile)
    x, y = floats(rng, 4, 300, 8), floats(rng, 4, 300, 8)
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]


@pytest.mark.parametrize("implementation", ["chunked", "auto"])
def test_a_length_that_is_not_known_yet(rng, implementation):
    """Shorter than a tile and of several, with a mask, through the gradients too."""
    models = []
    for one in (implementation, "equation"):
        x, keep = keras.Input((None, 8)), keras.Input((None,), dtype="bool")
        layer = MultiHeadAttention(2, 4, implementation=one)
        y = layer(x, x, value_mask=keep, use_causal_mask=True)
        model = keras.Model([x, keep], y)
        model.compile("sgd", "mse")
        models.append(model)
    weights = models[0].get_weights()
    for length in (5, 128, 300):
        x, keep = floats(rng, 2, length, 8), rng.random((2, length)) < 0.7
        keep[:, 0] = True  # PyTorch's kernel has a gradient where nothing is seen
        for model in models:
            model.set_weights(weights)
        close(*(model.predict([x, keep], verbose=0) for model in models))
        for model in models:
            model.train_on_batch([x, keep], x)
        learnt = [model.get_weights() for model in models]
        assert np.abs(learnt[0][0] - weights[0]).max() > 0
        for left, right in zip(*learnt, strict=True):
            close(left, right)
