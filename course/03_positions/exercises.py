"""What lesson 03 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, T length, S length of the keys, N heads, H
head size, D model size, L rows of a table. λ is `max_wavelength`.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity

MESSAGES = Messages(Path(__file__).parent)


def between(rng, low, high):
    """A random integer, both ends included."""
    return int(rng.integers(low, high + 1))


def ten_thousand(_):
    """Ignore the λ that was asked for."""
    return 10000


def _ops():
    import keras

    return keras.ops


def _layers():
    from tlkeras import layers

    return layers


# ── sinusoids ─────────────────────────────────────────────────────────────────────────


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
    ops = _ops()
    frequency = max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)
    angles = ops.arange(length, dtype="float32")[:, None] * frequency.astype("float32")
    pair = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.reshape(pair, (length, hidden_dim))


def _sine_by_complex_powers(length, hidden_dim, max_wavelength=10000):
    frequency = max_wavelength ** (-np.arange(0, hidden_dim, 2) / hidden_dim)
    turned = np.exp(1j * np.arange(length)[:, None] * frequency)
    return np.stack([turned.imag, turned.real], -1).reshape(length, hidden_dim)


SINE_POSITIONS = Exercise(
    name="sine_positions",
    section="sine",
    points=4,
    reference=sine_positions,
    messages=MESSAGES,
    cases=(
        Case("short", lambda rng: (between(rng, 5, 7), 8)),
        Case("long", lambda rng: (between(rng, 25, 35), 12)),
        Case("wide", lambda rng: (5, 2 * between(rng, 10, 15))),
        Case("one-position", lambda rng: (1, 6)),
        Case("wavelength", lambda rng: (7, 10, between(rng, 50, 500))),
    ),
    misconceptions=(
        Misconception("sine.halves", "sine-traps", pairs=two_halves),
        Misconception(
            "sine.halves-cosine-first",
            "sine-traps",
            pairs=lambda f, size: (f % (size // 2), f >= size // 2),
        ),
        Misconception("sine.sine-everywhere", "sine", cosine=np.sin),
        Misconception("sine.cosine-everywhere", "sine", sine=np.cos),
        Misconception(
            "sine.cosine-first", "sine", pairs=lambda f, _: (f // 2, f % 2 == 1)
        ),
        Misconception(
            "sine.each-its-own-wave", "sine", pairs=lambda f, _: (f / 2, f % 2 == 0)
        ),
        Misconception("sine.exponent-i", "sine", exponent=lambda i, size: i / size),
        Misconception(
            "sine.exponent-half-size", "sine", exponent=lambda i, size: 4 * i / size
        ),
        Misconception(
            "sine.exponent-reaches-one",
            "sine-traps",
            exponent=lambda i, size: 2 * i / (size - 2),
        ),
        Misconception(
            "sine.exponent-without-size", "sine", exponent=lambda i, size: 2.0 * i
        ),
        Misconception("sine.multiplied", "sine", slow=lambda t, wave: t * wave),
        Misconception("sine.starts-at-one", "sine", start=1),
        Misconception("sine.degrees", "sine", unit=lambda a, _: np.radians(a)),
        Misconception("sine.full-turns", "sine", unit=lambda a, _: 2 * np.pi * a),
        Misconception("sine.share-of-length", "sine", unit=lambda a, size: a / size),
        Misconception("sine.wavelength-ignored", "sine", longest=ten_thousand),
        Misconception(
            "sine.axes-swapped", "sine", roles=lambda t, f, length, _: (f, t, length)
        ),
        Misconception("sine.transposed", "sine", arrange=np.transpose),
        Misconception("sine.angles-returned", "sine", sine=identity, cosine=identity),
    ),
    accepted={
        "loops and lists": _sine_with_loops,
        "slices in float32": _sine_by_slices,
        "logarithms": _sine_by_logarithms,
        "keras.ops": _sine_with_keras,
        "complex powers": _sine_by_complex_powers,
        "tlkeras.layers": lambda length, size, longest=10000: (
            _layers().SinePositionEncoding(longest)(np.zeros((1, length, size)))[0]
        ),
    },
)


# ── the matrix of a step ──────────────────────────────────────────────────────────────


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
    ops = _ops()
    exponent = np.arange(hidden_dim) // 2 * 2 / hidden_dim
    angles = (distance * max_wavelength**-exponent).astype("float32")
    sines = ops.reshape(ops.sin(angles)[::2], (-1, 1)) * np.float32([[1, 0]])
    sines = ops.reshape(sines, (-1,))[:-1]
    matrix = ops.diag(ops.cos(angles)) + ops.diag(sines, k=1) - ops.diag(sines, k=-1)
    return matrix


SHIFT_MATRIX = Exercise(
    name="shift_matrix",
    section="shift",
    points=3,
    reference=shift_matrix,
    messages=MESSAGES,
    cases=(
        Case("one-step", lambda rng: (1, 6)),
        Case("far", lambda rng: (between(rng, 3, 20), 8)),
        Case("back", lambda rng: (-between(rng, 2, 9), 4)),
        Case("nowhere", lambda rng: (0, 6)),
        Case("wavelength", lambda rng: (between(rng, 2, 5), 10, between(rng, 30, 90))),
    ),
    misconceptions=(
        Misconception("shift.backwards", "shift", turn=np.transpose),
        Misconception(
            "shift.does-nothing", "shift", turn=lambda matrix: np.eye(len(matrix))
        ),
        Misconception(
            "shift.halves", "sine-traps", pair=lambda i, size: (i, i + size // 2)
        ),
        Misconception(
            "shift.same-angle", "shift", exponent=lambda i, size: 0 * fraction(i, size)
        ),
        Misconception("shift.exponent-i", "sine", exponent=lambda i, size: i / size),
        Misconception("shift.one-step-only", "shift", far=np.sign),
        Misconception("shift.direction-ignored", "shift", far=np.abs),
        Misconception("shift.forwards-only", "shift", far=lambda k: max(k, 0)),
        Misconception("shift.degrees", "sine", unit=np.radians),
        Misconception("shift.wavelength-ignored", "shift", longest=ten_thousand),
        Misconception("shift.both-plus", "shift", block=without_minus),
        Misconception(
            "shift.diagonal-only", "shift", block=lambda b: np.cos(b) * np.eye(2)
        ),
        Misconception(
            "shift.encoding-of-distance",
            "shift",
            block=lambda b: np.diag([np.sin(b), np.cos(b)]),
        ),
        Misconception(
            "shift.sine-and-cosine-swapped",
            "shift",
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


# ── learned positions ─────────────────────────────────────────────────────────────────


def slice_rows(table, start, length):
    """Rows start … start + T − 1 of the table: (T, D)."""
    return table[start : start + length]


def along_batch(rows, x):
    """Give each sequence a row, when each position should have one."""
    return rows[: len(x), None]


def add_positions(
    x,
    table,
    start_index=0,
    *,
    begin=identity,
    rows=slice_rows,
    place=lambda rows, x: rows,
    merge=np.add,
):
    """(B, T, D): every vector plus the row of its position."""
    start = begin(start_index)
    return merge(x, place(rows(table, start, x.shape[1]), x))


def by_batch(table, start, length):
    """More rows than positions, so that a batch can be counted in them."""
    return table[start:]


def in_a_table(batch, length, size, table_rows, start=None):
    """Vectors, a table and perhaps where the sequence starts."""

    def draw(rng):
        x, table = floats(rng, batch, length, size), floats(rng, table_rows, size)
        if start is None:
            return x, table
        return x, table, between(rng, *start)

    return draw


def _add_with_loops(x, table, start_index=0):
    out = x.copy()
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            out[b, t] += table[start_index + t]
    return out


def _add_one_hot(x, table, start_index=0):
    one_hot = np.eye(len(table))[start_index + np.arange(x.shape[1])]
    return x + np.einsum("tl,ld->td", one_hot, table)


def _add_with_keras(x, table, start_index=0):
    ops = _ops()
    positions = start_index + ops.arange(x.shape[1])
    return ops.add(x, ops.take(table, positions, axis=0))


def _add_with_the_layer(x, table, start_index=0):
    layer = _layers().PositionEmbedding(len(table))
    layer.build(x.shape)
    layer.set_weights([table])
    return x + np.asarray(layer(x, start_index=start_index))


ADD_POSITIONS = Exercise(
    name="add_positions",
    section="learned",
    points=2,
    reference=add_positions,
    messages=MESSAGES,
    cases=(
        Case("beginning", in_a_table(3, 5, 4, 30)),
        Case("later", in_a_table(2, 4, 6, 30, start=(3, 9))),
        Case("full", in_a_table(2, 7, 3, 7)),
        Case("one-token", in_a_table(4, 1, 5, 30, start=(2, 6))),
        Case("to-the-end", in_a_table(1, 4, 3, 9, start=(5, 5))),
        # As many sequences as positions: a row for each sequence gives numbers here.
        Case("square", in_a_table(4, 4, 3, 30, start=(2, 6)), diagnostic=True),
        Case("all-square", in_a_table(4, 4, 4, 30, start=(2, 6)), diagnostic=True),
    ),
    misconceptions=(
        Misconception("learned.start-ignored", "learned", begin=lambda start: 0),
        Misconception(
            "learned.starts-at-one", "learned", begin=lambda start: start + 1
        ),
        Misconception("learned.counts-back", "learned", begin=lambda start: -start),
        Misconception(
            "learned.rows-from-the-end",
            "learned",
            rows=lambda table, start, length: table[-length:],
        ),
        Misconception(
            "learned.one-row-for-all",
            "learned",
            rows=lambda table, start, length: table[start],
        ),
        Misconception(
            "learned.reversed",
            "learned",
            rows=lambda table, start, length: slice_rows(table, start, length)[::-1],
        ),
        Misconception(
            "learned.row-per-sequence", "learned", rows=by_batch, place=along_batch
        ),
        Misconception(
            "learned.counts-through-the-batch",
            "learned",
            rows=by_batch,
            place=lambda rows, x: rows[: len(x) * x.shape[1]].reshape(x.shape),
        ),
        Misconception("learned.multiplied", "learned", merge=np.multiply),
        Misconception(
            "learned.not-added", "learned", merge=lambda x, rows: rows + 0 * x
        ),
        Misconception(
            "learned.appended",
            "learned",
            merge=lambda x, rows: np.concatenate([x, rows + 0 * x], axis=-1),
        ),
        Misconception(
            "learned.scaled",
            "learned",
            merge=lambda x, rows: x * np.sqrt(x.shape[-1]) + rows,
        ),
    ),
    accepted={
        "loops": _add_with_loops,
        "one-hot rows": _add_one_hot,
        "keras.ops": _add_with_keras,
        "tlkeras.layers": _add_with_the_layer,
        "lists": lambda *a: add_positions(*a).tolist(),
    },
)


# ── stretching a table ────────────────────────────────────────────────────────────────


def centres(new, old_length, new_length):
    """Where the middle of each new row falls, counted in old rows."""
    return (new + 0.5) * old_length / new_length - 0.5


def blend(table, place):
    """Linear between the two rows around each place, which lies inside the table."""
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(table) - 1)
    share = (place - low)[:, None]
    return (1 - share) * table[low] + share * table[high]


def inside(place, last):
    """Nothing lies before the first row or after the last."""
    return np.clip(place, 0, last)


def stretch_positions(table, length, *, places=centres, keep=inside, read=blend):
    """(length, D): the rows of a table, read off at other places."""
    place = places(np.arange(length), len(table), length)
    return read(table, keep(place, len(table) - 1))


def read_swapped(table, place):
    """Give each neighbour the other one's share."""
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(table) - 1)
    share = (place - low)[:, None]
    return share * table[low] + (1 - share) * table[high]


