"""Images to sequences of patches: (B, H, W, C) to (B, P, p · p · C)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def cut(images, size):
    """A grid of patches: (B, h, w, p, q, C)."""
    batch, height, width, channels = images.shape
    grid = images.reshape(
        batch, height // size, size, width // size, size, channels
    )  # (B, h, p, w, q, C)
    return grid.transpose(0, 1, 3, 2, 4, 5)


def in_reading_order(images, size):
    """Numbers as they lie in memory, as if a patch were a piece of that."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // size, width // size, size, size, channels)


def without_transposing(images, size):
    """Rows of a patch mistaken for columns of the grid."""
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // size, size, width // size, size, channels)


def interleaved(images, size):
    """Every (H / p)th pixel, as if the grid were inside of the patch."""
    batch, height, width, channels = images.shape
    grid = images.reshape(
        batch, size, height // size, size, width // size, channels
    )  # (B, p, h, q, w, C)
    return grid.transpose(0, 2, 4, 1, 3, 5)


def sliding(step):
    """Windows that overlap: a new one every `step(p)` pixels."""

    def take(images, size):
        _, height, width, _ = images.shape
        rows = range(0, height - size + 1, step(size))
        columns = range(0, width - size + 1, step(size))
        windows = [
            [images[:, y : y + size, x : x + size] for x in columns] for y in rows
        ]
        return np.moveaxis(np.array(windows), 2, 0)  # (B, h, w, p, q, C)

    return take


def patch_rows_first(patches):
    """Patches row by row: (B, P, p, q, C)."""
    batch, rows, columns, *rest = patches.shape
    return patches.reshape(batch, rows * columns, *rest)


def patch_columns_first(patches):
    """Patches column by column."""
    return patch_rows_first(patches.swapaxes(1, 2))


def flatten(patches):
    """Each patch as one row of numbers: (B, P, p · q · C)."""
    return patches.reshape(*patches.shape[:2], -1)


def patchify(
    images,
    patch_size,
    *,
    take=cut,
    order=patch_rows_first,
    within=identity,
    values=flatten,
):
    """Images to sequences of patches: (B, H, W, C) to (B, P, p · p · C)."""
    return values(within(order(take(images, patch_size))))


def image_inputs(batch, height, width, channels, size):
    """Images whose sides, grid, patch and channels are all of different lengths."""
    return lambda rng: (floats(rng, batch, height, width, channels), size)


wrong = mistakes("patches", section="patches")

EXERCISE = Exercise(
    name="patchify",
    section="patches",
    points=4,
    reference=patchify,
    cases=(
        Case("grey", image_inputs(3, 8, 12, 1, 2)),
        Case("colour", image_inputs(5, 8, 12, 3, 2)),
        Case("large-patches", image_inputs(3, 10, 20, 2, 5)),
        Case("one-patch", image_inputs(3, 4, 4, 2, 4)),
        Case("square", image_inputs(2, 9, 9, 3, 3), diagnostic=True),
        Case("one-image", image_inputs(1, 6, 12, 2, 3)),
        Case("pixels", image_inputs(2, 3, 5, 4, 1)),
    ),
    misconceptions=(
        wrong("reshape-scrambles", take=in_reading_order),
        wrong("not-transposed", take=without_transposing),
        wrong("every-other-pixel", take=interleaved),
        wrong("overlapping-windows", take=sliding(lambda size: 1)),
        wrong("half-overlapping", take=sliding(lambda size: max(1, size // 2))),
        wrong("column-order", order=patch_columns_first),
        wrong("pixels-transposed", within=lambda x: x.swapaxes(2, 3)),
        wrong("channels-first", within=lambda x: np.moveaxis(x, 4, 2)),
        wrong("channels-reversed", within=lambda x: x[..., ::-1]),
        wrong("upside-down", within=lambda x: x[:, :, ::-1]),
        wrong("patches-reversed", within=lambda x: x[:, ::-1]),
        wrong("not-flattened", values=identity),
        wrong("batch-merged", values=lambda x: flatten(x).reshape(-1, x[0, 0].size)),
        wrong("patch-averaged", values=lambda x: x.mean(axis=(2, 3))),
        wrong("values-first", values=lambda x: flatten(x).swapaxes(1, 2)),
    ),
    accepted={
        "loops": lambda x, p: _patchify_with_loops(x, p),
        "splits": lambda x, p: _patchify_with_splits(x, p),
        "keras.ops": lambda x, p: _patchify_with_keras(x, p),
        "tensorflow": lambda x, p: _patchify_with_tensorflow(x, p),
        "sliding windows, strided": lambda x, p: _patchify_with_windows(x, p),
        "einsum": lambda x, p: np.einsum(
            "bhpwqc->bhwpqc", without_transposing(x, p)
        ).reshape(len(x), -1, p * p * x.shape[-1]),
        "lists": lambda x, p: patchify(x, p).tolist(),
    },
)


def _patchify_with_loops(images, size):
    _, height, width, _ = images.shape
    return np.stack(
        [
            images[:, y : y + size, x : x + size].reshape(len(images), -1)
            for y in range(0, height, size)
            for x in range(0, width, size)
        ],
        axis=1,
    )


def _patchify_with_splits(images, size):
    rows = np.split(images, images.shape[1] // size, axis=1)
    patches = [p for row in rows for p in np.split(row, row.shape[2] // size, axis=2)]
    return np.stack([p.reshape(len(images), -1) for p in patches], axis=1)


def _patchify_with_keras(images, size):
    ops = keras().ops
    batch, height, width, channels = images.shape
    shape = (batch, height // size, size, width // size, size, channels)
    grid = ops.transpose(ops.reshape(images, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(grid, (batch, -1, size * size * channels))


def _patchify_with_tensorflow(images, size):
    import tensorflow as tf

    patches = tf.image.extract_patches(
        images, [1, size, size, 1], [1, size, size, 1], [1, 1, 1, 1], "VALID"
    )
    return tf.reshape(patches, (len(images), -1, patches.shape[-1]))


def _patchify_with_windows(images, size):
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), (1, 2))
    windows = windows[:, ::size, ::size]  # (B, h, w, C, p, q)
    return np.moveaxis(windows, 3, 5).reshape(
        len(images), -1, size**2 * images.shape[3]
    )
