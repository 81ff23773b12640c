"""One vector out of many: a learned query that asks all of them."""

from typing import Any

import keras
from keras import ops

from tlkeras.annotations import Shape
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.layers._transformer_block import TransformerBlock


@keras.saving.register_keras_serializable(package="tlkeras")
class AttentionPooling(TransformerBlock):
    """Attention of one learned query to a sequence, then a feed-forward network.

        y = Attention(query, x, x),  pooled = y + FFN(Norm(y))

    Private: `ViT(…, use_attention_pooling=True)` has it. Args are those of a block.

    Call arguments:
        inputs: floats `(B, T, D)`.

    Returns:
        Floats `(B, D)`.

    Reference:
        Zhai et al. (2021), arXiv:2106.04560, section 3.3.
    """

    def __init__(self, num_heads, intermediate_dim, **arguments):
        super().__init__(intermediate_dim, num_heads, **arguments)

    def build(self, inputs_shape: Shape) -> None:
        one = (inputs_shape[0], 1, inputs_shape[-1])
        self.query = self.add_weight(
            name="query", shape=(1, *one[1:]), initializer=self.kernel_initializer
        )
        self._attention_layer = self._attention("attention", one, inputs_shape)
        self._layer_norm_layer = self._layer_norm("layer_norm", one)
        self._make_feed_forward(inputs_shape[-1])
        set_part_policies(self)

    def call(self, inputs):
        batch, _, size = ops.shape(inputs)
        query = ops.cast(self.query, inputs.dtype)
        query = ops.broadcast_to(query, (batch, 1, size))  # (B, 1, D)
        y = self._attention_layer(query=query, value=inputs)  # (B, 1, D)
        return (y + self._feed_forward(self._layer_norm_layer(y)))[:, 0]  # (B, D)

    def compute_output_spec(self, inputs: Any) -> Any:
        shape = (inputs.shape[0], inputs.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