def read_beyond(table, place):
    """Continue the first and last pair of rows as straight lines."""
    low = np.clip(np.floor(place).astype(int), 0, len(table) - 2)
    share = (place - low)[:, None]
    return (1 - share) * table[low] + share * table[low + 1]


def read_zero_beyond(table, place):
    """Blend with rows of zeros outside the table."""
    return blend(np.pad(table, ((1, 1), (0, 0))), place + 1)


def ends(new, old, length):
    """The first row on the first, and the last on the last; alone, on the first."""
    return new * (old - 1) / max(length - 1, 1)


def ends_by_division(new, old, length):
    """The same, without a thought of a length of 1."""
    if length == 1:
        raise ZeroDivisionError
    return ends(new, old, length)


def read_average(table, place):
    """In a shorter table, average all the rows that a new one stands for."""
    reach = max(len(table) / len(place), 1)
    far = np.abs(place[:, None] - np.arange(len(table)))
    shares = np.maximum(0, 1 - far / reach)
    return shares / shares.sum(1, keepdims=True) @ table


def _stretch_with_interp(table, length):
    place = (np.arange(length) + 0.5) * len(table) / length - 0.5
    columns = [np.interp(place, np.arange(len(table)), c) for c in table.T]
    return np.stack(columns, axis=-1)


