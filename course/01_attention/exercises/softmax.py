"""Positive numbers that sum to one along the last axis."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, tensorflow

from ._shared import half

# What these exercises ask a learner to write; reported if it is called instead.
SOFTMAXES = (
    "keras.activations.softmax",
    "keras.layers.Softmax",
    "keras.ops.softmax",
    "scipy.special.softmax",
    "tensorflow.nn.softmax",
)


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


wrong = mistakes("softmax", section="softmax")

EXERCISE = Exercise(
    name="softmax",
    section="softmax",
    points=3,
    reference=softmax,
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
        wrong("first-axis", axis=0),
        wrong("second-to-last-axis", axis=-2),
        wrong("axis-one", axis=1),
        wrong("over-everything", axis=None),
        wrong("overflow", "overflow", subtract=nothing),
        wrong("one-maximum-for-all", "overflow", subtract=lambda x, axis: x.max()),
        wrong(
            "subtracts-minimum",
            "overflow",
            subtract=lambda x, axis: x.min(axis, keepdims=True),
        ),
        wrong("maximum-loses-axis", "overflow", subtract=lambda x, axis: x.max(axis)),
        wrong(
            "sum-loses-axis", normalise=lambda powers, axis: powers / powers.sum(axis)
        ),
        wrong("not-normalised", normalise=identity),
        wrong(
            "logarithm",
            normalise=lambda powers, axis: np.log(divide_by_sum(powers, axis)),
        ),
        wrong("log-softmax", power=identity, normalise=log_softmax),
        wrong(
            "twice",
            normalise=lambda powers, axis: softmax(
                divide_by_sum(powers, axis), axis=axis
            ),
        ),
        wrong("hard", power=identity, normalise=hard),
        wrong("half-precision", "overflow", accuracy=half),
        wrong("no-exponential", subtract=nothing, power=identity),
        wrong("sigmoid", subtract=nothing, power=sigmoid, normalise=identity),
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
