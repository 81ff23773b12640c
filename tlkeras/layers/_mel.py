"""The mel scale: equal steps sound equally far apart."""

import numpy as np


def hann_window(length):
    """One period of a raised cosine, float64 `(length,)`: a frame fades in and out."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def mel_filters(
    sample_rate,
    num_mels,
    fft_length,
    min_frequency,
    max_frequency,
    mel_scale="slaney",
    mel_norm="slaney",
):
    """Triangles over the frequencies of an FFT, their centres evenly spaced in mels.

    Returns:
        float64 `(frequencies, M)`; column m rises from edge m to m + 1, falls to m + 2.
    """
    to_mel, to_hertz = SCALES[mel_scale]
    frequencies = np.linspace(0, sample_rate / 2, fft_length // 2 + 1)[:, None]
    low, high = to_mel(np.array([min_frequency, max_frequency], "float64"))
    edges = to_hertz(np.linspace(low, high, num_mels + 2))  # (M + 2,)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies - left) / (centre - left)
    falling = (right - frequencies) / (right - centre)
    filters = np.maximum(0, np.minimum(rising, falling))  # (frequencies, M)
    _check_filled(filters, fft_length)
    return filters * 2 / (right - left) if mel_norm == "slaney" else filters


def _check_filled(filters, fft_length):
    empty = np.flatnonzero(filters.max(axis=0) == 0)
    if len(empty):
        raise ValueError(
            f"num_mels must leave every triangle at least one of the {len(filters)} "
            f"frequencies of fft_length {fft_length}; given {filters.shape[1]}, which "
            f"leaves {len(empty)} empty. Lower num_mels or raise fft_length."
        )


def _hertz_to_htk(hertz):
    return 2595 * np.log10(1 + hertz / 700)


def _htk_to_hertz(mels):
    return 700 * (10 ** (mels / 2595) - 1)


# Slaney: 3 mels for 200 Hz up to 1 kHz, which is mel 15; then 27 mels for a factor 6.4.
_KNEE_HERTZ, _KNEE_MELS, _HERTZ_PER_MEL = 1000, 15, 200 / 3
_LOG_STEP = np.log(6.4) / 27


def _hertz_to_slaney(hertz):
    above = (
        _KNEE_MELS + np.log(np.maximum(hertz, _KNEE_HERTZ) / _KNEE_HERTZ) / _LOG_STEP
    )
    return np.where(hertz < _KNEE_HERTZ, hertz / _HERTZ_PER_MEL, above)


def _slaney_to_hertz(mels):
    above = _KNEE_HERTZ * np.exp(_LOG_STEP * (mels - _KNEE_MELS))
    return np.where(mels < _KNEE_MELS, mels * _HERTZ_PER_MEL, above)


SCALES = {
    "htk": (_hertz_to_htk, _htk_to_hertz),
    "slaney": (_hertz_to_slaney, _slaney_to_hertz),
}
