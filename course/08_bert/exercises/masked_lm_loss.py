"""A number: how surprised BERT is, on average, where it was asked."""

import math

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def mean_where_asked(losses, asked):
    """The mean over positions with a label."""
    return (losses * asked).sum() / asked.sum()


def masked_lm_loss(
    states,
    labels,
    token_table,
    bias,
    *,
    score=lambda states, table, bias: states @ table.T + bias,
    logs=log_softmax,
    shift=identity,
    asked=lambda labels: labels != 0,
    sign=np.negative,
    mean=mean_where_asked,
    finish=identity,
):
    """A number: how surprised BERT is, on average, where it was asked."""
    log_p = logs(score(states, token_table, bias))  # (B, T, V)
    labels = shift(labels)
    of_label = np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]  # (B, T)
    return finish(mean(sign(of_label), asked(labels)))


def asked_about(batch, length, size, vocabulary, share=0.3, scale=1.0, offset=0.0):
    """States, labels of which most are 0, a table and a bias."""

    def draw(rng):
        labels = rng.integers(5, vocabulary, (batch, length))
        asked = rng.random((batch, length)) < share
        # At least one; none at an edge, so that a shifted label is another label.
        asked[:, [0, -1]] = False
        asked[np.arange(batch), 1 + np.arange(batch) % (length - 2)] = True
        asked[0, 1 : length - 1] = True  # sentences differ in how much is asked
        states = floats(rng, batch, length, size, scale=scale)
        table = floats(rng, vocabulary, size)
        bias = floats(rng, vocabulary, scale=0.7) + np.float32(offset)
        return states, np.where(asked, labels, 0), table, bias

    return draw


def asked_at_the_edges(rng):
    """First and last positions are asked, for the lowest and highest labels too."""
    states, labels, table, bias = asked_about(3, 6, 4, 11)(rng)
    labels[0, [0, -1]] = rng.permutation([1, 10])
    labels[1, [0, -1]] = rng.permutation([2, 7])
    labels[2, [0, 1]] = rng.permutation([3, 4])
    return states, labels, table, bias


def one_question(rng):
    """One text, in which only the last position is asked."""
    states, labels, table, bias = asked_about(1, 4, 3, 8)(rng)
    labels[:] = 0
    labels[0, -1] = rng.integers(1, 8)
    return states, labels, table, bias


def one_earlier(labels):
    """Each label at the position before its own; the first has none."""
    return np.pad(labels[:, 1:], ((0, 0), (0, 1)))


def but_the_ends(labels, first=1, last=1):
    """Where something is asked, the first and the last position left out (wrong)."""
    asked = labels != 0
    asked[:, :first] = False
    asked[:, labels.shape[1] - last :] = False
    return asked


wrong = mistakes("loss", section="loss")

