"""New examples from old ones, as layers that act in training alone."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor


class _Augmentation(keras.layers.Layer):
    """A layer that draws from a seed and passes everything on at inference."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def _uniform(self, shape, low=0.0, high=1.0):
        return keras.random.uniform(shape, low, high, "float32", self.seed_generator)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="tlkeras")
class TokenMasking(_Augmentation):
    """Hide some of the tokens of a text while training.

    Each token becomes `mask_id` with a probability of `rate`, except those in `keep`.
    Axes: B batch, T length. Masking: none is attached; what was padding stays padding.

    Args:
        mask_id: what stands for a hidden token, such as that of `[MASK]`.
        rate: in [0, 1). Defaults to 0.1.
        keep: tokens that are never hidden, such as padding, `[CLS]` and `[SEP]`.
            Defaults to `(0,)`.
        seed: an integer. Defaults to `None`.

    Call arguments:
        inputs: integers `(B, T)`.
        training: whether to hide any. Defaults to `False`.

    Returns:
        Integers `(B, T)`.

    Raises:
        ValueError: `rate` is out of range.

    Example:

    >>> import numpy as np
    >>> layer = TokenMasking(mask_id=4, rate=0.5, keep=(0, 2, 3))
    >>> tuple(layer(np.array([[2, 7, 8, 3, 0]]), training=True).shape)
    (1, 5)

    Reference:
        Gal & Ghahramani (2015), arXiv:1512.05287, section 4.2 (word dropout).
    """

    def __init__(self, mask_id, rate=0.1, keep=(0,), seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.mask_id, self.keep = mask_id, tuple(keep)
        self.rate = check.rate("rate", rate)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        hide = self._uniform(ops.shape(inputs)) < self.rate  # (B, T)
        for token in self.keep:
            hide = ops.logical_and(hide, ops.not_equal(inputs, token))
        return ops.where(hide, ops.cast(self.mask_id, inputs.dtype), inputs)

    def compute_output_spec(self, inputs: Tensor, training: bool = False) -> Tensor:
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"mask_id": self.mask_id, "rate": self.rate, "keep": self.keep}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="tlkeras")
class AudioAugmentation(_Augmentation):
    """Play a recording a little faster, later and noisier while training.

    Each recording is played at a speed s, by linear interpolation, which changes its
    pitch as well; then shifted; then white noise is added at a signal-to-noise ratio
    drawn from a range. What moves in from outside is silence. Axes: B batch, S samples.

    `tlkeras.layers.SpecAugment` does the like for spectrograms.

    Args:
        speed: s is drawn from 1 − speed … 1 + speed; in [0, 1). Defaults to 0.1.
        shift: the largest shift to either side, as a share of S; in [0, 1). Defaults
            to 0.1.
        noise: range of the signal-to-noise ratio, in decibels, or `None` for no noise.
            Defaults to `(10, 40)`.
        seed: an integer. Defaults to `None`.

    Call arguments:
        inputs: floats `(B, S)`.
        training: whether to change anything. Defaults to `False`.

    Returns:
        Floats `(B, S)`.

    Raises:
        ValueError: an argument is out of range.

    Example:

    >>> import numpy as np
    >>> tuple(AudioAugmentation()(np.ones((2, 800), "float32"), training=True).shape)
    (2, 800)

    Reference:
        Ko et al. (2015), *Audio Augmentation for Speech Recognition*, Interspeech
        (speed).
    """

    def __init__(self, speed=0.1, shift=0.1, noise=(10, 40), seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.speed, self.shift = check.rate("speed", speed), check.rate("shift", shift)
        if noise is not None and not (len(noise) == 2 and noise[0] <= noise[1]):
            raise ValueError(
                f"noise must be None or (low, high) in dB; given {noise!r}."
            )
        self.noise = None if noise is None else tuple(noise)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        x = self._noisy(self._moved(ops.cast(inputs, "float32")))  # (B, S)
        return ops.cast(x, inputs.dtype)

    def _moved(self, x):
        batch, samples = ops.shape(x)
        speed = self._uniform((batch, 1), 1 - self.speed, 1 + self.speed)
        shift = self._uniform((batch, 1), -self.shift, self.shift) * samples
        time = ops.arange(samples, dtype="float32") * speed - shift  # (B, S)
        low = ops.floor(time)
        left = self._at(x, low, samples)
        right = self._at(x, low + 1, samples)
        return left + (time - low) * (right - left)  # (B, S)

    def _at(self, x, index, samples):
        """Samples at some places, 0 outside of the recording."""
        inside = ops.logical_and(index >= 0, index <= samples - 1)
        index = ops.cast(ops.clip(index, 0, samples - 1), "int32")
        return ops.where(inside, ops.take_along_axis(x, index, axis=1), 0.0)

    def _noisy(self, x):
        if self.noise is None:
            return x
        decibels = self._uniform((ops.shape(x)[0], 1), *map(float, self.noise))
        power = ops.mean(ops.square(x), axis=1, keepdims=True)  # (B, 1)
        size = ops.sqrt(power * 10 ** (-decibels / 10))
        noise = keras.random.normal(
            ops.shape(x), dtype="float32", seed=self.seed_generator
        )
        return x + size * noise  # (B, S)

    def get_config(self) -> dict[str, Any]:
        own = {"speed": self.speed, "shift": self.shift, "noise": self.noise}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="tlkeras")
