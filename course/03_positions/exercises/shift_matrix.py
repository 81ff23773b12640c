"""(D, D): the matrix M with M PE(t) = PE(t + distance), whatever t is."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes

from ._shared import between, ten_thousand
from .sine_positions import fraction


def rotation(angle):
    """The 2 × 2 matrix that takes (sin a, cos a) to (sin(a + b), cos(a + b))."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def without_minus(angle):
    """Forget the sign that makes it a rotation."""
    return np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def side_by_side(i, _):
    """The two features of pair i in a sinusoid."""
    return 2 * i, 2 * i + 1


def shift_matrix(
    distance,
    hidden_dim,
    max_wavelength=10000,
    *,
    far=identity,
    longest=identity,
    exponent=fraction,
    unit=identity,
    block=rotation,
    pair=side_by_side,
    turn=identity,
):
    """(D, D): the matrix M with M PE(t) = PE(t + distance), whatever t is."""
    matrix = np.zeros((hidden_dim, hidden_dim))
    for i in range(hidden_dim // 2):
        frequency = longest(max_wavelength) ** -exponent(i, hidden_dim)
        rows = np.array(pair(i, hidden_dim))
        matrix[np.ix_(rows, rows)] += block(unit(far(distance) * frequency))
    return turn(matrix)


def _shift_by_slices(distance, hidden_dim, max_wavelength=10000):
    angles = distance * max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)
    even, odd = np.arange(0, hidden_dim, 2), np.arange(1, hidden_dim, 2)
    matrix = np.zeros((hidden_dim, hidden_dim), np.float32)
    matrix[even, even] = matrix[odd, odd] = np.cos(angles)
    matrix[even, odd], matrix[odd, even] = np.sin(angles), -np.sin(angles)
    return matrix


def _shift_by_least_squares(distance, hidden_dim, max_wavelength=10000):
    t = np.arange(400)
    frequency = max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)

    def encode(t):
        angles = t[:, None] * frequency
        return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(len(t), -1)

    return np.linalg.lstsq(encode(t), encode(t + distance), rcond=None)[0].T


def _shift_with_keras(distance, hidden_dim, max_wavelength=10000):
    ops = keras().ops
    exponent = np.arange(hidden_dim) // 2 * 2 / hidden_dim
    angles = (distance * max_wavelength**-exponent).astype("float32")
    sines = ops.reshape(ops.sin(angles)[::2], (-1, 1)) * np.float32([[1, 0]])
    sines = ops.reshape(sines, (-1,))[:-1]
    matrix = ops.diag(ops.cos(angles)) + ops.diag(sines, k=1) - ops.diag(sines, k=-1)
    return matrix


wrong = mistakes("shift", section="shift")

EXERCISE = Exercise(
    name="shift_matrix",
    section="shift",
    points=3,
    reference=shift_matrix,
    cases=(
        Case("one-step", lambda rng: (1, 6)),
        Case("far", lambda rng: (between(rng, 3, 20), 8)),
        Case("back", lambda rng: (-between(rng, 2, 9), 4)),
        Case("nowhere", lambda rng: (0, 6)),
        Case("wavelength", lambda rng: (between(rng, 2, 5), 10, between(rng, 30, 90))),
    ),
    misconceptions=(
        wrong("backwards", turn=np.transpose),
        wrong("does-nothing", turn=lambda matrix: np.eye(len(matrix))),
        wrong("halves", "sine-traps", pair=lambda i, size: (i, i + size // 2)),
        wrong("same-angle", exponent=lambda i, size: 0 * fraction(i, size)),
        wrong("exponent-i", "sine", exponent=lambda i, size: i / size),
        wrong("exponent-half-size", "sine", exponent=lambda i, size: 4 * i / size),
        wrong("one-step-only", far=np.sign),
        wrong("direction-ignored", far=np.abs),
        wrong("forwards-only", far=lambda k: max(k, 0)),
        wrong("degrees", "sine", unit=np.radians),
        wrong("wavelength-ignored", longest=ten_thousand),
        wrong("both-plus", block=without_minus),
        wrong("diagonal-only", block=lambda b: np.cos(b) * np.eye(2)),
        wrong("encoding-of-distance", block=lambda b: np.diag([np.sin(b), np.cos(b)])),
        wrong(
            "sine-and-cosine-swapped",
            block=lambda b: np.array([[np.sin(b), np.cos(b)], [-np.cos(b), np.sin(b)]]),
        ),
    ),
    accepted={
        "slices in float32": _shift_by_slices,
        "least squares": _shift_by_least_squares,
        "keras.ops": _shift_with_keras,
        "powers of one step": lambda k, *sizes: np.linalg.matrix_power(
            shift_matrix(1, *sizes), k
        ),
        "lists": lambda *a: shift_matrix(*a).tolist(),
    },
)
