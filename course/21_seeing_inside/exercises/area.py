"""A number: the area below a curve over the share that is deleted."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def trapezoids(curve):
    """The mean height of each part."""
    return (curve[1:] + curve[:-1]) / 2


def area(
    curve,
    *,
    read=identity,
    parts=trapezoids,
    width=lambda points: 1 / (points - 1),
    out=identity,
):
    """The area below a curve from 0 to 1."""
    curve = read(np.asarray(curve, "float64"))
    return out(parts(curve).sum() * width(len(curve)))


wrong = mistakes("area", section="deletion")

EXERCISE = Exercise(
    name="area",
    section="deletion",
    points=2,
    reference=area,
    cases=(
        Case("falls", lambda rng: (np.float32([0.9, 0.7, 0.2, 0.1, 0.1]),)),
        Case("any", lambda rng: (np.abs(floats(rng, 9)),)),
        Case("one-step", lambda rng: (np.float32([0.8, 0.3]),)),
        Case("rises", lambda rng: (np.float32([0.5, 0.9, 0.95, 0.2]),)),
    ),
    misconceptions=(
        wrong("step-of-one", width=lambda points: 1.0),
        wrong("divided-by-points", width=lambda points: 1 / points),
        wrong("left-sum", parts=lambda curve: curve[:-1]),
        wrong("right-sum", parts=lambda curve: curve[1:]),
        wrong("mean-of-points", parts=identity, width=lambda points: 1 / points),
        wrong("points-summed", parts=identity, width=lambda points: 1.0),
        wrong("loss-of-score", read=lambda curve: curve[0] - curve),
        wrong("of-the-first", read=lambda curve: curve / curve[0]),
        wrong("above", out=lambda found: 1 - found),
    ),
    accepted={
        "trapezoid": lambda c: np.trapezoid(c, dx=1 / (len(c) - 1)),
        "linspace": lambda c: np.trapezoid(c, np.linspace(0, 1, len(c))),
        "ends": lambda c: (np.sum(c) - (c[0] + c[-1]) / 2) / (len(c) - 1),
    },
)
