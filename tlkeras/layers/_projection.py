"""A linear map of vectors to heads, or of heads to vectors."""

import keras
from keras import ops


class Projection(keras.layers.EinsumDense):
    """`EinsumDense`, as fast for a single row as for two.

    XLA on a CPU joins the product of one vector with the reshaping of the kernel, and
    then reads the kernel column by column: four times slower than the product of two
    rows. Decoding a single sequence is made of such products.
    """

    def call(self, inputs, *args, **kwargs):
        if inputs.shape[:2] != (1, 1):
            return super().call(inputs, *args, **kwargs)
        twice = ops.concatenate([inputs, inputs], axis=1)  # (1, 2, …)
        return super().call(twice, *args, **kwargs)[:, :1]

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras asks whether a subclass computes as `EinsumDense` does; this one does.
        return super().quantize(mode, type_check=False, config=config)
