"""What lesson 02 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T query length, S key length, N heads, K
key/value heads, H size of a query or key of one head, V size of a value of one head.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import (
    exceptions_as_they_are,
    floats,
    identity,
    keras,
    swap,
    tensorflow,
)

MESSAGES = Messages(Path(__file__).parent)


def softmax(x, axis=-1):
    """Positive numbers that sum to one along an axis."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def log_softmax(x):
    """Its logarithm."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def causal_softmax(x):
    """Hide what comes after the query, whether it was asked for or not."""
    return softmax(np.where(np.tri(*x.shape[-2:], dtype=bool), x, -1e9))


# ── split_heads and merge_heads ───────────────────────────────────────────────────────


def cut(x, num_heads):
    """The last axis in `num_heads` pieces, one after another: (B, T, N, H)."""
    return x.reshape(*x.shape[:-1], num_heads, -1)


def comb(x, num_heads):
    """The last axis dealt out like cards: head n has numbers n, n + N, … (wrong)."""
    return swap(x.reshape(*x.shape[:-1], -1, num_heads))


def heads_forward(x):
    """(B, T, N, H) to (B, N, T, H)."""
    return np.swapaxes(x, 1, 2)


def split(x, num_heads, *, pieces=cut, arrange=heads_forward):
    """(B, T, N·H) to (B, N, T, H)."""
    return arrange(pieces(x, num_heads))


def reshaped_only(x):
    """Call (B, T, N, H) by the name (B, N, T, H), and move nothing."""
    return x.reshape(x.shape[0], x.shape[2], x.shape[1], x.shape[3])


def split_inputs(batch, length, heads, size):
    """A sequence of vectors, and how many heads to make of each."""
    return lambda rng: (floats(rng, batch, length, heads * size), heads)


SPLIT_HEADS = Exercise(
    name="split_heads",
    section="split",
    points=2,
    reference=split,
    messages=MESSAGES,
    cases=(
        Case("three", split_inputs(2, 5, heads=3, size=4)),
        Case("two", split_inputs(3, 4, heads=2, size=5)),
        Case("one", split_inputs(2, 3, heads=1, size=4)),
        Case("one-token", split_inputs(1, 1, heads=3, size=2)),
        Case("square", split_inputs(3, 3, heads=3, size=3), diagnostic=True),
    ),
    misconceptions=(
        Misconception("split.reshaped-only", "reshape", arrange=reshaped_only),
        Misconception("split.dealt-out", "split", pieces=comb),
        Misconception("split.heads-stay-behind", "split", arrange=identity),
        Misconception(
            "split.heads-before-batch", "split", arrange=lambda x: np.moveaxis(x, 2, 0)
        ),
        Misconception(
            "split.size-before-length",
            "split",
            arrange=lambda x: np.transpose(x, (0, 2, 3, 1)),
        ),
        Misconception(
            "split.number-is-size",
            "split",
            pieces=lambda x, heads: x.reshape(*x.shape[:-1], -1, heads),
        ),
        Misconception(
            "split.batch-and-length-swapped",
            "split",
            arrange=lambda x: np.transpose(x, (1, 2, 0, 3)),
        ),
        Misconception(
            "split.every-head-gets-all",
            "split",
            pieces=lambda x, heads: np.stack([x] * heads, axis=2),
        ),
    ),
    accepted={
        "transpose": lambda x, n: np.transpose(cut(x, n), (0, 2, 1, 3)),
        "moveaxis": lambda x, n: np.moveaxis(cut(x, n), 2, 1),
        "np.split and stack": lambda x, n: np.stack(np.split(x, n, axis=-1), axis=1),
        "slices": lambda x, n: np.stack(
            [x[..., i * (w := x.shape[-1] // n) : (i + 1) * w] for i in range(n)], 1
        ),
        "lists": lambda x, n: split(x, n).tolist(),
        "keras.ops": lambda x, n: _split_with_keras(x, n),
        "tensorflow": lambda x, n: tensorflow().stack(
            tensorflow().split(x, n, axis=-1), axis=1
        ),
    },
)


def _split_with_keras(x, num_heads):
    ops = keras().ops
    batch, length, width = ops.shape(x)
    x = ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return ops.swapaxes(x, 1, 2)


def side_by_side(x):
    """(B, T, N, V) to (B, T, N·V)."""
    return x.reshape(*x.shape[:2], -1)


def merge(x, *, arrange=heads_forward, join=side_by_side):
    """(B, N, T, V) to (B, T, N·V): `split`, undone."""
    return join(arrange(x))


def merge_inputs(*shape):
    """The outputs of some heads."""
    return lambda rng: (floats(rng, *shape),)


MERGE_HEADS = Exercise(
    name="merge_heads",
    section="split",
    points=2,
    reference=merge,
    messages=MESSAGES,
    cases=(
        Case("three", merge_inputs(2, 3, 5, 4)),
        Case("two", merge_inputs(3, 2, 4, 5)),
        Case("one", merge_inputs(2, 1, 3, 4)),
        Case("one-token", merge_inputs(1, 3, 1, 2)),
        Case("square", merge_inputs(3, 3, 3, 3), diagnostic=True),
    ),
    misconceptions=(
        Misconception("merge.reshaped-only", "reshape", arrange=reshaped_only),
        Misconception(
            "merge.interleaved", "split", join=lambda x: side_by_side(swap(x))
        ),
        Misconception("merge.averaged", "split", join=lambda x: x.mean(2)),
        Misconception("merge.summed", "split", join=lambda x: x.sum(2)),
        Misconception("merge.first-head", "split", join=lambda x: x[:, :, 0]),
        Misconception("merge.last-head", "split", join=lambda x: x[:, :, -1]),
        Misconception(
            "merge.one-after-another",
            "split",
            join=lambda x: np.swapaxes(x, 1, 2).reshape(x.shape[0], -1, x.shape[3]),
        ),
        Misconception("merge.not-joined", "split", join=identity),
    ),
    accepted={
        "transpose": lambda x: side_by_side(np.transpose(x, (0, 2, 1, 3))),
        "concatenate": lambda x: np.concatenate(list(np.moveaxis(x, 1, 0)), axis=-1),
        "lists": lambda x: merge(x).tolist(),
        "loops": lambda x: _merge_with_loops(x),
        "keras.ops": lambda x: keras().ops.concatenate(
            keras().ops.unstack(x, axis=1), axis=-1
        ),
        "tensorflow": lambda x: tensorflow().reshape(
            tensorflow().transpose(x, (0, 2, 1, 3)),
            (x.shape[0], x.shape[2], x.shape[1] * x.shape[3]),
        ),
    },
)


def _merge_with_loops(x):
    merged = np.zeros((x.shape[0], x.shape[2], x.shape[1] * x.shape[3]))
    for head in range(x.shape[1]):
        merged[..., head * x.shape[3] : (head + 1) * x.shape[3]] = x[:, head]
    return merged


# ── multi_head_attention ──────────────────────────────────────────────────────────────


def each_its_own(query, key, value):
    """What goes through the query, key and value matrices."""
    return query, key, value


def in_order(query, key, value):
    """Which matrices make the queries, keys and values: the right ones."""
    return query, key, value


def dot_products(query, key):
    """Every query with every key, in each head: (B, N, T, S)."""
    return query @ swap(key)


def by_root_of(size):
    """A step that divides the logits by √size(heads of the query, the query)."""
    return lambda logits, heads, query: logits / np.sqrt(size(heads, query))


by_root_of_head_size = by_root_of(lambda heads, query: heads.shape[-1])


def fill(logits, mask):
    """Replace hidden logits by a number that the exponential turns into 0."""
    return np.where(mask, logits, -1e9)


def average(scores, value, query):
    """Weighted averages of the values of each head: (B, N, T, V)."""
    return scores @ value


def core(
    inputs,
    kernels,
    biases,
    num_heads,
    mask,
    *,
    route=each_its_own,
    choose=in_order,
    project=lambda x, kernel, bias: x @ kernel + bias,
    pieces=split,
    compare=dot_products,
    scale=by_root_of_head_size,
    spread=lambda mask: mask[:, None],
    hide=fill,
    normalise=softmax,
    after=identity,
    combine=average,
    join=merge,
    finish=lambda joined, kernel, bias: joined @ kernel + bias,
):
    """Concat(head₁ … head_N) Wᴼ, the steps of every exercise below."""
    makers = choose(*zip(kernels[:3], biases[:3], strict=True))
    triple = zip(route(*inputs), makers, strict=True)
    query, key, value = (
        pieces(project(x, *maker), num_heads)  # (B, N, T, H), (B, N, S, H or V)
        for x, maker in triple
    )
    logits = scale(compare(query, key), query, inputs[0])  # (B, N, T, S)
    if mask is None:
        scores = normalise(logits)
    else:
        mask = spread(mask)  # (B, 1, T, S)
        scores = after(normalise(hide(logits, mask)), mask)
    heads = combine(scores, value, query)  # (B, N, T, V)
    return finish(join(heads), kernels[3], biases[3])


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


# Lengths that all differ, and lengths that are all alike where that tells more.
SIZES = {
    "batch": 2,
    "queries": 7,
    "keys": 5,
    "heads": 3,
    "size": 4,
    "value_size": 2,
    "width": 9,
    "key_width": 10,
    "value_width": 13,
    "output": 11,
}
ALIKE = SIZES | {
    "batch": 2,
    "queries": 6,
    "keys": 6,
    "heads": 2,
    "size": 3,
    "value_size": 3,
    "width": 6,
    "key_width": 6,
    "value_width": 6,
    "output": 6,
}


def draw_matrices(rng, s):
    """Four matrices that leave the size of what they multiply about as it is."""
    shapes = (
        (s["width"], s["heads"] * s["size"]),
        (s["key_width"], s["heads"] * s["size"]),
        (s["value_width"], s["heads"] * s["value_size"]),
        (s["heads"] * s["value_size"], s["output"]),
    )
    return tuple(floats(rng, *shape, scale=1.4 / shape[0] ** 0.5) for shape in shapes)


def draw_mask(rng, s):
    """Hide some keys, others for each query and sequence; each query keeps two."""
    mask = rng.random((s["batch"], s["queries"], s["keys"])) < 0.5
    mask[..., 0] = np.arange(s["queries"]) % 2 == 0
    mask[..., -1] = ~mask[..., 0]
    mask[..., 1] = True
    return mask


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


# Mistakes of projecting, splitting, attending and joining that every exercise shares.
SHARED = {
    "key-from-query": {"route": lambda q, k, v: (q, q, v)},
    "value-from-query": {"route": lambda q, k, v: (q, k, q)},
    "roles-reversed": {"route": lambda q, k, v: (k, q, q)},
    "query-and-key-matrix-swapped": {"choose": lambda q, k, v: (k, q, v)},
    "key-and-value-matrix-swapped": {"choose": lambda q, k, v: (q, v, k)},
    "value-by-key-matrix": {"choose": lambda q, k, v: (q, k, k)},
    "not-projected": {"project": lambda x, kernel, bias: x},
    "reshaped-only": {
        "pieces": lambda x, n: split(x, n, arrange=reshaped_only),
    },
    "dealt-out": {"pieces": lambda x, n: split(x, n, pieces=comb)},
    "not-split": {"pieces": lambda x, n: x[:, None]},
    "query-key-swapped": {"compare": lambda q, k: k @ swap(q)},
    "not-scaled": {"scale": lambda logits, heads, query: logits},
    "scaled-without-root": {
        "scale": lambda logits, heads, query: logits / heads.shape[-1]
    },
    "scaled-by-all-heads": {"scale": by_root_of(lambda h, q: h.shape[1] * h.shape[-1])},
    "scaled-by-input-width": {"scale": by_root_of(lambda h, q: q.shape[-1])},
    "scaled-by-number-of-heads": {"scale": by_root_of(lambda h, q: h.shape[1])},
    "scaled-by-length": {"scale": by_root_of(lambda h, q: h.shape[2])},
    "scaled-after-softmax": {
        "scale": lambda logits, heads, query: logits,
        "combine": lambda scores, value, query: (
            scores @ value / np.sqrt(query.shape[-1])
        ),
    },
    "softmax-over-queries": {"normalise": lambda x: softmax(x, axis=-2)},
    "softmax-over-heads": {"normalise": lambda x: softmax(x, axis=1)},
    "softmax-over-everything": {"normalise": lambda x: softmax(x, axis=None)},
    "no-softmax": {"normalise": identity},
    "softmax-twice": {"normalise": lambda x: softmax(softmax(x))},
    "log-softmax": {"normalise": log_softmax},
    "sigmoid": {"normalise": lambda x: 1 / (1 + np.exp(-x))},
    "always-causal": {"normalise": causal_softmax},
    "merged-by-reshape": {"join": lambda x: merge(x, arrange=reshaped_only)},
    "merged-interleaved": {"join": lambda x: side_by_side(swap(heads_forward(x)))},
    "output-forgotten": {"finish": lambda joined, kernel, bias: joined},
    "averaged-projections": {
        "join": lambda x: merge(x) / x.shape[1],
    },
    "averaged": {"join": lambda x: x.mean(1), "finish": lambda x, kernel, bias: x},
}
MASKED = {
    "mask-ignored": {"hide": lambda logits, mask: logits},
    "mask-inverted": {"hide": lambda logits, mask: fill(logits, ~mask)},
    "mask-multiplied": {"hide": lambda logits, mask: logits * mask},
    "mask-added": {"hide": lambda logits, mask: logits + mask},
    "mask-minus-infinity": {
        "hide": lambda logits, mask: np.where(mask, logits, -np.inf)
    },
    "hidden-row-is-zero": {
        "hide": lambda logits, mask: np.where(mask, logits, -np.inf),
        "normalise": lambda logits: np.nan_to_num(softmax(logits)),
    },
    "mask-of-first-sequence": {"spread": lambda mask: mask[:1, None]},
    "mask-after-softmax": {
        "hide": lambda logits, mask: logits,
        "after": lambda scores, mask: scores * mask,
    },
    "mask-transposed": {"spread": lambda mask: swap(mask)[:, None]},
    "mask-without-head-axis": {"spread": lambda mask: mask},
}
SECTIONS = {
    "reshaped-only": "reshape",
    "merged-by-reshape": "reshape",
    "dealt-out": "split",
    "merged-interleaved": "split",
}


def mistakes(prefix, section, *tables, without=()):
    """Misconceptions `prefix.name` from tables of steps."""
    return tuple(
        Misconception(f"{prefix}.{name}", SECTIONS.get(name, section), **steps)
        for table in tables
        for name, steps in table.items()
        if name not in without
    )


MULTI_HEAD_ATTENTION = Exercise(
    name="multi_head_attention",
    section="equation",
    points=6,
    reference=multi_head,
    messages=MESSAGES,
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
    misconceptions=mistakes(
        "heads", "equation", SHARED, MASKED, without=("roles-reversed",)
    ),
    accepted={
        "einsum": lambda *a: _with_einsum(*a),
        "a loop over heads": lambda *a: _with_loop(*a),
        "a sum over heads, nothing joined": lambda *a: _with_sum(*a),
        "heads folded into the batch": lambda *a: _with_folded_batch(*a),
        "matrices with a head axis": lambda *a: _with_head_axis(*a),
        "query scaled first": lambda *a: _with_scaled_query(*a),
        "keras.ops": lambda *a: _with_keras_ops(*a),
        "keras.ops.dot_product_attention": lambda *a: _with_keras_attention(*a),
        "tensorflow": lambda *a: _with_tensorflow(*a),
        "tlkeras.layers": lambda *a: _with_layer(_layers().MultiHeadAttention, *a),
        "keras.layers": lambda *a: _with_layer(keras().layers.MultiHeadAttention, *a),
        "float64": lambda *a: multi_head(*(_double(x) for x in a)),
    },
)


def _double(x):
    return x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 else x


def _with_einsum(query, key, value, wq, wk, wv, wo, n, mask=None):
    q, k, v = (cut(x @ w, n) for x, w in ((query, wq), (key, wk), (value, wv)))
    logits = np.einsum("btnh,bsnh->bnts", q, k) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = logits + np.where(mask, 0, -1e9)[:, None]
    heads = np.einsum("bnts,bsnv->btnv", softmax(logits), v)
    return np.einsum("btnv,nve->bte", heads, wo.reshape(n, -1, wo.shape[-1]))


def _one_head(query, key, value, mask):
    logits = query @ swap(key) / np.sqrt(query.shape[-1])
    logits = logits if mask is None else np.where(mask, logits, -1e9)
    return softmax(logits) @ value


def _heads(query, key, value, wq, wk, wv, n, mask):
    columns = zip(*(np.split(w, n, axis=1) for w in (wq, wk, wv)), strict=True)
    for a, b, c in columns:
        yield _one_head(query @ a, key @ b, value @ c, mask)


def _with_loop(query, key, value, wq, wk, wv, wo, n, mask=None):
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
    heads = _one_head(q, k, v, mask).reshape(len(query), n, query.shape[1], -1)
    return merge(heads) @ wo


def _with_head_axis(query, key, value, wq, wk, wv, wo, n, mask=None):
    def project(x, w):
        kernel = np.moveaxis(w.reshape(len(w), n, -1), 1, 0)  # (N, D, H)
        return x[:, None] @ kernel  # (B, N, T, H)

    mask = None if mask is None else mask[:, None]
    heads = _one_head(project(query, wq), project(key, wk), project(value, wv), mask)
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


def _with_keras_ops(query, key, value, wq, wk, wv, wo, n, mask=None):
    ops = keras().ops
    pairs = ((query, wq), (key, wk), (value, wv))
    q, k, v = (_split_with_keras(ops.matmul(x, w), n) for x, w in pairs)
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


def _with_tensorflow(query, key, value, wq, wk, wv, wo, n, mask=None):
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


# ── MultiHead, a layer ────────────────────────────────────────────────────────────────


def layer_call(
    query,
    value,
    query_dense_matrix,
    query_dense_bias,
    key_dense_matrix,
    key_dense_bias,
    value_dense_matrix,
    value_dense_bias,
    output_dense_matrix,
    output_dense_bias,
    num_heads,
    use,
    attention_mask=None,
    *,
    trace=lambda: None,
    learn=identity,
    **steps,
):
    """What `MultiHead.call` returns: keys and values both come from `value`.

    `use` is "arrays", "model" or "gradients". With the last, the answer is which of
    the four matrices have a gradient: those that change the output when they change.
    A card lists the inputs by these names, so they speak as the learner's stub does.
    """
    if use == "model":
        trace()
    kernels = (
        query_dense_matrix,
        key_dense_matrix,
        value_dense_matrix,
        output_dense_matrix,
    )
    biases = (query_dense_bias, key_dense_bias, value_dense_bias, output_dense_bias)
    inputs = (query, value, value)

    def output(*kernels):
        return core(inputs, kernels, biases, num_heads, attention_mask, **steps)

    if use != "gradients":
        return output(*kernels)
    others = [
        output(*(k * 1.1 + 0.1 if j == i else k for j, k in enumerate(kernels)))
        for i in range(4)
    ]
    return learn(np.array([not np.allclose(output(*kernels), o) for o in others]))


def build_and_call(answer, query, value, *weights_and_settings):
    """Build the learner's class from ready-made Dense layers, and call it."""
    weights, settings = weights_and_settings[:8], weights_and_settings[8:]
    num_heads, use, *mask = settings
    dense = [_dense(*weights[i : i + 2]) for i in range(0, 8, 2)]
    given = [query, value, *mask]
    with exceptions_as_they_are():
        layer = answer(num_heads, *dense)
        if use == "arrays":
            return _call(layer, *given)
        if use == "gradients":
            return _has_gradient(dense, lambda: _call(layer, *given))
        entrances = [_entrance(x) for x in given]
        return keras().Model(entrances, _call(layer, *entrances))(given)