EXERCISE = Exercise(
    name="masked_lm_loss",
    section="loss",
    points=3,
    reference=masked_lm_loss,
    cases=(
        Case("few", asked_about(2, 6, 3, 9)),
        Case("some", asked_about(4, 11, 5, 14)),
        Case("sure", asked_about(3, 7, 4, 12, scale=300)),
        Case("far-from-zero", asked_about(2, 5, 3, 8, offset=2000), 1e-3),
        Case("edges", asked_at_the_edges),
        Case("one-question", one_question),
        Case("square", asked_about(5, 7, 7, 7), 1e-4, True),
    ),
    misconceptions=(
        wrong("everywhere", asked=lambda labels: labels >= 0),
        wrong("where-not-asked", asked=lambda labels: labels == 0),
        wrong(
            "divided-by-all",
            mean=lambda losses, asked: (losses * asked).sum() / asked.size,
        ),
        wrong(
            "sentences-weigh-alike",
            mean=lambda losses, asked: (
                (losses * asked).sum(1) / np.maximum(asked.sum(1), 1)
            ).mean(),
        ),
        wrong("summed", mean=lambda losses, asked: (losses * asked).sum()),
        wrong(
            "divided-by-sentences",
            mean=lambda losses, asked: (losses * asked).sum() / len(losses),
        ),
        wrong("each-position", mean=lambda losses, asked: losses * asked),
        wrong("each-asked", mean=lambda losses, asked: losses[asked]),
        # Together with a moved label this would look like others: `shift` rules it out.
        wrong("ends-left-out", asked=but_the_ends, shift=identity),
        wrong("first-left-out", asked=lambda labels: but_the_ends(labels, last=0)),
        wrong("last-left-out", asked=lambda labels: but_the_ends(labels, first=0)),
        wrong("special-left-out", asked=lambda labels: labels > 4),
        wrong("next-token", shift=one_earlier),
        wrong("next-token-in-a-ring", shift=lambda x: np.roll(x, -1, axis=1)),
        wrong("bias-forgotten", score=lambda s, table, bias: s @ table.T),
        wrong("not-transposed", score=lambda s, table, bias: s @ table + bias),
        wrong(
            "cosine",
            score=lambda s, table, bias: (
                (s / np.linalg.norm(s, axis=-1, keepdims=True))
                @ (table / np.linalg.norm(table, axis=-1, keepdims=True)).T
                + bias
            ),
        ),
        wrong("no-softmax", logs=identity),
        wrong("no-logarithm", logs=lambda x: np.exp(log_softmax(x))),
        wrong("softmax-over-positions", logs=lambda x: log_softmax(x, axis=1)),
        wrong(
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        wrong("underflow", logs=lambda x: np.log(np.exp(log_softmax(x)))),
        wrong("tiny-added", logs=lambda x: np.log(np.exp(log_softmax(x)) + 1e-9)),
        wrong("sign", sign=identity),
        wrong("perplexity", finish=np.exp),
        wrong("in-bits", finish=lambda loss: loss / np.log(2)),
    ),
    accepted={
        "asked rows alone": lambda *a: _loss_of_rows(*a),
        "loops": lambda *a: _loss_with_loops(*a),
        "one-hot": lambda *a: _loss_with_one_hot(*a),
        "keras": lambda *a: _loss_with_keras(*a),
        "tensorflow": lambda *a: _loss_with_tensorflow(*a),
    },
)


def _loss_of_rows(states, labels, table, bias):
    asked = labels > 0
    logits = states[asked] @ table.T + bias  # (asked, V)
    logits -= logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(axis=1))
    return np.mean(log_sum - logits[np.arange(asked.sum()), labels[asked]])


def _loss_with_loops(states, labels, table, bias):
    losses = []
    for row, wanted in zip(states.astype(float), labels, strict=True):
        for state, label in zip(row, wanted, strict=True):
            if label:
                logits = table @ state + bias
                most = logits.max()
                total = most + math.log(sum(math.exp(x - most) for x in logits))
                losses.append(total - logits[label])
    return sum(losses) / len(losses)


def _loss_with_one_hot(states, labels, table, bias):
    logits = np.einsum("btd,vd->btv", states, table) + bias
    most = logits.max(-1)
    log_sum = most + np.log(np.exp(logits - most[..., None]).sum(-1))
    of_label = (np.eye(len(table))[labels] * logits).sum(-1)
    return np.average(log_sum - of_label, weights=labels != 0)


def _loss_with_keras(states, labels, table, bias):
    import keras

    logits = states @ table.T + bias
    losses = keras.losses.sparse_categorical_crossentropy(
        labels, logits, from_logits=True
    )
    weights = keras.ops.cast(labels != 0, "float32")
    return keras.ops.sum(losses * weights) / keras.ops.sum(weights)


def _loss_with_tensorflow(states, labels, table, bias):
    import tensorflow as tf

    rows = tf.boolean_mask(states, labels != 0)
    logits = tf.linalg.matmul(rows, table, transpose_b=True) + bias
    wanted = tf.boolean_mask(labels, labels != 0)
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
    )
