"""Boxes against Keras and float64 by hand, at the edges, and their slopes."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras import boxes as box

FORMATS = box.FORMATS
PICTURE = {"height": 48, "width": 80}


def corners(count=6, seed=0):
    """Boxes in a picture of 48 × 80."""
    ends = np.random.default_rng(seed).uniform(0, 1, (count, 2, 2)) * (80, 48)
    return np.sort(ends, axis=1).reshape(count, 4)


@pytest.mark.parametrize(
    ("source", "target"), list(itertools.product(FORMATS, FORMATS))
)
def test_every_format_from_every_other_as_in_keras(source, target):
    keras_convert = keras.utils.bounding_boxes.convert_format
    given = ops.convert_to_numpy(keras_convert(corners(), "xyxy", source, **PICTURE))
    before = given.copy()
    ours = box.convert_format(given, source, target, **PICTURE)
    theirs = keras_convert(given, source, target, **PICTURE)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, ops.convert_to_numpy(theirs), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(given, before)


def test_there_and_back_in_float64():
    for name in FORMATS:
        there = box.convert_format(corners(), "xyxy", name, **PICTURE)
        back = box.convert_format(there, name, "xyxy", **PICTURE)
        np.testing.assert_allclose(back, corners(), rtol=0, atol=1e-12)


def test_boxes_of_pictures_that_differ_in_size():
    given = np.ones((2, 3, 4)) * (8, 8, 16, 16)
    height, width = np.array([[16.0], [32.0]]), np.array([[32.0], [64.0]])
    found = box.convert_format(given, "xyxy", "rel_xyxy", height, width)
    np.testing.assert_array_equal(found[0], [[0.25, 0.5, 0.5, 1.0]] * 3)
    np.testing.assert_array_equal(found[1], [[0.125, 0.25, 0.25, 0.5]] * 3)


def slow_overlap(one, other):
    """IoU and GIoU of two boxes, in plain numbers."""
    (a, b, c, d), (e, f, g, h) = one, other
    sizes = max(c - a, 0) * max(d - b, 0), max(g - e, 0) * max(h - f, 0)
    shared = max(min(c, g) - max(a, e), 0) * max(min(d, h) - max(b, f), 0)
    union = sum(sizes) - shared
    around = max(max(c, g) - min(a, e), 0) * max(max(d, h) - min(b, f), 0)
    share = shared / union if union else 0
    return share, share - ((around - union) / around if around else 0)


ODD = np.array(
    [
        [0, 0, 4, 4],
        [0, 0, 4, 4],  # the same once more
        [4, 0, 8, 4],  # touches at an edge
        [4, 4, 8, 8],  # at a corner
        [1, 1, 3, 3],  # inside
        [-9, -9, 20, 20],  # around, and outside of the picture
        [2, 2, 2, 2],  # a point inside
        [9, 0, 9, 7],  # a line
        [3, 1, 1, 3],  # left and right confused
        [30, 30, 31, 31],  # far away
    ],
    "float64",
)


@pytest.mark.parametrize("kind", ["array", "tensor"])
@pytest.mark.parametrize("case", ["random", "odd"])
def test_overlaps_of_all_pairs(kind, case):
    given = ODD if case == "odd" else corners()
    other = ODD if case == "odd" else corners(4, seed=1)
    wanted = np.array([[slow_overlap(a, b) for b in other] for a in given])
    first = given if kind == "array" else ops.convert_to_tensor(given, "float32")
    atol = 1e-12 if kind == "array" else 1e-6
    for number, function in enumerate((box.iou, box.generalized_iou)):
        found = function(first, other)
        assert isinstance(found, np.ndarray) == (kind == "array")
        found = ops.convert_to_numpy(found)
        np.testing.assert_allclose(found, wanted[..., number], rtol=0, atol=atol)


def test_overlaps_as_in_keras():
    theirs = keras.utils.bounding_boxes.compute_iou(corners(), corners(4, 1), "xyxy")
    ours = box.iou(corners(), corners(4, 1))
    np.testing.assert_allclose(ours, ops.convert_to_numpy(theirs), atol=1e-5)


def test_many_pictures_at_once():
    both = np.stack([corners(5, seed) for seed in range(3)])  # (3, 5, 4)
    found = box.generalized_iou(both, both[:, :2])
    assert found.shape == (3, 5, 2)
    for number in range(3):
        alone = box.generalized_iou(both[number], both[number, :2])
        np.testing.assert_array_equal(found[number], alone)


def test_no_box_at_all():
    assert box.iou([], corners(2)).shape == (0, 2)
    assert box.area([]).shape == (0,)
    assert box.convert_format(np.zeros((0, 4)), "xyxy", "xywh").shape == (0, 4)


def test_area_and_clip():
    inside = box.clip(ODD, height=6, width=7)
    assert inside.min() == 0
    assert inside[:, 0::2].max() == 7
    assert inside[:, 1::2].max() == 6
    np.testing.assert_array_equal(box.area(inside)[[0, 5, 9]], [16, 42, 0])
    np.testing.assert_array_equal(box.clip([[-1, 0.2, 2, 0.7]]), [[0, 0.2, 1, 0.7]])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's tape")
def test_slopes():
    """Against differences in float64; where a box has no area, finite."""
    import tensorflow as tf

    one = tf.Variable(corners())
    for function in (box.iou, box.generalized_iou):
        with tf.GradientTape() as tape:
            total = ops.sum(function(one, corners(4, 1)))
        slope = tape.gradient(total, one).numpy()
        for place in ((0, 0), (3, 2), (5, 1)):
            step = np.zeros_like(slope)
            step[place] = 1e-6
            high, low = (
                function(corners() + sign * step, corners(4, 1)).sum()
                for sign in (1, -1)
            )
            assert slope[place] == pytest.approx((high - low) / 2e-6, abs=1e-6)
        odd = tf.Variable(ODD)
        with tf.GradientTape() as tape:
            total = ops.sum(function(odd, odd))
        assert np.isfinite(tape.gradient(total, odd).numpy()).all()


def test_apart_iou_is_flat_and_giou_is_not():
    near, far = [[2, 0, 3, 1]], [[8, 0, 9, 1]]
    assert box.iou([[0, 0, 1, 1]], near) == box.iou([[0, 0, 1, 1]], far) == 0
    assert box.generalized_iou([[0, 0, 1, 1]], near) == pytest.approx(-1 / 3)
    assert box.generalized_iou([[0, 0, 1, 1]], far) == pytest.approx(-7 / 9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: box.convert_format(ODD, "xyxy", "corners"), "target must be one of"),
        (lambda: box.convert_format(ODD, "XYXY", "xywh"), "source must be one of"),
        (
            lambda: box.convert_format(ODD, "xyxy", "rel_xyxy", height=3),
            "height and width must be given .* height=3 and width=None",
        ),
        (lambda: box.area(np.zeros((2, 5))), r"shape \(…, 4\); given shape \(2, 5\)"),
        (lambda: box.area(3.0), "four numbers a box"),
        (lambda: box.area([[1, 2, 3, 4], [1, 2]]), "boxes must have rows"),
        (lambda: box.clip(["a", "b", "c", "d"]), "boxes must be an array of numbers"),
        (lambda: box.iou([0, 0, 1, 1], ODD), "Put one box into a list"),
        (lambda: box.iou(ODD, np.zeros((2, 3))), "boxes2 must have four numbers"),
    ],
)
def test_what_is_no_box(call, message):
    with pytest.raises(ValueError, match=message):
        call()