def _stretch_with_keras(table, length):
    image = _ops().image.resize(
        table[None, :, None],
        (length, 1),
        interpolation="bilinear",
        data_format="channels_last",
    )
    return image[0, :, 0]


def _stretch_by_hats(table, length):
    place = np.clip(
        (np.arange(length) + 0.5) * len(table) / length - 0.5, 0, len(table) - 1
    )
    hats = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(len(table))))
    return hats @ table


def _stretch_with_loops(table, length):
    rows, out = len(table), []
    for j in range(length):
        place = min(max((2 * j + 1) * rows / (2 * length) - 0.5, 0), rows - 1)
        low = min(int(place), rows - 2)
        out.append(table[low] + (place - low) * (table[low + 1] - table[low]))
    return np.array(out, np.float32)


STRETCH_POSITIONS = Exercise(
    name="stretch_positions",
    section="stretch",
    points=3,
    reference=stretch_positions,
    messages=MESSAGES,
    cases=(
        Case("longer", lambda rng: (floats(rng, 5, 3), between(rng, 8, 9))),
        Case("twice", lambda rng: (floats(rng, 4, 6), 8)),
        Case("shorter", lambda rng: (floats(rng, 9, 4), between(rng, 5, 7))),
        Case("same", lambda rng: (floats(rng, 6, 4), 6)),
        Case("to-one", lambda rng: (floats(rng, 7, 3), 1)),
        Case("from-one", lambda rng: (floats(rng, 1, 4), between(rng, 2, 3))),
    ),
    misconceptions=(
        Misconception("stretch.ends-aligned", "stretch", places=ends),
        Misconception(
            "stretch.ends-aligned-by-division", "stretch", places=ends_by_division
        ),
        Misconception(
            "stretch.edges-not-centres",
            "stretch",
            places=lambda new, old, length: new * old / length,
        ),
        Misconception(
            "stretch.half-not-taken-back",
            "stretch",
            places=lambda new, old, length: (new + 0.5) * old / length,
        ),
        Misconception(
            "stretch.ratio-upside-down",
            "stretch",
            places=lambda new, old, length: centres(new, length, old),
        ),
        Misconception(
            "stretch.last-row-repeated", "stretch", places=lambda new, old, length: new
        ),
        Misconception(
            "stretch.starts-again",
            "stretch",
            places=lambda new, old, length: new % old,
        ),
        Misconception(
            "stretch.nearest-row",
            "stretch",
            read=lambda table, place: table[np.floor(place + 0.5).astype(int)],
        ),
        Misconception(
            "stretch.row-below",
            "stretch",
            read=lambda table, place: table[np.floor(place).astype(int)],
        ),
        Misconception(
            "stretch.each-row-repeated",
            "stretch",
            places=lambda new, old, length: new // -(-length // old),
        ),
        Misconception("stretch.shares-swapped", "stretch", read=read_swapped),
        Misconception(
            "stretch.rows-averaged", "stretch", keep=identity, read=read_average
        ),
        Misconception("stretch.not-clipped", "stretch", keep=identity),
        Misconception(
            "stretch.straight-on", "stretch", keep=identity, read=read_beyond
        ),
        Misconception(
            "stretch.fades-at-the-ends", "stretch", keep=identity, read=read_zero_beyond
        ),
    ),
    accepted={
        "numpy.interp": _stretch_with_interp,
        "keras.ops.image.resize": _stretch_with_keras,
        "hat functions": _stretch_by_hats,
        "loops": _stretch_with_loops,
        "tlkeras.layers": lambda table, length: _layers().interpolate_positions(
            table, (1, len(table)), (1, length), interpolation="bilinear"
        ),
        "lists": lambda *a: stretch_positions(*a).tolist(),
    },
)


