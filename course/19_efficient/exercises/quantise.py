"""int8 weights with a scale for each output."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

LIBRARY = ("keras.quantizers",)
LARGEST = 127


def of_outputs(kernel):
    """The largest magnitude of each column."""
    return np.abs(kernel).max(axis=0)


def by_127(largest):
    """What one step is worth; 1 where all is 0."""
    return np.where(largest > 0, largest / LARGEST, 1.0)


def quantise(kernel, *, largest=of_outputs, step=by_127, whole=np.round):
    """Whole numbers (I, O), and a scale for each output, (O,)."""
    scale = step(largest(kernel))
    return np.clip(whole(kernel / scale), -128, 127).astype(int), scale


def kernel(inputs, outputs, spread=1.0, zeros=0, negative=False):
    """A kernel whose rounding is sure, whatever float the learner computes in."""

    def draw(rng):
        numbers = rng.integers(-120, 121, (inputs, outputs)).astype(float)
        numbers += rng.uniform(-0.35, 0.35, numbers.shape)
        peak = rng.integers(inputs, size=outputs)
        sign = -1 if negative else rng.choice([-1, 1], outputs)
        numbers[peak, np.arange(outputs)] = 127 * sign
        scale = 0.01 * np.exp(spread * rng.normal(size=outputs))
        scale = scale.astype(np.float16).astype(float)  # 127 scales are exact, too
        scale[:zeros] = 0
        return ((numbers * scale).astype(np.float32),)

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def of_all(kernel):
    """One scale for the whole kernel, given to each output (wrong)."""
    return np.full(kernel.shape[1], np.abs(kernel).max())


def without_sign(kernel):
    """The largest number, whatever the negative ones are (wrong)."""
    return np.maximum(kernel.max(axis=0), 0)


def spread_of(kernel):
    """From the smallest to the largest number (wrong)."""
    return (kernel.max(axis=0) - kernel.min(axis=0)) / 2


wrong = mistakes("int8", section="int8")

EXERCISE = Exercise(
    name="quantise",
    section="int8",
    points=3,
    reference=quantise,
    forbidden=LIBRARY,
    cases=(
        Case("kernel", kernel(9, 4)),
        Case("unequal-outputs", kernel(7, 5, spread=3.0)),
        Case("negative-peaks", kernel(8, 3, negative=True)),
        Case("an-output-of-zeros", kernel(6, 4, zeros=1)),
        Case("one-input", kernel(1, 5)),
        Case("one-output", kernel(11, 1)),
    ),
    misconceptions=(
        wrong("one-scale", largest=of_all),
        wrong("sign-forgotten", largest=without_sign),
        wrong("range-halved", largest=spread_of),
        wrong("mean", largest=lambda x: np.abs(x).mean(axis=0)),
        wrong("towards-zero", whole=np.trunc),
        wrong("rounded-down", whole=np.floor),
        wrong("by-128", step=lambda m: np.where(m > 0, m / 128, 1.0)),
        wrong("by-255", step=lambda m: np.where(m > 0, m / 255, 1.0)),
        wrong("by-7", step=lambda m: np.where(m > 0, m / 7, 1.0)),
        wrong("zeros-forgotten", step=lambda m: m / LARGEST),
        wrong("zero-scale", step=lambda m: np.where(m > 0, m / LARGEST, 1e-7)),
    ),
    accepted={
        "loop": lambda kernel: _loop(kernel),
        "float64": lambda kernel: _float64(kernel),
        "int8": lambda kernel: _int8(kernel),
        "norm": lambda kernel: _norm(kernel),
    },
)


def _loop(kernel):
    numbers, scales = [], []
    for column in kernel.T:
        scale = max(abs(float(x)) for x in column) / 127 or 1.0
        scales.append(scale)
        numbers.append([round(float(x) / scale) for x in column])
    return np.array(numbers).T, np.array(scales)


def _float64(kernel):
    kernel = kernel.astype("float64")
    scale = np.maximum(kernel.max(axis=0), -kernel.min(axis=0)) / 127
    scale[scale == 0] = 1
    return np.rint(kernel / scale).astype(int), scale


def _int8(kernel):
    scale = np.abs(kernel).max(axis=0, keepdims=True) / np.float32(127)
    scale = np.where(scale == 0, np.float32(1), scale)
    return np.round(kernel / scale).astype("int8"), scale[0]


def _norm(kernel):
    largest = np.linalg.norm(kernel.astype(float), ord=np.inf, axis=0)
    scale = np.divide(largest, 127, where=largest > 0, out=np.ones_like(largest))
    return np.floor(kernel / scale + 0.5).astype("int32"), scale
