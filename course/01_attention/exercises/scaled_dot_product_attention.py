"""softmax(Q Kᵀ / √H) V."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, swap

from ._shared import ATTENTIONS, half, our_layers
from .softmax import divide_by_sum, hard, log_softmax, nothing, sigmoid, softmax


def dot_products(query, key):
    """Every query with every key: (…, T, S)."""
    return query @ swap(key)


def by_root(axis, of):
    """A step that divides the logits by √(size of an axis of query, key or value)."""
    return lambda logits, **inputs: logits / np.sqrt(inputs[of].shape[axis])


by_root_of_size = by_root(-1, of="query")


def fill(logits, mask):
    """Replace hidden logits by a number that the exponential turns into 0."""
    return logits if mask is None else np.where(mask, logits, -1e9)


def masked(change):
    """A step that does nothing without a mask."""
    return lambda x, mask: x if mask is None else change(x, mask)


def average(scores, value, **_):
    """Weighted averages of the values: (…, T, V)."""
    return scores @ value


def attention(
    query,
    key,
    value,
    mask=None,
    *,
    accuracy=identity,
    compare=dot_products,
    scale=by_root_of_size,
    hide=fill,
    normalise=softmax,
    after=identity,
    combine=average,
):
    """softmax(Q Kᵀ / √H) V."""
    query, key, value = map(accuracy, (query, key, value))
    logits = compare(query, key)
    logits = scale(logits, query=query, key=key, value=value)
    scores = after(normalise(hide(logits, mask)), mask)
    return combine(scores, value, key=key, logits=logits)


def fill_the_future(logits, mask):
    """Hide what comes after the query as well."""
    past = np.tri(*logits.shape[-2:], dtype=bool)
    return fill(logits, past if mask is None else past & mask)


def of_first_sequence(mask):
    """The mask of the first sequence, where each has its own."""
    return mask if mask.ndim < 3 else mask[:1]


def minus_infinity(logits, mask):
    """Hide logits so that a row without any other has no softmax."""
    return np.where(mask, logits, -np.inf)


def across_sequences(query, key):
    """Forget that sequences are separate: all use the keys of the first one."""
    return query @ swap(key[:1])


def attention_inputs(*lead, queries=4, keys=5, mask=None, scale=1.5):
    """Inputs in which no two axes have the same length."""

    def draw(rng):
        query = floats(rng, *lead, queries, 6, scale=scale)
        key = floats(rng, *lead, keys, 6, scale=scale)
        value = floats(rng, *lead, keys, 7)
        if mask is None:
            return query, key, value
        return mask(rng, query, key, value)

    return draw


def with_random_mask(rng, query, key, value):
    """Hide some keys, others for each query; every query keeps at least two."""
    mask = rng.random((query.shape[-2], key.shape[-2])) < 0.5
    mask[:, 0] = np.arange(len(mask)) % 2 == 0
    mask[:, -1] = ~mask[:, 0]
    mask[:, 1] = True
    return query, key, value, mask


def with_low_logits(rng, query, key, value):
    """All logits far below −1000, where a small fill would be the largest of all."""
    query, key, value, mask = with_random_mask(rng, query, key, value)
    query[..., 0] += 70
    key[..., 0] -= 70
    return query, key, value, mask


def with_padding(rng, query, key, value):
    """Hide the last keys, a different number in each sequence: a mask (B, 1, S)."""
    lengths = np.array([2, 3, 4])[: len(query)]
    return query, key, value, np.arange(key.shape[-2]) < lengths[:, None, None]


def with_hidden_row(rng, query, key, value):
    """One query that may look nowhere. It is zero, so that any large fill is right."""
    query, key, value, mask = with_random_mask(rng, query, key, value)
    mask[2] = False
    query[..., 2, :] = 0
    return query, key, value, mask


def with_hidden_row_and(*lead, **sizes):
    """Inputs of some sizes, with a hidden row."""
    return attention_inputs(*lead, mask=with_hidden_row, **sizes)


wrong = mistakes("attention", section="attention")

EXERCISE = Exercise(
    name="scaled_dot_product_attention",
    section="attention",
    points=6,
    reference=attention,
    forbidden=ATTENTIONS,
    cases=(
        Case("plain", attention_inputs(2)),
        Case("heads", attention_inputs(2, 3)),
        Case("mask", attention_inputs(3, mask=with_random_mask, scale=3)),
        Case("padding", attention_inputs(3, mask=with_padding)),
        Case("hidden-row", attention_inputs(3, mask=with_hidden_row)),
        Case("low", attention_inputs(3, mask=with_low_logits), tolerance=5e-3),
        Case("large", attention_inputs(2, scale=2000), tolerance=5e-3),
        Case("one-query", attention_inputs(1, queries=1, mask=with_random_mask)),
        Case("one-key", attention_inputs(3, keys=1)),
        # T = S: a transposed mask gives numbers and no exception here.
        Case("one-length", with_hidden_row_and(2, queries=5), diagnostic=True),
        Case(
            "one-length-large", attention_inputs(2, queries=5, scale=2000), 5e-3, True
        ),
        # S = H: so does a key that was not transposed.
        Case("square-keys", with_hidden_row_and(2, keys=6), diagnostic=True),
        Case("square-keys-large", attention_inputs(2, keys=6, scale=2000), 5e-3, True),
        Case("all-square", with_hidden_row_and(2, queries=6, keys=6), diagnostic=True),
        Case("no-batch", with_hidden_row_and(queries=5), diagnostic=True),
        Case("no-batch-large", attention_inputs(scale=2000), 5e-3, True),
    ),
    misconceptions=(
        # comparing queries and keys
        wrong("key-not-transposed", compare=lambda q, k: q @ k),
        wrong(
            "key-reshaped",
            compare=lambda q, k: q @ k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2]),
        ),
        wrong("query-key-swapped", compare=lambda q, k: k @ swap(q)),
        wrong("two-axes-only", compare=lambda q, k: q @ k.T),
        wrong("first-sequence-keys", compare=across_sequences),
        # scaling
        wrong("not-scaled", "scaling", scale=lambda logits, **_: logits),
        wrong(
            "scaled-without-root",
            "scaling",
            scale=lambda logits, query, **_: logits / query.shape[-1],
        ),
        wrong(
            "multiplied-by-root",
            "scaling",
            scale=lambda logits, query, **_: logits * np.sqrt(query.shape[-1]),
        ),
        wrong("scaled-by-query-length", "scaling", scale=by_root(-2, of="query")),
        wrong("scaled-by-key-length", "scaling", scale=by_root(-2, of="key")),
        wrong("scaled-by-value-size", "scaling", scale=by_root(-1, of="value")),
        wrong("scaled-by-batch", "scaling", scale=by_root(0, of="query")),
        wrong(
            "scaled-after-softmax",
            "scaling",
            scale=lambda logits, **_: logits,
            combine=lambda scores, value, key, **_: (
                scores @ value / np.sqrt(key.shape[-1])
            ),
        ),
        wrong("half-precision", "overflow", accuracy=half),
        wrong(
            "half-precision-throughout",
            "overflow",
            accuracy=half,
            scale=lambda logits, query, **_: logits / query.shape[-1] ** 0.5,
        ),
        # masking
        wrong("mask-ignored", "masks", hide=identity),
        wrong("mask-inverted", "masks", hide=masked(lambda x, m: fill(x, ~m))),
        wrong("mask-added", "masks", hide=masked(lambda x, m: x + m)),
        wrong("mask-multiplied", "masks", hide=masked(lambda x, m: x * m)),
        wrong("mask-minus-infinity", "masks", hide=masked(minus_infinity)),
        wrong(
            "hidden-row-is-zero",
            "masks",
            hide=masked(minus_infinity),
            normalise=lambda x: np.nan_to_num(softmax(x)),
        ),
        wrong(
            "fill-too-small", "masks", hide=masked(lambda x, m: np.where(m, x, -100))
        ),
        wrong("mask-transposed", "masks", hide=masked(lambda x, m: fill(x, swap(m)))),
        wrong(
            "mask-of-first-sequence",
            "masks",
            hide=masked(lambda x, m: fill(x, of_first_sequence(m))),
        ),
        wrong("mask-of-first-row", "masks", hide=masked(lambda x, m: fill(x, m[:1]))),
        wrong("always-causal", "masks", hide=fill_the_future),
        wrong("mask-after-softmax", "masks", hide=identity, after=masked(np.multiply)),
        # normalising
        wrong("softmax-over-queries", normalise=lambda x: softmax(x, axis=-2)),
        wrong("softmax-over-matrix", normalise=lambda x: softmax(x, axis=(-1, -2))),
        wrong("softmax-over-batch", normalise=lambda x: softmax(x, axis=0)),
        wrong("softmax-over-everything", normalise=lambda x: softmax(x, axis=None)),
        wrong(
            "softmax-overflows",
            "overflow",
            normalise=lambda x: softmax(x, subtract=nothing),
        ),
        wrong("no-softmax", normalise=identity),
        wrong("softmax-twice", normalise=lambda x: softmax(softmax(x))),
        wrong("log-softmax", normalise=log_softmax),
        wrong("sigmoid", normalise=sigmoid),
        wrong("best-key-only", normalise=hard),
        # averaging the values
        wrong("weights-returned", combine=lambda scores, *_, **__: scores),
        wrong("logits-returned", combine=lambda scores, value, logits, **_: logits),
        wrong("keys-averaged", combine=lambda scores, value, key, **_: scores @ key),
        wrong(
            "output-transposed", combine=lambda scores, value, **_: swap(scores @ value)
        ),
        wrong(
            "softmax-last",
            normalise=identity,
            combine=lambda logits_hidden, value, **_: softmax(logits_hidden @ value),
        ),
    ),
    accepted={
        "einsum": lambda *a: _attention_with_einsum(*a),
        "minus infinity with care": lambda *a: _attention_with_infinity(*a),
        "added −1e9": lambda *a: attention(
            *a, hide=masked(lambda x, m: x + np.where(m, 0, np.float32(-1e9)))
        ),
        "(1 − mask) · −1e9": lambda *a: attention(
            *a, hide=masked(lambda x, m: x + (1.0 - m.astype(np.float32)) * -1e9)
        ),
        "smallest float32": lambda *a: attention(
            *a, hide=masked(lambda x, m: np.where(m, x, np.finfo(np.float32).min))
        ),
        "query scaled first": lambda query, *rest: attention(
            query / np.sqrt(query.shape[-1]), *rest, scale=lambda logits, **_: logits
        ),
        "float32": lambda *a: attention(*a).astype(np.float32),
        "loops and lists": lambda *a: _attention_with_loops(*a),
        "keras.ops": lambda *a: _attention_with_keras(*a),
        "tensorflow": lambda *a: attention_with_tensorflow(*a),
        "tlkeras.layers": lambda *a: our_layers().scaled_dot_product_attention(*a),
        "masked, then renormalised": lambda *a: _attention_renormalised(*a),
    },
)


def _attention_with_einsum(query, key, value, mask=None):
    logits = np.einsum("...th,...sh->...ts", query, key) / query.shape[-1] ** 0.5
    return np.einsum("...ts,...sv->...tv", softmax(fill(logits, mask)), value)


def _attention_with_infinity(query, key, value, mask=None):
    logits = dot_products(query, key) / np.sqrt(query.shape[-1])
    if mask is not None:
        logits = np.where(mask, logits, -np.inf)
        logits = np.where(mask.any(-1, keepdims=True), logits, 0)
    return softmax(logits) @ value


def _attention_with_loops(query, key, value, mask=None):
    if query.ndim > 2:
        masks = [None] * len(query)
        if mask is not None:
            masks = np.broadcast_to(mask, (*query.shape[:-1], key.shape[-2]))
        rows = zip(query, key, value, masks, strict=True)
        return [_attention_with_loops(*row) for row in rows]
    return [
        attention(one[None], key, value, None if mask is None else mask[[i]])[0]
        for i, one in enumerate(query)
    ]


def _attention_with_keras(query, key, value, mask=None):
    ops = keras().ops
    logits = ops.matmul(query, ops.swapaxes(key, -1, -2)) / query.shape[-1] ** 0.5
    if mask is not None:
        logits = ops.where(mask, logits, -1e9)
    return ops.matmul(ops.softmax(logits), value)


def attention_with_tensorflow(query, key, value, mask=None):
    """The same in TensorFlow."""
    import tensorflow as tf

    logits = tf.matmul(query, key, transpose_b=True) / query.shape[-1] ** 0.5
    if mask is not None:
        logits += tf.where(mask, 0.0, -1e9)
    return tf.nn.softmax(logits) @ value


def _attention_renormalised(query, key, value, mask=None):
    scores = softmax(dot_products(query, key) / np.sqrt(query.shape[-1]))
    if mask is not None:
        scores = np.where(mask.any(-1, keepdims=True), scores * mask, scores)
    return divide_by_sum(scores, -1) @ value