# ── rotary ────────────────────────────────────────────────────────────────────────────


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
    ops = _ops()
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


ROTATE = Exercise(
    name="rotate",
    section="rotary",
    points=5,
    reference=rotate,
    messages=MESSAGES,
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
        Misconception(
            "rotary.neighbours",
            "rotary-traps",
            pair=lambda f, _: f // 2,
            partner=neighbours,
        ),
        Misconception(
            "rotary.neighbours-backwards",
            "rotary-traps",
            pair=lambda f, _: f // 2,
            partner=lambda x: -neighbours(x),
        ),
        Misconception(
            "rotary.angles-of-neighbours", "rotary-traps", pair=lambda f, _: f // 2
        ),
        Misconception(
            "rotary.partners-of-neighbours", "rotary-traps", partner=neighbours
        ),
        Misconception(
            "rotary.neighbours-left-apart", "rotary-traps", arrange=evens_then_odds
        ),
        Misconception(
            "rotary.halves-interleaved",
            "rotary-traps",
            combine=lambda *a: interleave(turn_pairs(*a)),
        ),
        Misconception("rotary.each-its-own-angle", "rotary", pair=lambda f, _: f / 2),
        Misconception("rotary.backwards", "rotary", partner=lambda x: -halves(x)),
        Misconception("rotary.both-plus", "rotary", partner=halves_both_plus),
        Misconception(
            "rotary.same-angle",
            "rotary",
            exponent=lambda i, size: 0 * fraction(i, size),
        ),
        Misconception("rotary.exponent-i", "rotary", exponent=lambda i, size: i / size),
        Misconception(
            "rotary.exponent-half-size", "rotary", exponent=lambda i, size: 4 * i / size
        ),
        Misconception("rotary.multiplied", "rotary", slow=lambda t, wave: t * wave),
        Misconception(
            "rotary.positions-ignored", "rotary", count=lambda t: np.arange(len(t))
        ),
        Misconception("rotary.counted-from-first", "rotary", count=lambda t: t - t[0]),
        Misconception("rotary.starts-at-one", "rotary", count=lambda t: t + 1),
        Misconception("rotary.wavelength-ignored", "rotary", longest=ten_thousand),
        Misconception("rotary.degrees", "rotary", unit=np.radians),
        Misconception("rotary.along-heads", "rotary", place=identity),
        Misconception(
            "rotary.along-batch", "rotary", place=lambda angles: angles[:, None, None]
        ),
        Misconception(
            "rotary.sine-and-cosine-swapped",
            "rotary",
            combine=lambda x, partner, a: x * np.sin(a) + partner * np.cos(a),
        ),
        Misconception(
            "rotary.only-cosine", "rotary", combine=lambda x, partner, a: x * np.cos(a)
        ),
        Misconception(
            "rotary.added", "rotary", combine=lambda x, partner, a: x + np.sin(a)
        ),
        Misconception(
            "rotary.first-overwritten", "rotary", combine=turn_one_after_the_other
        ),
        Misconception(
            "rotary.halves-exchanged",
            "rotary",
            combine=lambda *a: np.roll(turn_pairs(*a), a[0].shape[-1] // 2, axis=-1),
        ),
    ),
    accepted={
        "complex numbers": _rotate_by_complex_numbers,
        "loops": _rotate_with_loops,
        "einsum": _rotate_with_einsum,
        "keras.ops": _rotate_with_keras,
        "tlkeras.layers": lambda x, at, longest=10000: _layers().RotaryEmbedding(
            longest
        )(x, positions=at),
        "lists": lambda *a: rotate(*a).tolist(),
    },
)


