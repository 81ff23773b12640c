"""Boxes stay around what they were drawn around; those that fall out are dropped."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.boxes import convert_format
from tlkeras.transfer import BoxAugmentation

SIDE = 64


def batch(corners=(20, 24, 36, 44), count=16):
    """A white rectangle on black in each picture, its box, and a row of padding."""
    images = np.zeros((count, SIDE, SIDE, 3), "float32")
    left, top, right, bottom = corners
    images[:, top:bottom, left:right] = 1
    place = convert_format(corners, "xyxy", "rel_center_xywh", SIDE, SIDE)
    boxes = np.zeros((count, 2, 4), "float32")
    boxes[:, 0] = place
    classes = np.tile([[5, -1]], (count, 1))
    return {"images": images, "boxes": boxes, "classes": classes}


def augmented(layer, inputs):
    return {
        name: ops.convert_to_numpy(x)
        for name, x in layer(inputs, training=True).items()
    }


def test_a_box_stays_around_its_rectangle():
    found = augmented(BoxAugmentation(zoom=1.8, seed=0), batch())
    corners = convert_format(
        found["boxes"][:, 0], "rel_center_xywh", "xyxy", SIDE, SIDE
    )
    seen = []
    for image, box, kind in zip(
        found["images"], corners, found["classes"], strict=True
    ):
        assert kind.tolist() == [5, -1]
        rows, columns = np.nonzero(image[..., 0] > 0.5)
        white = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, white, atol=1.0)
        seen.append(tuple(white))
    assert len(set(seen)) > 10  # each picture is changed in its own way
    np.testing.assert_array_equal(found["boxes"][:, 1], 0)


def test_mirrored_alone():
    found = augmented(BoxAugmentation(flip=1.0, zoom=1.0), batch((10, 24, 20, 44), 2))
    np.testing.assert_allclose(found["images"], batch((44, 24, 54, 44), 2)["images"])
    wanted = batch((44, 24, 54, 44), 2)["boxes"]
    np.testing.assert_allclose(found["boxes"], wanted, atol=1e-6)


def test_nothing_to_do():
    inputs = batch()
    for found in (
        BoxAugmentation()(inputs),
        augmented(BoxAugmentation(flip=0.0, zoom=1.0), inputs),
    ):
        for name in inputs:
            np.testing.assert_allclose(found[name], inputs[name], atol=1e-6)


@pytest.mark.parametrize("keep", [0.0, 0.5, 1.0])
def test_what_falls_out_is_dropped(keep):
    # in a corner much of it is cut off, and something of it always
    corners = (0, 0, 30, 30) if keep < 1 else (6, 6, 36, 36)
    layer = BoxAugmentation(flip=0.0, zoom=3.0, keep=keep, seed=1)
    found = augmented(layer, batch(corners, 64))
    there = found["classes"][:, 0] >= 0
    white = (found["images"][..., 0] > 0.5).sum(axis=(1, 2))
    assert 0 < there.sum() < 64
    np.testing.assert_array_equal(found["boxes"][~there], 0)
    if keep == 0.0:
        assert (white[~there] <= SIDE).all()  # at most a line of a pixel
        assert (white[there] > 0).all()
    # the piece's own scale says how large the whole box would be
    sides = found["boxes"][there, 0, 2:] * SIDE
    assert (sides > 0).all()
    if keep == 1.0:
        scale = sides / 30
        np.testing.assert_allclose(scale[:, 0], scale[:, 1], rtol=1e-3)


def test_a_seed_repeats_it_and_a_config_says_it():
    layer = BoxAugmentation(0.4, 1.2, 0.6, seed=3, name="mine")
    again = BoxAugmentation.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    first, second = augmented(layer, batch()), augmented(again, batch())
    np.testing.assert_array_equal(first["images"], second["images"])
    assert not np.array_equal(first["boxes"], augmented(layer, batch())["boxes"])


def test_in_a_data_set():
    """As a step of `tf.data`, compiled."""
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.data wants TensorFlow's layers")
    layer = BoxAugmentation(seed=0)
    data = tf.data.Dataset.from_tensor_slices(batch()).batch(4)
    data = data.map(lambda x: layer(x, training=True))
    assert [x["boxes"].shape for x in data] == [(4, 2, 4)] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flip": 1.5}, "flip must be a number from 0 to 1"),
        ({"keep": -0.1}, "keep must be a number from 0 to 1"),
        ({"zoom": 0.5}, "zoom must be at least 1; given 0.5"),
        ({"zoom": float("nan")}, "zoom must be a number above 0"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoxAugmentation(**arguments)


def test_inputs():
    inputs = batch()
    with pytest.raises(ValueError, match="images, boxes, classes; given"):
        BoxAugmentation()({"images": inputs["images"]})
    with pytest.raises(ValueError, match=r"boxes must have 3 axes, \(B, M, 4\)"):
        BoxAugmentation()({**inputs, "boxes": inputs["boxes"][0]})
