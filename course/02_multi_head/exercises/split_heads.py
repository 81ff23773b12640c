"""(B, T, N·H) to (B, N, T, H)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import (
    floats,
    identity,
    keras,
    mistakes,
    swap,
    tensorflow,
)


def cut(x, num_heads):
    """The last axis in `num_heads` pieces, one after another: (B, T, N, H)."""
    return x.reshape(*x.shape[:-1], num_heads, -1)


def comb(x, num_heads):
    """The last axis dealt out like cards: head n has numbers n, n + N, … (wrong)."""
    return swap(x.reshape(*x.shape[:-1], -1, num_heads))


def heads_forward(x):
    """(B, T, N, H) to (B, N, T, H)."""
    return np.swapaxes(x, 1, 2)


def split(x, num_heads, *, pieces=cut, arrange=heads_forward):
    """(B, T, N·H) to (B, N, T, H)."""
    return arrange(pieces(x, num_heads))


def reshaped_only(x):
    """Call (B, T, N, H) by the name (B, N, T, H), and move nothing."""
    return x.reshape(x.shape[0], x.shape[2], x.shape[1], x.shape[3])


def split_inputs(batch, length, heads, size):
    """A sequence of vectors, and how many heads to make of each."""
    return lambda rng: (floats(rng, batch, length, heads * size), heads)


wrong = mistakes("split", section="split")

EXERCISE = Exercise(
    name="split_heads",
    section="split",
    points=2,
    reference=split,
    cases=(
        Case("three", split_inputs(2, 5, heads=3, size=4)),
        Case("two", split_inputs(3, 4, heads=2, size=5)),
        Case("one", split_inputs(2, 3, heads=1, size=4)),
        Case("one-token", split_inputs(1, 1, heads=3, size=2)),
        Case("square", split_inputs(3, 3, heads=3, size=3), diagnostic=True),
    ),
    misconceptions=(
        wrong("reshaped-only", "reshape", arrange=reshaped_only),
        wrong("dealt-out", pieces=comb),
        wrong("heads-stay-behind", arrange=identity),
        wrong("heads-before-batch", arrange=lambda x: np.moveaxis(x, 2, 0)),
        wrong("size-before-length", arrange=lambda x: np.transpose(x, (0, 2, 3, 1))),
        wrong(
            "number-is-size",
            pieces=lambda x, heads: x.reshape(*x.shape[:-1], -1, heads),
        ),
        wrong(
            "batch-and-length-swapped", arrange=lambda x: np.transpose(x, (1, 2, 0, 3))
        ),
        wrong(
            "every-head-gets-all", pieces=lambda x, heads: np.stack([x] * heads, axis=2)
        ),
    ),
    accepted={
        "transpose": lambda x, n: np.transpose(cut(x, n), (0, 2, 1, 3)),
        "moveaxis": lambda x, n: np.moveaxis(cut(x, n), 2, 1),
        "np.split and stack": lambda x, n: np.stack(np.split(x, n, axis=-1), axis=1),
        "slices": lambda x, n: np.stack(
            [x[..., i * (w := x.shape[-1] // n) : (i + 1) * w] for i in range(n)], 1
        ),
        "lists": lambda x, n: split(x, n).tolist(),
        "keras.ops": lambda x, n: split_with_keras(x, n),
        "tensorflow": lambda x, n: tensorflow().stack(
            tensorflow().split(x, n, axis=-1), axis=1
        ),
    },
)


def split_with_keras(x, num_heads):
    """With the functions that the lesson names."""
    ops = keras().ops
    batch, length, width = ops.shape(x)
    x = ops.reshape(x, (batch, length, num_heads, width // num_heads))
    return ops.swapaxes(x, 1, 2)
