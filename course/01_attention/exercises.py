"""What lesson 01 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, N heads, T query length, S key length, H
size of a query or key, V size of a value.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras, swap, tensorflow

MESSAGES = Messages(Path(__file__).parent)
# What these exercises ask a learner to write; reported if it is called instead.
SOFTMAXES = (
    "keras.activations.softmax",
    "keras.layers.Softmax",
    "keras.ops.softmax",
    "scipy.special.softmax",
    "tensorflow.nn.softmax",
)
ATTENTIONS = (
    "keras.layers.AdditiveAttention",
    "keras.layers.Attention",
    "keras.layers.GroupQueryAttention",
    "keras.layers.MultiHeadAttention",
    "keras.ops.dot_product_attention",
    "keras_hub.layers",
    "tlkeras.layers",
)
MASKS = ("tlkeras.masks",)


def half(x):
    """Go on in 16-bit numbers, which have three digits and end at 65,504."""
    return x.astype(np.float16)


# ── softmax ───────────────────────────────────────────────────────────────────────────


def largest(x, axis):
    """The maximum along an axis, kept as an axis."""
    return x.max(axis, keepdims=True)


def nothing(x, axis):
    """Subtract nothing."""
    return 0.0


def divide_by_sum(powers, axis):
    """Make the numbers along an axis sum to one."""
    return powers / powers.sum(axis, keepdims=True)


def softmax(
    x,
    *,
    accuracy=identity,
    axis=-1,
    subtract=largest,
    power=np.exp,
    normalise=divide_by_sum,
):
    """Positive numbers that sum to one along the last axis."""
    x = accuracy(x)
    return normalise(power(x - subtract(x, axis)), axis)


def log_softmax(x, axis=-1):
    """Its logarithm, without an exponential that overflows."""
    x = x - largest(x, axis)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def hard(x, axis=-1):
    """All to the largest, the first of equals."""
    return np.moveaxis(np.eye(x.shape[axis])[x.argmax(axis)], -1, axis)


def sigmoid(x):
    """Each number by itself, between 0 and 1."""
    return 1 / (1 + np.exp(-x))


def rows_far_apart(rng, size=5):
    """Around +2000 in one row, around −2000 in the next, and spread in a third."""
    x = floats(rng, 3, size)
    x[0] += 2000
    x[1] -= 2000
    x[2, 1] += 2000
    x[2, 2] -= 2000
    return (x,)


SOFTMAX = Exercise(
    name="softmax",
    section="softmax",
    points=3,
    reference=softmax,
    messages=MESSAGES,
    forbidden=SOFTMAXES,
    cases=(
        Case("vector", lambda rng: (floats(rng, 5, scale=2),)),
        Case("rows", lambda rng: (floats(rng, 3, 5, scale=2),)),
        Case("batch", lambda rng: (floats(rng, 2, 3, 5, scale=2),)),
        Case("one-score", lambda rng: (floats(rng, 3, 1),)),
        Case("large", lambda rng: (floats(rng, 2, 4) + np.float32(2000),)),
        Case("far-apart", rows_far_apart, tolerance=1e-3),
        Case("square", lambda rng: (floats(rng, 4, 4, scale=2),), diagnostic=True),
        Case("square-far-apart", lambda rng: rows_far_apart(rng, 3), 1e-3, True),
        Case("columns", lambda rng: (rows_far_apart(rng)[0].T.copy(),), 1e-3, True),
    ),
    misconceptions=(
        Misconception("softmax.first-axis", "softmax", axis=0),
        Misconception("softmax.second-to-last-axis", "softmax", axis=-2),
        Misconception("softmax.axis-one", "softmax", axis=1),
        Misconception("softmax.over-everything", "softmax", axis=None),
        Misconception("softmax.overflow", "overflow", subtract=nothing),
        Misconception(
            "softmax.one-maximum-for-all", "overflow", subtract=lambda x, axis: x.max()
        ),
        Misconception(
            "softmax.subtracts-minimum",
            "overflow",
            subtract=lambda x, axis: x.min(axis, keepdims=True),
        ),
        Misconception(
            "softmax.maximum-loses-axis",
            "overflow",
            subtract=lambda x, axis: x.max(axis),
        ),
        Misconception(
            "softmax.sum-loses-axis",
            "softmax",
            normalise=lambda powers, axis: powers / powers.sum(axis),
        ),
        Misconception("softmax.not-normalised", "softmax", normalise=identity),
        Misconception(
            "softmax.logarithm",
            "softmax",
            normalise=lambda powers, axis: np.log(divide_by_sum(powers, axis)),
        ),
        Misconception(
            "softmax.log-softmax", "softmax", power=identity, normalise=log_softmax
        ),
        Misconception(
            "softmax.twice",
            "softmax",
            normalise=lambda powers, axis: softmax(
                divide_by_sum(powers, axis), axis=axis
            ),
        ),
        Misconception("softmax.hard", "softmax", power=identity, normalise=hard),
        Misconception("softmax.half-precision", "overflow", accuracy=half),
        Misconception(
            "softmax.no-exponential", "softmax", subtract=nothing, power=identity
        ),
        Misconception(
            "softmax.sigmoid",
            "softmax",
            subtract=nothing,
            power=sigmoid,
            normalise=identity,
        ),
    ),
    accepted={
        "keras": lambda x: keras().ops.softmax(x, axis=-1),
        "tensorflow": lambda x: tensorflow().nn.softmax(x),
        "scipy-like logsumexp": lambda x: np.exp(
            x
            - largest(x, -1)
            - np.log(np.exp(x - largest(x, -1)).sum(-1, keepdims=True))
        ),
        "float64": lambda x: softmax(x.astype(np.float64)),
        "lists": lambda x: softmax(x).tolist(),
        "new axes by hand": lambda x: _softmax_with_new_axes(x),
    },
)


def _softmax_with_new_axes(x):
    powers = np.exp(x - x.max(-1)[..., None])
    return powers / powers.sum(-1)[..., None]


# ── scaled dot-product attention ──────────────────────────────────────────────────────


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


def _mistake(name, section, **steps):
    return Misconception(f"attention.{name}", section, **steps)


ATTENTION = Exercise(
    name="scaled_dot_product_attention",
    section="attention",
    points=6,
    reference=attention,
    messages=MESSAGES,
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
        _mistake("key-not-transposed", "attention", compare=lambda q, k: q @ k),
        _mistake(
            "key-reshaped",
            "attention",
            compare=lambda q, k: q @ k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2]),
        ),
        _mistake("query-key-swapped", "attention", compare=lambda q, k: k @ swap(q)),
        _mistake("two-axes-only", "attention", compare=lambda q, k: q @ k.T),
        _mistake("first-sequence-keys", "attention", compare=across_sequences),
        # scaling
        _mistake("not-scaled", "scaling", scale=lambda logits, **_: logits),
        _mistake(
            "scaled-without-root",
            "scaling",
            scale=lambda logits, query, **_: logits / query.shape[-1],
        ),
        _mistake(
            "multiplied-by-root",
            "scaling",
            scale=lambda logits, query, **_: logits * np.sqrt(query.shape[-1]),
        ),
        _mistake("scaled-by-query-length", "scaling", scale=by_root(-2, of="query")),
        _mistake("scaled-by-key-length", "scaling", scale=by_root(-2, of="key")),
        _mistake("scaled-by-value-size", "scaling", scale=by_root(-1, of="value")),
        _mistake("scaled-by-batch", "scaling", scale=by_root(0, of="query")),
        _mistake(
            "scaled-after-softmax",
            "scaling",
            scale=lambda logits, **_: logits,
            combine=lambda scores, value, key, **_: (
                scores @ value / np.sqrt(key.shape[-1])
            ),
        ),
        _mistake("half-precision", "overflow", accuracy=half),
        _mistake(
            "half-precision-throughout",
            "overflow",
            accuracy=half,
            scale=lambda logits, query, **_: logits / query.shape[-1] ** 0.5,
        ),
        # masking
        _mistake("mask-ignored", "masks", hide=identity),
        _mistake("mask-inverted", "masks", hide=masked(lambda x, m: fill(x, ~m))),
        _mistake("mask-added", "masks", hide=masked(lambda x, m: x + m)),
        _mistake("mask-multiplied", "masks", hide=masked(lambda x, m: x * m)),
        _mistake(
            "mask-minus-infinity",
            "masks",
            hide=masked(minus_infinity),
        ),
        _mistake(
            "hidden-row-is-zero",
            "masks",
            hide=masked(minus_infinity),
            normalise=lambda x: np.nan_to_num(softmax(x)),
        ),
        _mistake(
            "fill-too-small",
            "masks",
            hide=masked(lambda x, m: np.where(m, x, -100)),
        ),
        _mistake(
            "mask-transposed", "masks", hide=masked(lambda x, m: fill(x, swap(m)))
        ),
        _mistake(
            "mask-of-first-sequence",
            "masks",
            hide=masked(lambda x, m: fill(x, of_first_sequence(m))),
        ),
        _mistake(
            "mask-of-first-row", "masks", hide=masked(lambda x, m: fill(x, m[:1]))
        ),
        _mistake("always-causal", "masks", hide=fill_the_future),
        _mistake(
            "mask-after-softmax", "masks", hide=identity, after=masked(np.multiply)
        ),
        # normalising
        _mistake(
            "softmax-over-queries", "attention", normalise=lambda x: softmax(x, axis=-2)
        ),
        _mistake(
            "softmax-over-matrix",
            "attention",
            normalise=lambda x: softmax(x, axis=(-1, -2)),
        ),
        _mistake(
            "softmax-over-batch", "attention", normalise=lambda x: softmax(x, axis=0)
        ),
        _mistake(
            "softmax-over-everything",
            "attention",
            normalise=lambda x: softmax(x, axis=None),
        ),
        _mistake(
            "softmax-overflows",
            "overflow",
            normalise=lambda x: softmax(x, subtract=nothing),
        ),
        _mistake("no-softmax", "attention", normalise=identity),
        _mistake("softmax-twice", "attention", normalise=lambda x: softmax(softmax(x))),
        _mistake("log-softmax", "attention", normalise=log_softmax),
        _mistake("sigmoid", "attention", normalise=sigmoid),
        _mistake("best-key-only", "attention", normalise=hard),
        # averaging the values
        _mistake(
            "weights-returned", "attention", combine=lambda scores, *_, **__: scores
        ),
        _mistake(
            "logits-returned",
            "attention",
            combine=lambda scores, value, logits, **_: logits,
        ),
        _mistake(
            "keys-averaged",
            "attention",
            combine=lambda scores, value, key, **_: scores @ key,
        ),
        _mistake(
            "output-transposed",
            "attention",
            combine=lambda scores, value, **_: swap(scores @ value),
        ),
        _mistake(
            "softmax-last",
            "attention",
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
        "tensorflow": lambda *a: _attention_with_tensorflow(*a),
        "tlkeras.layers": lambda *a: _layers().scaled_dot_product_attention(*a),
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


def _attention_with_tensorflow(query, key, value, mask=None):
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


# ── masks ─────────────────────────────────────────────────────────────────────────────


def causal(length, *, keeps=lambda query, key: key <= query):
    """(T, T): which keys each query may look at."""
    positions = np.arange(length)
    return keeps(positions[:, None], positions[None, :])


CAUSAL_MASK = Exercise(
    name="causal_mask",
    section="causal",
    points=2,
    reference=causal,
    messages=MESSAGES,
    forbidden=MASKS,
    cases=(
        Case("five", lambda rng: (5,)),
        Case("one", lambda rng: (1,)),
        Case("many", lambda rng: (int(rng.integers(16, 24)),)),
    ),
    misconceptions=(
        Misconception("causal.hides-itself", "causal", keeps=lambda q, k: k < q),
        Misconception("causal.inverted", "causal", keeps=lambda q, k: k > q),
        Misconception("causal.transposed", "causal", keeps=lambda q, k: k >= q),
        Misconception("causal.one-ahead", "causal", keeps=lambda q, k: k <= q + 1),
        Misconception("causal.only-itself", "causal", keeps=lambda q, k: k == q),
        Misconception("causal.only-the-last", "causal", keeps=lambda q, k: k == q - 1),
        Misconception(
            "causal.hides-nothing", "causal", keeps=lambda q, k: (k <= q) | (k > q)
        ),
    ),
    accepted={
        "tril": lambda n: np.tril(np.ones((n, n), bool)),
        "tri": lambda n: np.tri(n, dtype=bool),
        "not triu": lambda n: ~np.triu(np.ones((n, n), bool), k=1),
        "lists": lambda n: [[s <= t for s in range(n)] for t in range(n)],
        "keras.ops": lambda n: keras().ops.tril(np.ones((n, n), bool)),
        "tlkeras.masks": lambda n: _masks().causal_mask(n),
    },
)


def padding(token_ids, *, keeps=lambda ids: ids != 0):
    """(B, S): which tokens are real."""
    return keeps(token_ids)


def tokens(*lengths, size):
    """Random token ids, padded with zeros on the right; ids 1 and 2 do occur."""

    def draw(rng):
        ids = rng.integers(3, 30, (len(lengths), size))
        ids[:, :2] = (1, 2)[:size]
        return (np.where(np.arange(size) < np.array(lengths)[:, None], ids, 0),)

    return draw


def left_padded(rng):
    """Zeros on the left, and one in the middle."""
    (ids,) = tokens(4, 2, 5, size=5)(rng)
    ids = ids[:, ::-1].copy()
    ids[2, 2] = 0
    return (ids,)


PADDING_MASK = Exercise(
    name="padding_mask",
    section="padding",
    points=2,
    reference=padding,
    messages=MESSAGES,
    forbidden=MASKS,
    cases=(
        Case("right", tokens(3, 5, 0, size=5)),
        Case("left", left_padded),
        Case("single", tokens(4, size=6)),
        Case("none", tokens(3, 3, size=3)),
        Case("one-token", tokens(1, 0, 1, size=1)),
    ),
    misconceptions=(
        Misconception("padding.inverted", "padding", keeps=lambda ids: ids == 0),
        Misconception(
            "padding.keeps-everything", "padding", keeps=lambda ids: ids >= 0
        ),
        Misconception("padding.loses-token-one", "padding", keeps=lambda ids: ids > 1),
        Misconception(
            "padding.hides-whole-sequence",
            "padding",
            keeps=lambda ids: np.broadcast_to((ids != 0).all(1)[:, None], ids.shape),
        ),
        Misconception(
            "padding.assumes-right-side",
            "padding",
            keeps=lambda ids: np.arange(ids.shape[1]) < (ids != 0).sum(1)[:, None],
        ),
        Misconception(
            "padding.stops-at-first-zero",
            "padding",
            keeps=lambda ids: np.cumprod(ids != 0, axis=1).astype(bool),
        ),
        Misconception(
            "padding.place-of-first-zero",
            "padding",
            keeps=lambda ids: np.arange(ids.shape[1]) < (ids == 0).argmax(1)[:, None],
        ),
        Misconception(
            "padding.one-for-all",
            "padding",
            keeps=lambda ids: np.broadcast_to((ids != 0).any(0), ids.shape),
        ),
    ),
    accepted={
        "greater": lambda ids: ids > 0,
        "astype": lambda ids: ids.astype(bool),
        "logical not": lambda ids: np.logical_not(ids == 0),
        "lists": lambda ids: [[token != 0 for token in row] for row in ids],
        "keras.ops": lambda ids: keras().ops.not_equal(ids, 0),
        "tlkeras.masks": lambda ids: _masks().padding_mask(ids),
    },
)


def self_attention(
    x,
    token_ids,
    *,
    prepare=identity,
    look_back=lambda ids: causal(ids.shape[1]),
    real=lambda ids: padding(ids)[:, None, :],
    merge=np.logical_and,
    attend=attention,
    finish=identity,
):
    """Attention of a padded batch to itself, where no position looks ahead."""
    x = prepare(x, token_ids)
    mask = merge(look_back(token_ids), real(token_ids))
    return finish(attend(x, x, x, mask), token_ids)


def zero_padding(x, token_ids):
    """Zeros in the place of padded vectors."""
    return x * padding(token_ids)[..., None]


def sequences(*lengths, size, width):
    """Vectors (B, T, D) and their token ids (B, T)."""
    return lambda rng: (
        floats(rng, len(lengths), size, width, scale=1.2),
        *tokens(*lengths, size=size)(rng),
    )


def sequences_with_a_gap(rng):
    """Padding before real tokens, where the causal mask alone does not hide it."""
    x, token_ids = sequences(7, 5, size=7, width=5)(rng)
    token_ids[:, 2] = 0
    return x, token_ids


CAUSAL_SELF_ATTENTION = Exercise(
    name="causal_self_attention",
    section="together",
    points=3,
    reference=self_attention,
    messages=MESSAGES,
    forbidden=(*ATTENTIONS, *MASKS),
    cases=(
        Case("no-padding", sequences(4, 4, size=4, width=3)),
        Case("padding", sequences(3, 5, 2, size=5, width=4)),
        Case("gap", sequences_with_a_gap),
        Case("one-sequence", sequences(3, size=4, width=6)),
        Case("one-token", sequences(1, 1, 1, size=1, width=4)),
        Case("square", sequences(3, 4, 2, 4, size=4, width=6), diagnostic=True),
    ),
    misconceptions=(
        Misconception(
            "together.padding-only", "together", merge=lambda back, real: real
        ),
        Misconception(
            "together.causal-only", "together", merge=lambda back, real: back
        ),
        Misconception("together.or", "together", merge=np.logical_or),
        Misconception("together.exclusive-or", "together", merge=np.logical_xor),
        Misconception(
            "together.merged-inverted", "together", merge=lambda a, b: ~(a & b)
        ),
        Misconception(
            "together.hides-queries",
            "together",
            real=lambda ids: padding(ids)[:, :, None],
        ),
        Misconception(
            "together.no-query-axis", "together", real=lambda ids: padding(ids)
        ),
        Misconception(
            "together.padding-inverted",
            "together",
            real=lambda ids: ~padding(ids)[:, None, :],
        ),
        Misconception(
            "together.looks-ahead",
            "together",
            look_back=lambda ids: causal(ids.shape[1]).T,
        ),
        Misconception(
            "together.one-ahead",
            "together",
            look_back=lambda ids: np.tri(ids.shape[1], k=1, dtype=bool),
        ),
        Misconception(
            "together.hides-both",
            "together",
            real=lambda ids: padding(ids)[:, None, :] & padding(ids)[:, :, None],
        ),
        Misconception(
            "together.padding-of-first-sequence",
            "together",
            real=lambda ids: padding(ids)[:1, None, :],
        ),
        Misconception(
            "together.padding-set-to-zero",
            "together",
            prepare=zero_padding,
            merge=lambda back, real: back,
        ),
        Misconception("together.padded-outputs-zero", "together", finish=zero_padding),
        Misconception(
            "together.hides-itself",
            "together",
            look_back=lambda ids: np.tri(ids.shape[1], k=-1, dtype=bool),
        ),
    ),
    accepted={
        "multiplied masks": lambda x, ids: self_attention(
            x, ids, merge=lambda a, b: (a * b).astype(bool)
        ),
        "two fills": lambda x, ids: _self_attention_in_two_fills(x, ids),
        "not (hidden or hidden)": lambda x, ids: self_attention(
            x, ids, merge=lambda a, b: ~(~a | ~b)
        ),
        "tensorflow": lambda x, ids: _attention_with_tensorflow(
            x, x, x, causal(x.shape[1]) & (ids != 0)[:, None]
        ),
        "tlkeras": lambda x, ids: _layers().scaled_dot_product_attention(
            x,
            x,
            x,
            mask=_masks().merge_masks(
                _masks().causal_mask(x.shape[1]), _masks().padding_mask(ids)[:, None]
            ),
        ),
    },
)


def _self_attention_in_two_fills(x, token_ids):
    logits = dot_products(x, x) / np.sqrt(x.shape[-1])
    logits = np.where(causal(x.shape[1]), logits, -1e9)
    logits = np.where((token_ids != 0)[:, None, :], logits, -1e9)
    return softmax(logits) @ x


# ── attention as a classifier ─────────────────────────────────────────────────────────


def unit_length(x):
    """Divide each row by its length, so that a dot product is a cosine."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def one_hot(labels):
    """(S,) digits as (S, 10) rows with a single 1."""
    return np.eye(10)[labels]


