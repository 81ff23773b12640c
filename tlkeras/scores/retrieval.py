"""How often a search finds what it should, with ties said openly."""

from typing import Any, NamedTuple

import numpy as np


class Recall(NamedTuple):
    """The share of searches that find something right among the first k.

    Args:
        rate: the mean chance of it, where equal similarities are put in random order.
        best: the share if whoever breaks ties puts what is right first.
        worst: the share if what is right is put last.
        tied: the searches whose result hangs on that.
    """

    rate: float
    best: float
    worst: float
    tied: int


def recall_at_k(similarities: Any, k: int = 1, relevant: Any = None) -> Recall:
    """The share of searches with something right among the k most similar.

    To count how many are *more* similar than what is right calls a model that gives the
    same number to all a perfect one; to count those at least as similar calls it the
    worst. Here equal ones are in random order, and how much hangs on it is said. Axes:
    Q searches, N things that are searched.

    Args:
        similarities: floats `(Q, N)`, larger is more similar.
        k: how many are looked at. Defaults to 1.
        relevant: what is right: booleans `(Q, N)`, at least one a row, or integers
            `(Q,)`, the place of the only one. Defaults to `None`: thing i for search i,
            which needs Q = N.

    Returns:
        A `Recall`.

    Raises:
        ValueError: the shapes do not fit, a number is not finite, a search has nothing
            right, or k is not from 1 to N.

    Example: the second search gives the right one and two others the same number.

    >>> similarities = [[0.9, 0.1, 0.2], [0.5, 0.5, 0.5], [0.3, 0.2, 0.1]]
    >>> rate, best, worst, tied = recall_at_k(similarities)
    >>> round(rate, 3), round(best, 3), round(worst, 3), tied
    (0.444, 0.667, 0.333, 1)

    Reference:
        McSherry & Najork (2008), "Computing information retrieval performance measures
        efficiently in the presence of tied scores", section 2.
    """
    found = np.asarray(similarities, "float64")
    if found.ndim != 2 or not found.size:
        raise ValueError(f"similarities must be (Q, N); given shape {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError("similarities must be finite; some are not.")
    if not isinstance(k, int | np.integer) or not 1 <= k <= found.shape[1]:
        raise ValueError(f"k must be from 1 to {found.shape[1]}; given {k!r}.")
    right = _relevant(relevant, found.shape)  # (Q, N)
    nearest = np.where(right, found, -np.inf).max(axis=1, keepdims=True)  # (Q, 1)
    tied = found == nearest  # (Q, N)
    count, wrong = tied.sum(axis=1), (tied & ~right).sum(axis=1)  # (Q,)
    room = np.clip(k - (found > nearest).sum(axis=1), 0, count)  # for the tied ones
    missed = np.ones(len(found))  # chance that all that have room are wrong
    for place in range(int(room.max())):
        share = np.maximum(wrong - place, 0) / np.maximum(count - place, 1)
        missed *= np.where(place < room, share, 1.0)
    best, worst = room > 0, room > wrong
    return Recall(
        float(np.mean(1 - missed)),
        float(best.mean()),
        float(worst.mean()),
        int((best != worst).sum()),
    )


def _relevant(relevant, shape):
    """What is right, as booleans (Q, N)."""
    searches, things = shape
    if relevant is None:
        if searches != things:
            raise ValueError(
                "relevant must say what is right where there are not as many searches "
                f"as things; given similarities of shape {shape}."
            )
        return np.eye(searches, dtype=bool)
    given = np.asarray(relevant)
    if given.dtype == bool and given.shape == shape:
        if not given.any(axis=1).all():
            place = int(np.flatnonzero(~given.any(axis=1))[0])
            raise ValueError(
                f"relevant must have one right a row; row {place} has none."
            )
        return given
    if given.dtype.kind in "iu" and given.shape == (searches,):
        if not ((given >= 0) & (given < things)).all():
            raise ValueError(f"relevant must be places from 0 to {things - 1}.")
        return given[:, None] == np.arange(things)
    raise ValueError(
        f"relevant must be booleans {shape} or integers ({searches},); given "
        f"{given.dtype} of shape {given.shape}."
    )
