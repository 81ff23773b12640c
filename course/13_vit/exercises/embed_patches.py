"""A convolution whose stride is its kernel: (B, H, W, C) to (B, P, D)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from .patchify import cut, in_reading_order, patchify, sliding


def project(patches, kernel, bias):
    """Each patch times the kernel, as one matrix: (B, h, w, D)."""
    return np.tensordot(patches, kernel, 3) + bias


def to_sequence(grid):
    """Patches row by row: (B, P, D)."""
    return grid.reshape(len(grid), -1, grid.shape[-1])


def embed_patches(
    images,
    kernel,
    bias,
    *,
    take=cut,
    turn=identity,
    colours=identity,
    add=identity,
    multiply=project,
    sequence=to_sequence,
):
    """A convolution whose stride is its kernel: (B, H, W, C) to (B, P, D)."""
    patches = take(colours(images), len(kernel))  # (B, h, w, p, q, C)
    return sequence(multiply(patches, turn(kernel), add(bias)))


def convolution_inputs(batch, height, width, channels, size, hidden):
    """Images, a kernel (p, p, C, D) that is not symmetric, and a bias."""
    return lambda rng: (
        floats(rng, batch, height, width, channels),
        floats(rng, size, size, channels, hidden, scale=0.4),
        floats(rng, hidden),
    )


def padded(images, size):
    """Windows at every pixel, zeros around, as stride 1 and "same" give."""
    low = (size - 1) // 2
    around = (low, size - 1 - low)
    padded = np.pad(images, ((0, 0), around, around, (0, 0)))
    return sliding(lambda size: 1)(padded, size)


wrong = mistakes("embedding", section="embedding")

EXERCISE = Exercise(
    name="embed_patches",
    section="embedding",
    points=3,
    reference=embed_patches,
    cases=(
        Case("grey", convolution_inputs(3, 8, 12, 1, 2, 5)),
        Case("colour", convolution_inputs(2, 8, 20, 3, 4, 7)),
        Case("one-patch", convolution_inputs(3, 4, 4, 2, 4, 6)),
        Case("one-image", convolution_inputs(1, 6, 9, 2, 3, 4)),
        Case("pixels", convolution_inputs(2, 3, 5, 4, 1, 6)),
        Case("square", convolution_inputs(2, 9, 9, 3, 3, 9), diagnostic=True),
    ),
    misconceptions=(
        wrong("stride-one", take=sliding(lambda size: 1)),
        wrong("stride-one-padded", take=padded),
        wrong("overlapping", take=sliding(lambda size: max(1, size // 2))),
        wrong("scrambled", take=in_reading_order),
        wrong("kernel-transposed", turn=lambda k: k.swapaxes(0, 1)),
        wrong("kernel-flipped", turn=lambda k: k[::-1, ::-1]),
        wrong("channels-reversed", colours=lambda x: x[..., ::-1]),
        wrong("no-bias", add=np.zeros_like),
        wrong("bias-subtracted", add=np.negative),
        wrong("grid-returned", sequence=identity),
        wrong("column-order", sequence=lambda x: to_sequence(x.swapaxes(1, 2))),
        wrong("features-first", sequence=lambda x: to_sequence(x).swapaxes(1, 2)),
    ),
    accepted={
        "patches times a matrix": lambda x, k, b: (
            patchify(x, len(k)) @ k.reshape(-1, k.shape[-1]) + b
        ),
        "tensorflow": lambda x, k, b: _embedded_with_tensorflow(x, k, b),
        "a Conv2D layer": lambda x, k, b: _embedded_with_a_layer(x, k, b),
        "tlkeras.layers": lambda x, k, b: _embedded_with_ours(x, k, b),
        "einsum": lambda x, k, b: to_sequence(
            np.einsum("bhwpqc,pqcd->bhwd", cut(x, len(k)), k) + b
        ),
        "float64": lambda x, k, b: embed_patches(x.astype(float), k, b),
    },
)


def _embedded_with_tensorflow(images, kernel, bias):
    import tensorflow as tf

    grid = tf.nn.conv2d(images, kernel, len(kernel), "VALID") + bias
    return tf.reshape(grid, (len(images), -1, kernel.shape[-1]))


def _embedded_with_a_layer(images, kernel, bias):
    import keras

    size, hidden = len(kernel), kernel.shape[-1]
    layer = keras.layers.Conv2D(hidden, size, strides=size)
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    return keras.layers.Reshape((-1, hidden))(layer(images))


def _embedded_with_ours(images, kernel, bias):
    from tlkeras.layers import PatchEmbedding

    layer = PatchEmbedding(len(kernel), kernel.shape[-1])
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    return layer(images)
