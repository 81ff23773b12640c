"""IoU that also says how far apart boxes are: one with one."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import box, near, rectangle


def around(one, other):
    """The smallest box that holds both: its corners."""
    start = np.minimum(one[:, :2], other[:, :2])
    return start, np.maximum(one[:, 2:], other[:, 2:])


def empty_share(hull, union, shared):
    """How much of it neither covers."""
    return (hull - union) / hull


def generalized_iou(
    boxes1,
    boxes2,
    *,
    hull=around,
    penalty=empty_share,
    overlap=lambda shared, union: shared / union,
    together=lambda overlap, penalty: overlap - penalty,
):
    """GIoU of each box with the one at its place: floats (N,)."""
    one, other = (np.asarray(x, "float64") for x in (boxes1, boxes2))
    areas = [rectangle(x[:, :2], x[:, 2:]) for x in (one, other)]
    shared = rectangle(
        np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    )
    union = areas[0] + areas[1] - shared
    start, end = hull(one, other)
    size = (end - start).prod(axis=1)
    return together(overlap(shared, union), penalty(size, union, shared))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def anywhere(count):
    """Boxes anywhere in the picture."""
    return lambda rng: (box(rng, count), box(rng, count))


def overlapping(rng):
    """Boxes and others that nearly cover them."""
    one = box(rng, 4)
    return one, near(rng, one, 0.08)


def apart(rng):
    """Boxes that do not touch, in opposite corners, this way and that."""
    low, high = box(rng, 4, 0.0, 0.4), box(rng, 4, 0.6, 1.0)
    swap = np.array([True, False, True, False])[:, None]
    return np.where(swap, high, low), np.where(swap, low, high)


def crossed(rng):
    """A tall box and a wide one, as a cross: the box around is no corner of either."""
    t, w = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.3)
    tall = [[0.5 - t / 2, 0.05, 0.5 + t / 2, 0.95]]
    wide = [[0.1, 0.5 - w / 2, 0.9, 0.5 + w / 2]]
    return np.array(tall, "float32"), np.array(wide, "float32")


def inside(rng):
    """Small boxes within a large one: nothing around is empty."""
    large = np.tile(np.array([[0.0, 0.0, 1.0, 1.0]], "float32"), (3, 1))
    return large, box(rng, 3, 0.1, 0.9)


def equal(rng):
    """A box and itself."""
    one = box(rng, 2)
    return one, one.copy()


def touching(rng):
    """Boxes that share an edge and make one box together."""
    one = box(rng, 2, 0.0, 0.5)
    side = one.copy()
    side[:, 0], side[:, 2] = one[:, 2], one[:, 2] + 0.2
    return one, side


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def of_centres(one, other):
    """The box between the two centres (wrong)."""
    centres = [(x[:, :2] + x[:, 2:]) / 2 for x in (one, other)]
    return np.minimum(*centres) - 1e-3, np.maximum(*centres) + 1e-3


def first_to_second(one, other):
    """From the first box's start to the second's end (wrong)."""
    return one[:, :2], other[:, 2:] + 1e-9


def added_sides(one, other):
    """As wide and as high as both together (wrong)."""
    return one[:, :2] + other[:, :2], one[:, 2:] + other[:, 2:]


wrong = mistakes("giou", section="giou")

EXERCISE = Exercise(
    name="generalized_iou",
    section="giou",
    points=3,
    reference=generalized_iou,
    cases=(
        Case("some", anywhere(5)),
        Case("one", anywhere(1)),
        Case("overlapping", overlapping),
        Case("apart", apart),
        Case("crossed", crossed),
        Case("inside", inside),
        Case("equal", equal),
        Case("touching", touching),
    ),
    misconceptions=(
        wrong("hull-of-centres", hull=of_centres),
        wrong("hull-first-to-second", hull=first_to_second),
        wrong("hull-of-added-sides", hull=added_sides),
        wrong("minus-intersection", penalty=lambda c, u, i: (c - i) / c),
        wrong("of-the-union", penalty=lambda c, u, i: (c - u) / u),
        wrong("not-a-share", penalty=lambda c, u, i: c - u),
        wrong("covered-share", penalty=lambda c, u, i: u / c),
        wrong("only-apart", penalty=lambda c, u, i: np.where(i > 0, 0, (c - u) / c)),
        wrong("iou-only", penalty=lambda c, u, i: 0 * c),
        wrong("added", together=lambda overlap, penalty: overlap + penalty),
        wrong("never-negative", together=lambda o, p: np.maximum(o - p, 0)),
        wrong("a-loss", together=lambda overlap, penalty: 1 - (overlap - penalty)),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "columns": lambda *a: _in_columns(*a),
        "one fraction": lambda *a: _as_plus_one(*a),
        "intervals": lambda *a: _by_intervals(*a),
    },
)


def _in_loops(boxes1, boxes2):
    found = []
    for (a, b, c, d), (e, f, g, h) in zip(
        boxes1.tolist(), boxes2.tolist(), strict=True
    ):
        shared = max(min(c, g) - max(a, e), 0) * max(min(d, h) - max(b, f), 0)
        union = (c - a) * (d - b) + (g - e) * (h - f) - shared
        hull = (max(c, g) - min(a, e)) * (max(d, h) - min(b, f))
        found.append(shared / union - 1 + union / hull)
    return found


def _in_columns(boxes1, boxes2):
    low, high = np.sort([boxes1[:, :2], boxes2[:, :2]], axis=0)  # starts
    first, last = np.sort([boxes1[:, 2:], boxes2[:, 2:]], axis=0)  # ends
    shared = np.prod(np.clip(first - high, 0, None), axis=1)
    hull = np.prod(last - low, axis=1)
    areas = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (boxes1, boxes2)]
    union = sum(areas) - shared
    return shared / union - (hull - union) / hull


def _as_plus_one(boxes1, boxes2):
    sides = np.minimum(boxes1, boxes2)[:, 2:] - np.maximum(boxes1, boxes2)[:, :2]
    shared = np.where((sides > 0).all(1), sides.prod(1), 0.0)
    around = np.maximum(boxes1, boxes2)[:, 2:] - np.minimum(boxes1, boxes2)[:, :2]
    union = -shared
    for boxes in (boxes1, boxes2):
        union = union + (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return shared / union + union / around.prod(1) - 1


def _by_intervals(boxes1, boxes2):
    shared = hull = 1.0
    for axis in (0, 1):
        a, b, c, d = boxes1[:, axis], boxes1[:, axis + 2], *boxes2[:, axis::2].T
        hull = hull * (np.maximum(b, d) - np.minimum(a, c))
        shared = shared * np.clip(np.minimum(b, d) - np.maximum(a, c), 0, None)
    areas = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (boxes1, boxes2)]
    union = areas[0] + areas[1] - shared
    return shared / union - 1 + union / hull
