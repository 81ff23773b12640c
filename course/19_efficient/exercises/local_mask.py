"""What a query sees through a window."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

LIBRARY = ("tlkeras.masks", "tlkeras.layers")


def at_the_end(queries, keys):
    """The queries are the last positions."""
    return np.arange(queries) + keys - queries


def difference(query, key):
    """How far behind a query each key is: (T, S)."""
    return query[:, None] - key[None, :]


def fewer_than(distance, window):
    """Less than a window away, on both sides."""
    return np.abs(distance) < window


def not_later(distance, causal):
    """No later key, where this is asked for."""
    return (distance >= 0) | (not causal)


def local_mask(queries, keys, window, causal, *, place=at_the_end, apart=difference,
               near=fewer_than, order=not_later):  # fmt: skip
    """Boolean (T, S)."""
    distance = apart(place(queries, keys), np.arange(keys))
    return near(distance, window) & order(distance, causal)


def sizes(queries, keys, window, causal):
    """Four numbers; one of the lengths is drawn."""

    def draw(rng):
        more = int(rng.integers(0, 3))
        return queries + more, keys + more, window, causal

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def blocks(distance, window):
    """The window does not slide: the same block of keys (wrong)."""
    queries, keys = distance.shape
    query = np.arange(queries) + keys - queries
    return query[:, None] // window == np.arange(keys)[None, :] // window


wrong = mistakes("local", section="local")

EXERCISE = Exercise(
    name="local_mask",
    section="local",
    points=2,
    reference=local_mask,
    forbidden=LIBRARY,
    cases=(
        Case("causal", sizes(7, 7, 3, True)),
        Case("both-sides", sizes(8, 8, 3, False)),
        Case("even-window", sizes(9, 9, 4, False)),
        Case("later-queries", sizes(3, 9, 4, True)),
        Case("later-queries-both-sides", sizes(4, 9, 3, False)),
        Case("window-of-one", sizes(5, 5, 1, True)),
        Case("one-query", sizes(1, 9, 5, True)),
        Case("wider-than-the-text", sizes(4, 6, 20, True)),
    ),
    misconceptions=(
        wrong("one-too-many", near=lambda d, w: np.abs(d) <= w),
        wrong("one-too-few", near=lambda d, w: np.abs(d) < w - 1),
        wrong("half-a-window", near=lambda d, w: np.abs(d) <= w // 2),
        wrong("no-window", near=lambda d, w: d == d),
        wrong("hides-the-window", near=lambda d, w: np.abs(d) >= w),
        wrong("blocks", near=blocks),
        wrong("looks-ahead", order=lambda d, causal: d == d),
        wrong("always-causal", order=lambda d, causal: d >= 0),
        wrong("own-hidden", order=lambda d, causal: (d > 0) | (not causal)),
        wrong("only-ahead", order=lambda d, causal: (d <= 0) | (not causal)),
        wrong("queries-first", place=lambda queries, keys: np.arange(queries)),
        wrong("one-place-early", place=lambda t, s: np.arange(t) + s - t - 1),
    ),
    accepted={
        "loops": lambda t, s, w, causal: [
            [-w < i - j < w and (not causal or j <= i) for j in range(s)]
            for i in range(s - t, s)
        ],
        "triangles": lambda t, s, w, causal: (
            np.tri(t, s, s - t + (0 if causal else w - 1), dtype=bool)
            & ~np.tri(t, s, s - t - w, dtype=bool)
        ),
        "slices": lambda t, s, w, causal: _slices(t, s, w, causal),
        "tril": lambda t, s, w, causal: _tril(t, s, w, causal),
    },
)


def _slices(queries, keys, window, causal):
    mask = np.zeros((queries, keys), bool)
    for row, place in enumerate(range(keys - queries, keys)):
        last = place + 1 if causal else place + window
        mask[row, max(0, place - window + 1) : last] = True
    return mask


def _tril(queries, keys, window, causal):
    everything = np.ones((keys, keys), bool)
    mask = np.triu(everything, 1 - window)
    mask &= np.tril(everything, 0 if causal else window - 1)
    return mask[keys - queries :]
