"""Lesson 14's references against the library, and its pictures against their boxes."""

import runpy

import numpy as np
import pytest

from tlkeras.boxes import convert_format, generalized_iou, iou
from tlkeras.course import lesson

LESSON = lesson("14_detection")


@pytest.fixture(scope="module")
def scenes():
    return runpy.run_path(str(LESSON.folder / "scenes.py"))


@pytest.mark.parametrize(
    "case", LESSON.exercises["box_iou"].cases, ids=lambda c: c.name
)
def test_iou_is_the_library_s(case):
    inputs = case.draw(0)
    right = LESSON.exercises["box_iou"].reference(*inputs)
    np.testing.assert_allclose(right, iou(*inputs), atol=1e-6)


def test_giou_and_corners_are_the_library_s():
    exercise = LESSON.exercises["generalized_iou"]
    for case in exercise.cases:
        pairs = [boxes[:, None] for boxes in case.draw(0)]
        right = exercise.reference(*case.draw(0))
        np.testing.assert_allclose(right, generalized_iou(*pairs)[:, 0, 0], atol=1e-6)
    exercise = LESSON.exercises["corners"]
    for case in exercise.cases:
        boxes, width, height = case.draw(0)
        expected = convert_format(boxes, "rel_center_xywh", "xyxy", height, width)
        np.testing.assert_allclose(exercise.reference(*case.draw(0)), expected, 1e-5)


def test_boxes_hold_all_ink_and_do_not_touch(scenes):
    drawn = scenes["draw"]("known", 30, seed=3)
    side = scenes["SIDE"]
    assert drawn.images.shape == (30, side, side, 1)
    for image, classes, boxes in zip(*drawn, strict=True):
        assert 1 <= len(classes) == len(boxes) <= scenes["MOST"]
        assert set(classes) <= set(range(5))
        covered = np.zeros((side, side), int)
        for left, top, right, bottom in np.round(boxes * side).astype(int):
            covered[top:bottom, left:right] += 1
            assert scenes["SIZES"][0] <= max(right - left, bottom - top)
            assert max(right - left, bottom - top) <= scenes["SIZES"][1]
        assert covered.max() == 1
        assert image[covered == 0].max(initial=0) == 0


def test_pictures_are_the_same_for_a_seed_and_others_for_another(scenes):
    one, same, other = (scenes["draw"]("new", 3, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.images, same.images)
    assert not np.array_equal(one.images, other.images)
