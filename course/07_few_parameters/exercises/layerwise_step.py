"""One step of gradient descent, slower the nearer a layer is to the input."""

from itertools import pairwise

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes, tensorflow


def falling(decay, number):
    """Multipliers from input to output: 1 for the last, decay for the one below …"""
    return decay ** np.arange(number - 1, -1, -1.0)


def halves(arrays):
    """Kernels and gradients, as two lists."""
    middle = len(arrays) // 2
    return list(arrays[:middle]), list(arrays[middle:])


def layerwise_step(
    learning_rate,
    decay,
    *arrays,
    multipliers=falling,
    step=lambda kernel, gradient, rate, multiplier: kernel - rate * gradient,
    rates=lambda learning_rate, multipliers: learning_rate * multipliers,
):
    """One step of gradient descent, slower the nearer a layer is to the input."""
    kernels, gradients = halves(arrays)
    factors = multipliers(decay, len(kernels))
    return tuple(
        step(kernel, gradient, rates(learning_rate, factor), factor)
        for kernel, gradient, factor in zip(kernels, gradients, factors, strict=True)
    )


def probe_step(answer, learning_rate, decay, *arrays):
    """Hand over two lists."""
    kernels, gradients = halves(arrays)
    return answer(kernels, gradients, learning_rate, decay)


def step_inputs(*sizes, learning_rate, decay):
    """The last layer's rate, a decay, kernels from input to output, gradients."""

    def draw(rng):
        shapes = list(pairwise(sizes))
        kernels = [floats(rng, *shape) for shape in shapes]
        gradients = [floats(rng, *shape, scale=2) for shape in shapes]
        return learning_rate, decay, *kernels, *gradients

    return draw


wrong = mistakes("rates", section="rates")

EXERCISE = Exercise(
    name="layerwise_step",
    probe=probe_step,
    hidden=("arrays", "multipliers", "step", "rates"),
    section="rates",
    points=3,
    reference=layerwise_step,
    cases=(
        Case("three", step_inputs(3, 5, 4, 2, learning_rate=0.5, decay=0.7)),
        Case("five", step_inputs(2, 3, 4, 3, 5, 2, learning_rate=0.8, decay=0.4)),
        Case("one", step_inputs(4, 3, learning_rate=0.3, decay=0.5)),
        Case("no-decay", step_inputs(4, 3, 5, learning_rate=0.2, decay=1.0)),
    ),
    misconceptions=(
        wrong("from-the-input", multipliers=lambda d, n: d ** np.arange(float(n))),
        wrong("last-decayed-too", multipliers=lambda d, n: d ** np.arange(n, 0, -1.0)),
        wrong("not-decayed", multipliers=lambda d, n: np.ones(n)),
        wrong(
            "all-below-alike",
            multipliers=lambda d, n: np.where(np.arange(n) == n - 1, 1.0, d),
        ),
        wrong(
            "linear", multipliers=lambda d, n: 1 - (1 - d) * np.arange(n - 1, -1, -1.0)
        ),
        wrong(
            "growing", multipliers=lambda d, n: (1 / d) ** np.arange(n - 1, -1, -1.0)
        ),
        wrong("divided-by-depth", multipliers=lambda d, n: d / np.arange(n, 0, -1.0)),
        wrong("squared", multipliers=lambda d, n: d ** (2 * np.arange(n - 1, -1, -1))),
        wrong(
            "one-rate-for-the-last-alone",
            multipliers=lambda d, n: (np.arange(n) == n - 1) * 1.0,
        ),
        wrong(
            "uphill",
            step=lambda kernel, gradient, rate, factor: kernel + rate * gradient,
        ),
        wrong(
            "gradient-alone",
            step=lambda kernel, gradient, rate, factor: rate * gradient,
        ),
        wrong(
            "step-alone", step=lambda kernel, gradient, rate, factor: -rate * gradient
        ),
        wrong(
            "kernel-shrunk",
            step=lambda kernel, gradient, rate, factor: (
                factor * kernel - rate * gradient
            ),
        ),
        wrong(
            "result-shrunk",
            step=lambda kernel, gradient, rate, factor: (
                factor * (kernel - rate * gradient)
            ),
        ),
        wrong("base-rate-forgotten", rates=lambda learning_rate, factor: factor),
        wrong(
            "rate-to-the-power",
            rates=lambda learning_rate, factor: learning_rate ** (1 / factor),
        ),
    ),
    accepted={
        "from the end": lambda *a: _step_from_the_end(*a),
        "list": lambda kernels, gradients, rate, decay: [
            k - rate * decay ** (len(kernels) - 1 - i) * g
            for i, (k, g) in enumerate(zip(kernels, gradients, strict=True))
        ],
        "recursive": lambda *a: _step_recursive(*a),
        "in copies": lambda *a: _step_in_copies(*a),
        "keras.ops": lambda kernels, gradients, rate, decay: [
            keras().ops.subtract(k, rate * decay**depth * g)
            for depth, k, g in zip(
                reversed(range(len(kernels))), kernels, gradients, strict=True
            )
        ],
        "tensorflow": lambda kernels, gradients, rate, decay: [
            tensorflow().constant(k) - rate * decay ** (len(kernels) - 1 - i) * g
            for i, (k, g) in enumerate(zip(kernels, gradients, strict=True))
        ],
    },
)


def _step_from_the_end(kernels, gradients, learning_rate, decay):
    result = []
    for kernel, gradient in zip(kernels[::-1], gradients[::-1], strict=True):
        result.insert(0, kernel - learning_rate * gradient)
        learning_rate = learning_rate * decay
    return result


def _step_recursive(kernels, gradients, learning_rate, decay):
    if not kernels:
        return ()
    below = _step_recursive(kernels[:-1], gradients[:-1], learning_rate * decay, decay)
    return (*below, kernels[-1] - learning_rate * gradients[-1])


def _step_in_copies(kernels, gradients, learning_rate, decay):
    kernels = [kernel.copy() for kernel in kernels]
    for depth in range(len(kernels)):
        kernels[-1 - depth] -= learning_rate * decay**depth * gradients[-1 - depth]
    return kernels
