"""Hide stripes of a spectrogram, so that a model learns not to depend on any one."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape


@keras.saving.register_keras_serializable(package="tlkeras")
class SpecAugment(keras.layers.Layer):
    """Hide random stripes of time and of frequency while training.

    A stripe of time has a width w drawn from 0, 1 … `time_width` and a start drawn from
    0, 1 … τ − w, with τ the real frames of the row; frequency likewise. The paper's
    time warp, which its authors found to help least (section 5), is left out.

    Axes: B batch, F frames, M mels.

    Masking: stripes of time fall on real frames alone. The mask goes on unchanged.

    Args:
        time_width: the widest stripe of time, in frames. Defaults to 100.
        num_time_masks: stripes of time. Defaults to 2.
        frequency_width: the widest stripe of frequency, in mels. Defaults to 27.
        num_frequency_masks: stripes of frequency. Defaults to 2.
        max_time_fraction: no stripe of time is wider than this part of the real
            frames. Defaults to 1.
        mask_value: what stands in a stripe; the paper's 0 is the mean of normalised
            features. Defaults to 0.
        seed: an integer. Defaults to `None`: other stripes in every run.

    Call arguments:
        inputs: floats `(B, F, M)`.
        training: hide stripes. Defaults to `False`: the input passes unchanged.
        mask: boolean `(B, F)`, True at real frames, which come first. Defaults to the
            implicit mask.

    Returns:
        Floats `(B, F, M)`.

    Raises:
        ValueError: an argument is out of range, the input has other axes or is not
            floats, or the mask has another shape.

    Example:

    >>> import numpy as np
    >>> features = np.random.rand(2, 300, 80)
    >>> tuple(SpecAugment(time_width=40)(features, training=True).shape)
    (2, 300, 80)

    Reference:
        Park et al. (2019), arXiv:1904.08779, section 2; the defaults are those of the
        policy LD, table 1.
    """

    def __init__(
        self,
        time_width=100,
        num_time_masks=2,
        frequency_width=27,
        num_frequency_masks=2,
        max_time_fraction=1.0,
        mask_value=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.time_width = check.natural_number("time_width", time_width)
        self.num_time_masks = check.natural_number("num_time_masks", num_time_masks)
        self.frequency_width = check.natural_number("frequency_width", frequency_width)
        self.num_frequency_masks = check.natural_number(
            "num_frequency_masks", num_frequency_masks
        )
        self.max_time_fraction = check.fraction("max_time_fraction", max_time_fraction)
        self.mask_value = check.number("mask_value", mask_value)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs, training=False, mask=None):
        check.axes("inputs", inputs.shape, "B F M")
        check.not_empty("inputs", inputs.shape)
        check.values("inputs", inputs, "Give features, not token ids.")
        check.keep_mask("mask", mask, inputs.shape[:2])
        if not training:
            return inputs
        batch, frames, mels = ops.shape(inputs)
        if mask is None:
            real_frames = ops.full((batch, 1), frames, dtype="float32")
        else:
            real_frames = ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True)
        time = self._stripes(
            self.num_time_masks,
            ops.minimum(self.time_width, self.max_time_fraction * real_frames),
            real_frames,
            frames,
        )  # (B, F)
        frequency = self._stripes(
            self.num_frequency_masks,
            ops.full((batch, 1), min(self.frequency_width, mels), dtype="float32"),
            ops.full((batch, 1), mels, dtype="float32"),
            mels,
        )  # (B, M)
        keep = masks.merge_masks(~time[:, :, None], ~frequency[:, None, :])  # (B, F, M)
        return ops.where(keep, inputs, ops.cast(self.mask_value, inputs.dtype))

    def _stripes(self, count, widest, length, size):
        """True inside `count` random stripes; `widest` and `length` are `(B, 1)`."""
        shape = (ops.shape(length)[0], count)
        width = ops.floor(self._uniform(shape) * (ops.floor(widest) + 1))  # (B, count)
        start = ops.floor(self._uniform(shape) * (length - width + 1))  # (B, count)
        start, width = start[:, :, None], width[:, :, None]  # (B, count, 1)
        position = ops.arange(size, dtype="float32")
        inside = ops.logical_and(position >= start, position < start + width)
        return ops.any(inside, axis=1)  # (B, size)

    def _uniform(self, shape):
        return keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check.axes("inputs", input_shape, "B F M")
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {
            "time_width": self.time_width,
            "num_time_masks": self.num_time_masks,
            "frequency_width": self.frequency_width,
            "num_frequency_masks": self.num_frequency_masks,
            "max_time_fraction": self.max_time_fraction,
            "mask_value": self.mask_value,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}
