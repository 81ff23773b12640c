"""A number: how surprised a model is, on average, by each token that comes next."""

import math

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def all_but_the_last(logits):
    """What is said at each position that another one follows."""
    return logits[:, :-1]


def all_but_the_first(x):
    """What comes next at each position but the last."""
    return x[:, 1:]


def mean_of_real(losses, real):
    """The mean over all tokens that are real."""
    return (losses * real).sum() / real.sum()


def next_token_loss(
    logits,
    token_ids,
    padding_mask,
    *,
    logs=log_softmax,
    said=all_but_the_last,
    follows=all_but_the_first,
    counts=all_but_the_first,
    sign=np.negative,
    mean=mean_of_real,
    finish=identity,
):
    """A number: how surprised a model is, on average, by each token that comes next."""
    log_p = said(logs(logits))  # (B, T − 1, V)
    next_ids, real = follows(token_ids), counts(padding_mask)  # (B, T − 1)
    right = np.take_along_axis(log_p, next_ids[..., None], axis=-1)[..., 0]
    return finish(mean(sign(right), real))


def texts(lengths, width, vocabulary, scale=1.5, offset=0.0):
    """Logits, tokens and mask of texts of some lengths; token 0 may be a real one."""

    def draw(rng):
        size = (len(lengths), width)
        token_ids = rng.integers(0, vocabulary, size)
        mask = np.arange(width) < np.array(lengths)[:, None]
        logits = floats(rng, *size, vocabulary, scale=scale) + np.float32(offset)
        return logits, np.where(mask, token_ids, 0), mask

    return draw


def token_zero(rng):
    """Token 0 stands inside of texts and at their ends."""
    logits, token_ids, mask = texts((6, 4, 5), 6, 9)(rng)
    token_ids[0, [2, 5]] = token_ids[1, 3] = token_ids[2, 1] = 0
    return logits, token_ids, mask


def in_a_ring(x):
    """What comes next, and after the last position the first one (wrong)."""
    return np.roll(x, -1, axis=1)


def rows_alike(losses, real):
    """The mean of the texts' means (wrong)."""
    return ((losses * real).sum(1) / np.maximum(real.sum(1), 1)).mean()


wrong = mistakes("next", section="loss")

EXERCISE = Exercise(
    name="next_token_loss",
    section="loss",
    points=4,
    reference=next_token_loss,
    cases=(
        Case("full", texts((7, 7, 7), 7, 11)),
        Case("padded", texts((8, 3, 5, 2), 8, 9)),
        Case("token-zero", token_zero),
        Case("two-tokens", texts((2,), 2, 6)),
        Case("one-token", texts((1, 5), 5, 7)),
        Case("sure", texts((6, 4), 6, 8, scale=900)),
        Case("far-from-zero", texts((5, 4), 5, 7, offset=2000), 1e-3),
        Case("square", texts((6, 4, 5, 6, 3, 6), 6, 6), 1e-4, True),
    ),
    misconceptions=(
        wrong("not-shifted", said=identity, follows=identity, counts=identity),
        wrong(
            "shifted-back",
            said=all_but_the_first,
            follows=all_but_the_last,
            counts=all_but_the_last,
        ),
        wrong(
            "two-ahead",
            said=lambda x: x[:, :-2],
            follows=lambda x: x[:, 2:],
            counts=lambda x: x[:, 2:],
        ),
        wrong("in-a-ring", said=identity, follows=in_a_ring, counts=identity),
        wrong("mask-not-shifted", counts=all_but_the_last),
        wrong("padding-counted", counts=lambda mask: np.ones_like(mask[:, 1:])),
        wrong(
            "divided-by-all",
            mean=lambda losses, real: (losses * real).sum() / real.size,
        ),
        wrong("texts-weigh-alike", mean=rows_alike),
        wrong("summed", mean=lambda losses, real: (losses * real).sum()),
        wrong(
            "divided-by-texts",
            mean=lambda losses, real: (losses * real).sum() / len(losses),
        ),
        wrong("last-only", mean=lambda losses, real: losses[:, -1].mean()),
        wrong("no-softmax", logs=identity),
        wrong("no-logarithm", logs=lambda x: np.exp(log_softmax(x))),
        wrong("softmax-over-positions", logs=lambda x: log_softmax(x, axis=1)),
        wrong(
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        wrong("underflow", logs=lambda x: np.log(np.exp(log_softmax(x)))),
        wrong("sign", sign=identity),
        wrong("perplexity", finish=np.exp),
        wrong("in-bits", finish=lambda loss: loss / np.log(2)),
    ),
    accepted={
        "real rows alone": lambda *a: _loss_of_rows(*a),
        "loops": lambda *a: _loss_with_loops(*a),
        "one-hot": lambda *a: _loss_with_one_hot(*a),
        "keras": lambda *a: _loss_with_keras(*a),
        "tensorflow": lambda *a: _loss_with_tensorflow(*a),
    },
)


def _loss_of_rows(logits, token_ids, mask):
    real = mask[:, 1:]
    rows, labels = logits[:, :-1][real], token_ids[:, 1:][real]
    most = rows.max(axis=1, keepdims=True)
    total = most[:, 0] + np.log(np.exp(rows - most).sum(axis=1))
    return np.mean(total - rows[np.arange(len(rows)), labels])


def _loss_with_loops(logits, token_ids, mask):
    losses = []
    for b in range(token_ids.shape[0]):
        for t in range(token_ids.shape[1] - 1):
            if mask[b, t + 1]:
                row = [float(x) for x in logits[b, t]]
                most = max(row)
                total = most + math.log(sum(math.exp(x - most) for x in row))
                losses.append(total - row[token_ids[b, t + 1]])
    return sum(losses) / len(losses)


def _loss_with_one_hot(logits, token_ids, mask):
    size = logits.shape[-1]
    log_p = log_softmax(logits.astype(np.float64))[:, :-1]
    right = np.einsum("btv,btv->bt", log_p, np.eye(size)[token_ids[:, 1:]])
    return -np.average(right, weights=mask[:, 1:])


def _loss_with_keras(logits, token_ids, mask):
    import keras

    losses = keras.losses.sparse_categorical_crossentropy(
        token_ids[:, 1:], logits[:, :-1], from_logits=True
    )
    weights = keras.ops.cast(mask[:, 1:], "float32")
    return keras.ops.sum(losses * weights) / keras.ops.sum(weights)


def _loss_with_tensorflow(logits, token_ids, mask):
    import tensorflow as tf

    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        token_ids[:, 1:], logits[:, :-1]
    )
    return tf.reduce_mean(tf.boolean_mask(losses, mask[:, 1:]))