def _call(layer, query, value, mask=None):
    return layer(query, value, attention_mask=mask)


def _has_gradient(dense, call):
    """Which of the matrices can learn from what the layer returns: booleans (4,)."""
    import tensorflow

    with tensorflow.GradientTape() as tape:
        loss = tensorflow.reduce_sum(tensorflow.square(call()))
    gradients = tape.gradient(loss, [one.kernel.value for one in dense])
    return np.array([g is not None and bool(np.any(g)) for g in gradients])


def _entrance(x):
    """A model's input like `x`; batch size and lengths are not known beforehand."""
    shape = (None, None) if x.dtype == bool else (None, x.shape[-1])
    return keras().Input(shape, dtype=str(x.dtype))


def _dense(kernel, bias):
    layer = keras().layers.Dense(kernel.shape[1])
    layer.build((None, kernel.shape[0]))
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    return layer


def layer_inputs(use="arrays", mask=None, sizes=SIZES, **changes):
    """Two sequences, four kernels with biases, how it is used, perhaps a mask."""
    s = sizes | changes
    s = s | {"key_width": s["value_width"]}

    def draw(rng):
        query = floats(rng, s["batch"], s["queries"], s["width"])
        value = floats(rng, s["batch"], s["keys"], s["value_width"])
        kernels = draw_matrices(rng, s)
        biases = [floats(rng, kernel.shape[1], scale=0.5) for kernel in kernels]
        weights = [x for pair in zip(kernels, biases, strict=True) for x in pair]
        rest = () if mask is None else (mask(rng, s),)
        return (query, value, *weights, s["heads"], use, *rest)

    return draw


