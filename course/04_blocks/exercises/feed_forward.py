"""max(0, x W₁ + b₁) W₂ + b₂."""

import math

import numpy as np

from tlkeras.grading import Case, Exercise, Misconception
from tlkeras.grading.authoring import floats, identity, keras, tensorflow

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


def _forward(name, **steps):
    return Misconception(f"feed-forward.{name}", "feed-forward", **steps)


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
        _forward("no-activation", bend=identity),
        _forward("activation-last", bend=identity, finish=relu),
        _forward("activation-twice", finish=relu),
        _forward("keeps-negative", bend=lambda x, *_: np.minimum(x, 0)),
        _forward("absolute-value", bend=lambda x, *_: np.abs(x)),
        _forward("leaky", bend=lambda x, *_: np.where(x > 0, x, 0.01 * x)),
        _forward("capped", bend=lambda x, *_: np.clip(x, 0, 6)),
        _forward("softmax", bend=lambda x, *_: softmax(x)),
        _forward("sigmoid", bend=lambda x, *_: 1 / (1 + np.exp(-x))),
        _forward("tanh", bend=lambda x, *_: np.tanh(x)),
        _forward("swish", bend=lambda x, *_: x / (1 + np.exp(-x))),
        _forward("gelu", bend=gelu),
        _forward("gelu-tanh", bend=gelu_tanh),
        _forward("first-bias-forgotten", widen=product),
        _forward("second-bias-forgotten", narrow=product),
        _forward(
            "bias-after-activation",
            widen=product,
            bend=lambda x, bias: relu(x) + bias,
        ),
        _forward("residual-added", finish=lambda output, x: output + x),
        _forward("first-transposed", kernels=lambda first, second: (first.T, second)),
        _forward("second-transposed", kernels=lambda first, second: (first, second.T)),
        _forward("both-transposed", kernels=lambda first, second: (first.T, second.T)),
        _forward("kernels-exchanged", kernels=lambda first, second: (second, first)),
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
