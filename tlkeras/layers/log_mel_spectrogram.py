"""A waveform becomes a picture: time across, pitch up, loudness as the value."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._mel import hann_window, mel_filters


@keras.saving.register_keras_serializable(package="tlkeras")
class LogMelSpectrogram(keras.layers.Layer):
    """The loudness of each pitch over time, on scales close to those of hearing.

    `log(|STFT(x)|² M)`: the energy of a short frame at each frequency, gathered by the
    triangles M, whose centres are evenly spaced in mels, on a logarithmic scale. The
    defaults are those of Whisper.

    Axes: B batch, S samples, F frames, M mels.

    Masking: with a mask `(B, S)`, padded samples count as silence, and a frame is kept
    when the whole step that it stands for is real. The mask goes on implicitly;
    `compute_mask(waveform, mask)` gives it to look at.

    Args:
        sample_rate: samples per second, in Hz. Defaults to 16000.
        num_mels: M. Defaults to 80.
        fft_length: samples of a frame. Defaults to 400, 25 ms at 16 kHz.
        frame_step: samples from a frame to the next. Defaults to 160, 10 ms at 16 kHz.
        window_length: samples under the Hann window, in the middle of the frame.
            Defaults to `fft_length`.
        min_frequency: where the lowest triangle starts, in Hz. Defaults to 0.
        max_frequency: where the highest triangle ends, in Hz. Defaults to half the
            sample rate.
        mel_scale: `"slaney"` (linear below 1 kHz, logarithmic above) or `"htk"`
            (2595 log₁₀(1 + f / 700)). Defaults to `"slaney"`.
        mel_norm: `"slaney"`: triangles of equal area; `None`: of equal height 1.
            Defaults to `"slaney"`.
        scaling: `"whisper"`: log₁₀, at most 8 below the loudest value of the row, then
            `(x + 4) / 4`; `"log"`: the natural logarithm. Defaults to `"whisper"`.
        centered: frame f is centred on sample `f · frame_step`, with the signal
            reflected at both ends: F = ⌊S / frame_step⌋. Otherwise frames lie within
            the signal: F = ⌊(S − fft_length) / frame_step⌋ + 1. Defaults to `True`.
        min_power: energies below count as this. Defaults to 1e-10.

    Call arguments:
        inputs: floats `(B, S)`, usually between −1 and 1.
        mask: boolean `(B, S)`, True at real samples. Defaults to the implicit mask.

    Returns:
        Floats `(B, F, M)`, computed in float32 whatever the dtype policy.

    Raises:
        ValueError: an argument is out of range, a triangle is too narrow to hold any
            frequency of the FFT, the waveform has other axes, is not floats, is not
            finite, or is too short for one frame.

    Example:

    >>> import numpy as np
    >>> waveform = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[None]  # 1 s
    >>> tuple(LogMelSpectrogram(sample_rate=16000)(waveform).shape)
    (1, 100, 80)

    Reference:
        Radford et al. (2022), arXiv:2212.04356, section 2.2.
    """

    def __init__(
        self,
        sample_rate=16000,
        num_mels=80,
        fft_length=400,
        frame_step=160,
        window_length=None,
        min_frequency=0.0,
        max_frequency=None,
        mel_scale="slaney",
        mel_norm="slaney",
        scaling="whisper",
        centered=True,
        min_power=1e-10,
        **kwargs,
    ):
        kwargs.setdefault("autocast", False)  # float16 cannot hold a waveform's range
        super().__init__(**kwargs)
        self.sample_rate = check.positive_number("sample_rate", sample_rate)
        self.num_mels = check.positive_integer("num_mels", num_mels)
        self.fft_length = check.positive_integer("fft_length", fft_length)
        self.frame_step = check.positive_integer("frame_step", frame_step)
        self.window_length = check.positive_integer(
            "window_length", fft_length if window_length is None else window_length
        )
        self.min_frequency = check.number("min_frequency", min_frequency)
        self.max_frequency = check.number(
            "max_frequency", sample_rate / 2 if max_frequency is None else max_frequency
        )
        self.mel_scale = check.choice("mel_scale", mel_scale, ("slaney", "htk"))
        self.mel_norm = check.choice("mel_norm", mel_norm, ("slaney", None))
        self.scaling = check.choice("scaling", scaling, ("whisper", "log"))
        self.centered = check.flag("centered", centered)
        self.min_power = check.positive_number("min_power", min_power)
        self._check_frame()
        # Not Keras's "hann", whose odd lengths TensorFlow makes symmetric.
        self._window = hann_window(self.window_length)
        self._mel_filters = mel_filters(
            self.sample_rate,
            self.num_mels,
            self.fft_length,
            self.min_frequency,
            self.max_frequency,
            self.mel_scale,
            self.mel_norm,
        )  # (frequencies, M)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        self._check_waveform(inputs)
        check.keep_mask("mask", mask, inputs.shape)
        dtype = "float64" if self.compute_dtype == "float64" else "float32"
        waveform = ops.cast(inputs, dtype)
        if mask is not None:
            waveform = ops.where(ops.cast(mask, "bool"), waveform, 0.0)
        mels = ops.matmul(self._power(waveform), ops.cast(self._mel_filters, dtype))
        return ops.cast(self._scale(mels), self.compute_dtype)  # (B, F, M)

    def _power(self, waveform):
        real, imaginary = ops.stft(
            waveform,
            sequence_length=self.window_length,
            sequence_stride=self.frame_step,
            fft_length=self.fft_length,
            window=ops.cast(self._window, waveform.dtype),
            center=self.centered,
        )
        power = ops.square(real) + ops.square(imaginary)  # (B, F, frequencies)
        # Centred on the very end, one frame more would stand for no step of the signal.
        return power[:, :-1] if self.centered else power

    def _scale(self, mels):
        mels = ops.maximum(mels, self.min_power)
        if self.scaling == "log":
            return ops.log(mels)
        decades = ops.log10(mels)
        loudest = ops.max(decades, axis=(1, 2), keepdims=True)  # (B, 1, 1)
        return (ops.maximum(decades, loudest - 8.0) + 4.0) / 4.0

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        needed = self.frame_step if self.centered else self.fft_length
        return masks.strided_mask(previous_mask, self.frame_step, first=needed - 1)

    def _check_frame(self):
        if self.fft_length % 2:
            raise ValueError(f"fft_length must be even; given {self.fft_length}.")
        if self.window_length > self.fft_length:
            raise ValueError(
                f"window_length must be at most fft_length, {self.fft_length}; "
                f"given {self.window_length}."
            )
        if not 0 <= self.min_frequency < self.max_frequency <= self.sample_rate / 2:
            raise ValueError(
                "min_frequency and max_frequency must satisfy 0 <= min_frequency < "
                f"max_frequency <= sample_rate / 2 = {self.sample_rate / 2:g} Hz; "
                f"given {self.min_frequency!r} and {self.max_frequency!r}."
            )

    def _check_waveform(self, inputs):
        check.axes("waveform", inputs.shape, "B S")
        check.floats("waveform", inputs, "Scale 16-bit samples: samples / 32768.")
        self._num_frames(inputs.shape[1])  # refuses a short waveform
        check.finite("waveform", inputs)

    def _num_frames(self, samples):
        if samples is None:
            return None
        half, step = self.fft_length // 2, self.frame_step
        shortest = max(half + 1, step) if self.centered else self.fft_length
        if samples < shortest:
            raise ValueError(
                f"waveform must have at least {shortest} samples, for one frame; "
                f"given {samples}. Pad it with zeros."
            )
        return samples // step if self.centered else (samples - 2 * half) // step + 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check.axes("waveform", input_shape, "B S")
        return (input_shape[0], self._num_frames(input_shape[1]), self.num_mels)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in _NAMES},
        }


_NAMES = (
    "sample_rate",
    "num_mels",
    "fft_length",
    "frame_step",
    "window_length",
    "min_frequency",
    "max_frequency",
    "mel_scale",
    "mel_norm",
    "scaling",
    "centered",
    "min_power",
)
