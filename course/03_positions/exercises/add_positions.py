"""(B, T, D): every vector plus the row of its position."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from ._shared import between, our_layers


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


def as_many_as_sequences(rows, x):
    """As many rows as sequences, which is the first length of x and not its second."""
    return rows[: len(x)]


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
    ops = keras().ops
    positions = start_index + ops.arange(x.shape[1])
    return ops.add(x, ops.take(table, positions, axis=0))


def _add_with_the_layer(x, table, start_index=0):
    layer = our_layers().PositionEmbedding(len(table))
    layer.build(x.shape)
    layer.set_weights([table])
    return x + np.asarray(layer(x, start_index=start_index))


wrong = mistakes("learned", section="learned")

EXERCISE = Exercise(
    name="add_positions",
    section="learned",
    points=2,
    reference=add_positions,
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
        wrong("start-ignored", begin=lambda start: 0),
        wrong("starts-at-one", begin=lambda start: start + 1),
        wrong("counts-back", begin=lambda start: -start),
        wrong("rows-from-the-end", rows=lambda table, start, length: table[-length:]),
        wrong("one-row-for-all", rows=lambda table, start, length: table[start]),
        wrong(
            "reversed",
            rows=lambda table, start, length: slice_rows(table, start, length)[::-1],
        ),
        wrong("row-per-sequence", rows=by_batch, place=along_batch),
        wrong("counts-sequences", rows=by_batch, place=as_many_as_sequences),
        wrong(
            "counts-through-the-batch",
            rows=by_batch,
            place=lambda rows, x: rows[: len(x) * x.shape[1]].reshape(x.shape),
        ),
        wrong("multiplied", merge=np.multiply),
        wrong("not-added", merge=lambda x, rows: rows + 0 * x),
        wrong(
            "appended", merge=lambda x, rows: np.concatenate([x, rows + 0 * x], axis=-1)
        ),
        wrong(
            "appended-behind",
            merge=lambda x, rows: np.concatenate([x, rows + 0 * x], axis=1),
        ),
        wrong("scaled", merge=lambda x, rows: x * np.sqrt(x.shape[-1]) + rows),
    ),
    accepted={
        "loops": _add_with_loops,
        "one-hot rows": _add_one_hot,
        "keras.ops": _add_with_keras,
        "tlkeras.layers": _add_with_the_layer,
        "lists": lambda *a: add_positions(*a).tolist(),
    },
)
