"""Section 3.2.2 of Vaswani et al. (2017), without biases."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras

from ._shared import (
    ALIKE,
    MASKED,
    SHARED,
    SIZES,
    core,
    draw_mask,
    draw_matrices,
    from_tables,
    one_head,
    our_layers,
    softmax,
)
from .merge_heads import merge, side_by_side
from .split_heads import cut, split, split_with_keras


def multi_head(
    query,
    key,
    value,
    query_matrix,
    key_matrix,
    value_matrix,
    output_matrix,
    num_heads,
    mask=None,
    **steps,
):
    """Section 3.2.2 of Vaswani et al. (2017), without biases."""
    matrices = (query_matrix, key_matrix, value_matrix, output_matrix)
    return core((query, key, value), matrices, (0, 0, 0, 0), num_heads, mask, **steps)


def multi_head_inputs(mask=None, one_sequence=False, sizes=SIZES, **changes):
    """Inputs of some sizes; `one_sequence` makes query, key and value the same."""
    s = sizes | changes

    def draw(rng):
        query = floats(rng, s["batch"], s["queries"], s["width"])
        key = floats(rng, s["batch"], s["keys"], s["key_width"])
        value = floats(rng, s["batch"], s["keys"], s["value_width"])
        if one_sequence:
            key = value = query
        inputs = (query, key, value, *draw_matrices(rng, s), s["heads"])
        return inputs if mask is None else (*inputs, mask(rng, s))

    return draw


def with_hidden_row(**changes):
    """One query that may look nowhere. It is zero, so that any large fill is right."""

    def draw(rng):
        inputs = multi_head_inputs(draw_mask, **changes)(rng)
        inputs[0][:, 2] = 0
        inputs[-1][:, 2] = False
        return inputs

    return draw


def masked_padding(rng, s):
    """A mask (B, 1, S) that hides the last keys, others in each sequence."""
    lengths = np.array([2, 4, 3])[: s["batch"]]
    return np.arange(s["keys"]) < lengths[:, None, None]


EXERCISE = Exercise(
    name="multi_head_attention",
    section="equation",
    points=6,
    reference=multi_head,
    cases=(
        Case(
            "self",
            multi_head_inputs(one_sequence=True, keys=7, key_width=9, value_width=9),
        ),
        Case("three-inputs", multi_head_inputs()),
        Case("one-head", multi_head_inputs(heads=1, batch=3)),
        Case("mask", multi_head_inputs(draw_mask, batch=4)),
        Case("padding", multi_head_inputs(masked_padding, heads=5)),
        Case("one-query", multi_head_inputs(draw_mask, batch=1, queries=1)),
        # The largest, so that a card shows it only if nothing else fails.
        Case("hidden-row", with_hidden_row(batch=6)),
        # All sizes alike: what would raise an exception above gives numbers here.
        Case("square", multi_head_inputs(sizes=ALIKE), diagnostic=True),
        Case("square-mask", with_hidden_row(sizes=ALIKE), diagnostic=True),
    ),
    misconceptions=from_tables(
        "heads", "equation", SHARED, MASKED, without=("roles-reversed",)
    ),
    accepted={
        "einsum": lambda *a: with_einsum(*a),
        "a loop over heads": lambda *a: with_loop(*a),
        "a sum over heads, nothing joined": lambda *a: _with_sum(*a),
        "heads folded into the batch": lambda *a: _with_folded_batch(*a),
        "matrices with a head axis": lambda *a: _with_head_axis(*a),
        "query scaled first": lambda *a: _with_scaled_query(*a),
        "keras.ops": lambda *a: with_keras_ops(*a),
        "keras.ops.dot_product_attention": lambda *a: _with_keras_attention(*a),
        "tensorflow": lambda *a: with_tensorflow(*a),
        "tlkeras.layers": lambda *a: _with_layer(our_layers().MultiHeadAttention, *a),
        "keras.layers": lambda *a: _with_layer(keras().layers.MultiHeadAttention, *a),
        "float64": lambda *a: multi_head(*(_double(x) for x in a)),
    },
)


def _double(x):
    return x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 else x


def with_einsum(query, key, value, wq, wk, wv, wo, n, mask=None):
    """All heads at once, by their axes."""
    q, k, v = (cut(x @ w, n) for x, w in ((query, wq), (key, wk), (value, wv)))
    logits = np.einsum("btnh,bsnh->bnts", q, k) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = logits + np.where(mask, 0, -1e9)[:, None]
    heads = np.einsum("bnts,bsnv->btnv", softmax(logits), v)
    return np.einsum("btnv,nve->bte", heads, wo.reshape(n, -1, wo.shape[-1]))


def _heads(query, key, value, wq, wk, wv, n, mask):
    columns = zip(*(np.split(w, n, axis=1) for w in (wq, wk, wv)), strict=True)
    for a, b, c in columns:
        yield one_head(query @ a, key @ b, value @ c, mask)


def with_loop(query, key, value, wq, wk, wv, wo, n, mask=None):
    """Head after head, then one matrix."""
    heads = list(_heads(query, key, value, wq, wk, wv, n, mask))
    return np.concatenate(heads, axis=-1) @ wo


def _with_sum(query, key, value, wq, wk, wv, wo, n, mask=None):
    heads = _heads(query, key, value, wq, wk, wv, n, mask)
    rows = np.split(wo, n, axis=0)
    return sum(head @ block for head, block in zip(heads, rows, strict=True))


def _with_folded_batch(query, key, value, wq, wk, wv, wo, n, mask=None):
    pairs = ((query, wq), (key, wk), (value, wv))
    q, k, v = (np.concatenate(split(x @ w, n)) for x, w in pairs)  # (B·N, T, H)
    mask = None if mask is None else np.repeat(mask, n, axis=0)
    heads = one_head(q, k, v, mask).reshape(len(query), n, query.shape[1], -1)
    return merge(heads) @ wo


def _with_head_axis(query, key, value, wq, wk, wv, wo, n, mask=None):
    def project(x, w):
        kernel = np.moveaxis(w.reshape(len(w), n, -1), 1, 0)  # (N, D, H)
        return x[:, None] @ kernel  # (B, N, T, H)

    mask = None if mask is None else mask[:, None]
    heads = one_head(project(query, wq), project(key, wk), project(value, wv), mask)
    return (heads @ wo.reshape(n, -1, wo.shape[1])).sum(axis=1)


def _with_scaled_query(query, key, value, wq, *rest):
    n = rest[3]
    return multi_head(
        query,
        key,
        value,
        wq / np.sqrt(wq.shape[1] // n),
        *rest,
        scale=lambda logits, *_: logits,
    )


def with_keras_ops(query, key, value, wq, wk, wv, wo, n, mask=None):
    """With the functions that the lesson names."""
    ops = keras().ops
    pairs = ((query, wq), (key, wk), (value, wv))
    q, k, v = (split_with_keras(ops.matmul(x, w), n) for x, w in pairs)
    logits = ops.matmul(q, ops.swapaxes(k, -1, -2)) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = ops.where(ops.expand_dims(mask, 1), logits, -1e9)
    heads = ops.swapaxes(ops.matmul(ops.softmax(logits), v), 1, 2)
    return ops.matmul(ops.reshape(heads, (*heads.shape[:2], -1)), wo)


def _with_keras_attention(query, key, value, wq, wk, wv, wo, n, mask=None):
    ops = keras().ops
    pairs = ((query, wq), (key, wk), (value, wv))
    heads = [cut(x @ w, n) for x, w in pairs]
    sizes = {"bsnv": heads[2].shape[-1], "bsnh": heads[0].shape[-1]}
    room = max(sizes.values())  # the function wants values as large as keys
    padded = [np.pad(x, [(0, 0)] * 3 + [(0, room - x.shape[-1])]) for x in heads]
    mask = (
        None
        if mask is None
        else np.broadcast_to(
            mask[:, None], (len(query), n, query.shape[1], key.shape[1])
        )
    )
    scale = 1 / np.sqrt(sizes["bsnh"])
    output = ops.dot_product_attention(*padded, mask=mask, scale=scale)
    return ops.matmul(side_by_side(np.asarray(output)[..., : sizes["bsnv"]]), wo)


def with_tensorflow(query, key, value, wq, wk, wv, wo, n, mask=None):
    """The same in TensorFlow."""
    import tensorflow as tf

    pairs = ((query, wq), (key, wk), (value, wv))
    q, k, v = (tf.stack(tf.split(x @ w, n, axis=-1), axis=1) for x, w in pairs)
    logits = tf.matmul(q, k, transpose_b=True) / q.shape[-1] ** 0.5
    if mask is not None:
        logits += tf.where(mask, 0.0, -1e9)[:, None]
    return tf.concat(tf.unstack(tf.nn.softmax(logits) @ v, axis=1), axis=-1) @ wo


def _with_layer(kind, query, key, value, wq, wk, wv, wo, n, mask=None):
    size, value_size = wq.shape[1] // n, wv.shape[1] // n
    layer = kind(n, size, value_size, use_bias=False, output_shape=wo.shape[1])
    layer.build(query.shape, value.shape, key.shape)
    layer.query_dense.kernel.assign(cut(wq, n))
    layer.key_dense.kernel.assign(cut(wk, n))
    layer.value_dense.kernel.assign(cut(wv, n))
    layer.output_dense.kernel.assign(wo.reshape(n, value_size, -1))
    return layer(query=query, value=value, key=key, attention_mask=mask)
