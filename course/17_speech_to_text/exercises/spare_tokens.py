"""How many tokens are left over once a text has what it needs: (B,)."""

import math
from itertools import pairwise

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import BLANK, LIBRARY


def whole_steps(samples, step):
    """Frames whose whole step is real."""
    return samples // step


def begun_steps(samples, step):
    """Frames whose step has begun (wrong)."""
    return -(-samples // step)


def rounded_up(length, stride):
    """What a convolution with padding at both edges leaves."""
    return -(-length // stride)


def rounded_down(length, stride):
    """Divided and cut off (wrong)."""
    return length // stride


def unpadded(length, stride):
    """What a convolution over three frames leaves without padding (wrong)."""
    return np.maximum(0, (length - 3) // stride + 1)


def one_by_one(length, strides, shorten):
    """One convolution after the other."""
    for stride in strides:
        length = shorten(length, stride)
    return length


def counted(labels):
    """The labels of each row, without the zeros behind."""
    return (labels != BLANK).sum(axis=1)


def equal_neighbours(labels):
    """How often a label stands beside itself."""
    same = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != BLANK)
    return same.sum(axis=1)


def spare_tokens(
    samples,
    labels,
    step,
    strides,
    *,
    frames=whole_steps,
    shorten=rounded_up,
    tokens=one_by_one,
    count=counted,
    blanks=equal_neighbours,
    compare=np.subtract,
):
    """Tokens that are there less tokens that are needed."""
    samples, labels = np.asarray(samples), np.asarray(labels)
    there = tokens(frames(samples, step), strides, shorten)
    return np.asarray(compare(there, count(labels) + blanks(labels)))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def texts(*patterns, length=9):
    """Labels `(B, U)`: another one for each letter, zeros behind."""

    def draw(rng):
        rows = np.zeros((len(patterns), length), int)
        for row, pattern in zip(rows, patterns, strict=True):
            letters = sorted(set(pattern))
            labels = 1 + rng.permutation(20)[: len(letters)]
            names = dict(zip(letters, labels, strict=True))
            row[: len(pattern)] = [names[letter] for letter in pattern]
        return rows

    return draw


def recordings(patterns, frames, strides, step=80, rest=(1, 60), length=9):
    """Samples of some frames and a rest, with texts."""

    def draw(rng):
        more = rng.integers(*rest, size=len(frames))
        samples = np.array(frames) * step + more
        return samples, texts(*patterns, length=length)(rng), step, strides

    return draw


def exact(patterns, frames, strides, step=80):
    """Samples of just some frames."""
    return lambda rng: (
        np.array(frames) * step,
        texts(*patterns)(rng),
        step,
        strides,
    )


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def last_stride_only(length, strides, shorten):
    """The first convolution is forgotten (wrong)."""
    return shorten(length, strides[-1]) if len(strides) else length


def strides_added(length, strides, shorten):
    """Divided by the sum of the strides (wrong)."""
    return shorten(length, sum(strides)) if len(strides) else length


def not_alone(labels):
    """Labels that stand somewhere before, too (wrong)."""
    rows = [row[row != BLANK] for row in labels]
    return np.array([len(row) - len(set(row.tolist())) for row in rows])


def zeros_too(labels):
    """Zeros behind the text are equal neighbours as well (wrong)."""
    return (labels[:, 1:] == labels[:, :-1]).sum(axis=1)


wrong = mistakes("spare", section="lengths")

EXERCISE = Exercise(
    name="spare_tokens",
    section="lengths",
    points=3,
    reference=spare_tokens,
    forbidden=LIBRARY,
    cases=(
        Case("four", recordings(("abca", "ab", "abbcd"), (31, 42, 25), (2, 2))),
        Case("six", recordings(("abcdeaf", "aabca"), (50, 37), (2, 3))),
        Case("one-stride", recordings(("abc", "abba", "a"), (17, 12, 3), (3,))),
        Case("whisper", recordings(("aabb", "abab"), (21, 30), (1, 2), step=160)),
        Case("no-strides", recordings(("aab", "abcab"), (11, 9), ())),
        Case("exact", exact(("abc", "aabcd"), (24, 48), (2, 2))),
        Case("repeats", recordings(("aaaa", "aabbccdd"), (30, 61), (2, 2))),
        Case("far-apart", recordings(("abcabcabc", "ababab"), (61, 45), (2, 2))),
        Case("too-short", recordings(("abcdefgh", "aabbcc"), (13, 21), (2, 2))),
        Case("nearly", recordings(("aabbcc", "abcdef"), (32, 24), (2, 2))),
        Case("no-text", recordings(("", "ab"), (9, 14), (2, 2))),
        Case("no-frame", recordings(("", "a"), (0, 0), (2, 2))),
        Case("full-row", recordings(("abcdd",), (29,), (2, 2), length=5)),
    ),
    misconceptions=(
        wrong("before-subsampling", tokens=lambda n, strides, shorten: n),
        wrong("floor", shorten=rounded_down),
        wrong("no-padding", shorten=unpadded),
        wrong("last-stride", tokens=last_stride_only),
        wrong("strides-added", tokens=strides_added),
        wrong("begun-frames", frames=begun_steps),
        wrong("samples", frames=lambda samples, step: samples),
        wrong("repeats-forgotten", blanks=lambda labels: 0 * counted(labels)),
        wrong("repeats-anywhere", blanks=not_alone),
        wrong("zeros-repeat", blanks=zeros_too),
        wrong(
            "blanks-everywhere",
            blanks=lambda labels: np.maximum(counted(labels) - 1, 0),
        ),
        wrong("blanks-around", blanks=lambda labels: counted(labels) + 1),
        wrong(
            "zeros-counted",
            count=lambda labels: np.full(len(labels), labels.shape[1]),
        ),
        wrong("never-negative", compare=lambda a, b: np.maximum(a - b, 0)),
        wrong("turned", compare=lambda a, b: b - a),
    ),
    accepted={
        "loops": lambda *a: _loops(*a),
        "one division": lambda *a: _one_division(*a),
        "masks": lambda *a: _with_masks(*a),
        "runs": lambda *a: _with_runs(*a),
    },
)


def _loops(samples, labels, step, strides):
    spare = []
    for count, row in zip(samples, labels, strict=True):
        tokens = int(count) // step
        for stride in strides:
            tokens = math.ceil(tokens / stride)
        row = [int(label) for label in row if label]
        needed = len(row)
        for before, after in pairwise(row):
            needed += before == after
        spare.append(tokens - needed)
    return spare


def _one_division(samples, labels, step, strides):
    stride = int(np.prod(strides))
    tokens = (samples // step + stride - 1) // stride
    same = (np.diff(labels, axis=1) == 0) & (labels[:, 1:] > 0)
    return tokens - np.count_nonzero(labels, axis=1) - same.sum(axis=1)


def _with_masks(samples, labels, step, strides):
    frames = samples // step
    keep = np.arange(max(int(frames.max()), 1)) < frames[:, None]
    for stride in strides:
        keep = keep[:, ::stride]
    repeats = [
        sum(1 for i in range(1, len(row)) if row[i] and row[i] == row[i - 1])
        for row in labels
    ]
    return keep.sum(1) - (labels > 0).sum(1) - np.array(repeats)


def _with_runs(samples, labels, step, strides):
    from itertools import groupby

    spare = []
    for count, row in zip(samples.tolist(), labels.tolist(), strict=True):
        tokens = count // step
        for stride in strides:
            tokens = -(-tokens // stride)
        runs = [len(list(run)) for label, run in groupby(row) if label]
        spare.append(tokens - sum(2 * run - 1 for run in runs))
    return np.array(spare)