class ImageAugmentation(_Augmentation):
    """Flip, shift, turn and zoom images and change their contrast while training.

    Keras's own layers in a row, with one difference: called without `training` they
    would act, and this layer does not. Axes: B batch, H height, W width, C channels.

    Args:
        flip: `"horizontal"`, `"vertical"`, `"horizontal_and_vertical"` or `None`, for
            what must not be flipped, such as digits. Defaults to `"horizontal"`.
        shift: largest shift, as a share of each side. Defaults to 0.1.
        rotation: largest turn, as a share of a full turn. Defaults to 0.05.
        zoom: largest zoom in or out. Defaults to 0.1.
        contrast: largest change of contrast. Defaults to 0.2.
        seed: an integer. Defaults to `None`.

    Call arguments:
        inputs: floats `(B, H, W, C)` from 0 to 1.
        training: whether to change anything. Defaults to `False`.

    Returns:
        Floats `(B, H, W, C)`.

    Example:

    >>> import numpy as np
    >>> augment = ImageAugmentation(flip=None)
    >>> tuple(augment(np.random.rand(2, 8, 8, 1), training=True).shape)
    (2, 8, 8, 1)
    """

    def __init__(
        self,
        flip="horizontal",
        shift=0.1,
        rotation=0.05,
        zoom=0.1,
        contrast=0.2,
        seed=None,
        **kwargs,
    ):
        super().__init__(seed=seed, **kwargs)
        self._own = {
            "flip": flip,
            "shift": shift,
            "rotation": rotation,
            "zoom": zoom,
            "contrast": contrast,
        }
        edge: dict = {"fill_mode": "nearest"}
        layers = keras.layers
        made: list[tuple] = [
            (flip, layers.RandomFlip, (flip,), {}),
            (shift, layers.RandomTranslation, (shift, shift), edge),
            (rotation, layers.RandomRotation, (rotation,), edge),
            (zoom, layers.RandomZoom, (zoom,), edge),
            (contrast, layers.RandomContrast, (contrast,), {"value_range": (0, 1)}),
        ]
        self.steps = [
            kind(*given, seed=None if seed is None else seed + number, **others)
            for number, (wanted, kind, given, others) in enumerate(made)
            if wanted
        ]

    def call(self, inputs, training=False):
        if not training:
            return inputs
        for step in self.steps:
            inputs = step(inputs, training=True)  # (B, H, W, C)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._own}
