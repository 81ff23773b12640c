"""Overlapping pieces of a signal, each faded in and out: (B, F, L)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import LAYERS, SPECTRA


def whole_frames(samples, length, step):
    """How many frames lie within the signal."""
    return (samples - length) // step + 1


def or_none_left(count, step_of=lambda length, step: step):
    """A way to count frames of which `np.stack` of an empty list is made: it raises.

    So does a `range` whose step, which `step_of` gives, is not positive.
    """

    def counted(samples, length, step):
        number = count(samples, length, step)
        if number < 1 or step_of(length, step) < 1:
            raise ValueError("need at least one array to stack")
        return number

    return counted


def one_fewer(samples, length, step):
    """The 1 forgotten (wrong)."""
    return (samples - length) // step


def before_the_end(samples, length, step):
    """The frames that end before the signal does (wrong)."""
    return -(-(samples - length) // step)


def overlapping(samples, length, step):
    """As many as fit if neighbours share `step` samples (wrong)."""
    return (samples - length) // max(1, abs(length - step)) + 1


def overlapping_starts(count, length, step):
    """The first samples of frames that share `step` with the one before (wrong)."""
    return max(1, abs(length - step)) * np.arange(count)


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


wrong = mistakes("frames", section="frames")

EXERCISE = Exercise(
    name="frames",
    section="frames",
    points=4,
    reference=frames,
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
        wrong(
            "step-ignored",
            count=lambda s, length, step: s // length,
            starts=lambda n, length, step: length * np.arange(n),
        ),
        wrong("last-one-lost", count=one_fewer),
        wrong("last-one-lost-none-left", count=or_none_left(one_fewer)),
        wrong("exact-end-lost", count=before_the_end),
        wrong("exact-end-lost-none-left", count=or_none_left(before_the_end)),
        wrong("one-too-many", count=lambda s, length, step: -(-s // step)),
        wrong("step-is-overlap", count=overlapping, starts=overlapping_starts),
        wrong(
            "step-is-overlap-none-left",
            count=or_none_left(overlapping, step_of=lambda length, step: length - step),
            starts=overlapping_starts,
        ),
        wrong("no-window", "window", window=np.ones),
        wrong("symmetric-window", "window", window=symmetric),
        wrong("hamming", "window", window=hamming),
        wrong("upside-down", "window", window=lambda length: 1 - hann(length)),
        wrong(
            "half-a-period",
            "window",
            window=lambda n: 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n),
        ),
        wrong("window-over-frames", "window", apply=over_frames),
        wrong("transposed", order=lambda x: np.swapaxes(x, -1, -2)),
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
