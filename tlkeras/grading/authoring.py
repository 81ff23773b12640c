"""What the exercises of several lessons are written with.

A submission can read this: nothing here is the answer to an exercise. What a probe uses
of it is there, too, in the process that runs answers.
"""

from contextlib import contextmanager

import numpy as np

from tlkeras.grading.judge.exercise import Misconception


def floats(rng, *shape, scale=1.0):
    """Normal random numbers in float32, as a learner's arrays are."""
    return (scale * rng.normal(size=shape)).astype(np.float32)


def mistakes(prefix, section):
    """A function that makes Misconceptions of one exercise.

    Args:
        prefix: of their ids: `prefix.name`.
        section: to reread, where a mistake names no other.

    Returns:
        `(name, section=section, **steps) -> Misconception`.
    """

    def mistake(name, section=section, **steps):
        return Misconception(f"{prefix}.{name}", section, **steps)

    return mistake


# ── steps that are no answer to anything ──────────────────────────────────────────────


def identity(x, *_, **__):
    """Leave a step out."""
    return x


def swap(x):
    """Exchange the last two axes."""
    return np.swapaxes(x, -1, -2)


def slope(loss, weight, step=1e-5):
    """The derivative of a loss with respect to each number of a weight, by trial.

    Args:
        loss: `() -> number`, which reads the weight.
        weight: an array of floats; changed during the call, and as it was after it.
        step: how far each number is moved to either side.
    """
    gradient = np.zeros_like(weight)
    for index in np.ndindex(weight.shape):
        middle = weight[index]
        weight[index] = middle + step
        above = loss()
        weight[index] = middle - step
        gradient[index] = (above - loss()) / (2 * step)
        weight[index] = middle
    return gradient


# ── heavy libraries: for probes and accepted variants, a check of arrays loads none ───


def keras():
    """The library, loaded on first use."""
    import keras

    return keras


def tensorflow():
    """The library, loaded on first use."""
    import tensorflow

    return tensorflow


@contextmanager
def exceptions_as_they_are():
    """Keep Keras from wrapping what a layer raises in a text of its own."""
    config = keras().config
    filtering = config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtering:
            config.enable_traceback_filtering()
