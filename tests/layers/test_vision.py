"""Patches, tubelets and the class token against Keras's convolutions and NumPy."""

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, randomize
from keras import ops

from tlkeras.layers import ClassToken, PatchEmbedding, Registers, TubeletEmbedding
from tlkeras.layers._patches import unfold


def cut(images, height, width):
    """Every patch of `(B, H, W, C)`, flattened, with loops: `(B, P, values)`."""
    _, rows, columns, _ = images.shape
    corners = [(r, c) for r in range(0, rows, height) for c in range(0, columns, width)]
    patches = [images[:, r : r + height, c : c + width] for r, c in corners]
    return np.stack([patch.reshape(len(images), -1) for patch in patches], axis=1)


def test_patches_are_unfolded_row_by_row(rng):
    images = floats(rng, 2, 6, 8, 3)
    close(unfold(ops.convert_to_tensor(images), (3, 2)), cut(images, 3, 2), 0)


def test_patch_embedding_is_unfold_and_dense(rng):
    images = floats(rng, 2, 6, 8, 3)
    layer = PatchEmbedding(patch_size=(3, 2), hidden_dim=5)
    layer.build(images.shape)
    kernel, bias = (w.astype("float64") for w in randomize(layer, rng).get_weights())
    close(layer(images), cut(images, 3, 2) @ kernel.reshape(-1, 5) + bias)


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (5, 11)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_patch_embedding_is_a_strided_convolution(rng, size, data_format):
    images = floats(rng, 2, *size, 3)
    convolution = keras.layers.Conv2D(
        5, (3, 4), strides=(3, 4), padding="same", data_format="channels_last"
    )
    expected = numpy(convolution(images)).reshape(2, -1, 5)
    layer = PatchEmbedding((3, 4), 5, padding="same", data_format=data_format)
    if data_format == "channels_first":
        images = np.moveaxis(images, -1, 1)  # (B, C, H, W)
    layer.build(images.shape)
    layer.set_weights(convolution.get_weights())
    close(layer(images), expected)
    assert layer.compute_output_shape(images.shape) == expected.shape


@pytest.mark.parametrize("size", [(4, 6, 8), (5, 7, 9)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_tubelet_embedding_is_a_strided_convolution(rng, size, data_format):
    videos = floats(rng, 2, *size, 3)
    convolution = keras.layers.Conv3D(
        5, (2, 3, 4), strides=(2, 3, 4), padding="same", data_format="channels_last"
    )
    expected = numpy(convolution(videos)).reshape(2, -1, 5)
    layer = TubeletEmbedding((2, 3, 4), 5, padding="same", data_format=data_format)
    if data_format == "channels_first":
        videos = np.moveaxis(videos, -1, 1)  # (B, C, F, H, W)
    layer.build(videos.shape)
    layer.set_weights(convolution.get_weights())
    close(layer(videos), expected)
    assert layer.compute_output_shape(videos.shape) == expected.shape


def test_a_patch_sees_its_own_pixels_alone(rng):
    images = floats(rng, 1, 6, 8, 3)
    layer = PatchEmbedding(patch_size=2, hidden_dim=5)
    before = numpy(layer(images))
    images[:, 2:4, 4:6] += 1.0  # row 1, column 2 of a grid of 3 × 4
    changed = np.any(numpy(layer(images)) != before, axis=-1)[0]
    assert np.flatnonzero(changed).tolist() == [6]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="dynamic shapes")
def test_images_of_any_size(rng):
    layer = PatchEmbedding(patch_size=2, hidden_dim=5, padding="same")
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert model.output.shape == (None, None, 5)
    for height, width in [(4, 6), (5, 7)]:
        images = floats(rng, 2, height, width, 3)
        close(model.predict(images, verbose=0), layer(images))


def test_class_token_stands_first_and_is_kept(rng):
    token_ids = np.array([[3, 2, 0], [1, 0, 0]])
    embedding = keras.layers.Embedding(5, 4, mask_zero=True)
    layer = ClassToken(initializer="random_normal")
    outputs = layer(embedding(token_ids))
    first = np.broadcast_to(numpy(layer.token)[:, 0], (2, 4))
    close(outputs[:, 0], first, 0)
    close(outputs[:, 1:], embedding(token_ids), 0)
    mask = numpy(keras.src.backend.get_keras_mask(outputs))
    assert mask.tolist() == [[True, True, True, False], [True, True, False, False]]


def test_class_token_goes_on_without_a_mask(rng):
    layer = ClassToken()
    assert layer.compute_mask(floats(rng, 2, 3, 4), None) is None
    assert keras.src.backend.get_keras_mask(layer(floats(rng, 2, 3, 4))) is None


def test_registers_stand_behind_those_in_front_and_are_kept(rng):
    token_ids = np.array([[3, 2, 0], [1, 0, 0]])
    embedding = keras.layers.Embedding(5, 4, mask_zero=True)
    layer = Registers(count=2, position=1)
    outputs = layer(embedding(token_ids))
    close(outputs[:, :1], embedding(token_ids)[:, :1], 0)
    close(outputs[:, 1:3], np.broadcast_to(numpy(layer.tokens), (2, 2, 4)), 0)
    close(outputs[:, 3:], embedding(token_ids)[:, 1:], 0)
    mask = numpy(keras.src.backend.get_keras_mask(outputs)).astype(int)
    assert mask.tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]
    assert layer.compute_mask(floats(rng, 2, 3, 4), None) is None


