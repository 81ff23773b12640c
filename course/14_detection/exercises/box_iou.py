"""Intersection over union of each box with each other one."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

from ._shared import box, near


def inner(one, other):
    """The later of two starts, the earlier of two ends."""
    start = np.maximum(one[..., :2], other[..., :2])
    return start, np.minimum(one[..., 2:], other[..., 2:])


def not_negative(sides):
    """Boxes that are apart share nothing."""
    return np.maximum(sides, 0)


def area(boxes):
    """Width times height."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def union(first, second, shared):
    """What both cover, counted once."""
    return first + second - shared


def box_iou(
    boxes1,
    boxes2,
    *,
    inner=inner,
    clip=not_negative,
    multiply=lambda sides: sides.prod(axis=-1),
    area=area,
    union=union,
    turn=lambda found: found,
):
    """IoU of all pairs: floats (N, M)."""
    one, other = (np.asarray(x, "float64") for x in (boxes1, boxes2))
    one, other = one[:, None], other[None]  # (N, 1, 4), (1, M, 4)
    start, end = inner(one, other)  # (N, M, 2)
    shared = multiply(clip(end - start))  # (N, M)
    return turn(shared / union(area(one), area(other), shared))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def anywhere(count, others, low=0.0, high=1.0):
    """Boxes anywhere in a room."""
    return lambda rng: (box(rng, count, low, high), box(rng, others, low, high))


def corner_to_corner(rng):
    """Boxes that are apart along both axes: two negative sides."""
    one = box(rng, 3, 0.0, 0.4)
    return one, box(rng, 2, 0.55, 1.0)


def side_by_side(rng):
    """Boxes that are apart along one axis only."""
    one, other = box(rng, 2), box(rng, 3)
    one[:, [1, 3]], other[:, [1, 3]] = [0.2, 0.8], [0.3, 0.9]
    one[:, [0, 2]], other[:, [0, 2]] = [0.0, 0.3], [0.5, 0.9]
    return one, other


def inside(rng):
    """Small boxes within a large one."""
    return np.array([[0, 0, 1, 1]], "float32"), box(rng, 3, 0.2, 0.8)


def equal(rng):
    """A box and itself, and a neighbour that shares an edge with it."""
    one = box(rng, 1, 0.1, 0.6)
    side = one + np.array([one[0, 2] - one[0, 0], 0, one[0, 2] - one[0, 0], 0])
    return one, np.concatenate([one, side]).astype("float32")


def pixels(rng):
    """Corners in pixels, some of them close together."""
    one = np.round(box(rng, 4, 0, 60))
    return one, np.round(near(rng, one[:3], 4.0))


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def outer(one, other):
    """The box around both (wrong)."""
    start = np.minimum(one[..., :2], other[..., :2])
    return start, np.maximum(one[..., 2:], other[..., 2:])


def pixels_counted(boxes):
    """Right − left + 1 (wrong)."""
    return (boxes[..., 2:] - boxes[..., :2] + 1).prod(axis=-1)


wrong = mistakes("iou", section="overlap")

EXERCISE = Exercise(
    name="box_iou",
    section="overlap",
    points=3,
    reference=box_iou,
    cases=(
        Case("some", anywhere(4, 3)),
        Case("one", anywhere(1, 1)),
        Case("none", anywhere(3, 0)),
        Case("corner-to-corner", corner_to_corner),
        Case("side-by-side", side_by_side),
        Case("inside", inside),
        Case("equal", equal),
        Case("pixels", pixels),
        Case("square", anywhere(3, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong("negative-overlap", clip=lambda sides: sides),
        wrong("absolute-overlap", clip=np.abs),
        wrong(
            "clipped-too-late",
            clip=lambda sides: sides,
            multiply=lambda sides: np.maximum(sides.prod(axis=-1), 0),
        ),
        wrong("outer-box", inner=outer),
        wrong("union-is-sum", union=lambda a, b, shared: a + b),
        wrong("shared-added", union=lambda a, b, shared: a + b + shared),
        wrong("of-the-first", union=lambda a, b, shared: a + 0 * b),
        wrong("of-the-second", union=lambda a, b, shared: b + 0 * a),
        wrong("of-the-smaller", union=lambda a, b, shared: np.minimum(a, b)),
        wrong("of-the-larger", union=lambda a, b, shared: np.maximum(a, b)),
        wrong("dice", union=lambda a, b, shared: (a + b) / 2),
        wrong("sides-added", multiply=lambda sides: sides.sum(axis=-1)),
        wrong(
            "plus-one",
            clip=lambda sides: np.maximum(sides + 1, 0),
            area=pixels_counted,
        ),
        wrong("size-is-corner", area=lambda boxes: boxes[..., 2] * boxes[..., 3]),
        wrong("turned", turn=np.transpose),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "sides": lambda *a: _by_sides(*a),
        "intervals": lambda *a: _by_intervals(*a),
        "one row at a time": lambda *a: _row_by_row(*a),
    },
)


def _in_loops(boxes1, boxes2):
    found = np.zeros((len(boxes1), len(boxes2)))
    for i, (a, b, c, d) in enumerate(boxes1.tolist()):
        for j, (e, f, g, h) in enumerate(boxes2.tolist()):
            width, height = min(c, g) - max(a, e), min(d, h) - max(b, f)
            if width > 0 and height > 0:
                shared = width * height
                both = (c - a) * (d - b) + (g - e) * (h - f)
                found[i, j] = shared / (both - shared)
    return found


def _by_sides(boxes1, boxes2):
    left, top, right, bottom = boxes1.T[:, :, None]
    a, b, c, d = boxes2.T[:, None]
    w = np.clip(np.minimum(right, c) - np.maximum(left, a), 0, None)
    h = np.clip(np.minimum(bottom, d) - np.maximum(top, b), 0, None)
    both = (right - left) * (bottom - top) + (c - a) * (d - b)
    return w * h / (both - w * h)


def _row_by_row(boxes1, boxes2):
    rows = []
    for one in boxes1:
        start = np.where(boxes2[:, :2] > one[:2], boxes2[:, :2], one[:2])
        end = np.where(boxes2[:, 2:] < one[2:], boxes2[:, 2:], one[2:])
        apart = (end <= start).any(axis=1)
        shared = np.where(apart, 0, (end - start).prod(axis=1))
        size = np.prod(one[2:] - one[:2])
        rows.append(
            shared / (size + np.prod(boxes2[:, 2:] - boxes2[:, :2], 1) - shared)
        )
    return np.array(rows)


def _by_intervals(boxes1, boxes2):
    shared = 1.0
    for axis in (0, 1):
        (a, b), (c, d) = boxes1[:, axis::2].T[..., None], boxes2[:, axis::2].T
        shared = shared * np.maximum(np.minimum(b, d) - np.maximum(a, c), 0)
    sizes = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (boxes1, boxes2)]
    return shared / (np.add.outer(*sizes) - shared)
