"""A row of logits a text: (B, C)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from .masked_lm_loss import log_softmax


def mean_of_kept(states, keep):
    """The mean over tokens that are no padding."""
    keep = keep[..., None]
    return (states * keep).sum(1) / keep.sum(1)


def first_of_each(states, keep):
    """[CLS] is the first token."""
    return states[:, 0]


def last_of_each(states, keep):
    """The last token that is no padding."""
    last = keep.shape[1] - 1 - keep[:, ::-1].argmax(1)
    return states[np.arange(len(states)), last]


def text_logits(
    states,
    padding_mask,
    kernel,
    bias,
    pooling,
    *,
    cls=first_of_each,
    mean=mean_of_kept,
    choose=lambda pooling: pooling,
    squash=identity,
    project=lambda x, kernel, bias: x @ kernel + bias,
    finish=identity,
):
    """A row of logits a text: (B, C)."""
    pool = cls if choose(pooling) == "cls" else mean
    return finish(project(squash(pool(states, padding_mask)), kernel, bias))


def texts(lengths, length, size, classes, pooling):
    """States of texts of some lengths; what stands in padding is large."""

    def draw(rng):
        keep = np.arange(length) < np.array(lengths)[:, None]
        states = floats(rng, len(lengths), length, size)
        states[~keep] *= 4
        kernel, bias = floats(rng, size, classes), floats(rng, classes)
        return states, keep, kernel, bias, pooling

    return draw


def with_holes(rng):
    """Texts with padding between their tokens."""
    states, keep, *others = texts((6, 6), 6, 5, 3, "mean")(rng)
    keep[0, 2:4] = keep[1, [1, 3, 4]] = False
    return states, keep, *others


def as_many_from_the_first(keep):
    """As many tokens as are no padding, all at the beginning (wrong)."""
    return np.arange(keep.shape[1]) < keep.sum(1)[:, None]


wrong = mistakes("head", section="head")

EXERCISE = Exercise(
    name="text_logits",
    section="head",
    points=3,
    reference=text_logits,
    cases=(
        Case("cls", texts((5, 3, 4), 6, 7, 4, "cls")),
        Case("mean-full", texts((4, 4), 4, 5, 3, "mean")),
        Case("mean", texts((6, 2, 4), 6, 5, 4, "mean")),
        Case("short", texts((1, 2, 1, 3), 5, 6, 2, "mean")),
        Case("holes", with_holes),
        Case("one-text", texts((2,), 3, 4, 5, "mean")),
        Case("square", texts((4, 2, 3, 1), 4, 4, 4, "cls"), 1e-4, True),
    ),
    misconceptions=(
        wrong("padding-counted", mean=lambda states, keep: states.mean(1)),
        wrong(
            "divided-by-all",
            mean=lambda states, keep: (states * keep[..., None]).mean(1),
        ),
        wrong("summed", mean=lambda states, keep: (states * keep[..., None]).sum(1)),
        wrong(
            "beginning", mean=lambda s, k: mean_of_kept(s, as_many_from_the_first(k))
        ),
        wrong("padding-alone", mean=lambda s, keep: mean_of_kept(s, ~keep)),
        wrong(
            "cls-left-out",
            mean=lambda states, keep: mean_of_kept(states[:, 1:], keep[:, 1:]),
        ),
        wrong(
            "largest", mean=lambda s, keep: np.where(keep[..., None], s, -np.inf).max(1)
        ),
        wrong("mean-is-cls", mean=first_of_each),
        wrong("cls-is-mean", cls=mean_of_kept),
        wrong("cls-is-last", cls=last_of_each),
        wrong("cls-is-very-last", cls=lambda states, keep: states[:, -1]),
        wrong("cls-is-second", cls=lambda states, keep: states[:, 1]),
        wrong("first-text", cls=lambda states, keep: states[0]),
        wrong("exchanged", choose=lambda p: "mean" if p == "cls" else "cls"),
        wrong("tanh", squash=np.tanh),
        wrong("bias-forgotten", project=lambda x, kernel, bias: x @ kernel),
        wrong("kernel-transposed", project=lambda x, kernel, bias: x @ kernel.T + bias),
        wrong("softmax", finish=lambda x: np.exp(log_softmax(x))),
        wrong("log-softmax", finish=log_softmax),
        wrong("class-not-logits", finish=lambda x: x.argmax(-1).astype(float)),
    ),
    accepted={
        "average with weights": lambda *a: _head_with_average(*a),
        "loops": lambda *a: _head_with_loops(*a),
        "logits first": lambda *a: _head_logits_first(*a),
        "einsum": lambda *a: _head_with_einsum(*a),
        "keras": lambda *a: _head_with_keras(*a),
    },
)


def _head_with_average(states, keep, kernel, bias, pooling):
    keep = keep if pooling == "mean" else np.arange(keep.shape[1]) == 0
    weights = np.broadcast_to(keep[..., None], states.shape)
    return np.average(states, axis=1, weights=weights) @ kernel + bias


def _head_with_loops(states, keep, kernel, bias, pooling):
    rows = []
    for state, real in zip(states, keep, strict=True):
        vector = state[0] if pooling == "cls" else state[real].mean(axis=0)
        rows.append(vector.dot(kernel) + bias)
    return rows


def _head_logits_first(states, keep, kernel, bias, pooling):
    logits = states @ kernel + bias  # (B, T, C)
    if pooling == "cls":
        return logits[:, 0]
    return np.nanmean(np.where(keep[:, :, None], logits, np.nan), axis=1)


def _head_with_einsum(states, keep, kernel, bias, pooling):
    if pooling == "cls":
        weights = np.zeros(keep.shape)
        weights[:, 0] = 1
    else:
        weights = keep / keep.sum(axis=1, keepdims=True)
    return np.einsum("btd,bt,dc->bc", states, weights, kernel) + bias


def _head_with_keras(states, keep, kernel, bias, pooling):
    import keras

    if pooling == "mean":
        pooled = keras.layers.GlobalAveragePooling1D()(states, mask=keep)
    else:
        pooled = states[:, 0, :]
    return keras.ops.add(keras.ops.matmul(pooled, kernel), bias)