def only_arrays():
    """NumPy cannot compute with the placeholders that a model is built from."""
    raise TypeError("a placeholder has no numbers")


def through_numpy(*learns):
    """An array of NumPy remembers no gradient: which matrices still have one."""
    return {"trace": only_arrays, "learn": lambda moved: moved & np.array(learns)}


NUMPY = {
    "numpy-inside": through_numpy(False, False, False, True),
    "numpy-scores": through_numpy(False, False, True, True),
    "numpy-at-the-end": through_numpy(False, False, False, False),
}
NO_BIAS = {
    "bias-forgotten": {
        "project": lambda x, kernel, bias: x @ kernel,
        "finish": lambda joined, kernel, bias: joined @ kernel,
    }
}

MULTI_HEAD_LAYER = Exercise(
    name="MultiHead",
    section="layer",
    points=3,
    reference=layer_call,
    probe=build_and_call,
    messages=MESSAGES,
    cases=(
        Case("call", layer_inputs()),
        Case("mask", layer_inputs(mask=draw_mask)),
        Case("model", layer_inputs("model", batch=4)),
        Case("model-mask", layer_inputs("model", mask=draw_mask, batch=4)),
        # The largest: whatever fails elsewhere too is shown there.
        Case("gradients", layer_inputs("gradients", batch=6)),
        Case("square", layer_inputs(sizes=ALIKE), diagnostic=True),
        Case("square-mask", layer_inputs(mask=draw_mask, sizes=ALIKE), diagnostic=True),
    ),
    misconceptions=mistakes(
        "layer",
        "layer",
        SHARED,
        MASKED,
        NO_BIAS,
        NUMPY,
        without=(
            "hidden-row-is-zero",
            "query-key-swapped",
            "mask-minus-infinity",
            "mask-added",
            "scaled-by-number-of-heads",
            "scaled-by-length",
            "softmax-over-everything",
            "no-softmax",
            "merged-interleaved",
            "averaged-projections",
            "key-and-value-matrix-swapped",
        ),
    ),
    accepted={
        "tlkeras.layers": lambda *a: _layer_of(_by_library)(*a),
        "ops": lambda *a: _layer_of(_by_ops)(*a),
        "einsum": lambda *a: _layer_of(_by_einsum)(*a),
        "a loop over heads": lambda *a: _layer_of(_by_loop)(*a),
        "ops.dot_product_attention": lambda *a: _layer_of(_by_keras)(*a),
        "tensorflow": lambda *a: _layer_of(_by_tensorflow)(*a),
        "heads folded into the batch": lambda *a: _layer_of(_by_folding)(*a),
    },
)


