"""log(|FFT(frame)|² M): (B, F, M)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import LAYERS, SPECTRA


def spectrum(x):
    """The Fourier transform of every frame: (B, F, K)."""
    return np.fft.rfft(x, axis=-1)


def squared_size(x):
    """Energy at each frequency."""
    return np.abs(x) ** 2


def gather(power, filters):
    """Energy in each triangle: (B, F, M)."""
    return power @ filters


def no_less(x):
    """Nothing below 1e-10, so that silence has a logarithm."""
    return np.maximum(x, 1e-10)


def log_mel(
    frames,
    filters,
    *,
    transform=spectrum,
    power=squared_size,
    to_mels=gather,
    floor=no_less,
    logarithm=np.log,
):
    """log(|FFT(frame)|² M): (B, F, M)."""
    return logarithm(floor(to_mels(power(transform(frames)), filters)))


def frames_and_filters(silent=False, scale=1.0, length=16, lead=(2, 5)):
    """Frames (2, 5, L) and random filters (K, 4), some of them narrow."""

    def draw(rng):
        x = floats(rng, *lead, length, scale=scale)
        if silent:
            x[1, 2:] = 0
        filters = rng.random((length // 2 + 1, 4)).astype(np.float32)
        return x, filters * (filters > 0.3)

    return draw


def window_again(x):
    """The spectrum of frames that are faded in and out once more (wrong)."""
    length = x.shape[-1]
    return spectrum(x * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)))


wrong = mistakes("log-mel", section="log")

EXERCISE = Exercise(
    name="log_mel",
    section="log",
    points=3,
    reference=log_mel,
    forbidden=(*SPECTRA, *LAYERS),
    cases=(
        Case("loud", frames_and_filters()),
        Case("quiet", frames_and_filters(scale=1e-3)),
        Case("silence", frames_and_filters(silent=True)),
        Case("near-silence", frames_and_filters(scale=1e-6)),
        Case("few", frames_and_filters(length=6)),
        Case("odd", frames_and_filters(length=7)),
        Case("one-frame", frames_and_filters(lead=(1, 1))),
    ),
    misconceptions=(
        wrong("window-again", "window", transform=window_again),
        wrong("not-squared", "power", power=np.abs),
        wrong("real-part", "power", power=lambda x: x.real**2),
        wrong("squared-without-size", "power", power=lambda x: (x**2).real),
        wrong("decibels", logarithm=lambda x: 10 * np.log10(x)),
        wrong("base-ten", logarithm=np.log10),
        wrong("one-plus", logarithm=np.log1p),
        wrong("no-logarithm", logarithm=lambda x: x),
        wrong("no-floor", floor=lambda x: x),
        wrong("high-floor", floor=lambda x: np.maximum(x, 1e-3)),
        wrong("added", floor=lambda x: x + 1e-10),
        wrong(
            "floor-before-mels",
            power=lambda x: no_less(squared_size(x)),
            floor=lambda x: x,
        ),
        wrong("zero-alone", floor=lambda x: np.where(x == 0, 1e-10, x)),
        wrong(
            "logarithm-before-mels",
            to_mels=lambda power, filters: np.log(no_less(power)) @ filters,
            floor=lambda x: x,
            logarithm=lambda x: x,
        ),
    ),
    accepted={
        "einsum": lambda x, filters: np.log(
            np.maximum(
                np.einsum("bfk,km->bfm", np.abs(np.fft.rfft(x)) ** 2, filters), 1e-10
            )
        ),
        "real and imaginary": lambda x, filters: log_mel(
            x, filters, power=lambda z: z.real**2 + z.imag**2
        ),
        "conjugate": lambda x, filters: log_mel(
            x, filters, power=lambda z: (z * z.conj()).real
        ),
        "whole transform": lambda x, filters: log_mel(
            x,
            filters,
            transform=lambda y: np.fft.fft(y)[..., : y.shape[-1] // 2 + 1],
        ),
        "clip": lambda x, filters: log_mel(
            x, filters, floor=lambda y: np.clip(y, 1e-10, None)
        ),
        "lists": lambda *x: log_mel(*x).tolist(),
    },
)
