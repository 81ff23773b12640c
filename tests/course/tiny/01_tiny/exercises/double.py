"""Twice a number."""

import numpy as np

from tlkeras.grading import Case, Exercise, Misconception

from ._shared import table


def double(x, *, scale=lambda x: 2 * x, shift=lambda x: x):
    """Twice x."""
    return shift(scale(x))


EXERCISE = Exercise(
    name="double",
    section="double",
    points=1,
    reference=double,
    cases=(Case("small", table(2, 3)), Case("large", table(4, 5))),
    misconceptions=(
        Misconception("double.tripled", "double", scale=lambda x: 3 * x),
        Misconception("double.squared", "double", scale=np.square),
        Misconception("double.one-more", "double", shift=lambda x: x + 1),
    ),
    accepted={"added": lambda x: x + x, "lists": lambda x: (2 * x).tolist()},
)