def _layer_of(attend):
    """A class like the stub's, whose call is `attend(query, key, value, n, mask)`."""

    class Variant(keras().layers.Layer):
        def __init__(self, num_heads, query, key, value, output):
            super().__init__()
            self.num_heads = num_heads
            self.dense = [query, key, value, output]

        def call(self, query, value, attention_mask=None):
            project_query, project_key, project_value, output = self.dense
            q, k, v = project_query(query), project_key(value), project_value(value)
            return output(attend(q, k, v, self.num_heads, attention_mask))

    return Variant


def _joined_with_keras(heads):
    ops = keras().ops
    batch, count, length, size = ops.shape(heads)
    return ops.reshape(ops.swapaxes(heads, 1, 2), (batch, length, count * size))


def _by_library(query, key, value, n, mask):
    heads = _layers().scaled_dot_product_attention(
        query=_split_with_keras(query, n),
        key=_split_with_keras(key, n),
        value=_split_with_keras(value, n),
        mask=None if mask is None else mask[:, None],
    )
    return _joined_with_keras(heads)


def _by_ops(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (_split_with_keras(x, n) for x in (query, key, value))
    logits = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / ops.sqrt(q.shape[-1] * 1.0)
    if mask is not None:
        logits += (1.0 - ops.cast(ops.expand_dims(mask, 1), "float32")) * -1e9
    return _joined_with_keras(ops.matmul(ops.softmax(logits), v))


def _by_einsum(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.reshape(x, (*ops.shape(x)[:2], n, x.shape[-1] // n))
        for x in (query, key, value)
    )
    logits = ops.einsum("btnh,bsnh->bnts", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        logits = ops.where(mask[:, None], logits, -1e9)
    heads = ops.einsum("bnts,bsnv->btnv", ops.softmax(logits), v)
    return ops.reshape(heads, (*ops.shape(query)[:2], value.shape[-1]))


def _by_loop(query, key, value, n, mask):
    ops = keras().ops
    pieces = (ops.split(x, n, axis=-1) for x in (query, key, value))
    attend = _layers().scaled_dot_product_attention
    heads = [attend(*one, mask=mask) for one in zip(*pieces, strict=True)]
    return ops.concatenate(heads, axis=-1)


def _by_keras(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.reshape(x, (*ops.shape(x)[:2], n, x.shape[-1] // n))
        for x in (query, key, value)
    )
    room = k.shape[-1] - v.shape[-1]  # the function wants values as large as keys
    v = ops.pad(v, [(0, 0)] * 3 + [(0, room)])
    mask = None if mask is None else mask[:, None]
    heads = ops.dot_product_attention(q, k, v, mask=mask)[..., : k.shape[-1] - room]
    return ops.reshape(heads, (*ops.shape(query)[:2], value.shape[-1]))


def _by_tensorflow(query, key, value, n, mask):
    import tensorflow as tf

    q, k, v = (tf.stack(tf.split(x, n, axis=-1), axis=1) for x in (query, key, value))
    logits = tf.matmul(q, k, transpose_b=True) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = tf.where(tf.cast(mask, tf.bool)[:, None], logits, -1e9)
    return tf.concat(tf.unstack(tf.nn.softmax(logits) @ v, axis=1, num=n), axis=-1)


def _by_folding(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.concatenate(ops.split(x, n, axis=-1), axis=0) for x in (query, key, value)
    )  # (N·B, T, H)
    mask = None if mask is None else ops.tile(mask, (n, 1, 1))
    heads = _layers().scaled_dot_product_attention(q, k, v, mask=mask)
    return ops.concatenate(ops.split(heads, n, axis=0), axis=-1)


# ── cross_attention ───────────────────────────────────────────────────────────────────


def cross(
    x,
    memory,
    memory_mask,
    query_matrix,
    key_matrix,
    value_matrix,
    output_matrix,
    num_heads,
    *,
    sources=lambda x, memory: (x, memory, memory),
    prepare=lambda memory, mask: memory,
    see=lambda mask: mask[:, None],
    **steps,
):
    """Queries from `x`, keys and values from `memory`, whose padding is hidden."""
    matrices = (query_matrix, key_matrix, value_matrix, output_matrix)
    inputs = sources(x, prepare(memory, memory_mask))
    return core(inputs, matrices, (0, 0, 0, 0), num_heads, see(memory_mask), **steps)


def cross_inputs(padding, sizes=SIZES, **changes):
    """Two sequences, which tokens of the second are real, and four matrices."""
    s = sizes | changes
    s = s | {"key_width": s["value_width"]}

    def draw(rng):
        x = floats(rng, s["batch"], s["queries"], s["width"])
        memory = floats(rng, s["batch"], s["keys"], s["value_width"])
        # What stands at padding is arbitrary: here it is large, so that it shows.
        real = padding(s["batch"], s["keys"])
        memory = np.where(real[..., None], memory, 2 * memory + 1).astype(np.float32)
        return (x, memory, real, *draw_matrices(rng, s), s["heads"])

    return draw


def on_the_right(batch, length):
    """2, 4, 3 … real tokens, then padding."""
    return np.arange(length) < np.array([2, 4, 3, 5])[:batch, None]


def on_the_left(batch, length):
    """Padding first, and a gap in the last sequence."""
    real = on_the_right(batch, length)[:, ::-1].copy()
    real[-1, -2] = False
    return real


def nowhere(batch, length):
    """No padding at all."""
    return np.ones((batch, length), bool)


def zero_padding(memory, mask):
    """Set padding to zero, which hides nothing: a logit of 0 still has weight."""
    return memory * mask[..., None]


def _see(change):
    """A step that makes the mask (B, T, S) from the padding (B, S)."""
    return {"see": change}


CROSS = {
    "self-attention": {"sources": lambda x, memory: (x, x, x)},
    "memory-to-itself": {"sources": lambda x, memory: (memory, memory, memory)},
    "roles-reversed": {"sources": lambda x, memory: (memory, x, x)},
    "values-from-x": {"sources": lambda x, memory: (x, memory, x)},
    "keys-from-x": {"sources": lambda x, memory: (x, x, memory)},
    "padding-zeroed": {"prepare": zero_padding, "hide": lambda logits, mask: logits},
    "padding-ignored": {"hide": lambda logits, mask: logits},
    "padding-inverted": {"hide": lambda logits, mask: fill(logits, ~mask)},
    "padding-multiplied": {"hide": lambda logits, mask: logits * mask},
    "padding-after-softmax": MASKED["mask-after-softmax"],
    "padding-hides-queries": _see(lambda mask: mask[:, :, None]),
    "padding-without-query-axis": _see(lambda mask: mask),
    "padding-of-first-sequence": _see(lambda mask: mask[:1, None]),
    "padding-assumed-on-the-right": _see(
        lambda mask: np.arange(mask.shape[1]) < mask.sum(1)[:, None, None]
    ),
    "padding-of-any-sequence": _see(lambda mask: mask.all(0)[None, None]),
    "causal-as-well": SHARED["always-causal"],
    "softmax-twice": SHARED["softmax-twice"],
    "not-scaled": SHARED["not-scaled"],
    "not-split": SHARED["not-split"],
    "output-forgotten": SHARED["output-forgotten"],
    "not-projected": SHARED["not-projected"],
}

CROSS_ATTENTION = Exercise(
    name="cross_attention",
    section="cross",
    points=4,
    reference=cross,
    messages=MESSAGES,
    cases=(
        Case("no-padding", cross_inputs(nowhere)),
        Case("right", cross_inputs(on_the_right, batch=4)),
        Case("left", cross_inputs(on_the_left, heads=5)),
        Case("one-token", cross_inputs(on_the_right, batch=1, queries=1)),
        Case("square", cross_inputs(on_the_left, sizes=ALIKE), diagnostic=True),
    ),
    misconceptions=mistakes("cross", "cross", CROSS),
    accepted={
        "einsum": lambda *a: _cross_with(_with_einsum, *a),
        "a loop over heads": lambda *a: _cross_with(_with_loop, *a),
        "mask of full size": lambda *a: _cross_with_full_mask(*a),
        "keras.ops": lambda *a: _cross_with(_with_keras_ops, *a),
        "tensorflow": lambda *a: _cross_with(_with_tensorflow, *a),
        "padding taken out": lambda *a: _cross_without_padding(*a),
        "value_mask of a layer": lambda *a: _cross_with_value_mask(*a),
    },
)


def _cross_with(attend, x, memory, memory_mask, *rest):
    return attend(x, memory, memory, *rest, memory_mask[:, None])


def _cross_with_full_mask(x, memory, memory_mask, *rest):
    mask = np.repeat(memory_mask[:, None, :], x.shape[1], axis=1)
    return multi_head(x, memory, memory, *rest, mask)


def _cross_without_padding(x, memory, memory_mask, *rest):
    triples = zip(x, memory, memory_mask, strict=True)
    one = [
        multi_head(a[None], m[None, real], m[None, real], *rest)
        for a, m, real in triples
    ]
    return np.concatenate(one)


def _cross_with_value_mask(x, memory, memory_mask, wq, wk, wv, wo, n):
    layer = _layers().MultiHeadAttention(
        n, wq.shape[1] // n, wv.shape[1] // n, use_bias=False, output_shape=wo.shape[1]
    )
    layer.build(x.shape, memory.shape)
    layer.query_dense.kernel.assign(cut(wq, n))
    layer.key_dense.kernel.assign(cut(wk, n))
    layer.value_dense.kernel.assign(cut(wv, n))
    layer.output_dense.kernel.assign(wo.reshape(n, -1, wo.shape[1]))
    return layer(query=x, value=memory, value_mask=memory_mask)


# ── grouped_query_attention ───────────────────────────────────────────────────────────


def each_in_turn(heads, groups):
    """Each key head for `groups` query heads that follow each other: 0 0 1 1 2 2."""
    return np.repeat(heads, groups, axis=1)


def round_and_round(heads, groups):
    """All key heads, then all again: 0 1 2 0 1 2 (wrong)."""
    return np.tile(heads, (1, groups, 1, 1))


def grouped(
    query,
    key,
    value,
    *,
    share=each_in_turn,
    share_values=each_in_turn,
    prepare=identity,
    scale=by_root_of_head_size,
    normalise=softmax,
    finish=lambda heads, key, groups: heads,
):
    """Attention of N query heads to K key and value heads, N / K to each."""
    groups = query.shape[1] // key.shape[1]
    query = prepare(query, groups)
    logits = query @ swap(share(key, groups))  # (B, N, T, S)
    scores = normalise(scale(logits, query, query))
    return finish(scores @ share_values(value, groups), key, groups)


def grouped_inputs(*sizes):
    """Heads that are already split: N queries, K keys and values."""
    batch, query_heads, heads, queries, keys, size, value_size = sizes
    return lambda rng: (
        floats(rng, batch, query_heads, queries, size, scale=1.3),
        floats(rng, batch, heads, keys, size, scale=1.3),
        floats(rng, batch, heads, keys, value_size),
    )


def both(share):
    """The same sharing for keys and values."""
    return {"share": share, "share_values": share}


def head_of(index):
    """A sharing in which all query heads get one and the same head."""
    return lambda heads, groups: heads[:, [index] * (groups * heads.shape[1])]


def mean_of_groups(x, groups):
    """The mean of each group of heads: (B, K, T, H)."""
    return x.reshape(x.shape[0], -1, groups, *x.shape[2:]).mean(2)


def along_the_length(x, groups):
    """Repeat tokens instead of heads, so that each head finds more of them (wrong)."""
    return np.repeat(x, groups, axis=2)


def no_sharing(x, groups):
    """Leave the K heads as they are."""
    return x


GROUPED_QUERY_ATTENTION = Exercise(
    name="grouped_query_attention",
    section="grouped",
    points=3,
    reference=grouped,
    messages=MESSAGES,
    cases=(
        Case("six-for-two", grouped_inputs(2, 6, 2, 4, 5, 3, 7)),
        Case("six-for-three", grouped_inputs(3, 6, 3, 5, 4, 8, 2)),
        Case("one-for-all", grouped_inputs(2, 4, 1, 3, 5, 6, 7)),
        Case("own", grouped_inputs(2, 3, 3, 4, 5, 6, 2)),
        Case("one-token", grouped_inputs(1, 4, 2, 1, 5, 3, 7)),
        Case("square", grouped_inputs(2, 4, 2, 4, 4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        *mistakes(
            "grouped",
            "grouped",
            {
                "round-and-round": both(round_and_round),
                "keys-round-and-round": {"share": round_and_round},
                "values-round-and-round": {"share_values": round_and_round},
                "first-head-for-all": both(head_of(0)),
                "last-head-for-all": both(head_of(-1)),
                "heads-averaged": both(
                    lambda x, groups: np.repeat(
                        x.mean(1, keepdims=True), groups * x.shape[1], axis=1
                    )
                ),
                "reversed": both(
                    lambda x, groups: np.repeat(x[:, ::-1], groups, axis=1)
                ),
                "queries-averaged": {"prepare": mean_of_groups, **both(no_sharing)},
                "outputs-averaged": {
                    "finish": lambda heads, key, groups: mean_of_groups(heads, groups)
                },
                "outputs-in-groups": {
                    "finish": lambda heads, key, groups: heads.reshape(
                        heads.shape[0], -1, groups, *heads.shape[2:]
                    )
                },
                "outputs-joined": {"finish": lambda heads, key, groups: merge(heads)},
                "not-scaled": SHARED["not-scaled"],
                "scaled-without-root": SHARED["scaled-without-root"],
                "scaled-by-number-of-heads": SHARED["scaled-by-number-of-heads"],
                "softmax-over-queries": SHARED["softmax-over-queries"],
                "softmax-over-heads": SHARED["softmax-over-heads"],
                "softmax-twice": SHARED["softmax-twice"],
                "causal": SHARED["always-causal"],
            },
        ),
    ),
    accepted={
        "repeat": lambda q, k, v: _attend_heads(
            q, *(np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
        ),
        "take": lambda q, k, v: _attend_heads(
            q,
            *(
                x[:, np.arange(q.shape[1]) // (q.shape[1] // k.shape[1])]
                for x in (k, v)
            ),
        ),
        "five axes": lambda q, k, v: _grouped_with_five_axes(q, k, v),
        "a loop over groups": lambda q, k, v: _grouped_with_loop(q, k, v),
        "a loop over heads": lambda q, k, v: np.stack(
            [
                _one_head(
                    q[:, n], *(x[:, n * k.shape[1] // q.shape[1]] for x in (k, v)), None
                )
                for n in range(q.shape[1])
            ],
            axis=1,
        ),
        "einsum": lambda q, k, v: _grouped_with_einsum(q, k, v),
        "keras.ops": lambda q, k, v: _layers().scaled_dot_product_attention(
            q,
            *(keras().ops.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v)),
        ),
        "tensorflow": lambda q, k, v: _layers().scaled_dot_product_attention(
            q,
            *(tensorflow().repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v)),
        ),
    },
)


def _attend_heads(query, key, value):
    return _one_head(query, key, value, None)


def _grouped_with_five_axes(query, key, value):
    grouped_query = query.reshape(*key.shape[:2], -1, *query.shape[2:])
    heads = _attend_heads(grouped_query, key[:, :, None], value[:, :, None])
    return heads.reshape(*query.shape[:3], -1)


def _grouped_with_loop(query, key, value):
    groups = np.split(query, key.shape[1], axis=1)
    heads = [_attend_heads(q, key[:, [k]], value[:, [k]]) for k, q in enumerate(groups)]
    return np.concatenate(heads, axis=1)


def _grouped_with_einsum(query, key, value):
    query = query.reshape(*key.shape[:2], -1, *query.shape[2:])
    logits = np.einsum("bkgth,bksh->bkgts", query, key) / query.shape[-1] ** 0.5
    heads = np.einsum("bkgts,bksv->bkgtv", softmax(logits), value)
    return heads.reshape(len(query), -1, *heads.shape[3:])


def _layers():
    from tlkeras import layers

    return layers


EXERCISES = (
    SPLIT_HEADS,
    MERGE_HEADS,
    MULTI_HEAD_ATTENTION,
    MULTI_HEAD_LAYER,
    CROSS_ATTENTION,
    GROUPED_QUERY_ATTENTION,
)
