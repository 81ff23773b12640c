"""Go through the examples in an order, and take the first few of each class."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, keras, mistakes


def first_of_each(labels, per_class):
    """Which of some labels are among the first `per_class` of their class."""
    before = [np.sum(labels[:place] == label) for place, label in enumerate(labels)]
    return np.array(before) < per_class


def chosen(order, keep, labels):
    """The examples that are kept, in the order in which they came."""
    return order[keep]


def class_by_class(order, keep, labels):
    """The examples that are kept, class after class (wrong)."""
    return order[keep][np.argsort(labels[keep], kind="stable")]


def pick_examples(
    labels, order, per_class, *, walk=identity, keep=first_of_each, result=chosen
):
    """Go through the examples in an order, and take the first few of each class."""
    order = walk(order)
    return result(order, keep(labels[order], per_class), labels[order])


def of_rarest(labels, per_class):
    """No class gets more than the rarest has (wrong)."""
    rarest = np.unique(labels, return_counts=True)[1].min()
    return first_of_each(labels, min(per_class, rarest))


def drawing(counts, per_class, interleave=True):
    """Labels with some number of each class, and a random order."""

    def draw(rng):
        labels = np.repeat(np.arange(len(counts)), counts)
        order = rng.permutation(len(labels))
        if interleave:
            labels = rng.permutation(labels)
        return labels, order, per_class

    return draw


wrong = mistakes("draw", section="draw")

EXERCISE = Exercise(
    name="pick_examples",
    section="draw",
    points=3,
    reference=pick_examples,
    cases=(
        Case("two-classes", drawing((7, 9), 3)),
        Case("uneven", drawing((20, 6, 11), 4)),
        Case("sorted", drawing((9, 9, 9, 9), 2, interleave=False)),
        Case("rare", drawing((12, 2, 8), 5)),
        Case("one-each", drawing((5, 6, 7, 8, 9), 1)),
        Case("all", drawing((4, 3, 6), 9)),  # the very last example counts
        Case("gap", drawing((5, 0, 6, 4), 2)),
    ),
    misconceptions=(
        wrong("order-ignored", walk=np.sort),
        wrong("order-undone", walk=np.argsort),
        wrong("from-the-end", walk=lambda order: order[::-1]),
        wrong("classes-ignored", keep=lambda y, k: np.arange(len(y)) < k * len(set(y))),
        wrong("all-together", keep=lambda y, k: np.arange(len(y)) < k),
        wrong("one-too-many", keep=lambda y, k: first_of_each(y, k + 1)),
        wrong("rarest-limits", keep=of_rarest),
        wrong(
            "rare-class-left-out",
            keep=lambda y, k: first_of_each(y, k) & (np.bincount(y)[y] >= k),
        ),
        wrong("every-kth", keep=lambda y, k: first_of_each(y, 10**6) & _kth(y, k)),
        wrong("what-is-left", keep=lambda y, k: ~first_of_each(y, k)),
        wrong(
            "gap-in-the-classes",
            keep=lambda y, k: first_of_each(y, k) & (y < len(set(y))),
        ),
        wrong("places-instead", result=lambda order, keep, y: np.flatnonzero(keep)),
        wrong("sorted-again", result=lambda order, keep, y: np.sort(order[keep])),
        wrong("class-by-class", result=class_by_class),
        wrong("mask-instead", result=lambda order, keep, y: keep),
    ),
    accepted={
        "counts": lambda y, order, k: _pick_with_counts(y, order, k),
        "class by class": lambda y, order, k: _pick_by_class(y, order, k),
        "one-hot": lambda y, order, k: _pick_with_one_hot(y, order, k),
        "library": lambda y, order, k: _pick_with_list(y, order, k),
        "keras.ops": lambda y, order, k: _pick_with_keras(y, order, k),
    },
)


def _kth(labels, k):
    """Every k-th example of each class."""
    before = [np.sum(labels[:place] == label) for place, label in enumerate(labels)]
    return np.array(before) % k == k - 1


def _pick_with_counts(labels, order, per_class):
    seen: dict[int, int] = {}
    kept = []
    for i in order:
        seen[labels[i]] = seen.get(labels[i], 0) + 1
        if seen[labels[i]] <= per_class:
            kept.append(i)
    return np.array(kept)


def _pick_by_class(labels, order, per_class):
    of_class = [
        np.flatnonzero(labels[order] == c)[:per_class] for c in np.unique(labels)
    ]
    return order[np.sort(np.concatenate(of_class))]


def _pick_with_one_hot(labels, order, per_class):
    one_hot = np.eye(labels.max() + 1)[labels[order]]  # (N, C)
    turn = (np.cumsum(one_hot, axis=0) * one_hot).sum(1)
    return order[turn <= per_class]


def _pick_with_list(labels, order, per_class):
    kept: list[int] = []
    for i in order.tolist():
        if [labels[j] for j in kept].count(labels[i]) < per_class:
            kept.append(i)
    return kept


def _pick_with_keras(labels, order, per_class):
    ops = keras().ops
    y = ops.take(labels, order)
    same = ops.cast(y[:, None] == y[None, :], "int32")
    before = ops.sum(same * ops.tri(len(y), k=-1, dtype="int32"), axis=1)
    return order[ops.convert_to_numpy(before) < per_class]
