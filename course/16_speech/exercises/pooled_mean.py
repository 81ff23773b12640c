"""The mean over real tokens: (B, D)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import LAYERS


def as_numbers(mask):
    """1 where the token is real: (B, T, 1)."""
    return mask.astype(float)[..., None]


def how_many(mask, x):
    """Real tokens of each row, one at least: (B, 1)."""
    return np.maximum(mask.sum(1), 1)[:, None]


def pooled_mean(
    x,
    mask,
    *,
    keep=as_numbers,
    total=lambda x, keep: (x * keep).sum(1),
    divisor=how_many,
):
    """The mean over real tokens: (B, D)."""
    return total(x, keep(mask)) / divisor(mask, x)


def tokens(batch=3, length=5, longest=None, empty=False):
    """Vectors (B, T, 4), far from 0 in padding too; lengths 2, the longest and 1 …"""

    def draw(rng):
        x = floats(rng, batch, length, 4) + np.float32(2)
        lengths = np.resize([2, longest or length, 1], batch)
        if empty:
            lengths[0] = 0
        return x, np.arange(length) < lengths[:, None]

    return draw


def with_holes(rng):
    """Rows with padding before and between their tokens."""
    x, mask = tokens(batch=2, length=6)(rng)
    mask[:] = [[False, True, True, False, True, False], [True, False] * 3]
    return x, mask


def as_many_from_the_first(mask):
    """As many tokens as are real, all at the beginning (wrong)."""
    return as_numbers(np.arange(mask.shape[1]) < mask.sum(1)[:, None])


wrong = mistakes("pooled", section="padding")

EXERCISE = Exercise(
    name="pooled_mean",
    section="padding",
    points=3,
    reference=pooled_mean,
    forbidden=(*LAYERS, "keras.layers.GlobalAveragePooling1D"),
    cases=(
        Case("padded", tokens()),
        Case("long", tokens(batch=2, length=7, longest=5)),
        Case("empty", tokens(empty=True)),
        Case("holes", with_holes),
        Case("one-recording", tokens(batch=1, length=3)),
        Case("square", tokens(batch=5, length=5), diagnostic=True),
        Case("square-features", tokens(batch=4, length=4), diagnostic=True),
    ),
    misconceptions=(
        wrong(
            "mask-ignored",
            keep=lambda mask: np.ones((*mask.shape, 1)),
            divisor=lambda mask, x: mask.shape[1],
        ),
        wrong("divided-by-all", divisor=lambda mask, x: mask.shape[1]),
        wrong("not-divided", divisor=lambda mask, x: 1.0),
        wrong(
            "mask-inverted",
            keep=lambda mask: as_numbers(~mask),
            divisor=lambda mask, x: how_many(~mask, x),
        ),
        wrong("beginning", keep=as_many_from_the_first),
        wrong("divided-by-longest", divisor=lambda mask, x: max(1, mask.sum(1).max())),
        wrong("divided-by-all-real", divisor=lambda mask, x: max(1, mask.sum())),
        wrong(
            "one-vector-for-all",
            total=lambda x, keep: (x * keep).sum((0, 1)),
            divisor=lambda mask, x: max(1, mask.sum()),
        ),
        wrong("one-too-many", divisor=lambda mask, x: mask.sum(1)[:, None] + 1),
        wrong("empty-row", divisor=lambda mask, x: mask.sum(1)[:, None]),
        wrong(
            "maximum",
            total=lambda x, keep: np.where(keep > 0, x, -1e9).max(1),
            divisor=lambda mask, x: 1.0,
        ),
        wrong(
            "last-token", total=lambda x, keep: x[:, -1], divisor=lambda mask, x: 1.0
        ),
    ),
    accepted={
        "einsum": lambda x, mask: (
            np.einsum("btd,bt->bd", x, mask.astype(x.dtype))
            / np.maximum(mask.sum(1), 1)[:, None]
        ),
        "where": lambda x, mask: (
            np.where(mask[..., None], x, 0).sum(1)
            / np.maximum(mask.sum(1, keepdims=True), 1)
        ),
        "a loop": lambda x, mask: np.stack(
            [
                row[real].mean(0) if real.any() else 0 * row[0]
                for row, real in zip(x, mask, strict=True)
            ]
        ),
        "matrix product": lambda x, mask: (
            (mask[:, None].astype(x.dtype) @ x)[:, 0]
            / np.maximum(mask.sum(1), 1)[:, None]
        ),
        "lists": lambda *x: pooled_mean(*x).tolist(),
    },
)
