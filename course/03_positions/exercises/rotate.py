"""(B, T, N, H): each pair of features turned by an angle that grows with t."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from ._shared import between, our_layers, ten_thousand
from .sine_positions import fraction


def halves(x):
    """The other half of each pair (i, i + H/2), with the sign of a rotation."""
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([-second, first], axis=-1)


def neighbours(x):
    """The same for pairs (2i, 2i + 1), the layout of the paper."""
    return np.stack([-x[..., 1::2], x[..., ::2]], axis=-1).reshape(x.shape)


def halves_both_plus(x):
    """Forget the sign of the rotation."""
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([second, first], axis=-1)


def pair_of_halves(feature, size):
    """Features i and i + H/2 turn together."""
    return feature % (size // 2)


def along_length(angles):
    """(T, H) beside (B, T, N, H): one angle for all heads."""
    return angles[:, None, :]


def turn_pairs(x, partner, angles):
    """A rotation in the plane of each pair."""
    return x * np.cos(angles) + partner * np.sin(angles)


def turn_one_after_the_other(x, partner, angles):
    """Make the second half from the first half as it already was turned."""
    turned = np.array_split(turn_pairs(x, partner, angles), 2, axis=-1)[0]
    second, angles = (np.array_split(a, 2, axis=-1)[1] for a in (x, angles))
    second = second * np.cos(angles) + turned * np.sin(angles)
    return np.concatenate([turned, second], axis=-1)


def interleave(x):
    """The halves, dealt out in turn: where neighbours would be."""
    return np.stack(np.split(x, 2, axis=-1), axis=-1).reshape(x.shape)


def evens_then_odds(x):
    """Take neighbours apart, and leave them apart."""
    return np.concatenate([x[..., ::2], x[..., 1::2]], axis=-1)


def rotate(
    x,
    positions,
    max_wavelength=10000,
    *,
    arrange=identity,
    count=identity,
    longest=identity,
    pair=pair_of_halves,
    exponent=fraction,
    slow=lambda position, wavelength: position / wavelength,
    unit=identity,
    partner=halves,
    place=along_length,
    combine=turn_pairs,
):
    """(B, T, N, H): each pair of features turned by an angle that grows with t."""
    x, size = arrange(x), x.shape[-1]
    feature = np.arange(size)
    wavelength = longest(max_wavelength) ** exponent(pair(feature, size), size)  # (H,)
    angles = unit(slow(count(positions)[:, None], wavelength))  # (T, H)
    return combine(x, partner(x), place(angles))


def heads_at(batch, length, heads, size, positions=None, wavelength=None):
    """Heads (B, T, N, H), and positions that need not begin at 0 or be in order."""

    def draw(rng):
        at = np.arange(length) if positions is None else positions(rng, length)
        rest = () if wavelength is None else (between(rng, *wavelength),)
        return floats(rng, batch, length, heads, size), at, *rest

    return draw


def anywhere(rng, length):
    """Some positions from 1 to 40, none twice, in no order."""
    return 1 + rng.permutation(40)[:length]


def in_a_row(rng, length):
    """Positions that follow each other, from 5 to 20 on."""
    return between(rng, 5, 20) + np.arange(length)


def _rotate_by_complex_numbers(x, positions, max_wavelength=10000):
    half = x.shape[-1] // 2
    frequency = max_wavelength ** (-np.arange(half) / half)
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(
        1j * positions[:, None, None] * frequency
    )
    return np.concatenate([turned.real, turned.imag], axis=-1)


def _rotate_with_loops(x, positions, max_wavelength=10000):
    half, out = x.shape[-1] // 2, np.empty_like(x)
    for t, position in enumerate(positions):
        for i in range(half):
            angle = position / max_wavelength ** (2 * i / x.shape[-1])
            matrix = np.array(
                [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            )
            out[:, t, :, [i, i + half]] = np.moveaxis(
                x[:, t][..., [i, i + half]] @ matrix.T, -1, 0
            )
    return out


def _rotate_with_keras(x, positions, max_wavelength=10000):
    ops = keras().ops
    frequency = max_wavelength ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = ops.cast(positions[:, None] * frequency, "float32")[None, :, None]
    first, second = ops.split(x, 2, axis=-1)
    cosine, sine = ops.cos(angles), ops.sin(angles)
    return ops.concatenate(
        [first * cosine - second * sine, second * cosine + first * sine], axis=-1
    )


def _rotate_with_einsum(x, positions, max_wavelength=10000):
    half = x.shape[-1] // 2
    angles = positions[:, None] * max_wavelength ** (-np.arange(half) / half)
    c, s = np.cos(angles), np.sin(angles)
    matrices = np.array([[c, -s], [s, c]])  # (2, 2, T, H/2)
    pairs = x.reshape(*x.shape[:-1], 2, half)
    return np.einsum("oith,btnih->btnoh", matrices, pairs).reshape(x.shape)


wrong = mistakes("rotary", section="rotary")

EXERCISE = Exercise(
    name="rotate",
    section="rotary",
    points=5,
    reference=rotate,
    cases=(
        Case("from-zero", heads_at(2, 5, 3, 8)),
        Case("anywhere", heads_at(2, 4, 3, 6, anywhere)),
        Case("in-a-row", heads_at(3, 7, 2, 10, in_a_row)),
        Case("wavelength", heads_at(2, 6, 4, 8, anywhere, (20, 90))),
        Case("one-token", heads_at(3, 1, 2, 12, anywhere)),
        Case("one-pair", heads_at(1, 3, 1, 2, anywhere)),
        # As many heads, or sequences, as positions: angles on the wrong axis fit here.
        Case("square-heads", heads_at(2, 4, 4, 6, anywhere), diagnostic=True),
        Case("square-batch", heads_at(4, 4, 3, 6, anywhere), diagnostic=True),
        Case("all-square", heads_at(4, 4, 4, 8, anywhere), diagnostic=True),
    ),
    misconceptions=(
        wrong(
            "neighbours", "rotary-traps", pair=lambda f, _: f // 2, partner=neighbours
        ),
        wrong(
            "neighbours-backwards",
            "rotary-traps",
            pair=lambda f, _: f // 2,
            partner=lambda x: -neighbours(x),
        ),
        wrong("angles-of-neighbours", "rotary-traps", pair=lambda f, _: f // 2),
        wrong("partners-of-neighbours", "rotary-traps", partner=neighbours),
        wrong("neighbours-left-apart", "rotary-traps", arrange=evens_then_odds),
        wrong(
            "halves-interleaved",
            "rotary-traps",
            combine=lambda *a: interleave(turn_pairs(*a)),
        ),
        wrong("each-its-own-angle", pair=lambda f, _: f / 2),
        wrong("backwards", partner=lambda x: -halves(x)),
        wrong("both-plus", partner=halves_both_plus),
        wrong("same-angle", exponent=lambda i, size: 0 * fraction(i, size)),
        wrong("exponent-i", exponent=lambda i, size: i / size),
        wrong("exponent-half-size", exponent=lambda i, size: 4 * i / size),
        wrong("multiplied", slow=lambda t, wave: t * wave),
        wrong("positions-ignored", count=lambda t: np.arange(len(t))),
        wrong("counted-from-first", count=lambda t: t - t[0]),
        wrong("starts-at-one", count=lambda t: t + 1),
        wrong("wavelength-ignored", longest=ten_thousand),
        wrong("degrees", unit=np.radians),
        wrong("along-heads", place=identity),
        wrong("along-batch", place=lambda angles: angles[:, None, None]),
        wrong(
            "sine-and-cosine-swapped",
            combine=lambda x, partner, a: x * np.sin(a) + partner * np.cos(a),
        ),
        wrong("only-cosine", combine=lambda x, partner, a: x * np.cos(a)),
        wrong("added", combine=lambda x, partner, a: x + np.sin(a)),
        wrong("first-overwritten", combine=turn_one_after_the_other),
        wrong(
            "halves-exchanged",
            combine=lambda *a: np.roll(turn_pairs(*a), a[0].shape[-1] // 2, axis=-1),
        ),
    ),
    accepted={
        "complex numbers": _rotate_by_complex_numbers,
        "loops": _rotate_with_loops,
        "einsum": _rotate_with_einsum,
        "keras.ops": _rotate_with_keras,
        "tlkeras.layers": lambda x, at, longest=10000: our_layers().RotaryEmbedding(
            longest
        )(x, positions=at),
        "lists": lambda *a: rotate(*a).tolist(),
    },
)
