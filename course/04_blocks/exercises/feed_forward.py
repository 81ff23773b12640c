"""max(0, x W₁ + b₁) W₂ + b₂."""

import math

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, tensorflow

from ._shared import relu, softmax


def affine(x, kernel, bias):
    """A matrix product and a bias."""
    return x @ kernel + bias


def product(x, kernel, bias):
    """Forget the bias."""
    return x @ kernel


def feed_forward(
    x,
    kernel_1,
    bias_1,
    kernel_2,
    bias_2,
    *,
    kernels=lambda first, second: (first, second),
    widen=affine,
    bend=relu,
    narrow=affine,
    finish=identity,
):
    """max(0, x W₁ + b₁) W₂ + b₂."""
    kernel_1, kernel_2 = kernels(kernel_1, kernel_2)
    hidden = bend(widen(x, kernel_1, bias_1), bias_1)
    return finish(narrow(hidden, kernel_2, bias_2), x)


def network(*lead, size=4, hidden=7, below=0.0, scale=1.0):
    """Vectors and the weights of a feed-forward network."""
    return lambda rng: (
        floats(rng, *lead, size, scale=scale),
        floats(rng, size, hidden, scale=0.7),
        floats(rng, hidden) - np.float32(below),
        floats(rng, hidden, size, scale=0.7),
        floats(rng, size),
    )


def gelu(x, *_):
    """x times the share of a normal distribution that lies below x."""
    return x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


def gelu_tanh(x, *_):
    """An approximation of `gelu`."""
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


wrong = mistakes("feed-forward", section="feed-forward")

EXERCISE = Exercise(
    name="feed_forward",
    section="feed-forward",
    points=3,
    reference=feed_forward,
    cases=(
        Case("sequence", network(3)),
        Case("batch", network(2, 3)),
        Case("negative", network(2, 5, below=2.0)),
        Case("large", network(1, hidden=9, scale=30.0)),
        Case("square", network(2, 3, size=5, hidden=5), diagnostic=True),
    ),
    misconceptions=(
        wrong("no-activation", bend=identity),
        wrong("activation-last", bend=identity, finish=relu),
        wrong("activation-twice", finish=relu),
        wrong("keeps-negative", bend=lambda x, *_: np.minimum(x, 0)),
        wrong("absolute-value", bend=lambda x, *_: np.abs(x)),
        wrong("largest-of-an-axis", bend=lambda x, *_: np.max(x, 0)),
        wrong("leaky", bend=lambda x, *_: np.where(x > 0, x, 0.01 * x)),
        wrong("capped", bend=lambda x, *_: np.clip(x, 0, 6)),
        wrong("softmax", bend=lambda x, *_: softmax(x)),
        wrong("sigmoid", bend=lambda x, *_: 1 / (1 + np.exp(-x))),
        wrong("tanh", bend=lambda x, *_: np.tanh(x)),
        wrong("swish", bend=lambda x, *_: x / (1 + np.exp(-x))),
        wrong("gelu", bend=gelu),
        wrong("gelu-tanh", bend=gelu_tanh),
        wrong("first-bias-forgotten", widen=product),
        wrong("second-bias-forgotten", narrow=product),
        wrong(
            "bias-after-activation", widen=product, bend=lambda x, bias: relu(x) + bias
        ),
        wrong("narrowed-by-nothing", narrow=lambda hidden, *_: hidden),
        wrong("residual-added", finish=lambda output, x: output + x),
        wrong("first-transposed", kernels=lambda first, second: (first.T, second)),
        wrong("second-transposed", kernels=lambda first, second: (first, second.T)),
        wrong("both-transposed", kernels=lambda first, second: (first.T, second.T)),
        wrong("kernels-exchanged", kernels=lambda first, second: (second, first)),
    ),
    accepted={
        "einsum": lambda x, kernel_1, bias_1, kernel_2, bias_2: (
            np.einsum(
                "...f,fd->...d",
                relu(np.einsum("...d,df->...f", x, kernel_1) + bias_1),
                kernel_2,
            )
            + bias_2
        ),
        "where": lambda x, kernel_1, bias_1, kernel_2, bias_2: affine(
            np.where(x @ kernel_1 > -bias_1, x @ kernel_1 + bias_1, 0), kernel_2, bias_2
        ),
        "times a comparison": lambda *a: feed_forward(
            *a, bend=lambda x, _: x * (x > 0)
        ),
        "one position at a time": lambda *a: _forward_in_loops(*a),
        "keras.ops": lambda *a: _forward_with_keras(*a),
        "tensorflow": lambda x, kernel_1, bias_1, kernel_2, bias_2: (
            tensorflow().matmul(
                tensorflow().nn.relu(tensorflow().tensordot(x, kernel_1, 1) + bias_1),
                kernel_2,
            )
            + bias_2
        ),
    },
)


def _forward_in_loops(x, *weights):
    return (
        [_forward_in_loops(row, *weights) for row in x]
        if x.ndim > 1
        else (feed_forward(x, *weights))
    )


def _forward_with_keras(x, kernel_1, bias_1, kernel_2, bias_2):
    ops = keras().ops
    hidden = ops.relu(ops.add(ops.matmul(x, kernel_1), bias_1))
    return ops.add(ops.matmul(hidden, kernel_2), bias_2)
