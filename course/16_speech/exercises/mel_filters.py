"""Triangles of height 1 over the frequencies, evenly spaced in mels: (K, M)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import LAYERS


def to_mel(hertz):
    """Mels of a frequency, HTK's formula."""
    return 2595 * np.log10(1 + hertz / 700)


def to_hertz(mel):
    """And back."""
    return 700 * (10 ** (mel / 2595) - 1)


SCALE = (to_mel, to_hertz)
LINEAR = (lambda hertz: hertz, lambda mel: mel)

# The natural logarithm for that of base ten, both ways.
NATURAL = (
    lambda hertz: 2595 * np.log(1 + hertz / 700),
    lambda mel: 700 * (10 ** (mel / 2595) - 1),
)


def even_edges(num_mels, highest, scale):
    """M + 2 edges: each triangle begins at the peak of the one before."""
    there, back = scale
    return back(np.linspace(there(0.0), there(highest), num_mels + 2))


def up_to_half(sample_rate, fft_length):
    """The frequencies of an FFT: (K,)."""
    return np.linspace(0, sample_rate / 2, fft_length // 2 + 1)


def triangles(frequencies, edges):
    """Rise from an edge to the next, fall to the one after: (K, M)."""
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - left) / (peak - left)
    falling = (right - frequencies[:, None]) / (right - peak)
    return np.minimum(rising, falling)


def not_below_zero(filters):
    """Nothing outside of the triangle."""
    return np.maximum(0.0, filters)


def mel_filters(
    num_mels,
    fft_length,
    sample_rate,
    *,
    scale=SCALE,
    edges=even_edges,
    frequencies=up_to_half,
    shape=triangles,
    clamp=not_below_zero,
    finish=lambda filters, edges: filters,
):
    """Triangles of height 1 over the frequencies, evenly spaced in mels: (K, M)."""
    num_mels, fft_length = int(num_mels), int(fft_length)
    marks = edges(num_mels, sample_rate / 2, scale)
    filters = shape(frequencies(sample_rate, fft_length), marks)
    return finish(clamp(filters), marks)


def rectangles(frequencies, edges):
    """All or nothing between the outer edges."""
    left, right = edges[:-2], edges[2:]
    inside = (frequencies[:, None] >= left) & (frequencies[:, None] <= right)
    return inside.astype(float)


def edges_in_mels(num_mels, highest, scale):
    """Edges that were not converted back into Hz (wrong)."""
    return np.linspace(0, scale[0](highest), num_mels + 2)


def between_whole_bins(frequencies, edges):
    """Triangles between edges that were moved to numbers of frequencies (wrong)."""
    length = 2 * (len(frequencies) - 1)
    bins = np.floor((length + 1) * edges / (2 * frequencies[-1]))
    k = np.arange(len(frequencies))[:, None]
    left, peak, right = bins[:-2], bins[1:-1], bins[2:]
    rising = (k - left) / np.maximum(peak - left, 1)
    falling = (right - k) / np.maximum(right - peak, 1)
    rises, falls = (left <= k) & (k < peak), (peak <= k) & (k < right)
    return np.where(rises, rising, np.where(falls, falling, 0.0))


def equal_areas(filters, edges):
    """Slaney's normalisation, which was not asked for."""
    return filters * 2 / (edges[2:] - edges[:-2])


wrong = mistakes("mel", section="mel")

EXERCISE = Exercise(
    name="mel_filters",
    section="mel",
    points=4,
    reference=mel_filters,
    forbidden=LAYERS,
    cases=(
        Case("small", lambda rng: (5, 64, 8000)),
        Case("lesson", lambda rng: (28, 256, 8000)),
        Case("fast", lambda rng: (11, 400, 16000)),
        Case("odd-rate", lambda rng: (20, 512, 11025)),
        Case("one-mel", lambda rng: (1, 32, 8000)),
        Case("square", lambda rng: (9, 16, 8000), diagnostic=True),
    ),
    misconceptions=(
        wrong("even-in-hertz", scale=LINEAR),
        wrong("natural-logarithm", scale=NATURAL),
        wrong("edges-not-back-in-hertz", edges=edges_in_mels),
        wrong(
            "straight-in-mels",
            "triangles",
            edges=edges_in_mels,
            frequencies=lambda rate, n: to_mel(up_to_half(rate, n)),
        ),
        wrong("whole-bins", "triangles", shape=between_whole_bins),
        wrong("bins-for-hertz", frequencies=lambda rate, n: np.arange(n // 2 + 1.0)),
        wrong(
            "too-few-edges",
            "triangles",
            edges=lambda m, top, scale: np.append(
                even_edges(m - 1, top, scale), top * 1.1
            ),
        ),
        wrong(
            "up-to-the-sample-rate",
            frequencies=lambda rate, n: np.linspace(0, rate, n // 2 + 1),
        ),
        wrong(
            "edges-up-to-the-sample-rate",
            edges=lambda m, top, scale: even_edges(m, 2 * top, scale),
        ),
        wrong(
            "spacing-off-by-one",
            frequencies=lambda rate, n: np.arange(n // 2 + 1) * rate / (n + 2),
        ),
        wrong("below-zero", "triangles", clamp=lambda x: x),
        wrong("rectangles", "triangles", shape=rectangles),
        wrong(
            "maximum",
            "triangles",
            shape=lambda f, e: np.maximum(
                (f[:, None] - e[:-2]) / (e[1:-1] - e[:-2]),
                (e[2:] - f[:, None]) / (e[2:] - e[1:-1]),
            ),
        ),
        wrong("equal-areas", "triangles", finish=equal_areas),
        wrong("transposed", "triangles", finish=lambda x, _: x.T),
    ),
    accepted={
        "a loop": lambda *x: _filters_in_a_loop(*x),
        "interpolation": lambda m, n, rate: np.stack(
            [
                np.interp(up_to_half(rate, int(n)), edges, [0, 1, 0])
                for edges in np.lib.stride_tricks.sliding_window_view(
                    even_edges(int(m), rate / 2, SCALE), 3
                )
            ],
            axis=1,
        ),
        "natural logarithms, rightly": lambda m, n, rate: mel_filters(
            m,
            n,
            rate,
            scale=(
                lambda f: 1127.0104 * np.log1p(f / 700),
                lambda mel: 700 * np.expm1(mel / 1127.0104),
            ),
        ),
        "lists": lambda *x: mel_filters(*x).tolist(),
        "float32": lambda *x: mel_filters(*x).astype(np.float32),
    },
)


def _filters_in_a_loop(num_mels, fft_length, sample_rate):
    edges = even_edges(int(num_mels), sample_rate / 2, SCALE)
    found = np.zeros((int(fft_length) // 2 + 1, int(num_mels)))
    for k, frequency in enumerate(up_to_half(sample_rate, int(fft_length))):
        for m in range(int(num_mels)):
            left, peak, right = edges[m : m + 3]
            if left < frequency <= peak:
                found[k, m] = (frequency - left) / (peak - left)
            elif peak < frequency < right:
                found[k, m] = (right - frequency) / (right - peak)
    return found
