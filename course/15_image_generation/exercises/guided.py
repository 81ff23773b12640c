"""What a network says of a label, and more of it: classifier-free guidance."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def halves(both):
    """Told first, untold after it, as they were asked."""
    return np.split(both, 2)


def farther(told, untold, weight):
    """From what is said without a label, `weight` times the way to it."""
    return untold + weight * (told - untold)


def guided(both, weight, *, halves=halves, farther=farther):
    """The velocity to follow (B, D), of 2 B that were asked for at once."""
    told, untold = halves(np.asarray(both, "float64"))
    return farther(told, untold, weight)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def said(count, size, weight):
    """Velocities with and without labels, and a weight."""
    return lambda rng: (floats(rng, 2 * count, size), weight)


wrong = mistakes("guided", section="guidance")

EXERCISE = Exercise(
    name="guided",
    section="guidance",
    points=3,
    reference=guided,
    cases=(
        Case("some", said(3, 5, 2.5)),
        Case("one", said(1, 4, 3.0)),
        Case("none", said(0, 4, 3.0)),
        Case("weight-one", said(2, 3, 1.0)),
        Case("weight-zero", said(2, 3, 0.0)),
        Case("square", said(2, 4, 1.5), diagnostic=True),
    ),
    misconceptions=(
        wrong("one-more", farther=lambda a, b, w: b + (1 + w) * (a - b)),
        wrong("sign", farther=lambda a, b, w: b - w * (a - b)),
        wrong("only-difference", farther=lambda a, b, w: w * (a - b)),
        wrong("stretched", farther=lambda a, b, w: w * a),
        wrong("mean", farther=lambda a, b, w: (a + b) / 2 + w * (a - b)),
        wrong("sum", farther=lambda a, b, w: b + w * a),
        wrong("not-guided", farther=lambda a, b, w: a + 0 * w),
        wrong("untold-only", farther=lambda a, b, w: b + 0 * w),
        wrong("exchanged", halves=lambda both: np.split(both, 2)[::-1]),
        wrong("every-other", halves=lambda both: (both[::2], both[1::2])),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "weights": lambda *a: _by_weights(*a),
        "reshaped": lambda *a: _reshaped(*a),
        "past what is told": lambda *a: _past(*a),
    },
)


def _in_loops(both, weight):
    count = len(both) // 2
    rows = [
        both[i + count] + weight * (both[i] - both[i + count]) for i in range(count)
    ]
    return np.array(rows).reshape(count, both.shape[1])


def _by_weights(both, weight):
    count = len(both) // 2
    return weight * both[:count] + (1 - weight) * both[count:]


def _reshaped(both, weight):
    pairs = both.reshape(2, len(both) // 2, both.shape[1])
    return np.einsum("p,pbd->bd", [weight, 1 - weight], pairs)


def _past(both, weight):
    told, untold = both[: len(both) // 2], both[len(both) // 2 :]
    return told + (weight - 1) * (told - untold)