IMAGES, VIDEOS = (
    np.zeros((2, 8, 12, 3), "float32"),
    np.zeros((2, 4, 8, 12, 3), "float32"),
)


@pytest.mark.parametrize(
    ("make", "inputs", "message"),
    [
        (lambda: PatchEmbedding(0, 5), IMAGES, "patch_size .* given 0"),
        (lambda: PatchEmbedding(2.0, 5), IMAGES, "patch_size .* given 2.0"),
        (lambda: PatchEmbedding(True, 5), IMAGES, "patch_size .* given True"),
        (
            lambda: PatchEmbedding((2, 2, 2), 5),
            IMAGES,
            r"patch_size .* 2 of them; given",
        ),
        (lambda: PatchEmbedding((2, -1), 5), IMAGES, "patch_size .* given -1"),
        (lambda: PatchEmbedding("4", 5), IMAGES, "patch_size .* given '4'"),
        (lambda: PatchEmbedding(4, 0), IMAGES, "hidden_dim .* given 0"),
        (
            lambda: PatchEmbedding(4, 5, padding="zero"),
            IMAGES,
            "padding .*'valid', 'same'",
        ),
        (
            lambda: PatchEmbedding(4, 5, data_format="NHWC"),
            IMAGES,
            "data_format .* 'NHWC'",
        ),
        (
            lambda: PatchEmbedding(5, 5),
            IMAGES,
            "images: axis H .* multiple .* 5; given 8",
        ),
        (lambda: PatchEmbedding((4, 5), 5), IMAGES, "images: axis W .* 5; given 12"),
        (lambda: PatchEmbedding(16, 5), IMAGES, "images: axis H .* 16; given 8"),
        (
            lambda: PatchEmbedding(4, 5),
            IMAGES[0],
            r"images must have 4 axes, \(B, H, W, C\)",
        ),
        (
            lambda: PatchEmbedding(4, 5),
            VIDEOS,
            r"images must have 4 axes, .*given shape",
        ),
        (lambda: PatchEmbedding(4, 5), IMAGES[:, :0], "images: axis H .* given 0"),
        (
            lambda: PatchEmbedding(4, 5, padding="same"),
            IMAGES[:, :, :0],
            "images: axis W .* given 0",
        ),
        (
            lambda: PatchEmbedding(4, 5),
            IMAGES.astype("uint8"),
            "images must be floats; given uint8.*255",
        ),
        (
            lambda: PatchEmbedding(4, 5, data_format="channels_first"),
            IMAGES,
            "images: axis W .* 4; given 3",
        ),
        (lambda: TubeletEmbedding((2, 4), 5), VIDEOS, "tubelet_size .* 3 of them"),
        (
            lambda: TubeletEmbedding((3, 4, 4), 5),
            VIDEOS,
            "videos: axis F .* 3; given 4",
        ),
        (lambda: TubeletEmbedding(4, 5), IMAGES, r"videos must have 5 axes, \(B, F, H"),
        (lambda: ClassToken(), IMAGES, r"inputs must have 3 axes, \(B, S, D\)"),
        (lambda: ClassToken(), np.zeros((2, 3), "int32"), "inputs must have 3 axes"),
        (lambda: ClassToken(), np.zeros((2, 3, 4), "int32"), "inputs must be floats"),
        (lambda: Registers(0, 1), IMAGES, "count must be a positive integer; given 0"),
        (lambda: Registers(1, -1), IMAGES, "position must be .* given -1"),
        (lambda: Registers(1, 1), IMAGES, r"inputs must have 3 axes, \(B, T, D\)"),
    ],
)
def test_wrong_inputs(make, inputs, message):
    with pytest.raises(ValueError, match=message):
        make()(inputs)
