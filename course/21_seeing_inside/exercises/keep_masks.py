"""(P + 1, P): which parts are still there after each step of deletion."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def ranks(importance):
    """0 for the largest; of equals the first one is smaller."""
    order = np.argsort(-importance, kind="stable")
    return np.argsort(order)


def keep_masks(
    importance,
    *,
    read=identity,
    rank=ranks,
    steps=lambda count: np.arange(count + 1),
    keep=lambda rank, step: rank >= step,
):
    """Which parts are still there after each step."""
    rank = rank(read(np.asarray(importance, "float64")))
    return keep(rank[None, :], steps(len(rank))[:, None])


wrong = mistakes("masks", section="deletion")


def drawn(*shape, of=floats):
    """A case's inputs."""
    return lambda rng: (of(rng, *shape),)


def with_ties(rng, count):
    """Whole numbers, several of them equal."""
    return rng.integers(0, 3, count).astype("float32")


EXERCISE = Exercise(
    name="keep_masks",
    section="deletion",
    points=3,
    reference=keep_masks,
    cases=(
        Case("six", drawn(6)),
        Case("many", drawn(12)),
        Case("equal", drawn(9, of=with_ties)),
        Case("all-equal", lambda rng: (np.zeros(4, "float32"),)),
        Case("turned", lambda rng: (np.float32([0.1, 0.9, 0.5, 0.7]),)),
        Case("one", drawn(1)),
    ),
    misconceptions=(
        wrong("smallest-first", read=lambda x: -x),
        wrong("by-size", read=np.abs),
        wrong("order-for-rank", rank=lambda x: np.argsort(-x, kind="stable")),
        wrong(
            "last-of-equals",
            rank=lambda x: len(x) - 1 - np.argsort(np.argsort(x, kind="stable")),
        ),
        wrong("inserted", keep=lambda rank, step: rank < step),
        wrong("one-at-a-time", keep=lambda rank, step: rank != step - 1),
        wrong("no-beginning", steps=lambda count: np.arange(1, count + 1)),
        wrong("no-end", steps=np.arange),
        wrong("one-ahead", keep=lambda rank, step: rank > step),
    ),
    accepted={
        "loops": lambda x: _in_loops(x),
        "lists": lambda x: _lists(x),
        "compared": lambda x: _compared(x),
    },
)


def _in_loops(importance):
    count = len(importance)
    masks = np.ones((count + 1, count), bool)
    for step in range(1, count + 1):
        masks[step] = masks[step - 1]
        left = np.where(masks[step], importance, -np.inf)
        masks[step, int(np.argmax(left))] = False
    return masks


def _lists(importance):
    order = sorted(range(len(importance)), key=lambda i: (-importance[i], i))
    return [
        [i not in order[:step] for i in range(len(order))]
        for step in range(len(order) + 1)
    ]


def _compared(importance):
    x, at = np.asarray(importance), np.arange(len(importance))
    before = (x[None] > x[:, None]) | ((x[None] == x[:, None]) & (at < at[:, None]))
    return before.sum(axis=1) >= np.arange(len(x) + 1)[:, None]
