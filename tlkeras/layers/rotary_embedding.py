"""Positions as angles: attention then depends on distances alone."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.layers._positions import float_positions

ROPE_TYPES = ("linear", "dynamic", "yarn")


def rotate(x, angles):
    """Turn each pair `(x[…, i], x[…, i + H/2])` by its angle `(…, H/2)`."""
    cosine = ops.cast(ops.cos(angles), x.dtype)
    sine = ops.cast(ops.sin(angles), x.dtype)
    first, second = ops.split(x, 2, axis=-1)  # (…, H/2) twice
    turned = (first * cosine - second * sine, second * cosine + first * sine)
    return ops.concatenate(turned, axis=-1)  # (…, H)


@keras.saving.register_keras_serializable(package="tlkeras")
class RotaryEmbedding(keras.layers.Layer):
    """Turn pairs of features by an angle that grows with the position.

    Feature i and feature i + H/2 of position t are turned by `t · λ^(−2i/H)` with λ =
    `max_wavelength`, so that the dot product of a query and a key depends on how far
    apart they stand. The angles are computed in float32, whatever the dtype.

    A drop-in for `keras_hub.layers.RotaryEmbedding`; `MultiHeadAttention(rotary=…)`
    applies one to its queries and keys. Axes: B batch, T length, N heads, H head size.
    Masking: passed on.

    Args:
        max_wavelength: λ, in positions per radian. Defaults to 10000.
        scaling_factor: how many times longer the sequences are than those the model was
            trained on. Defaults to 1.
        rope_type: how frequencies are scaled: `"linear"` all alike, `"dynamic"` by a
            larger λ, `"yarn"` only the slow ones. Defaults to `"linear"`.
        beta_fast, beta_slow: YaRN keeps what turns more often than `beta_fast` times in
            the original length, scales what turns less often than `beta_slow` times.
            Default to 32 and 1.
        original_max_position_embeddings: YaRN's original length. Defaults to 4096.
        truncate: round YaRN's range to whole features. Defaults to `True`.
        sequence_axis: axis of T. Defaults to 1.
        feature_axis: axis of H. Defaults to −1.
        denominator_dim: used instead of H in the exponent. Defaults to `None`.

    Call arguments:
        inputs: floats `(B, T, H)` or `(B, T, N, H)`, or with axes as the arguments say.
        start_index: the position of the first token. Defaults to 0.
        positions: numbers `(T,)` or `(B, T)` used instead. Defaults to `None`.

    Returns:
        Floats of the shape of the inputs.

    Raises:
        ValueError: an argument is out of range, the inputs are not floats, H is odd or
            not known, or the axes do not exist.

    Example:

    >>> import numpy as np
    >>> tuple(RotaryEmbedding()(np.random.rand(2, 5, 3, 8)).shape)
    (2, 5, 3, 8)

    Reference:
        Su et al. (2021), arXiv:2104.09864, section 3.4.2.
        Peng et al. (2023), arXiv:2309.00071, section 3.2 (YaRN).
    """

    def __init__(
        self,
        max_wavelength=10000,
        scaling_factor=1.0,
        rope_type="linear",
        beta_fast=32.0,
        beta_slow=1.0,
        original_max_position_embeddings=4096,
        truncate=True,
        sequence_axis=1,
        feature_axis=-1,
        denominator_dim=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.max_wavelength = check.positive_number("max_wavelength", max_wavelength)
        self.scaling_factor = check.positive_number("scaling_factor", scaling_factor)
        self.rope_type = check.choice("rope_type", rope_type, ROPE_TYPES)
        self.beta_fast = check.positive_number("beta_fast", beta_fast)
        self.beta_slow = check.positive_number("beta_slow", beta_slow)
        self.original_max_position_embeddings = check.positive_integer(
            "original_max_position_embeddings", original_max_position_embeddings
        )
        self.truncate = check.flag("truncate", truncate)
        self.sequence_axis = check.integer("sequence_axis", sequence_axis)
        self.feature_axis = check.integer("feature_axis", feature_axis)
        if denominator_dim is not None:
            check.positive_integer("denominator_dim", denominator_dim)
        self.denominator_dim = denominator_dim
        if rope_type == "yarn":
            self._check_yarn()
        self.built = True

    def call(self, inputs, start_index=0, positions=None):
        sequence, feature = self._axes(inputs.shape)
        check.floats("inputs", inputs, "Project token ids to queries and keys first.")
        x = ops.moveaxis(inputs, (feature, sequence), (-1, 1))  # (B, T, …, H)
        positions = float_positions(ops.shape(x)[:2], start_index, positions)
        positions = positions if len(positions.shape) == 2 else positions[None]
        frequency, magnitude = self.frequencies(x.shape[-1])  # (H/2,)
        angles = positions[..., None] * ops.cast(frequency, "float32")  # (·, T, H/2)
        for _ in range(len(x.shape) - 3):
            angles = ops.expand_dims(angles, 2)  # (·, T, 1…, H/2)
        x = rotate(x, angles)
        x = x if magnitude == 1 else x * magnitude
        return ops.moveaxis(x, (-1, 1), (feature, sequence))

    def frequencies(self, size: int) -> tuple[np.ndarray, float]:
        """Radians per position of each pair of H = `size` features, and a factor."""
        feature = np.arange(0, size, 2)  # (H/2,)
        frequency = self.max_wavelength ** -(feature / (self.denominator_dim or size))
        if self.rope_type == "linear":
            return frequency / self.scaling_factor, 1
        if self.rope_type == "dynamic":
            return frequency / self.scaling_factor ** (size / max(1, size - 2)), 1
        frequency = self.max_wavelength ** -(feature / size)
        scaled = self._share_scaled(size)  # (H/2,)
        frequency = frequency * (1 - scaled) + frequency / self.scaling_factor * scaled
        return frequency, 0.1 * math.log(self.scaling_factor) + 1

    def _share_scaled(self, size):
        def feature_that_turns(times):
            length = self.original_max_position_embeddings
            turns = length / (times * 2 * math.pi)
            return size * math.log(turns) / (2 * math.log(self.max_wavelength))

        low, high = map(feature_that_turns, (self.beta_fast, self.beta_slow))
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, size - 1)
        ramp = (np.arange(size // 2) - low) / max(high - low, 0.001)
        return np.clip(ramp, 0, 1)

    def _check_yarn(self):
        if self.beta_fast <= self.beta_slow:
            raise ValueError(
                "beta_fast must be above beta_slow; given "
                f"beta_fast={self.beta_fast} and beta_slow={self.beta_slow}."
            )
        if self.max_wavelength <= 1:
            raise ValueError(
                "max_wavelength must be above 1 for rope_type='yarn'; given "
                f"{self.max_wavelength}."
            )

    def _axes(self, shape):
        rank = len(shape)
        for name in ("sequence_axis", "feature_axis"):
            axis = getattr(self, name)
            if not -rank <= axis < rank:
                raise ValueError(
                    f"{name} must be an axis of the inputs; given {name}={axis} and "
                    f"inputs of shape {tuple(shape)}."
                )
        sequence, feature = self.sequence_axis % rank, self.feature_axis % rank
        if sequence == feature:
            raise ValueError(
                "sequence_axis and feature_axis must differ; both are axis "
                f"{sequence} of inputs of shape {tuple(shape)}."
            )
        if shape[feature] is None:
            raise ValueError(
                "inputs must have a known number of features; given shape "
                f"{tuple(shape)}."
            )
        if shape[feature] % 2:
            raise ValueError(
                "inputs must have an even number of features, which turn in pairs; "
                f"given {shape[feature]} in shape {tuple(shape)}."
            )
        return sequence, feature

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        names = (
            "max_wavelength",
            "scaling_factor",
            "rope_type",
            "beta_fast",
            "beta_slow",
            "original_max_position_embeddings",
            "truncate",
            "sequence_axis",
            "feature_axis",
            "denominator_dim",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
