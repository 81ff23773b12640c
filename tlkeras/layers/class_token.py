"""One more token, learned, in front of the sequence."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape, Tensor


@keras.saving.register_keras_serializable(package="tlkeras")
class ClassToken(keras.layers.Layer):
    """Put a learned token before the others, to gather what the sequence is about.

    `[class, x₁, …, x_S]`: the same vector for every sequence. Attention then lets it
    read the others, and a classifier reads it alone.

    Masking: an implicit mask `(B, S)` becomes `(B, 1 + S)`; the new token is kept.

    Args:
        initializer: of the token. Defaults to `"zeros"`.

    Call arguments:
        inputs: floats `(B, S, D)`.

    Returns:
        Floats `(B, 1 + S, D)`; the class token is at position 0.

    Raises:
        ValueError: the input has other axes or other features than when the layer was
            built, is not finite floats, or D is not known.

    Example:

    >>> import numpy as np
    >>> tuple(ClassToken()(np.random.rand(2, 5, 8)).shape)
    (2, 6, 8)

    Reference:
        Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.1, equation 1.
    """

    def __init__(self, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        check.axes("inputs", input_shape, "B S D")
        check.features("inputs", input_shape)
        self.token = self.add_weight(
            name="token", shape=(1, 1, input_shape[-1]), initializer=self.initializer
        )

    def call(self, inputs):
        check.axes("inputs", inputs.shape, "B S D")
        check.features("inputs", inputs.shape, self.token.shape[-1])
        check.values("inputs", inputs, "Embed token ids first.")
        batch, _, size = ops.shape(inputs)
        token = ops.cast(self.token, inputs.dtype)
        token = ops.broadcast_to(token, (batch, 1, size))  # (B, 1, D)
        return ops.concatenate([token, inputs], axis=1)  # (B, 1 + S, D)

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        return masks.prepend_to_mask(previous_mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check.axes("inputs", input_shape, "B S D")
        batch, length, size = input_shape
        return (batch, None if length is None else length + 1, size)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}
