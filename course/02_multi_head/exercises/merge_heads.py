"""(B, N, T, V) to (B, T, N·V): `split`, undone."""

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

from .split_heads import heads_forward, reshaped_only


def side_by_side(x):
    """(B, T, N, V) to (B, T, N·V)."""
    return x.reshape(*x.shape[:2], -1)


def merge(x, *, arrange=heads_forward, join=side_by_side):
    """(B, N, T, V) to (B, T, N·V): `split`, undone."""
    return join(arrange(x))


def merge_inputs(*shape):
    """The outputs of some heads."""
    return lambda rng: (floats(rng, *shape),)


wrong = mistakes("merge", section="split")

EXERCISE = Exercise(
    name="merge_heads",
    section="split",
    points=2,
    reference=merge,
    cases=(
        Case("three", merge_inputs(2, 3, 5, 4)),
        Case("two", merge_inputs(3, 2, 4, 5)),
        Case("one", merge_inputs(2, 1, 3, 4)),
        Case("one-token", merge_inputs(1, 3, 1, 2)),
        Case("square", merge_inputs(3, 3, 3, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong("reshaped-only", "reshape", arrange=reshaped_only),
        wrong("interleaved", join=lambda x: side_by_side(swap(x))),
        wrong("averaged", join=lambda x: x.mean(2)),
        wrong("summed", join=lambda x: x.sum(2)),
        wrong("first-head", join=lambda x: x[:, :, 0]),
        wrong("last-head", join=lambda x: x[:, :, -1]),
        wrong(
            "one-after-another",
            join=lambda x: np.swapaxes(x, 1, 2).reshape(x.shape[0], -1, x.shape[3]),
        ),
        wrong("not-joined", join=identity),
    ),
    accepted={
        "transpose": lambda x: side_by_side(np.transpose(x, (0, 2, 1, 3))),
        "concatenate": lambda x: np.concatenate(list(np.moveaxis(x, 1, 0)), axis=-1),
        "lists": lambda x: merge(x).tolist(),
        "loops": lambda x: _merge_with_loops(x),
        "keras.ops": lambda x: keras().ops.concatenate(
            keras().ops.unstack(x, axis=1), axis=-1
        ),
        "tensorflow": lambda x: tensorflow().reshape(
            tensorflow().transpose(x, (0, 2, 1, 3)),
            (x.shape[0], x.shape[2], x.shape[1] * x.shape[3]),
        ),
    },
)


def _merge_with_loops(x):
    merged = np.zeros((x.shape[0], x.shape[2], x.shape[1] * x.shape[3]))
    for head in range(x.shape[1]):
        merged[..., head * x.shape[3] : (head + 1) * x.shape[3]] = x[:, head]
    return merged
