"""(T, D): sines and cosines of the position, slower from pair to pair."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes

from ._shared import between, our_layers, ten_thousand


def even_and_odd(feature, _):
    """Features 2i and 2i + 1 are pair i, a sine and a cosine."""
    return feature // 2, feature % 2 == 0


def two_halves(feature, size):
    """Features i and i + D/2 are pair i: the layout of tensor2tensor."""
    return feature % (size // 2), feature < size // 2


def fraction(pair, size):
    """The exponent of λ: from 0 for the first pair to nearly 1 for the last."""
    return 2 * pair / size


def sine_positions(
    length,
    hidden_dim,
    max_wavelength=10000,
    *,
    start=0,
    longest=identity,
    pairs=even_and_odd,
    exponent=fraction,
    roles=lambda position, feature, length, size: (position, feature, size),
    slow=lambda position, wavelength: position / wavelength,
    unit=identity,
    sine=np.sin,
    cosine=np.cos,
    arrange=identity,
):
    """(T, D): sines and cosines of the position, slower from pair to pair."""
    position = np.arange(start, length + start)[:, None]
    feature = np.arange(hidden_dim)[None, :]
    position, feature, size = roles(position, feature, length, hidden_dim)
    pair, is_sine = pairs(feature, size)
    wavelength = longest(max_wavelength) ** exponent(pair, size)
    angles = unit(slow(position, wavelength), length)  # (T, D)
    return arrange(np.where(is_sine, sine(angles), cosine(angles)))


def _sine_with_loops(length, hidden_dim, max_wavelength=10000):
    rows = []
    for t in range(length):
        row = []
        for i in range(hidden_dim // 2):
            angle = t / max_wavelength ** (2 * i / hidden_dim)
            row += [np.sin(angle), np.cos(angle)]
        rows.append(row)
    return rows


def _sine_by_slices(length, hidden_dim, max_wavelength=10000):
    out = np.zeros((length, hidden_dim), np.float32)
    exponent = np.arange(0, hidden_dim, 2, dtype=np.float32) / hidden_dim
    angles = np.arange(length, dtype=np.float32)[:, None] / max_wavelength**exponent
    out[:, 0::2], out[:, 1::2] = np.sin(angles), np.cos(angles)
    return out


def _sine_by_logarithms(length, hidden_dim, max_wavelength=10000):
    i = np.arange(0, hidden_dim, 2)
    angles = np.outer(
        np.arange(length), np.exp(-np.log(max_wavelength) * i / hidden_dim)
    )
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, -1)


def _sine_with_keras(length, hidden_dim, max_wavelength=10000):
    ops = keras().ops
    frequency = max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)
    angles = ops.arange(length, dtype="float32")[:, None] * frequency.astype("float32")
    pair = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pair, (length, hidden_dim))


def _sine_by_complex_powers(length, hidden_dim, max_wavelength=10000):
    frequency = max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)
    turned = np.exp(1j * np.arange(length)[:, None] * frequency)
    return np.stack([turned.imag, turned.real], -1).reshape(length, hidden_dim)


wrong = mistakes("sine", section="sine")

EXERCISE = Exercise(
    name="sine_positions",
    section="sine",
    points=4,
    reference=sine_positions,
    cases=(
        Case("short", lambda rng: (between(rng, 5, 7), 8)),
        Case("long", lambda rng: (between(rng, 25, 35), 12)),
        Case("wide", lambda rng: (5, 2 * between(rng, 10, 15))),
        Case("one-position", lambda rng: (1, 6)),
        Case("wavelength", lambda rng: (7, 10, between(rng, 50, 500))),
    ),
    misconceptions=(
        wrong("halves", "sine-traps", pairs=two_halves),
        wrong(
            "halves-cosine-first",
            "sine-traps",
            pairs=lambda f, size: (f % (size // 2), f >= size // 2),
        ),
        wrong("sine-everywhere", cosine=np.sin),
        wrong("cosine-everywhere", sine=np.cos),
        wrong("cosine-first", pairs=lambda f, _: (f // 2, f % 2 == 1)),
        wrong("number-of-the-feature", pairs=lambda f, _: (f, f % 2 == 0)),
        wrong("each-its-own-wave", pairs=lambda f, _: (f / 2, f % 2 == 0)),
        wrong("exponent-i", exponent=lambda i, size: i / size),
        wrong("exponent-half-size", exponent=lambda i, size: 4 * i / size),
        wrong(
            "exponent-reaches-one",
            "sine-traps",
            exponent=lambda i, size: 2 * i / (size - 2),
        ),
        wrong("exponent-without-size", exponent=lambda i, size: 2.0 * i),
        wrong("multiplied", slow=lambda t, wave: t * wave),
        wrong("starts-at-one", start=1),
        wrong("degrees", unit=lambda a, _: np.radians(a)),
        wrong("full-turns", unit=lambda a, _: 2 * np.pi * a),
        wrong("share-of-length", unit=lambda a, size: a / size),
        wrong("wavelength-ignored", longest=ten_thousand),
        wrong("axes-swapped", roles=lambda t, f, length, _: (f, t, length)),
        wrong("transposed", arrange=np.transpose),
        wrong("angles-returned", sine=identity, cosine=identity),
        wrong(
            "pairs-left-apart",
            arrange=lambda waves: waves.reshape(len(waves), -1, 2),
        ),
    ),
    accepted={
        "loops and lists": _sine_with_loops,
        "slices in float32": _sine_by_slices,
        "logarithms": _sine_by_logarithms,
        "keras.ops": _sine_with_keras,
        "complex powers": _sine_by_complex_powers,
        "tlkeras.layers": lambda length, size, longest=10000: (
            our_layers().SinePositionEncoding(longest)(np.zeros((1, length, size)))[0]
        ),
    },
)
