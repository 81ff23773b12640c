"""What images and videos share: a grid cut into patches, each one projected."""

import math
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape


def unfold(inputs, sizes):
    """Cut a grid into patches and flatten each: `(B, H, W, C)` to `(B, P, values)`.

    Patches are in row-major order, and so are the values within a patch.
    """
    batch, *lengths, channels = ops.shape(inputs)
    counts = [length // size for length, size in zip(lengths, sizes, strict=True)]
    interleaved = [n for pair in zip(counts, sizes, strict=True) for n in pair]
    axes = range(1, 2 * len(sizes) + 1)
    patches = ops.reshape(inputs, (batch, *interleaved, channels))  # (B, h, p, w, q, C)
    patches = ops.transpose(
        patches, (0, *axes[::2], *axes[1::2], len(axes) + 1)
    )  # (B, h, w, p, q, C)
    return ops.reshape(patches, (batch, math.prod(counts), math.prod(sizes) * channels))


class GridEmbedding(keras.layers.Layer):
    """The layer behind `PatchEmbedding` and `TubeletEmbedding`, for any number of axes.

    The projection of a patch is a convolution whose stride is its kernel size, and also
    an unfolding followed by a matrix product. TensorFlow's convolution is the faster of
    the two on a CPU; with JAX and PyTorch the product is.
    """

    name_of_input = "inputs"
    name_of_size = "patch_size"
    axes: tuple[str, ...] = ()

    def _configure(
        self,
        sizes,
        hidden_dim,
        padding,
        data_format,
        use_bias,
        kernel_initializer,
        bias_initializer,
    ):
        setattr(self, self.name_of_size, sizes)  # as given, for the config
        self.sizes = check.sizes(self.name_of_size, sizes, len(self.axes))
        self.hidden_dim = check.positive_integer("hidden_dim", hidden_dim)
        self.padding = check.choice("padding", padding, ("valid", "same"))
        self.data_format = check.choice(
            "data_format",
            data_format or keras.config.image_data_format(),
            ("channels_last", "channels_first"),
        )
        self.use_bias = check.flag("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        *_, channels = self._channels_last(input_shape)
        if not channels:
            raise ValueError(
                f"{self.name_of_input} must have a known number of channels, above 0; "
                f"given shape {tuple(input_shape)}."
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.sizes, channels, self.hidden_dim),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.hidden_dim,),
                initializer=self.bias_initializer,
            )

    def call(self, inputs):
        *_, channels = self._channels_last(inputs.shape)
        if channels != self.kernel.shape[-2]:
            raise ValueError(
                f"{self.name_of_input} must have {self.kernel.shape[-2]} channels, as "
                f"when the layer was built; given {channels}."
            )
        check.values(self.name_of_input, inputs, "Scale pixels: pixels / 255.")
        if self.data_format == "channels_first":
            inputs = ops.moveaxis(inputs, 1, -1)  # (B, H, W, C)
        if self.padding == "same":
            inputs = self._pad(inputs)
        outputs = self._project(inputs)  # (B, P, D)
        return outputs + self.bias if self.use_bias else outputs

    def _project(self, inputs):
        if keras.backend.backend() == "tensorflow":
            outputs = ops.conv(
                inputs, self.kernel, strides=self.sizes, data_format="channels_last"
            )  # (B, h, w, D)
            count = math.prod(ops.shape(outputs)[1:-1])
            return ops.reshape(outputs, (-1, count, self.hidden_dim))
        kernel = ops.reshape(self.kernel, (-1, self.hidden_dim))  # (values, D)
        return ops.matmul(unfold(inputs, self.sizes), kernel)

    def _pad(self, inputs):
        lengths = ops.shape(inputs)[1:-1]
        missing = [-n % size for n, size in zip(lengths, self.sizes, strict=True)]
        around = [(n // 2, n - n // 2) for n in missing]
        return ops.pad(inputs, [(0, 0), *around, (0, 0)])

    def _channels_last(self, shape):
        first = self.data_format == "channels_first"
        axes = ["C", *self.axes] if first else [*self.axes, "C"]
        check.axes(self.name_of_input, shape, " ".join(["B", *axes]))
        batch, *rest = shape
        *lengths, channels = [*rest[1:], rest[0]] if first else rest
        for axis, length, size in zip(self.axes, lengths, self.sizes, strict=True):
            self._check_divides(axis, length, size)
        return (batch, *lengths, channels)

    def _check_divides(self, axis, length, size):
        if length is None or (length > 0 and length % size == 0):
            return
        if length == 0 or self.padding == "valid":
            raise ValueError(
                f"{self.name_of_input}: axis {axis} must be a positive multiple of "
                f"{self.name_of_size}, {size}; given {length}. Resize or crop the "
                f'{self.name_of_input}, or pad with zeros: padding="same".'
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, *lengths, _ = self._channels_last(input_shape)
        if None in lengths:
            return (batch, None, self.hidden_dim)
        counts = [-(-n // size) for n, size in zip(lengths, self.sizes, strict=True)]
        return (batch, math.prod(counts), self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        config = {
            self.name_of_size: getattr(self, self.name_of_size),
            "hidden_dim": self.hidden_dim,
            "padding": self.padding,
            "data_format": self.data_format,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
        return {**super().get_config(), **config}
