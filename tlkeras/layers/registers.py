"""More learned tokens, which belong to no part of the input."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape, Tensor


@keras.saving.register_keras_serializable(package="tlkeras")
class Registers(keras.layers.Layer):
    """Put learned tokens without a position between those in front and the patches.

    `[x₁ … x_P, register₁ … register_R, x_P₊₁ … x_T]`: the same vectors for every
    sequence. Attention uses them as scratch paper; without any, a ViT writes on patches
    of plain background, and its attention maps show it.

    Masking: an implicit mask `(B, T)` becomes `(B, T + R)`; the new tokens are kept.

    Args:
        count: R, how many.
        position: P, how many tokens stay in front of them.

    Call arguments:
        inputs: floats `(B, T, D)`.

    Returns:
        Floats `(B, T + R, D)`; the registers are at positions `P … P + R − 1`.

    Raises:
        ValueError: an argument is out of range, the input has other axes or other
            features than when the layer was built, or is not finite floats.

    Example:

    >>> import numpy as np
    >>> tuple(Registers(count=4, position=1)(np.random.rand(2, 5, 8)).shape)
    (2, 9, 8)

    Reference:
        Darcet et al. (2023), arXiv:2309.16588, section 2.2.
    """

    def __init__(self, count, position, **kwargs):
        super().__init__(**kwargs)
        self.count = check.positive_integer("count", count)
        self.position = check.natural_number("position", position)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        check.axes("inputs", input_shape, "B T D")
        check.features("inputs", input_shape)
        self.tokens = self.add_weight(
            name="tokens",
            shape=(self.count, input_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, inputs):
        check.axes("inputs", inputs.shape, "B T D")
        check.features("inputs", inputs.shape, self.tokens.shape[-1])
        check.values("inputs", inputs, "Embed patches first.")
        shape = (ops.shape(inputs)[0], self.count, inputs.shape[-1])
        tokens = ops.broadcast_to(ops.cast(self.tokens, inputs.dtype), shape)
        front, patches = inputs[:, : self.position], inputs[:, self.position :]
        return ops.concatenate([front, tokens, patches], axis=1)  # (B, T + R, D)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        if previous_mask is None:
            return None
        front = ops.cast(previous_mask[:, : self.position], "bool")
        patches = previous_mask[:, self.position :]
        patches = masks.prepend_to_mask(patches, self.count)  # (B, R + T − P)
        return ops.concatenate([front, patches], axis=1)  # (B, T + R)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check.axes("inputs", input_shape, "B T D")
        batch, length, hidden_dim = input_shape
        return (batch, None if length is None else length + self.count, hidden_dim)

    def get_config(self) -> dict[str, Any]:
        own = {"count": self.count, "position": self.position}
        return {**super().get_config(), **own}
