"""Speech has a hundred frames a second: convolutions make fewer, richer ones."""

import math
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers.feed_forward import get_activation


@keras.saving.register_keras_serializable(package="tlkeras")
class ConvSubsampling(keras.layers.Layer):
    """Shorten a sequence by convolutions with a stride, as in front of Whisper.

    `x ← activation(conv(x))` for each stride. With `strides=(1, 2)` half of the frames
    remain, and with `(2, 2)` a quarter.

    Axes: B batch, F frames in, T frames out, D model size.

    Masking: padded frames count as the zeros that pad the edges, so a padded row gives
    what the row alone gives. The mask is shortened as the frames are.

    Args:
        hidden_dim: D, the filters of every convolution.
        kernel_size: frames under a kernel. Defaults to 3.
        strides: the stride of each convolution, in order. Defaults to `(1, 2)`.
        activation: after each convolution. Defaults to `"gelu"`, the exact one;
            `"gelu_tanh"` is its approximation.
        use_bias: give the convolutions a bias. Defaults to `True`.
        kernel_initializer: of the convolutions. Defaults to `"glorot_uniform"`.
        bias_initializer: of their biases. Defaults to `"zeros"`.

    Call arguments:
        inputs: floats `(B, F, M)`, such as log-mel frames.
        mask: boolean `(B, F)`, True at real frames. Defaults to the implicit mask.

    Returns:
        Floats `(B, T, D)`, where each stride s makes ⌈F / s⌉ frames of F.

    Raises:
        ValueError: a size is not a positive integer, the input has other axes or
            features, is not finite floats or is empty, or the mask has another shape.

    Example:

    >>> import numpy as np
    >>> tuple(ConvSubsampling(hidden_dim=16)(np.random.rand(2, 100, 80)).shape)
    (2, 50, 16)

    Reference:
        Radford et al. (2022), arXiv:2212.04356, section 2.2.
    """

    def __init__(
        self,
        hidden_dim,
        kernel_size=3,
        strides=(1, 2),
        activation="gelu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = check.positive_integer("hidden_dim", hidden_dim)
        self.kernel_size = check.positive_integer("kernel_size", kernel_size)
        self.strides = check.sizes("strides", strides)
        self.activation = get_activation(activation)
        self.use_bias = check.flag("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.convolutions = [
            self._convolution(i, stride) for i, stride in enumerate(self.strides)
        ]
        self.supports_masking = True

    def _convolution(self, index, stride):
        return keras.layers.Conv1D(
            filters=self.hidden_dim,
            kernel_size=self.kernel_size,
            strides=stride,
            padding="valid",
            data_format="channels_last",
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            dtype=self.dtype_policy,
            name=f"convolution_{index}",
        )

    def build(self, input_shape: Shape) -> None:
        check.axes("inputs", input_shape, "B F M")
        check.not_empty("inputs", input_shape)
        check.features("inputs", input_shape)
        self._features = input_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, input_shape[-1]))
            input_shape = (None, None, self.hidden_dim)

    def call(self, inputs, mask=None):
        check.axes("inputs", inputs.shape, "B F M")
        check.not_empty("inputs", inputs.shape)
        check.features("inputs", inputs.shape, self._features)
        check.values("inputs", inputs, "Give frames, not token ids.")
        check.keep_mask("mask", mask, inputs.shape[:2])
        # Both edges, not Keras's "same", which pads one only when the stride is 2.
        before = (self.kernel_size - 1) // 2
        around = [(0, 0), (before, self.kernel_size - 1 - before), (0, 0)]
        x = inputs
        for convolution, stride in zip(self.convolutions, self.strides, strict=True):
            if mask is not None:
                keep = ops.expand_dims(ops.cast(mask, "bool"), -1)  # (B, ·, 1)
                x = ops.where(keep, x, 0.0)
            x = self.activation(convolution(ops.pad(x, around)))  # (B, ⌈F / stride⌉, D)
            mask = masks.strided_mask(mask, stride)
        return x

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        for stride in self.strides:
            previous_mask = masks.strided_mask(previous_mask, stride)
        return previous_mask

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check.axes("inputs", input_shape, "B F M")
        batch, frames, _ = input_shape
        for stride in self.strides:
            frames = None if frames is None else math.ceil(frames / stride)
        return (batch, frames, self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        config = {
            "hidden_dim": self.hidden_dim,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
        return {**super().get_config(), **config}
