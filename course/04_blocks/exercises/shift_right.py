"""What the decoder reads while it learns to write `token_ids`."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes, tensorflow


def start_column(token_ids, start_id):
    """(B, 1): what stands before the first token."""
    return np.full((len(token_ids), 1), start_id)


def behind(start, kept, token_ids):
    """First the start, then the tokens."""
    return np.concatenate([start, kept], axis=1)


def shift_right(
    token_ids,
    start_id,
    *,
    start=start_column,
    keep=lambda token_ids: token_ids[:, :-1],
    join=behind,
):
    """What the decoder reads while it learns to write `token_ids`."""
    return join(start(token_ids, start_id), keep(token_ids), token_ids)


def targets(*lengths, size, start_id):
    """Token ids that end with padding, and the id to begin with."""

    def draw(rng):
        token_ids = rng.integers(20, 90, (len(lengths), size))
        real = np.arange(size) < np.array(lengths)[:, None]
        return np.where(real, token_ids, 0), start_id

    return draw


wrong = mistakes("shift", section="shift")

EXERCISE = Exercise(
    name="shift_right",
    section="shift",
    points=2,
    reference=shift_right,
    cases=(
        Case("full", targets(5, 5, 5, size=5, start_id=1)),
        Case("padding", targets(3, 6, size=6, start_id=9)),
        Case("one-token", targets(1, 1, size=1, start_id=2)),
        Case("one-sequence", targets(4, size=4, start_id=7)),
    ),
    misconceptions=(
        wrong("not-shifted", join=lambda start, kept, ids: ids),
        wrong(
            "left",
            join=lambda start, kept, ids: np.concatenate([ids[:, 1:], start], axis=1),
        ),
        wrong("first-overwritten", keep=lambda ids: ids[:, 1:]),
        wrong("last-kept", keep=identity),
        wrong("rolled", start=lambda ids, start_id: ids[:, -1:]),
        wrong("first-repeated", start=lambda ids, start_id: ids[:, :1]),
        wrong("starts-with-zero", start=lambda ids, start_id: start_column(ids, 0)),
        wrong("starts-with-one", start=lambda ids, start_id: start_column(ids, 1)),
        wrong(
            "last-real-dropped",
            join=lambda start, kept, ids: np.where(
                ids != 0, behind(start, kept, ids), 0
            ),
        ),
        wrong(
            "without-axis", join=lambda start, kept, ids: np.insert(ids, 0, start[0])
        ),
        wrong("no-start", join=lambda start, kept, ids: kept),
        wrong("first-dropped", join=lambda start, kept, ids: ids[:, 1:]),
        wrong(
            "by-two",
            join=lambda start, kept, ids: np.concatenate([start, start, kept], axis=1)[
                :, : ids.shape[1]
            ],
        ),
        wrong(
            "along-batch",
            join=lambda start, kept, ids: np.concatenate(
                [np.full_like(ids[:1], start[0, 0]), ids[:-1]]
            ),
        ),
    ),
    accepted={
        "pad": lambda ids, start: np.pad(
            ids[:, :-1], ((0, 0), (1, 0)), constant_values=start
        ),
        "roll and overwrite": lambda ids, start: _roll_and_overwrite(ids, start),
        "lists": lambda ids, start: [[start, *row[:-1]] for row in ids.tolist()],
        "keras.ops": lambda ids, start: keras().ops.concatenate(
            [keras().ops.full_like(ids[:, :1], start), ids[:, :-1]], axis=1
        ),
        "tensorflow": lambda ids, start: tensorflow().pad(
            ids[:, :-1], [[0, 0], [1, 0]], constant_values=start
        ),
    },
)


def _roll_and_overwrite(token_ids, start_id):
    shifted = np.roll(token_ids, 1, axis=1)
    shifted[:, 0] = start_id
    return shifted
