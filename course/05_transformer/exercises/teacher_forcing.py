"""What the decoder reads, and what it is to say: (B, T − 1) each."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes

from ._shared import END, PADDING, sentences


def teacher_forcing(
    target_ids, *, read=lambda ids: ids[:, :-1], say=lambda ids: ids[:, 1:]
):
    """What the decoder reads, and what it is to say: (B, T − 1) each."""
    return read(target_ids), say(target_ids)


def trim(ids):
    """Cut off the columns that are padding in every row."""
    return ids[:, : real(ids).sum(1).max()]


wrong = mistakes("shift", section="shift")

EXERCISE = Exercise(
    name="teacher_forcing",
    section="shift",
    points=2,
    reference=teacher_forcing,
    cases=(
        Case("full", lambda rng: (sentences(rng, (6, 6), 6),)),
        Case("padded", lambda rng: (sentences(rng, (4, 7, 3), 7),)),
        Case("room", lambda rng: (sentences(rng, (3, 4), 7),)),
        Case("shortest", lambda rng: (sentences(rng, (2,), 2),)),
        Case("square", lambda rng: (sentences(rng, (5, 3, 4, 5, 5), 5),), 1e-4, True),
    ),
    misconceptions=(
        wrong("labels-not-shifted", say=lambda ids: ids[:, :-1]),
        wrong("reads-the-answer", read=lambda ids: ids[:, 1:]),
        wrong("swapped", read=lambda ids: ids[:, 1:], say=lambda ids: ids[:, :-1]),
        wrong("not-shortened", read=identity, say=identity),
        wrong("rolled", read=identity, say=lambda ids: np.roll(ids, -1, axis=1)),
        wrong("reads-too-long", read=identity),
        wrong("says-too-long", say=identity),
        wrong(
            "trimmed",
            read=lambda ids: trim(ids)[:, :-1],
            say=lambda ids: trim(ids)[:, 1:],
        ),
        wrong("two-ahead", read=lambda ids: ids[:, :-2], say=lambda ids: ids[:, 2:]),
        wrong("sentences-shifted", read=lambda ids: ids[:-1], say=lambda ids: ids[1:]),
        wrong(
            "end-cut-off", read=lambda ids: np.where(ids == END, PADDING, ids)[:, :-1]
        ),
    ),
    accepted={
        "delete": lambda ids: (np.delete(ids, -1, 1), np.delete(ids, 0, 1)),
        "lists": lambda ids: [
            [list(row[:-1]) for row in ids],
            [list(row[1:]) for row in ids],
        ],
        "transposed twice": lambda ids: (ids.T[:-1].T, ids.T[1:].T),
        "keras.ops": lambda ids: (
            keras().ops.convert_to_tensor(ids)[:, :-1],
            keras().ops.convert_to_tensor(ids)[:, 1:],
        ),
        "take": lambda ids: (
            np.take(ids, range(ids.shape[1] - 1), axis=1),
            np.take(ids, range(1, ids.shape[1]), axis=1),
        ),
    },
)


def real(ids):
    """Which tokens are no padding: (B, S)."""
    return ids != PADDING
