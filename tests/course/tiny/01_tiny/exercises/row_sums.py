"""The sum of each row."""

import numpy as np

from tlkeras.grading import Case, Exercise, Misconception

from ._shared import table


def row_sums(x, *, axis=-1, before=lambda x: x, after=lambda x: x):
    """The sum of each row."""
    return after(before(x).sum(axis))


EXERCISE = Exercise(
    name="row_sums",
    section="sums",
    points=2,
    reference=row_sums,
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
