"""(B, S): which tokens are real."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import keras, mistakes

from ._shared import MASKS, our_masks


def padding(token_ids, *, keeps=lambda ids: ids != 0):
    """(B, S): which tokens are real."""
    return keeps(token_ids)


def tokens(*lengths, size):
    """Random token ids, padded with zeros on the right; ids 1 and 2 do occur."""

    def draw(rng):
        ids = rng.integers(3, 30, (len(lengths), size))
        ids[:, :2] = (1, 2)[:size]
        return (np.where(np.arange(size) < np.array(lengths)[:, None], ids, 0),)

    return draw


def left_padded(rng):
    """Zeros on the left, and one in the middle."""
    (ids,) = tokens(4, 2, 5, size=5)(rng)
    ids = ids[:, ::-1].copy()
    ids[2, 2] = 0
    return (ids,)


wrong = mistakes("padding", section="padding")

EXERCISE = Exercise(
    name="padding_mask",
    section="padding",
    points=2,
    reference=padding,
    forbidden=MASKS,
    cases=(
        Case("right", tokens(3, 5, 0, size=5)),
        Case("left", left_padded),
        Case("single", tokens(4, size=6)),
        Case("none", tokens(3, 3, size=3)),
        Case("one-token", tokens(1, 0, 1, size=1)),
    ),
    misconceptions=(
        wrong("inverted", keeps=lambda ids: ids == 0),
        wrong("keeps-everything", keeps=lambda ids: ids >= 0),
        wrong("loses-token-one", keeps=lambda ids: ids > 1),
        wrong(
            "hides-whole-sequence",
            keeps=lambda ids: np.broadcast_to((ids != 0).all(1)[:, None], ids.shape),
        ),
        wrong(
            "assumes-right-side",
            keeps=lambda ids: np.arange(ids.shape[1]) < (ids != 0).sum(1)[:, None],
        ),
        wrong(
            "stops-at-first-zero",
            keeps=lambda ids: np.cumprod(ids != 0, axis=1).astype(bool),
        ),
        wrong(
            "place-of-first-zero",
            keeps=lambda ids: np.arange(ids.shape[1]) < (ids == 0).argmax(1)[:, None],
        ),
        wrong(
            "one-for-all",
            keeps=lambda ids: np.broadcast_to((ids != 0).any(0), ids.shape),
        ),
    ),
    accepted={
        "greater": lambda ids: ids > 0,
        "astype": lambda ids: ids.astype(bool),
        "logical not": lambda ids: np.logical_not(ids == 0),
        "lists": lambda ids: [[token != 0 for token in row] for row in ids],
        "keras.ops": lambda ids: keras().ops.not_equal(ids, 0),
        "tlkeras.masks": lambda ids: our_masks().padding_mask(ids),
    },
)
