"""What `DiffusionTransformer` knows of: the time, places in a grid, patches."""

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check

TIME_FEATURES = 256  # waves that the time is shown as
MAX_WAVELENGTH = 10000.0  # over 2π, of the longest of them


def time_waves(times, size=TIME_FEATURES):
    """A time as cosines, then sines, of frequencies from 1 to 1/10000.

    Args:
        times: floats `(B,)`.
        size: E, even, at least 4. Defaults to 256.

    Returns:
        float32 `(B, E)`.

    Reference:
        Ho et al. (2020), arXiv:2006.11239, appendix B; Peebles & Xie (2022),
        arXiv:2212.09748, appendix A.
    """
    half = size // 2
    frequencies = MAX_WAVELENGTH ** -(np.arange(half) / (half - 1))  # (E / 2,)
    angles = ops.cast(times, "float32")[:, None] * frequencies.astype("float32")
    return ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1)


def grid_positions(rows, columns, size):
    """Places of a grid as waves: half of the features for the column, half the row.

    Args:
        rows, columns: of the grid.
        size: D, a multiple of 4.

    Returns:
        float64 `(rows · columns, D)`, row by row.

    Reference:
        Peebles & Xie (2022), arXiv:2212.09748, section 3.2, after Vaswani et al.
        (2017), arXiv:1706.03762, section 3.5.
    """
    frequencies = MAX_WAVELENGTH ** -(4 * np.arange(size // 4) / size)  # (D / 4,)

    def waves(places):
        angles = places.reshape(-1, 1) * frequencies  # (rows · columns, D / 4)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    row, column = np.mgrid[:rows, :columns]
    return np.concatenate([waves(column), waves(row)], axis=1)


def from_patches(x, grid, patch_size):
    """An image put together from its patches.

    Args:
        x: `(B, P, height · width · C)`.
        grid: rows and columns of patches, P in all.
        patch_size: height and width of a patch.

    Returns:
        `(B, H, W, C)`.
    """
    (rows, columns), (height, width) = grid, patch_size
    x = ops.reshape(
        x, (-1, rows, columns, height, width, x.shape[-1] // height // width)
    )
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, rows, height, columns, width, C)
    return ops.reshape(x, (-1, rows * height, columns * width, x.shape[-1]))


class TimeEmbedding(keras.layers.Layer):
    """`W₂ SiLU(W₁ waves(t) + b₁) + b₂`, the waves in float32: `(B,)` to `(B, D)`."""

    def __init__(self, hidden_dim, kernel_initializer, **kwargs):
        super().__init__(autocast=False, **kwargs)  # half precision knows few times
        for name, activation in (("hidden_dense", "silu"), ("output_dense", None)):
            layer = keras.layers.Dense(
                hidden_dim,
                activation=activation,
                kernel_initializer=kernel_initializer.clone(),
                dtype=self.dtype_policy,
                name=name,
            )
            setattr(self, name, layer)
        self._hidden_dim = hidden_dim

    def build(self, input_shape):
        self.hidden_dense.build((None, TIME_FEATURES))
        self.output_dense.build((None, self._hidden_dim))

    def call(self, inputs):
        waves = ops.cast(time_waves(inputs), self.compute_dtype)  # (B, 256)
        return self.output_dense(self.hidden_dense(waves))  # (B, D)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self._hidden_dim)


class GridPositions(keras.layers.Layer):
    """Adds to each patch where it lies, which is nothing to be learned."""

    def __init__(self, grid, **kwargs):
        super().__init__(**kwargs)
        self.grid = grid
        self.built = True

    def call(self, inputs):
        rows, columns = self.grid
        table = grid_positions(rows, columns, inputs.shape[-1])
        return inputs + ops.cast(table, inputs.dtype)  # (B, P, D)

    def compute_output_shape(self, input_shape):
        return input_shape


def check_rows(name, given, batch, axes):
    """Raise unless an input has its axes, the first as long as the batch."""
    check.axes(name, given.shape, axes)
    if None not in (given.shape[0], batch) and given.shape[0] != batch:
        raise ValueError(
            f"{name} must have one row for each of the {batch} images; given shape "
            f"{tuple(given.shape)}."
        )
