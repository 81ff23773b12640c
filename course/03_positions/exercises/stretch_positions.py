"""(length, D): the rows of a table, read off at other places."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from ._shared import between, our_layers


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


def read_past_the_end(table, place):
    """Look for a row after the last one, which fails where a place reaches the end."""
    low = np.floor(place).astype(int)
    share = (place - low)[:, None]
    return (1 - share) * table[low] + share * table[low + 1]


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
    image = keras().ops.image.resize(
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


wrong = mistakes("stretch", section="stretch")

EXERCISE = Exercise(
    name="stretch_positions",
    section="stretch",
    points=3,
    reference=stretch_positions,
    cases=(
        Case("longer", lambda rng: (floats(rng, 5, 3), between(rng, 8, 9))),
        Case("twice", lambda rng: (floats(rng, 4, 6), 8)),
        Case("shorter", lambda rng: (floats(rng, 9, 4), between(rng, 5, 7))),
        Case("same", lambda rng: (floats(rng, 6, 4), 6)),
        Case("to-one", lambda rng: (floats(rng, 7, 3), 1)),
        Case("from-one", lambda rng: (floats(rng, 1, 4), between(rng, 2, 3))),
    ),
    misconceptions=(
        wrong("ends-aligned", places=ends),
        wrong("ends-aligned-by-division", places=ends_by_division),
        wrong("edges-not-centres", places=lambda new, old, length: new * old / length),
        wrong(
            "half-not-taken-back",
            places=lambda new, old, length: (new + 0.5) * old / length,
        ),
        wrong(
            "ratio-upside-down",
            places=lambda new, old, length: centres(new, length, old),
        ),
        wrong("last-row-repeated", places=lambda new, old, length: new),
        wrong("starts-again", places=lambda new, old, length: new % old),
        wrong(
            "nearest-row",
            read=lambda table, place: table[np.floor(place + 0.5).astype(int)],
        ),
        wrong(
            "row-below", read=lambda table, place: table[np.floor(place).astype(int)]
        ),
        wrong(
            "each-row-repeated",
            places=lambda new, old, length: new // -(-length // old),
        ),
        wrong("shares-swapped", read=read_swapped),
        wrong("rows-averaged", keep=identity, read=read_average),
        wrong("not-clipped", keep=identity),
        wrong("row-after-the-last", read=read_past_the_end),
        wrong(
            "clipped-to-new-length",
            keep=lambda place, last: np.clip(place, 0, len(place) - 1),
        ),
        wrong("straight-on", keep=identity, read=read_beyond),
        wrong("fades-at-the-ends", keep=identity, read=read_zero_beyond),
    ),
    accepted={
        "numpy.interp": _stretch_with_interp,
        "keras.ops.image.resize": _stretch_with_keras,
        "hat functions": _stretch_by_hats,
        "loops": _stretch_with_loops,
        "tlkeras.layers": lambda table, length: our_layers().interpolate_positions(
            table, (1, len(table)), (1, length), interpolation="bilinear"
        ),
        "lists": lambda *a: stretch_positions(*a).tolist(),
    },
)
