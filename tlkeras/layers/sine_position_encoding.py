"""Positions as waves of many lengths."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._positions import check_inputs, float_positions


def sine_position_encoding(
    positions: Tensor, hidden_dim: int, max_wavelength: float = 10000
) -> Tensor:
    """Sines and cosines of given positions, alternating along the features.

    The function behind `SinePositionEncoding`, which gives the equation.

    Args:
        positions: numbers `(…, T)`.
        hidden_dim: D.
        max_wavelength: in positions per radian. Defaults to 10000.

    Returns:
        float32 `(…, T, D)`.

    Raises:
        ValueError: `hidden_dim` or `max_wavelength` is out of range.

    Example:

    >>> import numpy as np
    >>> encoding = np.array(sine_position_encoding([0, 1], hidden_dim=4), "float64")
    >>> encoding.round(2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.5.
    """
    check.positive_integer("hidden_dim", hidden_dim)
    check.positive_number("max_wavelength", max_wavelength)
    positions = ops.cast(ops.convert_to_tensor(positions), "float32")
    feature = np.arange(hidden_dim)
    frequency = max_wavelength ** -(2 * (feature // 2) / hidden_dim)  # (D,)
    angles = positions[..., None] * ops.cast(frequency, "float32")  # (…, T, D)
    return ops.where(feature % 2 == 0, ops.sin(angles), ops.cos(angles))


@keras.saving.register_keras_serializable(package="tlkeras")
class SinePositionEncoding(keras.layers.Layer):
    """Give each position a fixed vector of sines and cosines.

    `encoding(t, 2i) = sin(t / λ^(2i/D))` and `encoding(t, 2i + 1) = cos(t / λ^(2i/D))`
    with λ = `max_wavelength`. The angles are computed in float32, whatever the dtype.

    A drop-in for `keras_hub.layers.SinePositionEncoding`. Add the result to the
    embeddings. Axes: T length, D model size; others stand before them, or none.
    Masking: passed on.

    Args:
        max_wavelength: λ, in positions per radian. Defaults to 10000.

    Call arguments:
        inputs: floats `(…, T, D)`, of which only the shape matters.
        start_index: the position of the first token. Defaults to 0.
        positions: numbers used instead, `(T,)` or any shape that broadcasts to
            `(…, T)`. Defaults to `None`.

    Returns:
        Floats of the shape of the inputs.

    Raises:
        ValueError: the inputs or positions have other axes, the inputs are empty, or
            `start_index` is not an integer.

    Example:

    >>> import numpy as np
    >>> tuple(SinePositionEncoding()(np.zeros((2, 5, 8))).shape)
    (2, 5, 8)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.5.
    """

    def __init__(self, max_wavelength=10000, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_wavelength = check.positive_number("max_wavelength", max_wavelength)
        self.built = True

    def call(self, inputs, start_index=0, positions=None):
        check_inputs(inputs.shape)
        shape = ops.shape(inputs)
        positions = float_positions(shape[:-1], start_index, positions)  # (…, T)
        encoding = sine_position_encoding(positions, shape[-1], self.max_wavelength)
        return ops.broadcast_to(ops.cast(encoding, self.compute_dtype), shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
