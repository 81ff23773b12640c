"""Positions (1 + h · w, D) for another grid: (1 + h' · w', D)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def resample(grid, rows, columns):
    """A grid (h, w, D) mixed along its rows and columns: (h', w', D)."""
    return np.einsum("ih,jw,hwd->ijd", rows, columns, grid)


def to_grid(patches, height, width):
    """One vector for each patch, row by row, as a grid (h, w, D)."""
    return patches.reshape(height, width, -1)


def first_apart(positions):
    """The position of the class token, and those of the patches."""
    return positions[:1], positions[1:]


def stretch_positions(
    positions,
    rows,
    columns,
    *,
    split=first_apart,
    grid=to_grid,
    mix=resample,
    row_by_row=identity,
    join=lambda first, patches: np.concatenate([first, patches]),
):
    """Positions (1 + h · w, D) for another grid: (1 + h' · w', D)."""
    first, patches = split(positions)
    new = mix(grid(patches, rows.shape[1], columns.shape[1]), rows, columns)
    return join(first, row_by_row(new).reshape(-1, positions.shape[-1]))


def position_inputs(old, new, hidden):
    """A table of positions, and matrices (h', h) and (w', w) with rows of sum 1."""

    def matrix(rng, rows, columns):
        values = rng.random((rows, columns)) ** 2
        return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)

    return lambda rng: (
        floats(rng, 1 + old[0] * old[1], hidden),
        matrix(rng, new[0], old[0]),
        matrix(rng, new[1], old[1]),
    )


def rows_alone(grid, rows, columns):
    """Mixed along the rows, repeated along the columns."""
    mixed = np.einsum("ih,hwd->iwd", rows, grid)
    return mixed[:, np.arange(len(columns)) * grid.shape[1] // len(columns)]


def columns_alone(grid, rows, columns):
    """Mixed along the columns, repeated along the rows."""
    mixed = np.einsum("jw,hwd->hjd", columns, grid)
    return mixed[np.arange(len(rows)) * grid.shape[0] // len(rows)]


def nearest(grid, rows, columns):
    """Each new place takes the old one that weighs most."""
    return grid[rows.argmax(axis=1)][:, columns.argmax(axis=1)]


wrong = mistakes("positions", section="positions")

EXERCISE = Exercise(
    name="stretch_positions",
    section="positions",
    points=3,
    reference=stretch_positions,
    cases=(
        Case("larger", position_inputs((2, 3), (4, 5), 7)),
        Case("smaller", position_inputs((5, 4), (2, 3), 6)),
        Case("wider", position_inputs((3, 2), (3, 7), 5)),
        Case("one-row", position_inputs((1, 4), (3, 2), 6)),
        Case("square", position_inputs((3, 3), (3, 3), 4), diagnostic=True),
    ),
    misconceptions=(
        wrong("class-token-dropped", join=lambda first, patches: patches),
        wrong(
            "class-token-last",
            join=lambda first, patches: np.concatenate([patches, first]),
        ),
        wrong("class-token-taken-from-the-end", split=lambda x: (x[-1:], x[:-1])),
        wrong(
            "class-token-zeroed",
            join=lambda first, patches: np.concatenate([0 * first, patches]),
        ),
        wrong(
            "class-token-averaged",
            join=lambda first, patches: np.concatenate(
                [patches.mean(0, keepdims=True), patches]
            ),
        ),
        wrong("grid-transposed", grid=lambda x, h, w: to_grid(x, w, h).swapaxes(0, 1)),
        wrong(
            "features-first",
            grid=lambda x, h, w: np.moveaxis(x.reshape(-1, h, w), 0, 2),
        ),
        wrong("column-by-column", row_by_row=lambda x: x.swapaxes(0, 1)),
        wrong("rows-only", mix=rows_alone),
        wrong("columns-only", mix=columns_alone),
        wrong("nearest", mix=nearest),
    ),
    accepted={
        "two products": lambda x, r, c: _stretched_in_two_steps(x, r, c),
        "one Kronecker product": lambda x, r, c: np.vstack(
            [x[:1], np.kron(r, c) @ x[1:]]
        ),
        "keras.ops": lambda x, r, c: _stretched_with_keras(x, r, c),
        "tensorflow": lambda x, r, c: _stretched_with_tensorflow(x, r, c),
        "feature by feature": lambda x, r, c: _stretched_by_feature(x, r, c),
        "columns first": lambda x, r, c: stretch_positions(
            x, r, c, mix=lambda g, r, c: np.einsum("ih,hjd->ijd", r, c @ g)
        ),
    },
)


def _stretched_in_two_steps(positions, rows, columns):
    grid = positions[1:].reshape(rows.shape[1], columns.shape[1], -1)
    grid = np.tensordot(rows, grid, 1)  # (h', w, D)
    grid = np.tensordot(columns, grid, (1, 1)).swapaxes(0, 1)  # (h', w', D)
    return np.vstack([positions[:1], grid.reshape(-1, grid.shape[-1])])


def _stretched_with_keras(positions, rows, columns):
    ops = keras().ops
    grid = ops.reshape(positions[1:], (rows.shape[1], columns.shape[1], -1))
    grid = ops.einsum("ih,jw,hwd->ijd", rows, columns, grid)
    grid = ops.reshape(grid, (-1, positions.shape[-1]))
    return ops.concatenate([positions[:1], grid], axis=0)


def _stretched_with_tensorflow(positions, rows, columns):
    import tensorflow as tf

    grid = tf.reshape(positions[1:], (rows.shape[1], columns.shape[1], -1))
    grid = tf.einsum("ih,hwd->iwd", rows, grid)
    grid = tf.matmul(columns[None], grid)  # (h', w', D)
    return tf.concat([positions[:1], tf.reshape(grid, (-1, grid.shape[-1]))], axis=0)


def _stretched_by_feature(positions, rows, columns):
    features = positions[1:].T.reshape(-1, rows.shape[1], columns.shape[1])
    new = [(rows @ one @ columns.T).ravel() for one in features]
    return np.concatenate([positions[:1], np.array(new).T])
