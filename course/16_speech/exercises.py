"""What lesson 16 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: B batch, S samples, F frames, L samples of a frame,
K frequencies, M mels, T tokens, D features, Q stripes, C classes.
"""

from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras, slope

MESSAGES = Messages(Path(__file__).parent)
LAYERS = ("tlkeras.layers", "tlkeras.models")
SPECTRA = (
    "keras.ops.stft",
    "scipy.signal.spectrogram",
    "scipy.signal.stft",
    "tensorflow.signal",
)


# ── frames ────────────────────────────────────────────────────────────────────────────


def whole_frames(samples, length, step):
    """How many frames lie within the signal."""
    return (samples - length) // step + 1


def or_none_left(count):
    """A way to count frames of which `np.stack` of an empty list is made: it raises."""

    def counted(samples, length, step):
        number = count(samples, length, step)
        if number < 1:
            raise ValueError("need at least one array to stack")
        return number

    return counted


def one_fewer(samples, length, step):
    """The 1 forgotten (wrong)."""
    return (samples - length) // step


def before_the_end(samples, length, step):
    """The frames that end before the signal does (wrong)."""
    return -(-(samples - length) // step)


def starts_at(count, length, step):
    """The first sample of every frame."""
    return step * np.arange(count)


def hann(length):
    """One period of a raised cosine."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def times(cut, window):
    """Every frame times the window: (B, F, L)."""
    return cut * window(cut.shape[-1])


def frames(
    waveform,
    length,
    step,
    *,
    count=whole_frames,
    starts=starts_at,
    window=hann,
    apply=times,
    order=lambda x: x,
):
    """Overlapping pieces of a signal, each faded in and out: (B, F, L)."""
    number = count(waveform.shape[-1], length, step)
    first = starts(number, length, step)
    places = first[:, None] + np.arange(length)  # (F, L)
    return order(apply(waveform[:, places % waveform.shape[-1]], window))


def symmetric(length):
    """A window that ends in the zero with which the next period begins."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / (length - 1))


def hamming(length):
    """A window that does not reach zero."""
    return 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length)


def over_frames(cut, window):
    """The window laid along the frames."""
    return cut * window(cut.shape[1])[:, None]


FRAMES = Exercise(
    name="frames",
    section="frames",
    points=4,
    reference=frames,
    messages=MESSAGES,
    forbidden=(*SPECTRA, *LAYERS),
    cases=(
        Case("overlap", lambda rng: (floats(rng, 2, 50), 12, 5)),
        Case("exact", lambda rng: (floats(rng, 3, 47), 12, 5)),
        Case("gaps", lambda rng: (floats(rng, 2, 60), 8, 11)),
        Case("odd", lambda rng: (floats(rng, 2, 40), 9, 4)),
        Case("one", lambda rng: (floats(rng, 2, 10), 10, 3)),
        Case("one-recording", lambda rng: (floats(rng, 1, 20), 7, 1)),
        Case("square", lambda rng: (floats(rng, 2, 27), 6, 4), diagnostic=True),
        Case("side-by-side", lambda rng: (floats(rng, 2, 50), 10, 10), diagnostic=True),
    ),
    misconceptions=(
        Misconception(
            "frames.step-ignored",
            "frames",
            count=lambda s, length, step: s // length,
            starts=lambda n, length, step: length * np.arange(n),
        ),
        Misconception("frames.last-one-lost", "frames", count=one_fewer),
        Misconception(
            "frames.last-one-lost-none-left", "frames", count=or_none_left(one_fewer)
        ),
        Misconception("frames.exact-end-lost", "frames", count=before_the_end),
        Misconception(
            "frames.exact-end-lost-none-left",
            "frames",
            count=or_none_left(before_the_end),
        ),
        Misconception(
            "frames.one-too-many",
            "frames",
            count=lambda s, length, step: -(-s // step),
        ),
        Misconception(
            "frames.step-is-overlap",
            "frames",
            count=lambda s, length, step: (
                (s - length) // max(1, abs(length - step)) + 1
            ),
            starts=lambda n, length, step: max(1, abs(length - step)) * np.arange(n),
        ),
        Misconception("frames.no-window", "window", window=np.ones),
        Misconception("frames.symmetric-window", "window", window=symmetric),
        Misconception("frames.hamming", "window", window=hamming),
        Misconception(
            "frames.upside-down", "window", window=lambda length: 1 - hann(length)
        ),
        Misconception(
            "frames.half-a-period",
            "window",
            window=lambda n: 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n),
        ),
        Misconception("frames.window-over-frames", "window", apply=over_frames),
        Misconception(
            "frames.transposed", "frames", order=lambda x: np.swapaxes(x, -1, -2)
        ),
    ),
    accepted={
        "a loop": lambda *x: _frames_in_a_loop(*x),
        "sliding window": lambda x, length, step: (
            np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[:, ::step]
            * hann(length)
        ),
        "sine squared": lambda x, length, step: frames(
            x, length, step, window=lambda n: np.sin(np.pi * np.arange(n) / n) ** 2
        ),
        "float32": lambda x, length, step: frames(x, length, step).astype(np.float32),
        "lists": lambda x, length, step: frames(x, length, step).tolist(),
    },
)


