"""Wrong answers to lesson 03, as a learner would write them: (answer, what is named).

`None`: caught, and nothing is named, for no known mistake has these numbers.
"""

import math

import keras
import numpy as np
import tensorflow as tf


def waves(length, size, longest=10000, first=0, step=1):
    """The angles (T, D/2) of a right sinusoid."""
    rate = longest ** (-np.arange(0, size, 2) / size)
    return (np.arange(length) * step + first)[:, None] * rate


def alternating(sines, cosines):
    return np.stack([sines, cosines], axis=-1).reshape(len(sines), -1)


def sine(change=lambda angles: angles, lay=alternating, kinds=(np.sin, np.cos)):
    def positions(length, size, longest=10000):
        angles = change(waves(length, size, longest))
        return lay(kinds[0](angles), kinds[1](angles))

    return positions


def side_by_side(*parts):
    return np.concatenate(parts, axis=-1)


def by_linspace(length, size, longest=10000):
    rate = longest ** -np.linspace(0, 1, size // 2)
    angles = np.outer(np.arange(length), rate)
    return alternating(np.sin(angles), np.cos(angles))


def right_but_last(length, size, longest=10000):
    """A loop over pairs that ends one early."""
    out = np.zeros((length, size))
    for i in range(max(size // 2 - 1, 1)):
        angles = np.arange(length) / longest ** (2 * i / size)
        out[:, 2 * i], out[:, 2 * i + 1] = np.sin(angles), np.cos(angles)
    return out


def feature_by_feature(length, size, longest=10000):
    return [
        [
            (math.cos if i % 2 else math.sin)(t / longest ** (2 * i / size))
            for i in range(size)
        ]
        for t in range(length)
    ]


SINE = {
    "sines, then cosines": (sine(lay=side_by_side), "sine.halves"),
    "cosines, then sines": (
        sine(lay=lambda s, c: side_by_side(c, s)),
        "sine.halves-cosine-first",
    ),
    "cosine first": (sine(kinds=(np.cos, np.sin)), "sine.cosine-first"),
    "linspace": (by_linspace, "sine.exponent-reaches-one"),
    "feature by feature": (
        feature_by_feature,
        "sine.number-of-the-feature",
    ),
    "last pair forgotten": (right_but_last, None),
    "degrees": (sine(np.radians), "sine.degrees"),
    "squeezed": (lambda *a: np.squeeze(sine()(*a)), None),
    "a single position without its axis": (
        lambda length, *a: sine()(length, *a)[0 if length == 1 else slice(None)],
        None,
    ),
    "tf transposed": (lambda *a: tf.transpose(sine()(*a)), "sine.transposed"),
    "from one": (
        lambda n, *a: np.asarray(sine()(n + 1, *a))[1:],
        "sine.starts-at-one",
    ),
    "ends included": (
        lambda n, size, longest=10000: alternating(
            *(
                f(
                    np.outer(
                        np.linspace(0, n, n), longest ** (-np.arange(0, size, 2) / size)
                    )
                )
                for f in (np.sin, np.cos)
            )
        ),
        None,
    ),
    "λ of 10,000": (lambda n, size, *_: sine()(n, size), "sine.wavelength-ignored"),
}


def shift(block=lambda c, s: [[c, s], [-s, c]], far=lambda k: k, last=0):
    def matrix(distance, size, longest=10000):
        out = np.zeros((size, size))
        for i in range(0, size - last, 2):
            b = far(distance) / longest ** (i / size)
            out[i : i + 2, i : i + 2] = block(math.cos(b), math.sin(b))
        return out

    return matrix


def step_by_step(distance, size, longest=10000):
    one, out = shift()(1, size, longest), np.eye(size)
    for _ in range(distance):
        out = out @ one
    return out


def at_least_one_step(distance, size, longest=10000):
    one = shift()(1 if distance >= 0 else -1, size, longest)
    out = one
    for _ in range(abs(distance) - 1):
        out = out @ one
    return out


def nowhere_is_zero(distance, size, longest=10000):
    return shift()(distance, size, longest) * (distance != 0)


SHIFT = {
    "other way": (shift(lambda c, s: [[c, -s], [s, c]]), "shift.backwards"),
    "both plus": (shift(lambda c, s: [[c, s], [s, c]]), "shift.both-plus"),
    "step by step": (step_by_step, "shift.forwards-only"),
    "at least one step": (at_least_one_step, None),
    "distance or 1": (shift(far=lambda k: k or 1), None),
    "zero matrix": (nowhere_is_zero, None),
    "abs": (shift(far=abs), "shift.direction-ignored"),
    "diagonal": (shift(lambda c, s: [[c, 0], [0, c]]), "shift.diagonal-only"),
    "last pair forgotten": (shift(last=2), None),
    "sine on the diagonal": (
        shift(lambda c, s: [[s, c], [-c, s]]),
        "shift.sine-and-cosine-swapped",
    ),
    "both minus": (shift(lambda c, s: [[c, -s], [-s, c]]), None),
}


def batch_by_batch(x, table, start=0):
    out = np.array(x)
    for b in range(len(x)):
        out[b] += table[start + b]
    return out


def wrapping(x, table, start=0):
    return x + table[(start + np.arange(x.shape[1])) % (len(table) - 1)]


def counted_from_the_end(x, table, start=0):
    end = start + x.shape[1] - len(table)
    return x + (table[start - len(table) : end] if end else table[start:])


def last_row_left_out(x, table, start=0):
    rows = np.minimum(start + np.arange(x.shape[1]), len(table) - 2)
    return x + table[rows]


LEARNED = {
    "from 0": (
        lambda x, table, start=0: x + table[: x.shape[1]],
        "learned.start-ignored",
    ),
    "0 only where 0": (
        lambda x, table, start=0: x + table[: x.shape[1]] if not start else x,
        None,
    ),
    "row of the sequence": (batch_by_batch, "learned.row-per-sequence"),
    "wraps": (wrapping, None),
    "last row left out": (last_row_left_out, None),
    "concatenated": (
        lambda x, table, start=0: np.concatenate(
            [x, np.broadcast_to(table[start : start + x.shape[1]], x.shape)], axis=-1
        ),
        "learned.appended",
    ),
    "in place": (
        lambda x, table, start=0: np.add(x, table[start : start + x.shape[1]], out=x),
        None,
    ),
    "squeezed": (
        lambda x, table, start=0: np.squeeze(x + table[start : start + x.shape[1]]),
        None,
    ),
    "one too far": (
        lambda x, table, start=0: (
            x
            + tf.gather(
                np.pad(table, ((0, 1), (0, 0))), start + 1 + np.arange(x.shape[1])
            )
        ),
        None,
    ),
    "multiplied": (
        lambda x, table, start=0: keras.ops.multiply(
            x, table[start : start + x.shape[1]]
        ),
        "learned.multiplied",
    ),
    "scaled": (
        lambda x, table, start=0: (
            x * x.shape[-1] ** 0.5 + table[start : start + x.shape[1]]
        ),
        "learned.scaled",
    ),
}


def stretch(places, blend=True, last=1):
    def read(table, length):
        rows, out = len(table), []
        for j in range(length):
            place = min(max(places(j, rows, length), 0), rows - last)
            low = int(place)
            high = min(low + 1, rows - 1)
            share = place - low if blend else 0
            out.append((1 - share) * table[low] + share * table[high])
        return np.array(out)

    return read


def middles(j, rows, length):
    return (j + 0.5) * rows / length - 0.5


def zoomed(table, length):
    grid = np.linspace(0, len(table) - 1, length)
    return np.stack([np.interp(grid, range(len(table)), c) for c in table.T], axis=1)


def averaged_when_shorter(table, length):
    return np.asarray(
        tf.image.resize(table[None, :, None], (length, 1), antialias=True)
    )[0, :, 0]


def by_division(table, length):
    grid = np.arange(length) * (len(table) - 1) / (length - 1)
    low = np.floor(grid).astype(int)
    high = np.minimum(low + 1, len(table) - 1)
    share = (grid - low)[:, None]
    return table[low] * (1 - share) + table[high] * share


STRETCH = {
    "ends by division": (by_division, "stretch.ends-aligned-by-division"),
    "linspace": (zoomed, "stretch.ends-aligned"),
    "edges": (
        stretch(lambda j, rows, length: j * rows / length),
        "stretch.edges-not-centres",
    ),
    "rows below": (stretch(middles, blend=False), "stretch.row-below"),
    "nearest": (
        lambda table, length: table[
            ((np.arange(length) + 0.5) * len(table) / length).astype(int)
        ],
        "stretch.nearest-row",
    ),
    "smoothed when shorter": (averaged_when_shorter, "stretch.rows-averaged"),
    "last row never": (stretch(middles, last=2), None),
    "same length left out": (
        lambda table, length: (
            table[::-1] if len(table) == length else stretch(middles)(table, length)
        ),
        None,
    ),
    "first row for one": (
        lambda table, length: (
            table[:1] if length == 1 else stretch(middles)(table, length)
        ),
        None,
    ),
    "squeezed": (lambda *a: np.squeeze(stretch(middles)(*a)), None),
    "one row is not stretched": (
        lambda table, length: (
            table if len(table) == 1 else stretch(middles)(table, length)
        ),
        None,
    ),
    "cut or repeated": (
        lambda table, length: table[np.minimum(np.arange(length), len(table) - 1)],
        "stretch.last-row-repeated",
    ),
    "wrapped": (
        lambda table, length: np.resize(table, (length, table.shape[1])),
        "stretch.starts-again",
    ),
}


def halves_of(x):
    return x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]


def evens_of(x):
    return x[..., ::2], x[..., 1::2]


def interleaved(first, second):
    return np.stack([first, second], axis=-1).reshape(*first.shape[:-1], -1)


def turn(take=halves_of, put=side_by_side, sign=1, angle=None):
    def rotate(x, positions, longest=10000):
        size = x.shape[-1]
        rate = longest ** (-np.arange(0, size, 2) / size)
        angles = np.asarray(positions)[:, None, None] * rate
        a, b = take(x)
        c, s = np.cos(angles), sign * np.sin(angles)
        return put(a * c - b * s, b * c + a * s)

    return rotate


def by_shift_matrix(x, positions, longest=10000):
    out = np.empty_like(x)
    for t, position in enumerate(positions):
        out[:, t] = x[:, t] @ shift()(int(position), x.shape[-1], longest).T
    return out


def as_cosine_and_sine(x, positions, longest=10000):
    """Take the first half for the sine, as in a sinusoid."""
    a, b = halves_of(x)
    size = x.shape[-1]
    angles = positions[:, None, None] * longest ** (-np.arange(0, size, 2) / size)
    z = (b + 1j * a) * np.exp(1j * angles)
    return np.concatenate([z.imag, z.real], axis=-1)


def last_pair_forgotten(x, positions, longest=10000):
    out, half = turn()(x, positions, longest), x.shape[-1] // 2
    out[..., [half - 1, -1]] = x[..., [half - 1, -1]]
    return out


def from_the_first(x, positions, longest=10000):
    return turn()(x, positions - positions[0], longest)


ROTARY = {
    "interleaved": (turn(evens_of, interleaved), "rotary.neighbours"),
    "interleaved, put back as halves": (
        turn(evens_of),
        "rotary.neighbours-left-apart",
    ),
    "halves, put back interleaved": (
        turn(put=interleaved),
        "rotary.halves-interleaved",
    ),
    "other way": (turn(sign=-1), "rotary.backwards"),
    "interleaved, other way": (
        turn(evens_of, interleaved, -1),
        "rotary.neighbours-backwards",
    ),
    "shift matrices": (by_shift_matrix, "rotary.neighbours-backwards"),
    "sine first": (as_cosine_and_sine, "rotary.backwards"),
    "cosine part last": (
        turn(put=lambda a, b: side_by_side(b, a)),
        "rotary.halves-exchanged",
    ),
    "from the first": (from_the_first, "rotary.counted-from-first"),
    "squeezed": (lambda *a: np.squeeze(turn()(*a)), None),
    "last pair forgotten": (last_pair_forgotten, None),
    "reversed positions": (
        lambda x, at, *rest: turn()(x, at[::-1], *rest),
        None,
    ),
    "sorted positions": (lambda x, at, *rest: turn()(x, np.sort(at), *rest), None),
    "of 10,000": (lambda x, at, *_: turn()(x, at), "rotary.wavelength-ignored"),
}


def scores(query_at, key_at=lambda start, t, s: np.arange(s), scale=0.5, end=None):
    def logits(query, key, start):
        t, s = query.shape[1], key.shape[1]
        q = turn()(query, query_at(start, t, s))
        k = turn()(key, key_at(start, t, s))
        out = np.einsum("btnh,bsnh->bnts", q, k) / query.shape[-1] ** scale
        return out if end is None else end(out, start)

    return logits


def at_start(start, t, s):
    return start + np.arange(t)


def causal(out, start):
    t, s = out.shape[-2:]
    return np.where(np.arange(s) <= start + np.arange(t)[:, None], out, -1e9)


CACHE = {
    "from 0": (scores(lambda start, t, s: np.arange(t)), "cache.start-ignored"),
    "from S − T": (
        scores(lambda start, t, s: s - t + np.arange(t)),
        "cache.start-from-lengths",
    ),
    "at S": (scores(lambda start, t, s: s + np.arange(t)), None),
    "all at start": (
        scores(lambda start, t, s: np.full(t, start)),
        "cache.one-position-for-all",
    ),
    "one off": (
        scores(lambda start, t, s: start + 1 + np.arange(t)),
        "cache.start-one-off",
    ),
    "keys from start": (
        scores(at_start, lambda start, t, s: start + np.arange(s)),
        "cache.start-ignored",
    ),
    "not scaled": (scores(at_start, scale=0), "cache.not-scaled"),
    "by H": (scores(at_start, scale=1), "cache.scaled-without-root"),
    "future hidden": (scores(at_start, end=causal), "cache.future-hidden"),
    "squeezed": (scores(at_start, end=lambda out, start: np.squeeze(out)), None),
    "one new token without its axis": (
        scores(
            at_start, end=lambda out, start: out[:, 0] if out.shape[1] == 1 else out
        ),
        None,
    ),
    "softmax": (
        scores(at_start, end=lambda out, start: tf.nn.softmax(out)),
        "cache.softmax-taken",
    ),
}

ANSWERS = {
    "sine_positions": SINE,
    "shift_matrix": SHIFT,
    "add_positions": LEARNED,
    "stretch_positions": STRETCH,
    "rotate": ROTARY,
    "rotary_logits": CACHE,
}
