"""Norm(token + segment + position): (B, T, D)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def add_up(tokens, segments, positions):
    """Three vectors become one."""
    return tokens + segments + positions


def standardise(x):
    """Mean 0 and variance 1 along the features."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-12)


def scale_and_shift(x, gamma, beta):
    """What a norm has learned."""
    return x * gamma + beta


def bert_input(
    token_ids,
    segment_ids,
    token_table,
    segment_table,
    position_table,
    gamma,
    beta,
    *,
    tokens=lambda ids, table: table[ids],
    segments=lambda ids, table: table[ids],
    places=lambda segment_ids: np.arange(segment_ids.shape[1]),
    positions=lambda places, table: table[places],
    combine=add_up,
    norm=standardise,
    learned=scale_and_shift,
):
    """Norm(token + segment + position): (B, T, D)."""
    x = combine(
        tokens(token_ids, token_table),
        segments(segment_ids, segment_table),
        positions(places(segment_ids), position_table),
    )
    return learned(norm(x), gamma, beta)


def tables(batch, length, size, vocabulary=11, longest=9, segments=2):
    """Tokens and segments, three tables, and what a norm learned."""

    def draw(rng):
        token_ids = rng.integers(0, vocabulary, (batch, length))
        cuts = rng.integers(1, length, batch)
        segment_ids = (np.arange(length) >= cuts[:, None]).astype(int)
        shapes = ((vocabulary, size), (segments, size), (longest, size))
        shift = 0.5 * floats(rng, 3)[:, None]  # a mean that is not 0
        learned = [floats(rng, *s) + shift[i] for i, s in enumerate(shapes)]
        gamma = (1 + 0.3 * floats(rng, size)).astype(np.float32)
        return token_ids, segment_ids, *learned, gamma, floats(rng, size)

    return draw


def first_sentence_only(rng):
    """No second sentence: segments are all 0."""
    token_ids, segment_ids, *others = tables(2, 5, 6)(rng)
    return token_ids, 0 * segment_ids, *others


def padded_pair(rng):
    """Texts that end in padding, whose number is 0."""
    token_ids, *others = tables(2, 6, 4)(rng)
    token_ids[0, 4:] = token_ids[1, 5:] = 0
    return token_ids, *others


def restarted(segment_ids):
    """Places that begin again in the second sentence."""
    places = np.arange(segment_ids.shape[1])
    begin = np.where(segment_ids == 1, places, places.size).min(1, keepdims=True)
    return np.where(segment_ids == 1, places - begin, places)


wrong = mistakes("input", section="input")

