"""(T, T, D): the states of one text, with one vector of another text in each row."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def here(length):
    """True where row and place are the same."""
    return np.eye(length, dtype=bool)


def next_place(length):
    """The place after each row's own (wrong)."""
    return np.roll(here(length), 1, axis=1)


def patch(
    original,
    changed,
    *,
    where=here,
    put=lambda original, changed: original,
    around=lambda original, changed: changed,
):
    """Row i is the changed text, with the original vector at place i."""
    original, changed = (np.asarray(x, "float64") for x in (original, changed))
    chosen = where(len(changed))[:, :, None]  # (T, T, 1)
    return np.where(chosen, put(original, changed), around(original, changed))


wrong = mistakes("patch", section="patching")


def drawn(length, size, same=0):
    """States of two texts, of which the first places are the same."""

    def draw(rng):
        original, changed = floats(rng, length, size), floats(rng, length, size)
        changed[:same] = original[:same]
        return original, changed

    return draw


EXERCISE = Exercise(
    name="patch",
    section="patching",
    points=3,
    reference=patch,
    cases=(
        Case("five", drawn(5, 3)),
        Case("same-beginning", drawn(7, 4, same=3)),
        Case("as-many", drawn(4, 4)),
        Case("one-feature", drawn(6, 1)),
        Case("one-token", drawn(1, 3)),
    ),
    misconceptions=(
        wrong("exchanged", put=lambda o, c: c, around=lambda o, c: o),
        wrong("up-to-here", where=lambda n: np.tri(n, dtype=bool)),
        wrong("before-here", where=lambda n: np.tri(n, k=-1, dtype=bool)),
        wrong("from-here", where=lambda n: np.tri(n, dtype=bool).T),
        wrong("all-places", where=lambda n: np.ones((n, n), bool)),
        wrong("nothing-put-in", where=lambda n: np.zeros((n, n), bool)),
        wrong("next-place", where=next_place),
        wrong("from-behind", where=lambda n: here(n)[::-1]),
        wrong("added", put=lambda o, c: o + c),
        wrong("difference", put=lambda o, c: o - c),
        wrong("zeros-around", around=lambda o, c: np.zeros_like(c)),
    ),
    accepted={
        "loops": lambda original, changed: _in_loops(original, changed),
        "eye": lambda original, changed: _with_eye(original, changed),
        "stacked": lambda original, changed: _stacked(original, changed),
    },
)


def _in_loops(original, changed):
    rows = []
    for i in range(len(changed)):
        rows.append([(original if t == i else changed)[t] for t in range(len(changed))])
    return rows


def _with_eye(original, changed):
    one = np.eye(len(changed))[:, :, None]
    return one * original + (1 - one) * changed


def _stacked(original, changed):
    pieces = zip(original, range(len(changed)), strict=True)
    return np.stack(
        [np.vstack([changed[:i], x[None], changed[i + 1 :]]) for x, i in pieces]
    )
