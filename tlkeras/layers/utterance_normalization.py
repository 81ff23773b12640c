"""Speech that is as loud and as varied as any other."""

import keras
from keras import ops

from tlkeras import checks as check


@keras.saving.register_keras_serializable(package="tlkeras")
class UtteranceNormalization(keras.layers.Layer):
    """Give each utterance mean 0 and variance 1 over its real frames and all mels.

    A louder recording adds a constant to every logarithm, which is gone. The mean of
    each mel stays: in a short word it says which vowel it was. Masking: padded frames
    are not counted, and become 0.

    Args:
        epsilon: added to the variance. Defaults to 1e-5.

    Call arguments:
        inputs: floats `(B, F, M)`.
        mask: boolean `(B, F)`, True at real frames. Defaults to the implicit mask.

    Returns:
        Floats `(B, F, M)`.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = check.positive_number("epsilon", epsilon)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        x = ops.cast(inputs, "float32")
        if mask is None:
            keep = ops.ones_like(x[:, :, :1])  # (B, F, 1)
        else:
            keep = ops.expand_dims(ops.cast(mask, "float32"), -1)
        mean = ops.mean(masked_mean(x, keep), axis=1)
        mean = ops.expand_dims(mean, (1, 2))  # (B, 1, 1)
        variance = ops.mean(masked_mean(ops.square(x - mean), keep), axis=1)
        variance = ops.expand_dims(variance, (1, 2))
        x = keep * (x - mean) / ops.sqrt(variance + self.epsilon)
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def masked_mean(x, keep):
    """The mean over real frames: `(B, F, M)` and 0 or 1 `(B, F, 1)` to `(B, M)`."""
    return ops.sum(x * keep, axis=1) / ops.maximum(ops.sum(keep, axis=1), 1)