EXERCISE = Exercise(
    name="bert_input",
    section="input",
    points=3,
    reference=bert_input,
    cases=(
        Case("one-sentence", first_sentence_only),
        Case("pair", tables(2, 7, 5)),
        Case("many", tables(3, 8, 10, vocabulary=23, longest=12)),
        Case("padded", padded_pair),
        Case("one-text", tables(1, 6, 5, longest=6)),
        Case("square", tables(4, 4, 4, vocabulary=13, longest=4), 1e-4, True),
    ),
    misconceptions=(
        wrong("token-scaled", tokens=lambda i, t: t[i] * np.sqrt(t.shape[1])),
        wrong("token-forgotten", tokens=lambda i, t: 0 * t[i]),
        wrong("padding-zeroed", tokens=lambda i, t: t[i] * (i != 0)[..., None]),
        wrong("segment-forgotten", segments=lambda i, t: 0 * t[i]),
        wrong("segment-swapped", segments=lambda i, t: t[1 - i]),
        wrong("segment-multiplied", segments=lambda i, t: i[..., None] * t[1]),
        wrong("position-forgotten", positions=lambda p, t: 0 * t[p]),
        wrong("position-restarts", places=restarted),
        wrong(
            "position-counts-from-1",
            places=lambda s: np.arange(s.shape[1]) + 1,
            positions=lambda p, t: t[p % len(t)],
        ),
        wrong("position-backwards", positions=lambda p, t: t[p][..., ::-1, :]),
        wrong("position-from-the-end", positions=lambda p, t: t[::-1][p]),
        wrong("multiplied", combine=lambda a, b, c: a * b * c),
        wrong(
            "joined",
            combine=lambda a, b, c: np.concatenate(np.broadcast_arrays(a, b, c), -1),
            learned=lambda x, gamma, beta: x * np.tile(gamma, 3) + np.tile(beta, 3),
        ),
        wrong(
            "norm-of-each",
            combine=lambda a, b, c: standardise(a) + standardise(b) + standardise(c),
            norm=identity,
        ),
        wrong("norm-forgotten", norm=identity),
        wrong(
            "mean-not-removed",
            norm=lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True)),
        ),
        wrong(
            "variance-without-root",
            norm=lambda x: (x - x.mean(-1, keepdims=True)) / x.var(-1, keepdims=True),
        ),
        wrong(
            "variance-of-a-sample",
            norm=lambda x: (
                (x - x.mean(-1, keepdims=True)) / x.std(-1, ddof=1, keepdims=True)
            ),
        ),
        wrong(
            "norm-over-positions",
            norm=lambda x: (
                (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-12)
            ),
        ),
        wrong(
            "norm-over-sentence",
            norm=lambda x: (
                (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
            ),
        ),
        wrong("norm-not-learned", learned=lambda x, gamma, beta: x),
        wrong("shift-forgotten", learned=lambda x, gamma, beta: x * gamma),
        wrong("scale-forgotten", learned=lambda x, gamma, beta: x + beta),
        wrong("shift-scaled", learned=lambda x, gamma, beta: (x + beta) * gamma),
    ),
    accepted={
        "take": lambda *a: _input_with_take(*a),
        "one-hot": lambda *a: _input_with_one_hot(*a),
        "loops": lambda *a: _input_with_loops(*a),
        "keras": lambda *a: _input_with_keras(*a),
        "tensorflow": lambda *a: _input_with_tensorflow(*a),
    },
)


def _input_with_take(ids, segments, tokens, kinds, places, gamma, beta):
    x = np.take(tokens, ids, axis=0) + np.take(kinds, segments, axis=0)
    x = x + places[None, : ids.shape[1]]
    mean, variance = x.mean(axis=2), x.var(axis=2)
    return (x - mean[..., None]) / (variance[..., None] + 1e-12) ** 0.5 * gamma + beta


def _input_with_one_hot(ids, segments, tokens, kinds, places, gamma, beta):
    x = np.eye(len(tokens))[ids] @ tokens + np.eye(len(kinds))[segments] @ kinds
    x = x + np.eye(len(places))[: ids.shape[1]] @ places
    x = x - np.mean(x, axis=-1, keepdims=True)
    return gamma * x / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True)) + beta


def _input_with_loops(ids, segments, tokens, kinds, places, gamma, beta):
    rows = []
    for row, kind_row in zip(ids.tolist(), segments.tolist(), strict=True):
        vectors = []
        for t, (i, s) in enumerate(zip(row, kind_row, strict=True)):
            x = tokens[i].astype(float) + kinds[s] + places[t]
            vectors.append((x - x.mean()) / x.std() * gamma + beta)
        rows.append(vectors)
    return rows


def _input_with_keras(ids, segments, tokens, kinds, places, gamma, beta):
    ops = keras().ops
    x = ops.take(tokens, ids, axis=0) + ops.take(kinds, segments, axis=0)
    x = x + ops.convert_to_tensor(places)[: ids.shape[1]]
    mean, variance = ops.moments(x, axes=-1, keepdims=True)
    return (x - mean) / ops.sqrt(variance + 1e-12) * gamma + beta


def _input_with_tensorflow(ids, segments, tokens, kinds, places, gamma, beta):
    import tensorflow as tf

    x = tf.nn.embedding_lookup(tokens, ids) + tf.gather(kinds, segments)
    x += tf.gather(places, tf.range(ids.shape[1]))
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-12)
