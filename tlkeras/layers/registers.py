"""More learned tokens, which belong to no part of the input."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tlkeras")
class Registers(keras.layers.Layer):
    """Learned tokens without a position, put between those in front and the patches.

    Args:
        count: R, how many.
        position: how many tokens stay in front of them.

    Call arguments:
        inputs: floats `(B, T, D)`.

    Returns:
        Floats `(B, T + R, D)`.
    """

    def __init__(self, count, position, **kwargs):
        super().__init__(**kwargs)
        self.count, self.position = count, position

    def build(self, input_shape):
        self.tokens = self.add_weight(
            name="tokens",
            shape=(self.count, input_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, inputs):
        shape = (ops.shape(inputs)[0], self.count, inputs.shape[-1])
        tokens = ops.broadcast_to(ops.cast(self.tokens, inputs.dtype), shape)
        front, patches = inputs[:, : self.position], inputs[:, self.position :]
        return ops.concatenate([front, tokens, patches], axis=1)  # (B, T + R, D)

    def compute_output_shape(self, input_shape):
        batch, length, hidden_dim = input_shape
        return (batch, length + self.count, hidden_dim)

    def get_config(self):
        own = {"count": self.count, "position": self.position}
        return {**super().get_config(), **own}
