"""Average precision against COCO's own program, and on paper."""

import contextlib
import io
import math

import numpy as np
import pytest

from tlkeras.scores import average_precision

SIZES = ("small", "medium", "large")


def truth(boxes, classes):
    return {"boxes": np.array(boxes, float).reshape(-1, 4), "classes": classes}


def found(boxes, classes, scores):
    return {**truth(boxes, classes), "scores": scores}


def coco(predictions, truths):
    """What pycocotools says: the first six numbers of its summary, and AP by class."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def sides(box):
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    def entries(pictures, scored):
        rows = []
        for number, one in enumerate(pictures):
            for place, (box, name) in enumerate(
                zip(np.asarray(one["boxes"], float), one["classes"], strict=True)
            ):
                x, y, width, height = sides(box)
                row = {"image_id": number, "category_id": int(name), "iscrowd": 0}
                row |= {"bbox": [x, y, width, height], "area": width * height}
                row |= {"score": float(one["scores"][place])} if scored else {}
                rows.append({"id": len(rows) + 1, **row})
        return rows

    names = sorted({int(c) for one in (*truths, *predictions) for c in one["classes"]})
    with contextlib.redirect_stdout(io.StringIO()):
        wanted, results = COCO(), COCO()
        for coco, rows in (
            (wanted, entries(truths, False)),
            (results, entries(predictions, True)),
        ):
            coco.dataset = {
                "images": [{"id": i} for i in range(len(truths))],
                "categories": [{"id": name} for name in names],
                "annotations": rows,
            }
            coco.createIndex()
        evaluation = COCOeval(wanted, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (T, R, classes)
    each = {name: precision[..., i].mean() for i, name in enumerate(names)}
    keys = ("ap", "ap50", "ap75", *SIZES)
    return {
        **dict(zip(keys, evaluation.stats[:6], strict=True)),
        "per_class": {name: value for name, value in each.items() if value > -1},
    }


def assert_as_coco(predictions, truths):
    ours, theirs = average_precision(predictions, truths), coco(predictions, truths)
    for key in ("ap", "ap50", "ap75", *SIZES):
        value = -1 if math.isnan(ours[key]) else ours[key]
        assert value == pytest.approx(theirs[key], abs=1e-6), key
    assert ours["per_class"] == pytest.approx(theirs["per_class"], abs=1e-6)


def pictures(seed, count=6, most=12, classes=4, crowded=0):
    """Truths, and detections that are near, twice, of another class or nowhere."""
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for _ in range(count):
        number = rng.integers(0, most)
        start = rng.uniform(0, 200, (number, 2))
        boxes = np.concatenate([start, start + rng.uniform(4, 150, (number, 2))], 1)
        names = rng.integers(0, classes, number)
        again = rng.integers(0, max(number, 1), 2 * number + crowded if number else 0)
        moved = boxes[again] + rng.normal(0, 5, (len(again), 4))
        moved = np.concatenate(
            [moved[:, :2], np.maximum(moved[:, 2:], moved[:, :2])], 1
        )
        other = np.where(rng.random(len(again)) < 0.8, names[again], 0)
        # few different scores, so that many are tied
        scores = rng.integers(0, 8, len(again)) / 8
        if seed % 2:  # places on a grid: overlaps are tied, too, and at the threshold
            boxes, moved = (10 * np.round(x / 10) for x in (boxes, moved))
        truths.append(truth(boxes, names))
        predictions.append(found(moved, other, scores))
    return predictions, truths


@pytest.mark.parametrize("seed", range(8))
def test_random_pictures_as_coco(seed):
    assert_as_coco(*pictures(seed))


def test_more_than_a_hundred_detections_as_coco():
    assert_as_coco(*pictures(3, count=3, classes=1, crowded=150))


BOX, NEAR, HALF = [0, 0, 40, 40], [0, 0, 40, 38], [0, 0, 40, 20]
FAR = [100, 100, 140, 140]
ONE = truth([BOX], [1])
CASES = {
    "right": ([found([BOX], [1], [0.5])], [ONE], 1.0),
    "another class": ([found([BOX], [2], [0.5])], [ONE], 0.0),
    "nothing found": ([found([], [], [])], [ONE], 0.0),
    "nothing there": ([found([BOX], [1], [0.5])], [truth([], [])], math.nan),
    "nothing at all": ([found([], [], [])], [truth([], [])], math.nan),
    "exactly half": ([found([HALF], [1], [0.5])], [ONE], 0.1),
    "twice, the worse surer": ([found([HALF, BOX], [1, 1], [0.9, 0.8])], [ONE], 0.55),
    "twice": ([found([BOX, NEAR], [1, 1], [0.9, 0.8])], [ONE], 1.0),
    "a surer wrong one": ([found([FAR, BOX], [1, 1], [0.9, 0.8])], [ONE], 0.5),
    "as sure, after it": ([found([BOX, FAR], [1, 1], [0.8, 0.8])], [ONE], 1.0),
    "as sure, before it": ([found([FAR, BOX], [1, 1], [0.8, 0.8])], [ONE], 0.5),
    "of no area": (
        [found([[5, 5, 5, 9]], [1], [1.0])],
        [truth([[5, 5, 5, 9]], [1])],
        0.0,
    ),
    "two on one": (
        [found([BOX, BOX], [1, 1], [0.9, 0.8])],
        [truth([BOX, BOX], [1, 1])],
        1.0,
    ),
    "in another picture": (
        [found([], [], []), found([BOX], [1], [0.5])],
        [ONE, truth([], [])],
        0.0,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cases_on_paper_and_as_coco(name):
    predictions, truths, wanted = CASES[name]
    ours = average_precision(predictions, truths)["ap"]
    assert ours == pytest.approx(wanted, nan_ok=True, abs=1e-9)
    assert_as_coco(predictions, truths)


def test_the_limits_of_size_belong_to_both():
    medium = [0, 0, 32, 32]
    scores = average_precision([found([medium], [0], [1.0])], [truth([medium], [0])])
    assert (scores["small"], scores["medium"]) == (1, 1)
    assert math.isnan(scores["large"])
    assert_as_coco([found([medium], [0], [1.0])], [truth([medium], [0])])


def test_duplicates_are_counted():
    boxes, classes = [BOX, NEAR, FAR, BOX], [1, 1, 1, 2]
    scores = average_precision([found(boxes, classes, [0.9, 0.8, 0.7, 0.6])], [ONE])
    assert scores["duplicates"] == 1  # neither the far one nor that of another class


def test_the_order_of_pictures_matters_among_equal_scores_alone():
    predictions, truths = pictures(0)
    for number, one in enumerate(predictions):
        one["scores"] = np.random.default_rng(number).random(len(one["scores"]))
    turned = average_precision(predictions[::-1], truths[::-1])
    assert turned == average_precision(predictions, truths)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": [[0, 0, 1]]}, r"boxes of predictions\[1\] must be numbers \(N, 4\)"),
        ({"boxes": [[5, 0, 1, 1]]}, r"right, bottom; box 0 is \[5.0, 0.0, 1.0, 1.0\]"),
        ({"boxes": [[0, 0, 1, np.nan]]}, "left, top, right, bottom; box 0"),
        ({"classes": [1, 2]}, r"classes of predictions\[1\] must be one a box"),
        ({"classes": [0.5]}, "classes of .* must be integers; given float64"),
        ({"classes": [-1]}, "classes of .* must be 0 or above"),
        ({"scores": [np.nan]}, "scores of .* must be finite"),
        ({"scores": 0.3}, r"scores of .* shape \(1,\); given shape \(\)"),
    ],
)
def test_what_cannot_be_scored(changes, message):
    good = found([BOX], [1], [0.5])
    with pytest.raises(ValueError, match=message):
        average_precision([good, {**good, **changes}], [ONE, ONE])


def test_pictures_and_keys_that_are_missing():
    with pytest.raises(ValueError, match="same pictures; given 1 and 2"):
        average_precision([found([], [], [])], [ONE, ONE])
    with pytest.raises(ValueError, match=r"predictions\[0\] must be .*scores; given"):
        average_precision([ONE], [ONE])
    with pytest.raises(ValueError, match=r"truths\[0\] must be a dictionary"):
        average_precision([found([], [], [])], [[BOX]])