# ── rotary logits with a cache ────────────────────────────────────────────────────────


def turned(x, start):
    """Heads (B, T, N, H) at positions start, start + 1, …"""
    return rotate(x, start + np.arange(x.shape[1]))


def meet(query, key):
    """Every query with every key, head by head: (B, N, T, S)."""
    return np.einsum("btnh,bsnh->bnts", query, key)


def by_root_of_size(logits, query, key):
    """Divide by √H."""
    return logits / np.sqrt(query.shape[-1])


def rotary_logits(
    query,
    key,
    start_index,
    *,
    query_start=identity,
    key_start=lambda start: 0,
    turn_query=turned,
    turn_key=turned,
    compare=meet,
    scale=by_root_of_size,
    after=identity,
):
    """(B, N, T, S): logits of queries from `start_index` on against keys from 0 on."""
    q = turn_query(query, query_start(start_index, query, key))
    k = turn_key(key, key_start(start_index))
    return after(scale(compare(q, k), query, key), start_index)


def meet_reshaped(query, key):
    """Bring the heads forward with `reshape`, which mixes tokens and heads."""
    query, key = (x.reshape(len(x), x.shape[2], -1, x.shape[3]) for x in (query, key))
    return np.einsum("bnth,bnsh->bnts", query, key)


def along_the_heads(x, start):
    """Turn by the number of the head: the layer was given (B, N, T, H)."""
    return np.swapaxes(turned(np.swapaxes(x, 1, 2), start), 1, 2)


