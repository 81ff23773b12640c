"""The loss of sets against every pairing tried in float64, and at the edges."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.boxes import convert_format, generalized_iou
from tlkeras.models import SetPredictionLoss
from tlkeras.models._matching import _match

CLASSES, QUERIES = 3, 5


def batch(seed=0, counts=(2, 0, 3), most=3, queries=QUERIES):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, CLASSES, (len(counts), most))
    classes[np.arange(most) >= np.array(counts)[:, None]] = -1
    centre = rng.uniform(0.2, 0.8, (len(counts), most, 2))
    size = rng.uniform(0.05, 0.4, (len(counts), most, 2))
    truth = {"classes": classes, "boxes": np.concatenate([centre, size], -1)}
    found = {
        "logits": rng.normal(size=(len(counts), queries, CLASSES + 1)),
        "boxes": rng.uniform(0.1, 0.9, (len(counts), queries, 4)),
    }
    return truth, {name: x.astype("float32") for name, x in found.items()}


def slow_loss(truth, found, nothing=0.1, of_box=5.0, of_giou=2.0):
    """The same, in float64 and by trying every pairing."""
    wrong = weights = in_boxes = 0
    count = max((truth["classes"] >= 0).sum(), 1)
    for classes, wanted, logits, boxes in zip(
        truth["classes"], truth["boxes"], found["logits"], found["boxes"], strict=True
    ):
        there = np.flatnonzero(classes >= 0)
        chances = np.exp(np.asarray(logits, "float64"))
        chances /= chances.sum(-1, keepdims=True)
        corners = [
            convert_format(np.asarray(x, "float64"), "rel_center_xywh", "rel_xyxy")
            for x in (boxes, wanted)
        ]
        giou = generalized_iou(*corners)
        distance = np.abs(np.asarray(boxes, "float64")[:, None] - wanted).sum(-1)
        cost = of_box * distance - of_giou * giou - chances[:, classes]
        best = min(
            itertools.permutations(range(len(boxes)), len(there)),
            key=lambda rows: sum(cost[q, m] for q, m in zip(rows, there, strict=True)),
        )
        target = np.full(len(boxes), CLASSES)
        for q, m in zip(best, there, strict=True):
            target[q] = classes[m]
            in_boxes += of_box * distance[q, m] + of_giou * (1 - giou[q, m])
        weight = np.where(target == CLASSES, nothing, 1.0)
        wrong -= (weight * np.log(chances[np.arange(len(boxes)), target])).sum()
        weights += weight.sum()
    return wrong / weights + in_boxes / count


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weights", [(0.1, 5.0, 2.0), (0.7, 1.0, 0.0)])
def test_every_pairing_tried(seed, weights):
    truth, found = batch(seed)
    ours = float(SetPredictionLoss(*weights)(truth, found))
    assert ours == pytest.approx(slow_loss(truth, found, *weights), rel=1e-5)


def test_the_order_of_truths_and_of_predictions_and_padding_do_not_matter():
    truth, found = batch()
    loss = SetPredictionLoss()
    wanted = float(loss(truth, found))
    turned = {name: x[:, ::-1] for name, x in truth.items()}
    assert float(loss(turned, found)) == pytest.approx(wanted, rel=1e-6)
    others = {name: x[:, [3, 1, 4, 0, 2]] for name, x in found.items()}
    assert float(loss(truth, others)) == pytest.approx(wanted, rel=1e-6)
    changed = np.where(truth["classes"][..., None] < 0, 0.3, truth["boxes"])
    padded = {"classes": truth["classes"], "boxes": changed}
    padded = {
        name: np.pad(x, [(0, 0), (0, 2)] + [(0, 0)] * (x.ndim - 2), constant_values=-1)
        for name, x in padded.items()
    }
    assert float(loss(padded, found)) == pytest.approx(wanted, rel=1e-6)


def test_a_picture_without_anything():
    truth, found = batch(counts=(0, 0))
    ours = float(SetPredictionLoss()(truth, found))
    assert ours == pytest.approx(slow_loss(truth, found), rel=1e-5)
    none = {"classes": np.zeros((2, 0), "int32"), "boxes": np.zeros((2, 0, 4))}
    assert float(SetPredictionLoss()(none, found)) == pytest.approx(ours, rel=1e-6)


def test_more_truths_than_predictions():
    cost = np.array([[[3.0, 1.0, 2.0]]])
    np.testing.assert_array_equal(_match(cost, np.ones((1, 3), bool)), [[-1, 0, -1]])
    truth, found = batch(queries=2)
    assert np.isfinite(float(SetPredictionLoss()(truth, found)))


@pytest.mark.parametrize("place", [[0.5, 0.5, 0, 0], [0.9, 0.1, 0.6, 0.6]])
def test_no_area_and_outside_of_the_picture(place):
    """Truths like any other, with a slope to follow."""
    truth, found = batch(counts=(2, 1))
    truth["boxes"][0, 0] = place
    loss = SetPredictionLoss()
    assert float(loss(truth, found)) == pytest.approx(slow_loss(truth, found), rel=1e-5)
    near = {**found, "boxes": found["boxes"].copy()}
    near["boxes"][0] = place
    assert float(loss(truth, near)) < float(loss(truth, found))


def test_a_duplicate_gets_nothing():
    """Of two equal boxes one is given the truth; the other should say no object."""
    place = [0.5, 0.5, 0.2, 0.2]
    truth = {"classes": np.array([[1]]), "boxes": np.array([[place]])}
    boxes = np.array([[place, place]], "float32")
    both = np.array([[[0, 9, 0, 0], [0, 9, 0, 0]]], "float32")
    one = np.array([[[0, 9, 0, 0], [0, 0, 0, 9]]], "float32")
    loss = SetPredictionLoss()
    found = [float(loss(truth, {"logits": x, "boxes": boxes})) for x in (both, one)]
    assert found[1] < 0.01 < 0.5 < found[0]


def test_costs_that_are_no_numbers_do_not_stop_the_matching():
    cost = np.array([[[np.nan, 1.0], [0.0, np.inf]]])
    np.testing.assert_array_equal(_match(cost, np.ones((1, 2), bool)), [[1, 0]])


def test_it_is_saved_with_its_weights():
    loss = SetPredictionLoss(0.3, 4.0, 1.0, name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, SetPredictionLoss)
    assert again.get_config() == loss.get_config()
    truth, found = batch()
    assert float(again(truth, found)) == float(loss(truth, found))


def test_half_precision_is_computed_in_whole():
    truth, found = batch()
    half = {name: ops.cast(x, "float16") for name, x in found.items()}
    rounded = {name: x.astype("float16").astype("float32") for name, x in found.items()}
    loss = SetPredictionLoss()
    assert float(loss(truth, half)) == pytest.approx(float(loss(truth, rounded)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, f: (t["classes"], f), "y_true must be a dictionary with classes"),
        (lambda t, f: (t, f["boxes"]), "y_pred must be a dictionary with logits"),
        (lambda t, f: ({"classes": t["classes"]}, f), r"given \['classes'\]"),
        (
            lambda t, f: ({**t, "classes": t["classes"] + 1}, f),
            "classes must be from 0 to 2, or −1 where there is none; given 0 to 3",
        ),
        (lambda t, f: ({**t, "classes": t["classes"][0]}, f), "classes must have 2"),
        (lambda t, f: ({**t, "boxes": t["boxes"][0]}, f), "boxes of y_true must have"),
        (
            lambda t, f: ({**t, "boxes": t["boxes"][:, :1]}, f),
            r"as many as classes; given shapes \(2, 1, 4\) and \(2, 3\)",
        ),
        (
            lambda t, f: ({**t, "boxes": 48 * t["boxes"]}, f),
            "finite shares of the picture: .*Divide pixels",
        ),
        (lambda t, f: ({**t, "boxes": np.nan * t["boxes"]}, f), "finite shares"),
    ],
)
def test_what_it_cannot_compare(change, message):
    with pytest.raises(ValueError, match=message):
        SetPredictionLoss()(*change(*batch(counts=(3, 1))))


def test_arguments():
    with pytest.raises(ValueError, match="giou_weight must be at least 0"):
        SetPredictionLoss(giou_weight=-1)
    with pytest.raises(ValueError, match="sample_weight must be None"):
        SetPredictionLoss()(*batch(), sample_weight=np.ones(3))
