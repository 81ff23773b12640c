"""Make one synthetic word into many recordings: other voices, rooms, microphones."""

import numpy as np
from scipy.signal import fftconvolve, lfilter

RATE = 8000


def spoil(waveform, rng):
    """A copy as it might sound elsewhere: float64, loudest 0.9.

    In turn: played 20 % slower to 25 % faster, which moves pitch and formants; said in
    a small room; through a microphone that is not flat; with up to 0.1 s of pause
    before and after; in noise, white or dull, 10 to 50 dB below.
    """
    x = _cut_short(waveform, rng) if rng.random() < 0.7 else waveform
    x = _other_speed(x, rng)
    x = _in_a_room(x, rng) if rng.random() < 0.6 else x
    x = _through_a_microphone(x, rng)
    x = x / np.abs(x).max()
    before, after = rng.integers(0, RATE // 10, 2) * (rng.random(2) < 0.5)
    x = _in_noise(np.pad(x, (before, after)), rng)
    return 0.9 * x / np.abs(x).max()


def _cut_short(x, rng, frame=80):
    """Weak ends lost, as by a hasty hand or a careless detector of silence."""
    count = len(x) // frame
    power = np.mean(x[: count * frame].reshape(count, frame) ** 2, axis=1)
    limit = power.max() * 10 ** (-rng.uniform(12, 40) / 10)
    kept = np.flatnonzero(power > limit)
    return x[kept[0] * frame : (kept[-1] + 1) * frame]


def _other_speed(x, rng):
    speed = np.exp(rng.uniform(np.log(0.8), np.log(1.25)))
    return np.interp(np.arange(0, len(x) - 1, speed), np.arange(len(x)), x)


def _in_a_room(x, rng):
    """An echo that dies away by 60 dB within 30 to 300 ms."""
    count = int(rng.uniform(0.03, 0.3) * RATE)
    echo = rng.normal(size=count) * 10 ** (-3 * np.arange(count) / count)
    echo *= rng.uniform(0.1, 1.0) / np.sqrt(np.sum(echo**2))
    echo[0] = 1
    return fftconvolve(x, echo)[: len(x) + count // 3]


def _through_a_microphone(x, rng):
    """Six bands, each louder or softer by some dB; sometimes no low tones at all."""
    spectrum = np.fft.rfft(x)
    place = np.linspace(0, 1, len(spectrum))
    gain = np.interp(place, np.linspace(0, 1, 6), rng.normal(0, 6, 6))
    gain += rng.normal(0, 6) * (place - 0.5) * 2
    if rng.random() < 0.3:
        gain -= 30 * (place < rng.uniform(0.02, 0.1))  # 80 to 400 Hz
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(x))


def _in_noise(x, rng, below=(10, 50)):
    noise = rng.normal(size=len(x))
    if rng.random() < 0.5:
        noise = lfilter([1], [1, -rng.uniform(0, 0.95)], noise)
    power = np.mean(x**2) * 10 ** (-rng.uniform(*below) / 10)
    return x + noise * np.sqrt(power / np.mean(noise**2))


def other_throat(features, rng):
    """Features `(N, F, M)` with the mels of each utterance stretched a little.

    Reference:
        Jaitly & Hinton (2013), *Vocal Tract Length Perturbation (VTLP) improves speech
        recognition*, ICML Workshop on Deep Learning for Audio, Speech and Language.
    """
    count, _, mels = features.shape
    stretch = np.exp(rng.normal(0, 0.08, (count, 1)))
    place = np.clip(np.arange(mels) * stretch, 0, mels - 1.001)  # (N, M)
    low = place.astype(int)[:, None]  # (N, 1, M)
    share = (place - np.floor(place))[:, None].astype("float32")
    left = np.take_along_axis(features, low, axis=2)
    right = np.take_along_axis(features, low + 1, axis=2)
    return left * (1 - share) + right * share
