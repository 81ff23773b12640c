"""Speech that is as loud and as varied as any other."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.layers.scaled_dot_product_attention import at_least_float32


@keras.saving.register_keras_serializable(package="tlkeras")
class UtteranceNormalization(keras.layers.Layer):
    """Give each utterance mean 0 and variance 1 over its real frames and all mels.

    `(x − mean(x)) / √(variance(x) + ε)`. A louder recording adds a constant to every
    logarithm, which is gone. The mean of each mel stays: in a short word it says which
    vowel it was. Axes: B batch, F frames, M mels.

    Masking: padded frames are not counted, and become 0. The mask is passed on.

    Args:
        epsilon: ε, added to the variance. Defaults to 1e-5.

    Call arguments:
        inputs: floats `(B, F, M)`, logarithms of energy.
        mask: boolean `(B, F)`, True at real frames. Defaults to the implicit mask.

    Returns:
        Floats `(B, F, M)`.

    Raises:
        ValueError: `epsilon` is not above 0; the input has other axes, is empty or is
            not finite floats; the mask does not fit it.

    Example:

    >>> import numpy as np
    >>> quiet = np.random.rand(2, 10, 4)
    >>> layer = UtteranceNormalization()
    >>> bool(np.allclose(layer(quiet), layer(quiet + 3), atol=1e-4))
    True

    Reference:
        Baevski et al. (2020), arXiv:2006.11477, section 2 (of a waveform; here of its
        features).
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = check.positive_number("epsilon", epsilon)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        check.axes("inputs", inputs.shape, "B F M")
        check.not_empty("inputs", inputs.shape)
        check.values("inputs", inputs, "See LogMelSpectrogram.")
        check.keep_mask("mask", mask, inputs.shape[:2])
        x = at_least_float32(inputs)
        if mask is None:
            mask = ops.ones_like(x[:, :, 0])  # (B, F)
        mean = ops.mean(masked_mean(x, mask), axis=1)  # (B,)
        mean = ops.expand_dims(mean, (1, 2))  # (B, 1, 1)
        variance = ops.mean(masked_mean(ops.square(x - mean), mask), axis=1)  # (B,)
        variance = ops.expand_dims(variance, (1, 2))  # (B, 1, 1)
        keep = ops.expand_dims(ops.cast(mask, x.dtype), -1)  # (B, F, 1)
        x = keep * (x - mean) / ops.sqrt(variance + self.epsilon)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


def masked_mean(x, mask):
    """The mean over what is kept: `(B, T, D)` and boolean `(B, T)` to `(B, D)`."""
    exact = at_least_float32(x)  # a sum of many halves
    keep = ops.expand_dims(ops.cast(mask, exact.dtype), -1)  # (B, T, 1)
    count = ops.maximum(ops.sum(keep, axis=1), 1)  # (B, 1)
    return ops.cast(ops.sum(exact * keep, axis=1) / count, x.dtype)
