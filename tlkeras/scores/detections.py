"""Boxes found in pictures: average precision, as COCO defines it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of the overlap, for a box to be right
RECALLS = np.linspace(0, 1, 101)  # at which precision is read
MOST = 100  # detections of a class in a picture that count: those of highest scores
# Pixels that a box covers, the limits included.
SIZES = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
ALMOST_1 = 1 - 1e-10  # an overlap of 1 may be a little less in floats


def average_precision(
    predictions: Sequence[Mapping[str, Any]], truths: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """How well boxes and classes were found: AP of COCO.

    The detections of one class in all pictures are taken from the highest score down.
    One is right if it overlaps a box of its class that no earlier one has taken, by an
    IoU of at least t; the best of them, if there are several. Each adds a point of
    precision and recall, and with p(r) the best precision at a recall of at least r,

        AP_t = mean over r = 0, 0.01, …, 1 of p(r)
        AP = mean over classes and t = 0.5, 0.55, …, 0.95 of AP_t

    A second box around the same thing is wrong. Only the 100 detections of highest
    score count, of a class in a picture. Among equal scores the order of pictures and
    boxes decides. By size, boxes of other sizes count neither as missed nor as wrong.
    There are no crowds.

    Axes: N boxes of a picture.

    Args:
        predictions: a dictionary for each picture: `boxes`, floats `(N, 4)`, left, top,
            right, bottom in pixels; `classes`, integers `(N,)` from 0; `scores`, floats
            `(N,)`, higher is surer. As `Detector.detect` gives them.
        truths: for each of these pictures `boxes` and `classes`.

    Returns:
        A dictionary: `ap`; `ap50` and `ap75`, at these overlaps alone; `small`,
        `medium` and `large`, of boxes of up to 32² and 96² pixels and above;
        `per_class`, AP by class; all from 0 to 1, NaN where no box is to be found; and
        `duplicates`, how many detections are wrong at an overlap of 0.5 only because
        another one has taken their box.

    Raises:
        ValueError: there are not as many predictions as truths, or boxes, classes and
            scores are none or differ in number; the message says in which picture.

    Example: of two boxes one is found, twice.

    >>> truth = {"boxes": [[0, 0, 50, 50], [60, 0, 90, 40]], "classes": [0, 1]}
    >>> found = {
    ...     "boxes": [[0, 0, 50, 50], [0, 0, 50, 49]],
    ...     "classes": [0, 0],
    ...     "scores": [0.9, 0.8],
    ... }
    >>> scores = average_precision([found], [truth])
    >>> scores["ap"], scores["per_class"], scores["duplicates"]
    (0.5, {0: 1.0, 1: 0.0}, 1)

    Reference:
        Lin et al. (2014), arXiv:1405.0312, and the metrics of its challenge;
        Everingham et al. (2010), *The Pascal Visual Object Classes (VOC) Challenge*,
        IJCV 88, section 4.2.
    """
    if len(predictions) != len(truths):
        raise ValueError(
            "predictions and truths must be of the same pictures; given "
            f"{len(predictions)} and {len(truths)}."
        )
    found = [_checked("predictions", i, x, True) for i, x in enumerate(predictions)]
    wanted = [_checked("truths", i, x, False) for i, x in enumerate(truths)]
    classes = sorted({int(number) for one in wanted for number in one.classes})
    pairs = {name: _pairs(found, wanted, name) for name in classes}
    # precision[size]: of each class at each threshold, (classes, T)
    precision = {
        size: np.array([_precision(pairs[name], limits) for name in classes])
        for size, limits in SIZES.items()
    }
    everything = precision["all"]
    return {
        "ap": _mean(everything),
        "ap50": _mean(everything[..., :1]),
        "ap75": _mean(everything[..., 5:6]),
        **{size: _mean(precision[size]) for size in ("small", "medium", "large")},
        "per_class": {
            name: _mean(row) for name, row in zip(classes, everything, strict=True)
        },
        "duplicates": sum(_duplicates(each) for each in pairs.values()),
    }


class _Boxes(NamedTuple):
    """The boxes of a picture; the scores of truths are 0."""

    boxes: np.ndarray  # (N, 4)
    classes: np.ndarray  # (N,)
    scores: np.ndarray  # (N,)


class _Pair(NamedTuple):
    """What was found of a class in a picture, best first, and what is there."""

    scores: np.ndarray  # (D,)
    overlaps: np.ndarray  # (D, G)
    found_areas: np.ndarray  # (D,)
    areas: np.ndarray  # (G,)


def _pairs(found, wanted, name):
    """A `_Pair` for each picture in which there is, or was found, such a thing."""
    pairs = []
    for one, truth in zip(found, wanted, strict=True):
        mine, there = one.classes == name, truth.classes == name
        if mine.any() or there.any():
            order = np.argsort(-one.scores[mine], kind="stable")[:MOST]
            boxes, true = one.boxes[mine][order], truth.boxes[there]
            scores = one.scores[mine][order]
            pairs.append(
                _Pair(scores, _overlaps(boxes, true), _area(boxes), _area(true))
            )
    return pairs


def _precision(pairs, limits):
    """AP of a class at each threshold, `(T,)`; NaN if there is nothing to find."""
    results = [_matched(pair, limits) for pair in pairs]
    count = sum(int(counts.sum()) for _, _, counts in results)
    if not count:
        return np.full(len(THRESHOLDS), np.nan)
    scores = np.concatenate([pair.scores for pair in pairs])
    order = np.argsort(-scores, kind="stable")
    right, wrong = (
        np.concatenate([result[i] for result in results], axis=1)[:, order].cumsum(1)
        for i in (0, 1)
    )  # (T, all detections)
    recall = right / count
    precision = right / np.maximum(right + wrong, 1)
    # the best precision at this recall or a higher one
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    precision = np.pad(precision, ((0, 0), (0, 1)))  # 0 where recall is not reached
    places = [np.searchsorted(row, RECALLS) for row in recall]
    return np.array([row[at].mean() for row, at in zip(precision, places, strict=True)])


def _matched(pair, limits):
    """Which detections are right and wrong, `(T, D)` each, and which truths count."""
    low, high = limits
    counts = (pair.areas >= low) & (pair.areas <= high)  # (G,)
    odd = (pair.found_areas < low) | (pair.found_areas > high)  # (D,)
    taken = np.zeros((len(THRESHOLDS), len(counts)), bool)
    right = np.zeros((len(THRESHOLDS), len(odd)), bool)
    wrong = np.zeros_like(right)
    least = np.minimum(THRESHOLDS, ALMOST_1)[:, None]  # (T, 1)
    rows = np.arange(len(THRESHOLDS))
    for number, overlap in enumerate(pair.overlaps):
        free = (overlap >= least) & ~taken  # (T, G)
        real = (free & counts).any(axis=1)  # what counts goes before what does not
        free = np.where(real[:, None], free & counts, free)
        hit = free.any(axis=1)
        best = _last_best(np.where(free, overlap, -1.0))
        taken[rows[hit], best[hit]] = True
        right[:, number] = real
        wrong[:, number] = ~hit & ~odd[number]
    return right, wrong, counts


def _last_best(values):
    """The place of the largest value of each row; of equal ones the last."""
    if not values.shape[1]:
        return np.zeros(len(values), int)
    return values.shape[1] - 1 - values[:, ::-1].argmax(axis=1)


def _duplicates(pairs):
    """Detections that are wrong though they overlap a box by half."""
    count = 0
    for pair in pairs:
        _, wrong, _ = _matched(pair, SIZES["all"])
        near = (pair.overlaps >= THRESHOLDS[0]).any(axis=1)
        count += int((wrong[0] & near).sum())
    return count


def _overlaps(one, other):
    """IoU of all pairs, `(D, G)`."""
    starts = np.maximum(one[:, None, :2], other[None, :, :2])  # (D, G, 2)
    ends = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.maximum(ends - starts, 0).prod(axis=-1)
    union = _area(one)[:, None] + _area(other)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _mean(values):
    """The mean of what is not NaN; NaN if nothing is left."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def _checked(name, number, given, scored):
    """The `_Boxes` in a dictionary, found sound."""
    where = f"{name}[{number}]"
    keys = ("boxes", "classes", "scores") if scored else ("boxes", "classes")
    if not isinstance(given, Mapping) or not set(keys) <= set(given):
        held = sorted(given) if isinstance(given, Mapping) else type(given).__name__
        raise ValueError(
            f"{where} must be a dictionary with {', '.join(keys)}; given {held}."
        )
    boxes, classes = np.asarray(given["boxes"]), np.asarray(given["classes"])
    if not boxes.size:
        boxes = np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "iuf":
        raise ValueError(
            f"boxes of {where} must be numbers (N, 4); given shape {boxes.shape}, "
            f"{boxes.dtype}."
        )
    scores = np.asarray(given["scores"]) if scored else np.zeros(len(boxes))
    _check_numbers(where, "classes", classes, len(boxes), "iu")
    _check_numbers(where, "scores", scores, len(boxes), "iuf")
    boxes = boxes.astype("float64")
    for row, box in enumerate(boxes):
        if not np.isfinite(box).all() or (box[2:] < box[:2]).any():
            raise ValueError(
                f"boxes of {where} must be left, top, right, bottom; box {row} is "
                f"{box.tolist()}. See tlkeras.boxes.convert_format."
            )
    return _Boxes(boxes, classes.astype("int64"), scores.astype("float64"))


def _check_numbers(where, key, values, count, kinds):
    if values.shape != (count,):
        raise ValueError(
            f"{key} of {where} must be one a box, shape ({count},); given shape "
            f"{values.shape}."
        )
    if count and values.dtype.kind not in kinds:
        wanted = "integers" if kinds == "iu" else "numbers"
        raise ValueError(f"{key} of {where} must be {wanted}; given {values.dtype}.")
    if count and (
        not np.isfinite(values).all() or (key == "classes" and min(values) < 0)
    ):
        wanted = "0 or above" if key == "classes" else "finite"
        raise ValueError(f"{key} of {where} must be {wanted}; given {values.tolist()}.")
