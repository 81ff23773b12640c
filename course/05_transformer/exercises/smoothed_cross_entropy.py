"""A number: how surprised a model is, on average over tokens."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from ._shared import END, PADDING, our_models
from .teacher_forcing import real
from .transformer_masks import all_but_end


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def smoothed(one_hot, smoothing):
    """(1 − ε) one-hot + ε / V."""
    return (1 - smoothing) * one_hot + smoothing / one_hot.shape[-1]


def over_real_tokens(losses, keep):
    """The mean over what is no padding."""
    return (losses * keep).sum() / keep.sum()


def smoothed_cross_entropy(
    logits,
    labels,
    smoothing,
    *,
    logs=log_softmax,
    smooth=smoothed,
    over=np.sum,
    sign=np.negative,
    count=real,
    mean=over_real_tokens,
):
    """A number: how surprised a model is, on average over tokens."""
    targets = smooth(np.eye(logits.shape[-1])[labels], smoothing)  # (B, T, V)
    losses = sign(over(targets * logs(logits), axis=-1))  # (B, T)
    return mean(losses, count(labels))


def logits_and_labels(lengths, size, smoothing, scale=2.0, vocabulary=7):
    """Labels without begin: tokens, end, padding. No two axes are alike."""

    def draw(rng):
        labels = rng.integers(3, vocabulary, (len(lengths), size))
        ends = np.array(lengths)[:, None] - 1
        labels = np.where(np.arange(size) == ends, END, labels)
        labels = np.where(np.arange(size) <= ends, labels, PADDING)
        return floats(rng, *labels.shape, vocabulary, scale=scale), labels, smoothing

    return draw


def far_from_zero(rng):
    """Logits around 2000 that differ little: exp alone is infinite."""
    logits, labels, smoothing = logits_and_labels((3, 5, 2), 5, 0.1)(rng)
    return logits + np.float32(2000), labels, smoothing


def far_apart(rng):
    """Rows around 2000 and −2000 that differ little in themselves."""
    logits, labels, smoothing = logits_and_labels((5, 5, 5), 5, 0.1)(rng)
    logits[:, ::2] += 2000
    logits[:, 1::2] -= 2000
    return logits, labels, smoothing


def of_probabilities(logits, axis=-1):
    """The softmax without its logarithm."""
    return np.exp(log_softmax(logits, axis))


wrong = mistakes("loss", section="smoothing")

EXERCISE = Exercise(
    name="smoothed_cross_entropy",
    section="smoothing",
    points=5,
    reference=smoothed_cross_entropy,
    cases=(
        Case("no-padding", logits_and_labels((4, 4), 4, 0.1)),
        Case("padding", logits_and_labels((5, 2, 3), 5, 0.2)),
        Case("not-smoothed", logits_and_labels((2, 4, 1), 4, 0.0)),
        Case("far-from-zero", far_from_zero, tolerance=1e-3),
        Case("far-apart", far_apart, tolerance=1e-3),
        Case("sure", logits_and_labels((6, 6, 6), 6, 0.1, scale=900)),
        Case("one-sentence", logits_and_labels((3,), 4, 0.2)),
        Case("square", logits_and_labels((2, 7, 4, 3, 1, 5, 6), 7, 0.3), 1e-4, True),
    ),
    misconceptions=(
        wrong("end-not-counted", count=all_but_end),
        wrong("padding-counted", mean=lambda losses, keep: losses.mean()),
        wrong(
            "divided-by-all",
            mean=lambda losses, keep: (losses * keep).sum() / keep.size,
        ),
        wrong(
            "sentences-weigh-alike",
            mean=lambda losses, keep: ((losses * keep).sum(1) / keep.sum(1)).mean(),
        ),
        wrong("summed", mean=lambda losses, keep: (losses * keep).sum()),
        wrong("each-token", mean=lambda losses, keep: losses * keep),
        wrong(
            "divided-by-sentences",
            mean=lambda losses, keep: (losses * keep).sum() / len(losses),
        ),
        wrong(
            "padding-alone", mean=lambda losses, keep: over_real_tokens(losses, ~keep)
        ),
        wrong("not-smoothed", smooth=identity),
        wrong(
            "spread-over-the-others",
            smooth=lambda one_hot, e: np.where(
                one_hot == 1, 1 - e, e / (one_hot.shape[-1] - 1)
            ),
        ),
        wrong(
            "label-left-out",
            smooth=lambda one_hot, e: np.where(
                one_hot == 1, 1 - e, e / one_hot.shape[-1]
            ),
        ),
        wrong(
            "more-than-one", smooth=lambda one_hot, e: one_hot + e / one_hot.shape[-1]
        ),
        wrong("too-much-for-each", smooth=lambda one_hot, e: (1 - e) * one_hot + e),
        wrong("share-swapped", smooth=lambda one_hot, e: smoothed(one_hot, 1 - e)),
        wrong("less-than-one", smooth=lambda one_hot, e: (1 - e) * one_hot),
        wrong("no-softmax", logs=identity),
        wrong("softmax-twice", logs=lambda x: log_softmax(of_probabilities(x))),
        wrong("sigmoid", logs=lambda x: -np.logaddexp(0, -x)),
        wrong("no-logarithm", logs=of_probabilities),
        wrong("softmax-over-positions", logs=lambda x: log_softmax(x, axis=1)),
        wrong(
            "log-of-zero",
            "overflow",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        wrong("underflow", "overflow", logs=lambda x: np.log(of_probabilities(x))),
        wrong(
            "one-maximum-for-all",
            "overflow",
            logs=lambda x: x - x.max() - np.log(np.exp(x - x.max()).sum(-1))[..., None],
        ),
        wrong(
            "clipped",
            "overflow",
            logs=lambda x: np.log(np.clip(of_probabilities(x), 1e-7, 1 - 1e-7)),
        ),
        wrong(
            "tiny-added", "overflow", logs=lambda x: np.log(of_probabilities(x) + 1e-9)
        ),
        wrong("mean-over-vocabulary", over=np.mean),
        wrong("sign", sign=identity),
    ),
    accepted={
        "label and average": lambda logits, labels, e: _loss_in_two_parts(
            logits, labels, e
        ),
        "loops": lambda *a: _loss_with_loops(*a),
        "keras": lambda *a: _loss_with_keras(*a),
        "tensorflow": lambda *a: _loss_with_tensorflow(*a),
        "library": lambda logits, labels, e: our_models().LabelSmoothedCrossEntropy(e)(
            labels, logits
        ),
        "selected tokens": lambda logits, labels, e: smoothed_cross_entropy(
            logits[labels != 0][None].astype(np.float64), labels[labels != 0][None], e
        ),
        "float32": lambda logits, labels, e: np.float32(
            smoothed_cross_entropy(logits, labels, e)
        ),
    },
)


def _loss_in_two_parts(logits, labels, smoothing):
    logs = log_softmax(logits.astype(np.float64))
    right = np.take_along_axis(logs, labels[..., None], axis=-1)[..., 0]
    losses = -(1 - smoothing) * right - smoothing * logs.mean(-1)
    return losses[labels > 0].mean()


def _loss_with_loops(logits, labels, smoothing):
    losses = []
    for rows, row in zip(logits.astype(float), labels, strict=True):
        for scores, label in zip(rows, row, strict=True):
            if label:
                logs = scores - scores.max()
                logs = logs - np.log(sum(np.exp(x) for x in logs))
                even = sum(logs) / len(logs)
                losses.append(-(1 - smoothing) * logs[label] - smoothing * even)
    return sum(losses) / len(losses)


def _loss_with_keras(logits, labels, smoothing):
    import keras

    size = logits.shape[-1]
    targets = keras.ops.one_hot(labels, size) * (1 - smoothing) + smoothing / size
    losses = keras.ops.categorical_crossentropy(targets, logits, from_logits=True)
    keep = keras.ops.cast(labels != 0, "float32")
    return keras.ops.sum(losses * keep) / keras.ops.sum(keep)


def _loss_with_tensorflow(logits, labels, smoothing):
    import tensorflow as tf

    size = logits.shape[-1]
    targets = tf.one_hot(
        labels, size, 1 - smoothing + smoothing / size, smoothing / size
    )
    losses = tf.nn.softmax_cross_entropy_with_logits(targets, logits)
    return tf.reduce_mean(tf.boolean_mask(losses, labels != 0))