def classifier(
    images,
    known_images,
    known_labels,
    temperature,
    *,
    lengths=unit_length,
    known_lengths=unit_length,
    cool=lambda cosines, temperature, size: cosines / temperature,
    normalise=softmax,
    values=one_hot,
    finish=identity,
):
    """Class probabilities (T, 10): attention from new images to known ones."""
    cosines = lengths(images) @ known_lengths(known_images).T
    logits = cool(cosines, temperature, images.shape[-1])
    return finish(normalise(logits) @ values(known_labels))


def squared_length(x):
    """Divide each row by the square of its length."""
    return x / (x**2).sum(-1, keepdims=True)


def last_of_each(labels):
    """One-hot rows in which only the last image of each label has its 1."""
    last = [label not in labels[s + 1 :] for s, label in enumerate(labels)]
    return one_hot(labels) * np.array(last)[:, None]


def digits(images, known, temperature):
    """Bright and dark images, and labels that do not come in order."""

    def draw(rng):
        def pictures(count):
            brightness = rng.uniform(0.5, 3, (count, 1))
            return (brightness * rng.random((count, 16))).astype(np.float32)

        labels = rng.permutation(np.arange(known) % 10)
        return pictures(images), pictures(known), labels, temperature

    return draw


ATTENTION_CLASSIFIER = Exercise(
    name="attention_classifier",
    section="classifier",
    points=4,
    reference=classifier,
    messages=MESSAGES,
    forbidden=ATTENTIONS,
    cases=(
        Case("warm", digits(3, 20, 0.5)),
        Case("cool", digits(4, 30, 0.05), tolerance=1e-3),
        Case("few", digits(6, 4, 0.2)),
        Case("one-image", digits(1, 12, 0.3)),
    ),
    misconceptions=(
        Misconception(
            "classifier.no-unit-length",
            "classifier",
            lengths=identity,
            known_lengths=identity,
        ),
        Misconception("classifier.images-not-unit", "classifier", lengths=identity),
        Misconception(
            "classifier.known-not-unit", "classifier", known_lengths=identity
        ),
        Misconception(
            "classifier.length-over-batch",
            "classifier",
            lengths=lambda x: x / np.linalg.norm(x),
            known_lengths=lambda x: x / np.linalg.norm(x),
        ),
        Misconception(
            "classifier.squared-length",
            "classifier",
            lengths=squared_length,
            known_lengths=squared_length,
        ),
        Misconception(
            "classifier.temperature-multiplied",
            "classifier",
            cool=lambda x, temperature, size: x * temperature,
        ),
        Misconception(
            "classifier.temperature-ignored", "classifier", cool=lambda x, *_: x
        ),
        Misconception(
            "classifier.scaled-twice",
            "classifier",
            cool=lambda x, temperature, size: x / temperature / np.sqrt(size),
        ),
        Misconception(
            "classifier.scaled-not-cooled",
            "classifier",
            cool=lambda x, temperature, size: x / np.sqrt(size),
        ),
        Misconception(
            "classifier.softmax-over-images",
            "classifier",
            normalise=lambda x: softmax(x, axis=0),
        ),
        Misconception("classifier.no-softmax", "classifier", normalise=identity),
        Misconception(
            "classifier.softmax-last",
            "classifier",
            normalise=identity,
            finish=softmax,
        ),
        Misconception(
            "classifier.repeated-labels-lost", "classifier", values=last_of_each
        ),
        Misconception(
            "classifier.labels-averaged",
            "classifier",
            values=lambda labels: (
                one_hot(labels) / np.maximum(one_hot(labels).sum(0), 1)
            ),
        ),
        Misconception(
            "classifier.averages-label-numbers",
            "classifier",
            values=lambda labels: labels,
        ),
        Misconception(
            "classifier.scores-returned",
            "classifier",
            values=lambda labels: np.eye(len(labels)),
        ),
    ),
    accepted={
        "scaled attention, undone": lambda a, b, labels, t: attention(
            unit_length(a) * np.sqrt(a.shape[-1]) / t, unit_length(b), one_hot(labels)
        ),
        "einsum": lambda a, b, labels, t: (
            softmax(np.einsum("th,sh->ts", unit_length(a), unit_length(b)) / t)
            @ one_hot(labels)
        ),
        "sums over labels": lambda a, b, labels, t: np.stack(
            [
                np.where(
                    labels == c, softmax(unit_length(a) @ unit_length(b).T / t), 0
                ).sum(-1)
                for c in range(10)
            ],
            axis=-1,
        ),
        "keras": lambda a, b, labels, t: _classifier_with_keras(a, b, labels, t),
    },
)


def _classifier_with_keras(images, known_images, known_labels, temperature):
    import keras

    cosines = keras.ops.matmul(
        keras.ops.normalize(images),
        keras.ops.transpose(keras.ops.normalize(known_images)),
    )
    return keras.ops.matmul(
        keras.ops.softmax(cosines / temperature), keras.ops.one_hot(known_labels, 10)
    )


def _layers():
    import tlkeras.layers

    return tlkeras.layers


def _masks():
    import tlkeras.masks

    return tlkeras.masks


EXERCISES = (
    SOFTMAX,
    ATTENTION,
    CAUSAL_MASK,
    PADDING_MASK,
    CAUSAL_SELF_ATTENTION,
    ATTENTION_CLASSIFIER,
)