def hide_the_future(logits, start):
    """A causal mask, which nobody asked for."""
    queries, keys = logits.shape[-2:]
    return np.where(np.tri(queries, keys, start, dtype=bool), logits, -1e9)


def softmax(x, *_):
    """Weights along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def new_tokens(batch, queries, keys, heads, size, start=None):
    """Queries of new tokens, keys of all tokens, and where the new ones start."""

    def draw(rng):
        query = floats(rng, batch, queries, heads, size)
        key = floats(rng, batch, keys, heads, size)
        return query, key, keys - queries if start is None else start

    return draw


def _logits_with_keras(query, key, start_index):
    ops, turn = _ops(), _layers().RotaryEmbedding()
    query = ops.transpose(turn(query, start_index=start_index), (0, 2, 1, 3))
    key = ops.transpose(turn(key), (0, 2, 3, 1))  # (B, N, H, S)
    return ops.matmul(query, key) / query.shape[-1] ** 0.5


def _logits_by_distance(query, key, start_index):
    rows = [
        meet(turned(query[:, [t]], start_index + t), turned(key, 0))[:, :, 0]
        for t in range(query.shape[1])
    ]
    return np.stack(rows, axis=2) / np.sqrt(query.shape[-1])


def _logits_with_tensorflow(query, key, start_index):
    import tensorflow as tf

    turn = _layers().RotaryEmbedding()
    scaled = turn(query, positions=start_index + np.arange(query.shape[1]))
    scaled /= query.shape[-1] ** 0.5
    return tf.einsum("btnh,bsnh->bnts", scaled, turn(key))


def _logits_with_matmul(query, key, start_index):
    query, key = turned(query, start_index), turned(key, 0)
    logits = query.transpose(0, 2, 1, 3) @ key.transpose(0, 2, 3, 1)
    return (logits / query.shape[-1] ** 0.5).astype(np.float32)


ROTARY_LOGITS = Exercise(
    name="rotary_logits",
    section="distance",
    points=3,
    reference=rotary_logits,
    messages=MESSAGES,
    cases=(
        Case("all-at-once", new_tokens(2, 5, 5, 3, 8)),
        Case("one-new", new_tokens(2, 1, 6, 3, 8)),
        Case("some-new", new_tokens(3, 2, 7, 4, 6)),
        Case("cache-with-room", new_tokens(2, 3, 9, 5, 10, start=4)),
        Case("one-head", new_tokens(1, 1, 4, 1, 6)),
        Case("square", new_tokens(2, 4, 4, 4, 6), diagnostic=True),
        Case("square-start", new_tokens(2, 4, 4, 4, 6, start=3), diagnostic=True),
    ),
    misconceptions=(
        # Shifting both, or the keys alone, gives the numbers of one of these two.
        Misconception("cache.start-ignored", "distance", query_start=lambda *_: 0),
        Misconception(
            "cache.start-negative", "distance", query_start=lambda start, *_: -start
        ),
        Misconception(
            "cache.start-one-off", "distance", query_start=lambda start, *_: start + 1
        ),
        Misconception(
            "cache.start-from-lengths",
            "distance",
            query_start=lambda start, query, key: key.shape[1] - query.shape[1],
        ),
        Misconception("cache.keys-not-turned", "distance", turn_key=identity),
        Misconception("cache.queries-not-turned", "distance", turn_query=identity),
        Misconception(
            "cache.nothing-turned", "distance", turn_query=identity, turn_key=identity
        ),
        Misconception(
            "cache.one-position-for-all",
            "distance",
            turn_query=lambda x, start: rotate(x, np.full(x.shape[1], start)),
        ),
        Misconception(
            "cache.along-heads",
            "distance",
            turn_query=along_the_heads,
            turn_key=along_the_heads,
        ),
        Misconception(
            "cache.not-scaled", "distance", scale=lambda logits, query, key: logits
        ),
        Misconception(
            "cache.scaled-without-root",
            "distance",
            scale=lambda logits, query, key: logits / query.shape[-1],
        ),
        Misconception(
            "cache.scaled-by-all-heads",
            "distance",
            scale=lambda logits, query, key: (
                logits / np.sqrt(query.shape[-1] * query.shape[-2])
            ),
        ),
        Misconception("cache.heads-reshaped", "distance", compare=meet_reshaped),
        Misconception(
            "cache.heads-with-heads",
            "distance",
            compare=lambda q, k: q @ np.swapaxes(k, -1, -2),
        ),
        Misconception(
            "cache.heads-added",
            "distance",
            compare=lambda q, k: np.einsum("btnh,bsnh->bts", q, k),
        ),
        Misconception(
            "cache.heads-last",
            "distance",
            compare=lambda q, k: np.einsum("btnh,bsnh->btsn", q, k),
        ),
        Misconception(
            "cache.rows-are-keys", "distance", compare=lambda q, k: meet(k, q)
        ),
        Misconception("cache.softmax-taken", "distance", after=softmax),
        Misconception("cache.future-hidden", "distance", after=hide_the_future),
    ),
    accepted={
        "keras.ops": _logits_with_keras,
        "tensorflow": _logits_with_tensorflow,
        "matmul in float32": _logits_with_matmul,
        "query by query": _logits_by_distance,
        "both shifted alike": lambda query, key, start: rotary_logits(
            query, key, start, query_start=lambda s, *_: s + 7, key_start=lambda s: 7
        ),
        "queries at 0, keys behind them": lambda query, key, start: rotary_logits(
            query, key, start, query_start=lambda *_: 0, key_start=lambda s: -s
        ),
        "lists": lambda *a: rotary_logits(*a).tolist(),
    },
)

EXERCISES = (
    SINE_POSITIONS,
    SHIFT_MATRIX,
    ADD_POSITIONS,
    STRETCH_POSITIONS,
    ROTATE,
    ROTARY_LOGITS,
)
