"""The matrix (D, F) of some rank that is nearest to a change (D, F)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes


def largest(places, rank):
    """The first: NumPy sorts singular values from large to small."""
    return places[:rank]


def rows_of(right, chosen):
    """NumPy's third result has a singular vector in each row."""
    return right[chosen]


def low_rank(
    change, rank, *, keep=largest, weigh=identity, vectors=rows_of, finish=identity
):
    """The matrix (D, F) of some rank that is nearest to a change (D, F)."""
    left, values, right = np.linalg.svd(change, full_matrices=False)
    chosen = keep(np.arange(len(values)), rank)
    nearest = (left[:, chosen] * weigh(values[chosen])) @ vectors(right, chosen)
    return finish(nearest, change)


def change_of(rows, columns, rank, values=None):
    """A matrix whose singular values lie well apart, and a rank."""

    def draw(rng):
        size = min(rows, columns)
        left = np.linalg.qr(rng.normal(size=(rows, size)))[0]
        right = np.linalg.qr(rng.normal(size=(columns, size)))[0]
        spread = 5.0 * 0.7 ** np.arange(size) if values is None else np.array(values)
        return ((left * spread) @ right.T).astype(np.float32), rank

    return draw


wrong = mistakes("rank", section="rank")

EXERCISE = Exercise(
    name="low_rank",
    section="rank",
    points=3,
    reference=low_rank,
    cases=(
        Case("tall", change_of(7, 5, 2)),
        Case("wide", change_of(4, 9, 3)),
        Case("one", change_of(6, 5, 1)),
        Case("whole", change_of(5, 6, 5)),
        Case("one-row", change_of(1, 6, 1)),
        Case("square", change_of(6, 6, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong("smallest-kept", keep=lambda places, rank: places[-rank:]),
        wrong("one-too-many", keep=lambda places, rank: places[: rank + 1]),
        wrong("one-too-few", keep=lambda places, rank: places[: rank - 1]),
        wrong("only-one", keep=lambda places, rank: places[rank - 1 : rank]),
        wrong("all-kept", keep=lambda places, rank: places),
        wrong("values-forgotten", weigh=np.ones_like),
        wrong("values-squared", weigh=np.square),
        wrong("root-only-once", weigh=np.sqrt),
        wrong("transposed-again", vectors=lambda right, chosen: right[:, chosen].T),
        wrong("what-is-left", finish=lambda nearest, change: change - nearest),
        wrong("transposed", finish=lambda nearest, change: nearest.T),
    ),
    accepted={
        "scaled columns": lambda change, rank: _nearest(change, rank, np.multiply),
        "a diagonal matrix": lambda change, rank: _nearest(
            change, rank, lambda left, values: left @ np.diag(values)
        ),
        "outer products": lambda change, rank: _sum_of_outer_products(change, rank),
        "projected": lambda change, rank: _projected(change, rank),
        "zeros": lambda change, rank: _with_zeros(change, rank),
        "keras.ops": lambda change, rank: _low_rank_with_keras(change, rank),
        "tensorflow": lambda change, rank: _low_rank_with_tensorflow(change, rank),
    },
)


def _nearest(change, rank, scale):
    left, values, right = np.linalg.svd(change)
    return scale(left[:, :rank], values[:rank]) @ right[:rank]


def _sum_of_outer_products(change, rank):
    left, values, right = np.linalg.svd(change)
    return sum(values[i] * np.outer(left[:, i], right[i]) for i in range(rank))


def _projected(change, rank):
    """Onto the eigenvectors of changeᵀ change with the largest eigenvalues."""
    change = change.astype(np.float64)
    vectors = np.linalg.eigh(change.T @ change)[1][:, -rank:]
    return change @ vectors @ vectors.T


def _with_zeros(change, rank):
    left, values, right = np.linalg.svd(change, full_matrices=False)
    values[rank:] = 0
    return (left * values) @ right


def _low_rank_with_keras(change, rank):
    ops = keras().ops
    left, values, right = ops.svd(change, full_matrices=False)
    return ops.matmul(left[:, :rank] * values[:rank], right[:rank])


def _low_rank_with_tensorflow(change, rank):
    import tensorflow as tf

    values, left, right = tf.linalg.svd(change)  # right: a vector in each column
    product = tf.linalg.diag(values[:rank]) @ tf.transpose(right[:, :rank])
    return left[:, :rank] @ product
