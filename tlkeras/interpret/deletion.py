"""Whether what is said to matter does: delete it, and watch the score.

Axes: B batch, P units, such as tokens or patches.
"""

from collections.abc import Callable

import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor

Score = Callable[[np.ndarray], Tensor]


def deletion_curve(
    score: Score,
    importance: np.ndarray,
    units: np.ndarray | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """The score as units are deleted, those that are said to matter most first.

    The sooner the curve falls, the better the order knew what the model uses. A curve
    means nothing alone: compare with that of a random order, and with `occlusion`.
    Deleting also makes inputs that no training has seen, and what stands in a deleted
    place should tell nothing.

    Args:
        score: a function of `keep`, boolean `(B, P)`, True where a unit is still there,
            to one score `(B,)` a row. It puts a patch to grey, or hides a token.
        importance: numbers `(B, P)`, largest deleted first. Of equals the first one
            goes first; for a random order give random numbers.
        units: boolean `(B, P)`, what may be deleted; all else is always kept, such as
            padding and [CLS]. Defaults to all.
        steps: into how many parts the way to nothing is cut. Defaults to P. After step
            k, `round(k / steps · units of the row)` are gone, halves rounded up.

    Returns:
        `(B, steps + 1)`: with everything there first, with no unit last.

    Raises:
        ValueError: a shape does not fit, importance is not finite, or a row has no
            unit.

    Example:

    >>> import numpy as np
    >>> values = np.array([[5.0, 1.0, 3.0]])
    >>> deletion_curve(lambda keep: (values * keep).sum(axis=1), values).tolist()
    [[9.0, 4.0, 1.0, 0.0]]

    Reference:
        Petsiuk et al. (2018), arXiv:1806.07421, section 4, evaluation metrics.
        Samek et al. (2015), arXiv:1509.06321, section 3.
    """
    importance = np.asarray(importance, dtype="float64")
    check.axes("importance", importance.shape, "B P")
    units = _units(units, importance.shape)
    importance = np.where(units, importance, 0.0)
    check.finite("importance", importance)
    steps = importance.shape[1] if steps is None else steps
    check.positive_integer("steps", steps)
    order = np.argsort(np.where(units, -importance, np.inf), axis=1, kind="stable")
    rank = np.argsort(order, axis=1)  # (B, P): 0 is deleted first
    count = units.sum(axis=1, keepdims=True)  # (B, 1)
    curve = []
    for step in range(steps + 1):
        gone = (2 * step * count + steps) // (2 * steps)  # (B, 1)
        curve.append(_row_scores(score, ~units | (rank >= gone)))
    return np.stack(curve, axis=1)


def deletion_area(curve: np.ndarray) -> np.ndarray:
    """The area below a deletion curve, over the share that is deleted, 0 to 1.

    Args:
        curve: `(…, steps + 1)`, from `deletion_curve`.

    Returns:
        `(…)`: by trapezoids; the mean height of the curve. Small is faithful.

    Raises:
        ValueError: a curve has fewer than two points.

    Example:

    >>> deletion_area([1.0, 0.5, 0.0]).item()
    0.5

    Reference:
        Petsiuk et al. (2018), arXiv:1806.07421, section 4, evaluation metrics.
    """
    curve = np.asarray(curve, dtype="float64")
    if not curve.ndim or curve.shape[-1] < 2:
        raise ValueError(f"curve must have two points or more; given {curve.shape}.")
    return (curve[..., 1:] + curve[..., :-1]).mean(axis=-1) / 2


def occlusion(score: Score, units: np.ndarray) -> np.ndarray:
    """What the score loses when one unit alone is deleted.

    A measurement, where maps of attention and of slopes are guesses; it takes P + 1
    runs. A unit that another one can stand in for counts as nothing.

    Args:
        score: as in `deletion_curve`.
        units: boolean `(B, P)`, what may be deleted.

    Returns:
        `(B, P)`: score with all − score without the unit; 0 where none may be deleted.

    Raises:
        ValueError: `units` is not `(B, P)`, or a row has none.

    Example:

    >>> import numpy as np
    >>> values = np.array([[5.0, 1.0, 3.0]])
    >>> there = np.array([[True, True, False]])
    >>> occlusion(lambda keep: (values * keep).sum(axis=1), there).tolist()
    [[5.0, 1.0, 0.0]]

    Reference:
        Zeiler & Fergus (2013), arXiv:1311.2901, section 4.2.
    """
    units = _units(units, np.shape(units))
    everything = _row_scores(score, np.ones_like(units))
    losses = np.zeros(units.shape)
    for place in np.flatnonzero(units.any(axis=0)):
        keep = np.ones_like(units)
        keep[:, place] = ~units[:, place]
        losses[:, place] = everything - _row_scores(score, keep)
    return losses


def _units(units, shape):
    units = np.ones(shape, dtype=bool) if units is None else np.asarray(units)
    check.axes("units", units.shape, "B P")
    check.keep_mask("units", units, shape)
    units = np.broadcast_to(units, shape).astype(bool)
    if not units.any(axis=1).all():
        row = int(np.argmin(units.any(axis=1)))
        raise ValueError(f"units must have one in each row; row {row} has none.")
    return units


def _row_scores(score, keep):
    found = np.asarray(ops.convert_to_numpy(score(keep)), dtype="float64")
    if found.shape != (len(keep),):
        raise ValueError(
            f"score must give one number a row, shape ({len(keep)},); given "
            f"{found.shape}."
        )
    return found
