"""A video cut into blocks of frames, rows and columns, each a row of numbers."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

BLOCKS = (0, 2, 4, 1, 3, 5, 6)  # which tubelet, then where in it


def cut(video, size):
    """Each axis becomes two: which tubelet, and where in it."""
    (frames, height, width, channels), (t, h, w) = video.shape, size
    return video.reshape(frames // t, t, height // h, h, width // w, w, channels)


def rows(x):
    """Tubelets in rows: (P, t h w C)."""
    return x.reshape(int(np.prod(x.shape[:3])), -1)


def tubelets(
    video,
    size,
    *,
    grouped=lambda size: size,
    cut=cut,
    order=lambda x: x.transpose(BLOCKS),
    flatten=rows,
):
    """Rows (P, t h w C)."""
    return flatten(order(cut(np.asarray(video, "float64"), grouped(size))))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def video(*shape, size):
    """A video of random colours."""
    return lambda rng: (floats(rng, *shape), size)


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def strided(video, size):
    """Every n-th frame, row and column in one tubelet (wrong)."""
    (frames, height, width, channels), (t, h, w) = video.shape, size
    x = video.reshape(t, frames // t, h, height // h, w, width // w, channels)
    return x.transpose(1, 0, 3, 2, 5, 4, 6)


def reordered(*axes):
    """The axes of tubelets and their insides in another order."""
    return lambda x: x.transpose(axes)


wrong = mistakes("tubelets", section="video")

EXERCISE = Exercise(
    name="tubelets",
    section="video",
    points=4,
    reference=tubelets,
    cases=(
        Case("some", video(4, 6, 8, 2, size=(2, 3, 4))),
        Case("grey", video(6, 4, 6, 1, size=(3, 2, 2))),
        Case("whole", video(2, 3, 4, 3, size=(2, 3, 4))),
        Case("single-frames", video(3, 4, 6, 2, size=(1, 2, 3))),
        Case("single-pixels", video(4, 2, 3, 3, size=(2, 1, 1))),
        Case("whole-frames", video(6, 2, 4, 2, size=(2, 2, 4))),
        Case("one-frame", video(1, 6, 4, 3, size=(1, 3, 2))),
        Case("square", video(4, 4, 4, 4, size=(2, 2, 2)), diagnostic=True),
    ),
    misconceptions=(
        wrong(
            "only-reshaped",
            order=lambda x: x.reshape(
                x.shape[0],
                x.shape[2],
                x.shape[4],
                x.shape[1],
                x.shape[3],
                x.shape[5],
                -1,
            ),
        ),
        wrong("space-first", order=reordered(2, 4, 0, 1, 3, 5, 6)),
        wrong("columns-first", order=reordered(0, 4, 2, 1, 3, 5, 6)),
        wrong("frames-inside-last", order=reordered(0, 2, 4, 3, 5, 1, 6)),
        wrong("columns-inside-first", order=reordered(0, 2, 4, 1, 5, 3, 6)),
        wrong("channels-first", order=reordered(0, 2, 4, 6, 1, 3, 5)),
        wrong("strided", cut=strided),
        wrong("frame-by-frame", grouped=lambda size: (1, *size[1:])),
        wrong("frames-averaged", order=lambda x: x.transpose(BLOCKS).mean(axis=3)),
        wrong("first-frame", order=lambda x: x.transpose(BLOCKS)[:, :, :, :1]),
        wrong("turned", flatten=lambda x: rows(x).T),
        wrong("not-flattened", flatten=lambda x: x.reshape(-1, *x.shape[3:])),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "split": lambda *a: _by_splits(*a),
        "windows": lambda *a: _by_windows(*a),
    },
)


def _in_loops(video, size):
    (frames, height, width, _), (t, h, w) = video.shape, size
    return [
        video[f : f + t, y : y + h, x : x + w].ravel()
        for f in range(0, frames, t)
        for y in range(0, height, h)
        for x in range(0, width, w)
    ]


def _by_splits(video, size):
    found = [video]
    for axis, step in enumerate(size):
        found = [
            part
            for x in found
            for part in np.split(x, x.shape[axis] // step, axis=axis)
        ]
    return np.stack([x.reshape(-1) for x in found])


def _by_windows(video, size):
    windows = np.lib.stride_tricks.sliding_window_view(video, size, axis=(0, 1, 2))
    t, h, w = size
    chosen = windows[::t, ::h, ::w]  # (F/t, H/h, W/w, C, t, h, w)
    return np.moveaxis(chosen, 3, -1).reshape(-1, t * h * w * video.shape[-1])
