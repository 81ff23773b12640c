"""The smallest lesson that has everything a lesson has."""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception

MESSAGES = Messages(Path(__file__).parent)


def table(rows, columns):
    """Inputs: one array of small normal numbers."""
    return lambda rng: (rng.normal(size=(rows, columns)).astype(np.float32),)


def double(x, *, scale=lambda x: 2 * x, shift=lambda x: x):
    """Twice x."""
    return shift(scale(x))


def row_sums(x, *, axis=-1, before=lambda x: x, after=lambda x: x):
    """The sum of each row."""
    return after(before(x).sum(axis))


DOUBLE = Exercise(
    name="double",
    section="double",
    points=1,
    reference=double,
    messages=MESSAGES,
    cases=(Case("small", table(2, 3)), Case("large", table(4, 5))),
    misconceptions=(
        Misconception("double.tripled", "double", scale=lambda x: 3 * x),
        Misconception("double.squared", "double", scale=np.square),
        Misconception("double.one-more", "double", shift=lambda x: x + 1),
    ),
    accepted={"added": lambda x: x + x, "lists": lambda x: (2 * x).tolist()},
)

ROW_SUMS = Exercise(
    name="row_sums",
    section="sums",
    points=2,
    reference=row_sums,
    messages=MESSAGES,
    cases=(
        Case("small", table(2, 3)),
        Case("square", table(3, 3), diagnostic=True),
    ),
    misconceptions=(
        Misconception("sums.columns", "sums", axis=0),
        Misconception("sums.absolute", "sums", before=np.abs),
        Misconception("sums.zero", "sums", after=np.zeros_like),
    ),
    accepted={"einsum": lambda x: np.einsum("ij->i", x)},
)

EXERCISES = (DOUBLE, ROW_SUMS)
