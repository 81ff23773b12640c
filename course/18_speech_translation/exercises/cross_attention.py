"""Attention from what is written to what is heard, over real tokens alone."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

HIDDEN = -1e30


def rounded_up(count, stride):
    """What a convolution leaves that is padded at both edges."""
    return -(-count // stride)


def each_stride(frames, strides, shorter):
    """One convolution after the other."""
    for stride in strides:
        frames = shorter(frames, stride)
    return frames


def inside(tokens, length):
    """True at real tokens: (B, S)."""
    return np.arange(length) < tokens[:, None]


def over_keys(logits, keep):
    """(B, 1, S): the same for every place that is written."""
    return np.broadcast_to(keep[:, None, :], logits.shape)


def hide(logits, keep):
    """What is hidden gets no weight."""
    return np.where(keep, logits, HIDDEN)


def root(size):
    """What logits are divided by."""
    return np.sqrt(size)


def softmax(x):
    """Over the tokens that are heard."""
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def as_they_are(weights, keep):
    """Nothing more is done."""
    return weights


def cross_attention(
    query,
    key,
    value,
    frames,
    strides,
    *,
    shorter=rounded_up,
    lengths=each_stride,
    real=inside,
    spread=over_keys,
    before=hide,
    scale=root,
    normalize=softmax,
    after=as_they_are,
):
    """What each place takes from the recording, and the weights with which it does."""
    query, key, value = (np.asarray(x, "float64") for x in (query, key, value))
    tokens = lengths(frames, strides, shorter)  # (B,)
    logits = query @ np.swapaxes(key, 1, 2) / scale(query.shape[-1])  # (B, T, S)
    keep = spread(logits, real(tokens, key.shape[1]))  # (B, T, S)
    weights = after(normalize(before(logits, keep)), keep)
    return weights @ value, weights


def as_pair(answer, *inputs):
    """Output and weights as arrays."""
    output, weights = answer(*inputs)
    return np.asarray(output), np.asarray(weights)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def recordings(frames, strides, places=3, room=None, width=5, depth=4, scale=1.0):
    """Random queries, keys and values; S is the tokens of the longest, or `room`."""

    def draw(rng):
        count = np.array(frames)
        tokens = room or int(each_stride(count.max(), strides, rounded_up))
        batch = len(count)
        return (
            floats(rng, batch, places, width, scale=scale),
            floats(rng, batch, tokens, width, scale=scale),
            floats(rng, batch, tokens, depth),
            count,
            strides,
        )

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def over_queries(logits, keep):
    """The mask lies along what is written (wrong)."""
    places, tokens = logits.shape[1:]
    rows = np.zeros((len(keep), places), bool)
    rows[:, : min(places, tokens)] = keep[:, :places]
    return np.broadcast_to(rows[:, :, None], logits.shape)


def causal_too(logits, keep):
    """No place sees tokens behind its own number (wrong)."""
    places, tokens = logits.shape[1:]
    earlier = np.arange(tokens) <= np.arange(places)[:, None]
    return keep[:, None, :] & earlier


wrong = mistakes("cross", section="cross")

EXERCISE = Exercise(
    name="cross_attention",
    section="cross",
    points=5,
    reference=cross_attention,
    probe=as_pair,
    forbidden=(
        "tlkeras.layers.ScaledDotProductAttention",
        "tlkeras.layers.MultiHeadAttention",
        "keras.layers.MultiHeadAttention",
        "keras.layers.Attention",
        "keras.ops.dot_product_attention",
    ),
    cases=(
        Case("four", recordings((23, 9, 14), (2, 2))),
        Case("six", recordings((31, 7), (2, 3), places=4)),
        Case("whisper", recordings((9, 4, 6), (1, 2), places=2)),
        Case("one-stride", recordings((17, 12, 5, 8), (3,), places=7)),
        Case("no-strides", recordings((6, 3), (), places=4)),
        Case("exact", recordings((16, 8, 4), (2, 2), places=3)),
        Case("one-more", recordings((17, 9, 5), (2, 2), places=4)),
        Case("one-frame", recordings((1, 22, 3), (2, 2), places=3)),
        Case("all-real", recordings((20, 20), (2, 2), places=3)),
        Case("much-padding", recordings((6, 13), (2, 2), places=2, room=11)),
        Case("one-place", recordings((11, 19, 6), (2, 2), places=1)),
        Case("large", recordings((12, 21), (2, 2), places=3, scale=9.0)),
        Case("wide", recordings((13, 26), (2, 2), places=3, width=17, depth=3)),
        Case("three-strides", recordings((45, 18), (2, 2, 2), places=4)),
    ),
    misconceptions=(
        wrong("lengths-ignored", real=lambda t, s: np.ones((len(t), s), bool)),
        wrong("frames-for-tokens", lengths=lambda f, strides, shorter: f),
        wrong("floor", shorter=lambda n, stride: n // stride),
        wrong("strides-added", lengths=lambda f, s, up: up(f, sum(s)) if s else f),
        wrong("last-stride", lengths=lambda f, s, up: up(f, s[-1]) if s else f),
        wrong("one-too-many", real=lambda t, s: np.arange(s) <= t[:, None]),
        wrong("longest-for-all", real=lambda t, s: inside(np.full_like(t, t.max()), s)),
        wrong("zeros-before", before=lambda x, keep: x * keep),
        wrong("after-softmax", before=lambda x, keep: x, after=lambda w, k: w * k),
        wrong("over-queries", spread=over_queries),
        wrong("causal-too", spread=causal_too),
        wrong("turned", real=lambda t, s: ~inside(t, s)),
        wrong("unscaled", scale=lambda size: 1.0),
        wrong("divided-by-width", scale=lambda size: size),
        wrong(
            "softmax-over-queries",
            normalize=lambda x: np.swapaxes(softmax(np.swapaxes(x, 1, 2)), 1, 2),
        ),
        wrong("no-softmax", normalize=lambda x: x * (x > HIDDEN)),
    ),
    accepted={
        "minus infinity": lambda *a: _minus_infinity(*a),
        "row by row": lambda *a: _row_by_row(*a),
        "einsum": lambda *a: _einsum(*a),
        "keras": lambda *a: _keras(*a),
    },
)


def _tokens(frames, strides):
    count = np.array(frames, float)
    for stride in strides:
        count = np.ceil(count / stride)
    return count


def _minus_infinity(query, key, value, frames, strides):
    logits = query @ key.transpose(0, 2, 1) / query.shape[-1] ** 0.5
    places = np.arange(key.shape[1])[None, None]
    logits[
        np.broadcast_to(places >= _tokens(frames, strides)[:, None, None], logits.shape)
    ] = -np.inf
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return weights @ value, weights


def _row_by_row(query, key, value, frames, strides):
    output = np.zeros((*query.shape[:2], value.shape[-1]))
    weights = np.zeros((*query.shape[:2], key.shape[1]))
    for b, count in enumerate(_tokens(frames, strides).astype(int)):
        for t in range(query.shape[1]):
            x = key[b, :count].astype(float) @ query[b, t] / np.sqrt(query.shape[-1])
            x = np.exp(x - x.max())
            weights[b, t, :count] = x / x.sum()
            output[b, t] = weights[b, t, :count] @ value[b, :count]
    return output, weights


def _einsum(query, key, value, frames, strides):
    logits = np.einsum("btd,bsd->bts", query.astype(float), key)
    real = np.arange(key.shape[1])[None] < _tokens(frames, strides)[:, None]
    logits = logits * query.shape[-1] ** -0.5 - 1e9 * ~real[:, None]
    shares = np.exp(logits - logits.max(axis=2)[..., None])
    shares = np.einsum("bts,bt->bts", shares, 1 / shares.sum(axis=2))
    return np.einsum("bts,bsv->btv", shares, value), shares


def _keras(query, key, value, frames, strides):
    from keras import ops

    logits = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / query.shape[-1] ** 0.5
    real = np.arange(key.shape[1]) < _tokens(frames, strides)[:, None]
    weights = ops.softmax(ops.where(real[:, None], logits, -1e9))
    return ops.convert_to_numpy(weights @ ops.array(value)), ops.convert_to_numpy(
        weights
    )
