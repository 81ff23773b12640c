"""Hide stripes of time and of mels: (B, F, M)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from ._shared import LAYERS


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
    sizes=identity,
    stripes=inside,
    join=either,
    fill=put_zero,
):
    """Hide stripes of time and of mels: (B, F, M)."""
    count, mels = sizes(features.shape[1:])
    time = stripes(time_start, time_width, count)
    mel = stripes(mel_start, mel_width, mels)
    return fill(features, join(time, mel))


def one_for_all(start, width, size):
    """The stripes of the first recording for all of them."""
    return inside(np.broadcast_to(start[:1], start.shape), width[:1] + 0 * width, size)


def shared(hidden):
    """What is hidden in any recording is hidden in all of them (wrong)."""
    return np.broadcast_to(hidden.any(0), hidden.shape)


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


wrong = mistakes("stripes", section="augment")

EXERCISE = Exercise(
    name="hide_stripes",
    section="augment",
    points=3,
    reference=hide_stripes,
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
        wrong(
            "one-too-wide",
            stripes=lambda start, width, size: inside(start, width + 1, size),
        ),
        wrong(
            "one-too-narrow",
            stripes=lambda start, width, size: inside(
                start, np.maximum(width - 1, 0), size
            ),
        ),
        wrong(
            "width-is-end",
            stripes=lambda start, width, size: inside(start, width - start, size),
        ),
        wrong(
            "first-one-only",
            stripes=lambda start, width, size: inside(start[:, :1], width[:, :1], size),
        ),
        wrong(
            "last-one-only",
            stripes=lambda start, width, size: inside(
                start[:, -1:], width[:, -1:], size
            ),
        ),
        wrong(
            "axes-exchanged",
            sizes=lambda shape: shape[::-1],
            join=lambda time, mel: time[:, None, :] | mel[:, :, None],
        ),
        wrong("everybodys", join=lambda time, mel: either(shared(time), shared(mel))),
        wrong("one-for-all", stripes=one_for_all),
        wrong(
            "both-instead-of-either",
            join=lambda time, mel: time[:, :, None] & mel[:, None, :],
        ),
        wrong(
            "time-only",
            join=lambda time, mel: time[:, :, None] | np.zeros_like(mel)[:, None, :],
        ),
        wrong(
            "mels-only",
            join=lambda time, mel: np.zeros_like(time)[:, :, None] | mel[:, None, :],
        ),
        wrong("inverted", fill=lambda x, hidden: put_zero(x, ~hidden)),
        wrong("minimum", fill=lambda x, hidden: np.where(hidden, x.min(), x)),
        wrong("cut-out-of-mean", fill=lambda x, hidden: np.where(hidden, x.mean(), x)),
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