def _frames_in_a_loop(waveform, length, step):
    found = []
    for start in range(0, waveform.shape[1] - length + 1, step):
        found.append(waveform[:, start : start + length] * hann(length))
    return np.stack(found, axis=1)


# ── mel filters ───────────────────────────────────────────────────────────────────────


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


def equal_areas(filters, edges):
    """Slaney's normalisation, which was not asked for."""
    return filters * 2 / (edges[2:] - edges[:-2])


MEL_FILTERS = Exercise(
    name="mel_filters",
    section="mel",
    points=4,
    reference=mel_filters,
    messages=MESSAGES,
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
        Misconception("mel.even-in-hertz", "mel", scale=LINEAR),
        Misconception("mel.natural-logarithm", "mel", scale=NATURAL),
        Misconception(
            "mel.edges-not-back-in-hertz",
            "mel",
            edges=lambda m, top, scale: np.linspace(0, scale[0](top), m + 2),
        ),
        Misconception(
            "mel.too-few-edges",
            "triangles",
            edges=lambda m, top, scale: np.append(
                even_edges(m - 1, top, scale), top * 1.1
            ),
        ),
        Misconception(
            "mel.up-to-the-sample-rate",
            "mel",
            frequencies=lambda rate, n: np.linspace(0, rate, n // 2 + 1),
        ),
        Misconception(
            "mel.edges-up-to-the-sample-rate",
            "mel",
            edges=lambda m, top, scale: even_edges(m, 2 * top, scale),
        ),
        Misconception(
            "mel.spacing-off-by-one",
            "mel",
            frequencies=lambda rate, n: np.arange(n // 2 + 1) * rate / (n + 2),
        ),
        Misconception("mel.below-zero", "triangles", clamp=lambda x: x),
        Misconception("mel.rectangles", "triangles", shape=rectangles),
        Misconception(
            "mel.maximum",
            "triangles",
            shape=lambda f, e: np.maximum(
                (f[:, None] - e[:-2]) / (e[1:-1] - e[:-2]),
                (e[2:] - f[:, None]) / (e[2:] - e[1:-1]),
            ),
        ),
        Misconception("mel.equal-areas", "triangles", finish=equal_areas),
        Misconception("mel.transposed", "triangles", finish=lambda x, _: x.T),
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


# ── log-mel ───────────────────────────────────────────────────────────────────────────


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


LOG_MEL = Exercise(
    name="log_mel",
    section="log",
    points=3,
    reference=log_mel,
    messages=MESSAGES,
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
        Misconception("log-mel.not-squared", "power", power=np.abs),
        Misconception("log-mel.real-part", "power", power=lambda x: x.real**2),
        Misconception(
            "log-mel.squared-without-size", "power", power=lambda x: (x**2).real
        ),
        Misconception("log-mel.decibels", "log", logarithm=lambda x: 10 * np.log10(x)),
        Misconception("log-mel.base-ten", "log", logarithm=np.log10),
        Misconception("log-mel.one-plus", "log", logarithm=np.log1p),
        Misconception("log-mel.no-logarithm", "log", logarithm=lambda x: x),
        Misconception("log-mel.no-floor", "log", floor=lambda x: x),
        Misconception("log-mel.high-floor", "log", floor=lambda x: np.maximum(x, 1e-3)),
        Misconception("log-mel.added", "log", floor=lambda x: x + 1e-10),
        Misconception(
            "log-mel.zero-alone", "log", floor=lambda x: np.where(x == 0, 1e-10, x)
        ),
        Misconception(
            "log-mel.logarithm-before-mels",
            "log",
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


# ── the mean of real tokens ───────────────────────────────────────────────────────────


def as_numbers(mask):
    """1 where the token is real: (B, T, 1)."""
    return mask.astype(float)[..., None]


def how_many(mask, x):
    """Real tokens of each row, one at least: (B, 1)."""
    return np.maximum(mask.sum(1), 1)[:, None]


def pooled_mean(
    x,
    mask,
    *,
    keep=as_numbers,
    total=lambda x, keep: (x * keep).sum(1),
    divisor=how_many,
):
    """The mean over real tokens: (B, D)."""
    return total(x, keep(mask)) / divisor(mask, x)


def tokens(batch=3, length=5, longest=None, empty=False):
    """Vectors (B, T, 4), far from 0 in padding too; lengths 2, the longest and 1 …"""

    def draw(rng):
        x = floats(rng, batch, length, 4) + np.float32(2)
        lengths = np.resize([2, longest or length, 1], batch)
        if empty:
            lengths[0] = 0
        return x, np.arange(length) < lengths[:, None]

    return draw


def with_holes(rng):
    """Rows with padding before and between their tokens."""
    x, mask = tokens(batch=2, length=6)(rng)
    mask[:] = [[False, True, True, False, True, False], [True, False] * 3]
    return x, mask


def as_many_from_the_first(mask):
    """As many tokens as are real, all at the beginning (wrong)."""
    return as_numbers(np.arange(mask.shape[1]) < mask.sum(1)[:, None])


POOLED_MEAN = Exercise(
    name="pooled_mean",
    section="padding",
    points=3,
    reference=pooled_mean,
    messages=MESSAGES,
    forbidden=(*LAYERS, "keras.layers.GlobalAveragePooling1D"),
    cases=(
        Case("padded", tokens()),
        Case("long", tokens(batch=2, length=7, longest=5)),
        Case("empty", tokens(empty=True)),
        Case("holes", with_holes),
        Case("one-recording", tokens(batch=1, length=3)),
        Case("square", tokens(batch=5, length=5), diagnostic=True),
        Case("square-features", tokens(batch=4, length=4), diagnostic=True),
    ),
    misconceptions=(
        Misconception(
            "pooled.mask-ignored",
            "padding",
            keep=lambda mask: np.ones((*mask.shape, 1)),
            divisor=lambda mask, x: mask.shape[1],
        ),
        Misconception(
            "pooled.divided-by-all", "padding", divisor=lambda mask, x: mask.shape[1]
        ),
        Misconception("pooled.not-divided", "padding", divisor=lambda mask, x: 1.0),
        Misconception(
            "pooled.mask-inverted",
            "padding",
            keep=lambda mask: as_numbers(~mask),
            divisor=lambda mask, x: how_many(~mask, x),
        ),
        Misconception("pooled.beginning", "padding", keep=as_many_from_the_first),
        Misconception(
            "pooled.divided-by-longest",
            "padding",
            divisor=lambda mask, x: max(1, mask.sum(1).max()),
        ),
        Misconception(
            "pooled.divided-by-all-real",
            "padding",
            divisor=lambda mask, x: max(1, mask.sum()),
        ),
        Misconception(
            "pooled.empty-row", "padding", divisor=lambda mask, x: mask.sum(1)[:, None]
        ),
        Misconception(
            "pooled.maximum",
            "padding",
            total=lambda x, keep: np.where(keep > 0, x, -1e9).max(1),
            divisor=lambda mask, x: 1.0,
        ),
        Misconception(
            "pooled.last-token",
            "padding",
            total=lambda x, keep: x[:, -1],
            divisor=lambda mask, x: 1.0,
        ),
    ),
    accepted={
        "einsum": lambda x, mask: (
            np.einsum("btd,bt->bd", x, mask.astype(x.dtype))
            / np.maximum(mask.sum(1), 1)[:, None]
        ),
        "where": lambda x, mask: (
            np.where(mask[..., None], x, 0).sum(1)
            / np.maximum(mask.sum(1, keepdims=True), 1)
        ),
        "a loop": lambda x, mask: np.stack(
            [
                row[real].mean(0) if real.any() else 0 * row[0]
                for row, real in zip(x, mask, strict=True)
            ]
        ),
        "matrix product": lambda x, mask: (
            (mask[:, None].astype(x.dtype) @ x)[:, 0]
            / np.maximum(mask.sum(1), 1)[:, None]
        ),
        "lists": lambda *x: pooled_mean(*x).tolist(),
    },
)


# ── SpecAugment ───────────────────────────────────────────────────────────────────────


def inside(start, width, size):
    """True inside any stripe: starts and widths (B, Q) to (B, size)."""
    place = np.arange(size)
    stripe = (place >= start[..., None]) & (place < (start + width)[..., None])
    return stripe.any(1)


def either(time, mel):
    """Hidden by a stripe of time or by one of mels: (B, F, M)."""
    return time[:, :, None] | mel[:, None, :]


def put_zero(x, hidden):
    """0, the mean of normalised features."""
    return np.where(hidden, 0.0, x)


def hide_stripes(
    features,
    time_start,
    time_width,
    mel_start,
    mel_width,
    *,
    stripes=inside,
    join=either,
    fill=put_zero,
):
    """Hide stripes of time and of mels: (B, F, M)."""
    _, count, mels = features.shape
    time = stripes(time_start, time_width, count)
    mel = stripes(mel_start, mel_width, mels)
    return fill(features, join(time, mel))


def one_for_all(start, width, size):
    """The stripes of the first recording for all of them."""
    return inside(np.broadcast_to(start[:1], start.shape), width[:1] + 0 * width, size)


def features_and_stripes(frames=9, mels=7, batch=3, everything=False):
    """Features and two stripes each way; some have width 0, some reach an end.

    With `everything` a stripe hides all frames of the first recording.
    """

    def draw(rng):
        x = floats(rng, batch, frames, mels) + np.float32(3)
        given = [x]
        for size in (frames, mels):
            width = rng.integers(1, 3, (batch, 2))
            width[0, 1] = 0
            start = rng.integers(0, size - width + 1)
            start[0, 0] = 0
            start[-1, 0] = size - width[-1, 0]
            given += [start, width]
        if everything:
            given[1][0, 0], given[2][0, 0] = 0, frames
        return tuple(given)

    return draw


HIDE_STRIPES = Exercise(
    name="hide_stripes",
    section="augment",
    points=3,
    reference=hide_stripes,
    messages=MESSAGES,
    forbidden=LAYERS,
    cases=(
        Case("stripes", features_and_stripes()),
        Case("longer", features_and_stripes(frames=14, mels=6, batch=2)),
        Case("everything", features_and_stripes(frames=5, mels=8, everything=True)),
        Case("one-recording", features_and_stripes(frames=8, mels=5, batch=1)),
        Case("square", features_and_stripes(frames=7, mels=7), diagnostic=True),
        Case("cube", features_and_stripes(frames=5, mels=5, batch=5), diagnostic=True),
    ),
    misconceptions=(
        Misconception(
            "stripes.one-too-wide",
            "augment",
            stripes=lambda start, width, size: inside(start, width + 1, size),
        ),
        Misconception(
            "stripes.one-too-narrow",
            "augment",
            stripes=lambda start, width, size: inside(
                start, np.maximum(width - 1, 0), size
            ),
        ),
        Misconception(
            "stripes.width-is-end",
            "augment",
            stripes=lambda start, width, size: inside(start, width - start, size),
        ),
        Misconception(
            "stripes.first-one-only",
            "augment",
            stripes=lambda start, width, size: inside(start[:, :1], width[:, :1], size),
        ),
        Misconception(
            "stripes.last-one-only",
            "augment",
            stripes=lambda start, width, size: inside(
                start[:, -1:], width[:, -1:], size
            ),
        ),
        Misconception("stripes.one-for-all", "augment", stripes=one_for_all),
        Misconception(
            "stripes.both-instead-of-either",
            "augment",
            join=lambda time, mel: time[:, :, None] & mel[:, None, :],
        ),
        Misconception(
            "stripes.time-only",
            "augment",
            join=lambda time, mel: time[:, :, None] | np.zeros_like(mel)[:, None, :],
        ),
        Misconception(
            "stripes.mels-only",
            "augment",
            join=lambda time, mel: np.zeros_like(time)[:, :, None] | mel[:, None, :],
        ),
        Misconception(
            "stripes.inverted", "augment", fill=lambda x, hidden: put_zero(x, ~hidden)
        ),
        Misconception(
            "stripes.minimum",
            "augment",
            fill=lambda x, hidden: np.where(hidden, x.min(), x),
        ),
        Misconception(
            "stripes.cut-out-of-mean",
            "augment",
            fill=lambda x, hidden: np.where(hidden, x.mean(), x),
        ),
    ),
    accepted={
        "a loop": lambda *x: _stripes_in_a_loop(*x),
        "multiplied": lambda *x: hide_stripes(
            *x, fill=lambda y, hidden: y * (1 - hidden)
        ),
        "lists": lambda *x: hide_stripes(*x).tolist(),
        "one after the other": lambda x, a, b, c, d: hide_stripes(
            hide_stripes(x, a, b, c, 0 * d), a, 0 * b, c, d
        ),
    },
)


def _stripes_in_a_loop(features, time_start, time_width, mel_start, mel_width):
    found = features.copy()
    for row in range(len(found)):
        for start, width in zip(time_start[row], time_width[row], strict=True):
            found[row, start : start + width] = 0
        for start, width in zip(mel_start[row], mel_width[row], strict=True):
            found[row, :, start : start + width] = 0
    return found


# ── the transfer step ─────────────────────────────────────────────────────────────────

PARTS = ("projection", "positions", "block", "head")
LEARNED = (True, False, True, True)  # what learns; positions are fixed from the start
HEAD = (False, False, False, True)
ALL = (True, True, True, True)


def in_two_steps(head_rate, body_rate):
    """The head alone, then everything that learned before: rates and parts."""
    return [(head_rate, HEAD), (body_rate, LEARNED)]


def over_real(x, mask):
    """The mean of real tokens: (B, D)."""
    keep = mask.astype(float)[..., None]
    return (x * keep).sum(1) / keep.sum(1)


def says(features, mask, weights, pool, answer):
    """What a small encoder and a head make of some recordings: (B, C)."""
    x = features @ weights["projection"] + weights["positions"]  # (B, T, D)
    x = np.tanh(x @ weights["block"])
    return answer(pool(x, mask) @ weights["head"])


def adapt(
    features,
    mask,
    projection,
    positions,
    block,
    head,
    targets,
    head_rate,
    body_rate,
    *,
    stages=in_two_steps,
    pool=over_real,
    answer=identity,
):
    """The rate of each training and how far each part moved in it; then the logits."""
    values = (projection, positions, block, head)
    weights = {name: x.copy() for name, x in zip(PARTS, values, strict=True)}

    def loss():
        said = says(features, mask, weights, pool, answer)
        return np.mean((said - targets) ** 2)

    rows = []
    for rate, learns in stages(head_rate, body_rate):
        names = [name for name, on in zip(PARTS, learns, strict=True) if on]
        slopes = {name: slope(loss, weights[name]) for name in names}
        for name in names:
            weights[name] = weights[name] - rate * slopes[name]
        moved = {name: rate * np.linalg.norm(slopes[name]) for name in names}
        rows.append([rate, *(moved.get(name, 0.0) for name in PARTS)])
    return np.array(rows), says(features, mask, weights, pool, answer)


def probe_adapt(
    answer,
    features,
    mask,
    projection,
    positions,
    block,
    head,
    targets,
    head_rate,
    body_rate,
):
    """Hand over a small encoder, a head and a way to train; write down what moves."""
    import keras

    inputs = {"features": features, "padding_mask": mask}
    encoder = small_encoder(keras, inputs, projection, positions, block)
    new = keras.layers.Dense(head.shape[1], use_bias=False, name="head")
    new.build((None, head.shape[0]))
    new.kernel.assign(head)
    watched = [*(encoder.get_layer(name) for name in PARTS[:3]), new]
    rows = []

    def values():
        weights = (layer.weights[0] for layer in watched)
        return [keras.ops.convert_to_numpy(weight) for weight in weights]

    def train(model, learning_rate):
        before = values()
        model.compile(keras.optimizers.SGD(learning_rate), loss="mse", run_eagerly=True)
        if model.trainable_variables:
            model.train_on_batch(inputs, targets)
        pairs = zip(values(), before, strict=True)
        moved = (float(np.linalg.norm(now - then)) for now, then in pairs)
        rows.append([float(learning_rate), *moved])

    model = answer(encoder, new, train, head_rate, body_rate)
    if model is None:
        raise TypeError("adapt returned None; it must return the model")
    logits = keras.ops.convert_to_numpy(model(inputs))
    return np.array(rows).reshape(-1, 1 + len(PARTS)), logits


def small_encoder(keras, inputs, projection, positions, block):
    """A matrix, fixed positions, another matrix, and a mean over real tokens."""
    length, mels = inputs["features"].shape[1:]
    places = {
        "features": keras.Input((length, mels), name="features"),
        "padding_mask": keras.Input((length,), dtype="bool", name="padding_mask"),
    }
    size = projection.shape[1]

    class Positions(keras.layers.Layer):
        """Adds a table that does not learn."""

        def build(self, shape):
            self.table = self.add_weight(shape=positions.shape, name="table")

        def call(self, x):
            return x + self.table

    class MaskedMean(keras.layers.Layer):
        """The mean of real tokens."""

        def call(self, x, keep):
            keep = keras.ops.cast(keep, "float32")[..., None]
            return keras.ops.sum(x * keep, 1) / keras.ops.sum(keep, 1)

    dense = keras.layers.Dense(size, use_bias=False, name="projection")
    table = Positions(name="positions")
    mix = keras.layers.Dense(
        block.shape[1], use_bias=False, activation="tanh", name="block"
    )
    x = mix(table(dense(places["features"])))
    pooled = MaskedMean(name="pooled")(x, places["padding_mask"])
    outputs = {"sequence_output": x, "pooled_output": pooled}
    encoder = keras.Model(places, outputs, name="encoder")
    for layer, value in ((dense, projection), (table, positions), (mix, block)):
        layer.set_weights([value])
    table.trainable = False
    return encoder


def recordings(batch, length, mels, size, classes):
    """Features, masks, weights of a small encoder and a head, targets, two rates."""

    def draw(rng):
        lengths = np.resize([length - 1, 2, length], batch)
        return (
            floats(rng, batch, length, mels) + np.float32(0.5),
            np.arange(length) < lengths[:, None],
            floats(rng, mels, size, scale=0.5),
            floats(rng, length, size, scale=0.5),
            floats(rng, size, size, scale=0.5),
            floats(rng, size, classes, scale=0.5),
            floats(rng, batch, classes, scale=3),
            float(np.round(rng.uniform(0.4, 0.6), 3)),
            float(np.round(rng.uniform(0.1, 0.2), 3)),
        )

    return draw


def _adapt(name, **steps):
    return Misconception(f"adapt.{name}", "transfer", **steps)


def _stages(name, stages):
    return _adapt(name, stages=stages)


BODY = (True, False, True, False)
LAST = (False, False, True, True)

ADAPT = Exercise(
    name="adapt",
    section="transfer",
    points=3,
    reference=adapt,
    probe=probe_adapt,
    hidden=("projection", "positions", "block", "head", "targets"),
    messages=MESSAGES,
    cases=(
        Case("few", recordings(4, 5, 3, 4, 2)),
        Case("classes", recordings(5, 4, 2, 3, 6)),
        Case("square", recordings(4, 4, 4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        _stages("never-frozen", lambda head, body: [(head, LEARNED), (body, LEARNED)]),
        _stages("never-thawed", lambda head, body: [(head, HEAD), (body, HEAD)]),
        _stages("head-alone", lambda head, body: [(head, HEAD)]),
        _stages("all-at-once", lambda head, body: [(body, LEARNED)]),
        _stages("all-at-once-and-fast", lambda head, body: [(head, LEARNED)]),
        _stages("body-first", lambda head, body: [(body, LEARNED), (head, HEAD)]),
        _stages("rates-exchanged", lambda head, body: [(body, HEAD), (head, LEARNED)]),
        _stages("one-rate", lambda head, body: [(head, HEAD), (head, LEARNED)]),
        _stages("one-slow-rate", lambda head, body: [(body, HEAD), (body, LEARNED)]),
        _stages("positions-thawed", lambda head, body: [(head, HEAD), (body, ALL)]),
        _stages("positions-always", lambda head, body: [(head, ALL), (body, ALL)]),
        _stages("head-frozen-later", lambda head, body: [(head, HEAD), (body, BODY)]),
        _stages("inverted", lambda head, body: [(head, LEARNED), (body, HEAD)]),
        _stages("wrong-part-first", lambda head, body: [(head, BODY), (body, LEARNED)]),
        _stages("last-block-alone", lambda head, body: [(head, HEAD), (body, LAST)]),
        _stages("not-trained", lambda head, body: []),
        _adapt("first-token", pool=lambda x, mask: x[:, 0]),
        _adapt("last-token", pool=lambda x, mask: x[:, -1]),
        _adapt("padding-counted", pool=lambda x, mask: x.mean(1)),
        _adapt("probabilities", answer=lambda x: _softmax(x)),
    ),
    accepted={
        "the encoder called": lambda *x: _adapt_called(*x),
        "layer by layer": lambda *x: _adapt_by_layers(*x),
        "weights": lambda *x: _adapt_by_weights(*x),
        "remembered flags": lambda *x: _adapt_with_flags(*x),
        "tlkeras.transfer": lambda *x: _adapt_with_ours(*x),
    },
)


def _softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _with_head(encoder, head):
    return keras().Model(encoder.input, head(encoder.output["pooled_output"]))


def _adapt_called(encoder, head, train, head_rate, body_rate):
    model = keras().Model(encoder.input, head(encoder(encoder.input)["pooled_output"]))
    encoder.trainable = False
    train(model, head_rate)
    encoder.trainable = True
    encoder.get_layer("positions").trainable = False
    train(model, body_rate)
    return model


def _adapt_by_layers(encoder, head, train, head_rate, body_rate):
    model = _with_head(encoder, head)
    learned = [layer for layer in encoder.layers if layer.trainable]
    for layer in learned:
        layer.trainable = False
    train(model, head_rate)
    for layer in learned:
        layer.trainable = True
    train(model, body_rate)
    return model


def _adapt_by_weights(encoder, head, train, head_rate, body_rate):
    learned = list(encoder.trainable_weights)
    model = _with_head(encoder, head)
    for weight in learned:
        weight.trainable = False
    train(model, head_rate)
    for weight in learned:
        weight.trainable = True
    train(model, body_rate)
    return model


def _adapt_with_flags(encoder, head, train, head_rate, body_rate):
    flags = [(layer, layer.trainable) for layer in encoder.layers]
    encoder.trainable = False
    model = _with_head(encoder, head)
    train(model, head_rate)
    encoder.trainable = True
    for layer, flag in flags:
        layer.trainable = flag
    train(model, body_rate)
    return model


def _adapt_with_ours(encoder, head, train, head_rate, body_rate):
    from tlkeras.transfer import freeze, unfreeze

    model = _with_head(encoder, head)
    patterns = ("^projection", "^block")
    train(freeze(model, patterns), head_rate)
    train(unfreeze(model, patterns), body_rate)
    return model


# Keras is for probes and accepted variants: a check of arrays loads none.


EXERCISES = (FRAMES, MEL_FILTERS, LOG_MEL, POOLED_MEAN, HIDE_STRIPES, ADAPT)
