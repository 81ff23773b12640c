"""Boxes from centre and size, as shares of the picture, to corners in pixels."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def from_centre(centre, size):
    """Half of the size to either side of the centre."""
    return centre - size / 2, centre + size / 2


def in_pixels(boxes, width, height):
    """x counts in widths, y in heights."""
    return boxes * np.array([width, height, width, height])


def left_to_bottom(start, end):
    """Left, top, right, bottom."""
    return np.concatenate([start, end], axis=1)


def corners(
    boxes,
    width,
    height,
    *,
    halves=from_centre,
    scale=in_pixels,
    order=left_to_bottom,
    finish=identity,
):
    """Corners in pixels: floats (N, 4)."""
    boxes = scale(np.asarray(boxes, "float64"), width, height)
    start, end = halves(boxes[:, :2], boxes[:, 2:])  # (N, 2) each
    return finish(order(start, end), width, height)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def boxes(count, width, height, low=0.2, high=0.6):
    """Boxes anywhere, some of them reaching outside of the picture."""

    def draw(rng):
        centre = rng.uniform(0.05, 0.95, (count, 2))
        size = rng.uniform(low, high, (count, 2))
        size[:, 1] *= 0.7  # no squares
        return np.concatenate([centre, size], axis=1).astype("float32"), width, height

    return draw


def whole(rng):
    """The picture itself."""
    return np.array([[0.5, 0.5, 1.0, 1.0]], "float32"), 30, 20


def outside(rng):
    """Boxes over the left and the lower edge."""
    size = rng.uniform(0.3, 0.5, 2)
    rows = [[0.05, 0.4, *size], [0.6, 0.95, *size[::-1]]]
    return np.array(rows, "float32"), 50, 40


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def turned(boxes, width, height):
    """x in heights and y in widths (wrong)."""
    return boxes * np.array([height, width, height, width])


def clipped(found, width, height):
    """Cut off at the edges (wrong)."""
    return np.clip(found, 0, [width, height, width, height])


def only_the_centre(boxes, width, height):
    """The size stays a share (wrong)."""
    return boxes * np.array([width, height, 1, 1])


wrong = mistakes("corners", section="formats")

EXERCISE = Exercise(
    name="corners",
    section="formats",
    points=3,
    reference=corners,
    cases=(
        Case("some", boxes(5, 60, 40)),
        Case("one", boxes(1, 31, 17)),
        Case("none", boxes(0, 60, 40)),
        Case("square", boxes(4, 48, 48)),
        Case("small", boxes(3, 90, 70, low=0.01, high=0.05)),
        Case("whole", whole),
        Case("outside", outside),
    ),
    misconceptions=(
        wrong("centre-is-corner", halves=lambda c, s: (c, c + s)),
        wrong("size-is-corner", halves=lambda c, s: (c - s / 2, s)),
        wrong("numbers-kept", halves=lambda c, s: (c, s)),
        wrong("not-halved", halves=lambda c, s: (c - s, c + s)),
        wrong("begins-at-end", halves=lambda c, s: (c + s / 2, c - s / 2)),
        wrong("centre-is-end", halves=lambda c, s: (c - s, c)),
        wrong("shares-kept", scale=lambda boxes, width, height: boxes),
        wrong("sides-exchanged", scale=turned),
        wrong("width-for-both", scale=lambda boxes, width, height: boxes * width),
        wrong("only-the-centre", scale=only_the_centre),
        wrong(
            "y-first",
            order=lambda a, b: np.concatenate([a[:, ::-1], b[:, ::-1]], axis=1),
        ),
        wrong(
            "by-axis",
            order=lambda a, b: np.stack([a, b], axis=2).reshape(-1, 4),
        ),
        wrong("clipped", finish=clipped),
        wrong("rounded", finish=lambda found, width, height: np.round(found)),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "columns": lambda *a: _in_columns(*a),
        "matrix": lambda *a: _by_a_matrix(*a),
        "scaled last": lambda *a: _scaled_last(*a),
    },
)


def _in_loops(boxes, width, height):
    found = np.zeros((len(boxes), 4))
    for i, (x, y, w, h) in enumerate(boxes):
        found[i] = (
            (x - w / 2) * width,
            (y - h / 2) * height,
            (x + w / 2) * width,
            (y + h / 2) * height,
        )
    return found


def _in_columns(boxes, width, height):
    x, y, w, h = boxes.T
    w, h, x, y = w * width, h * height, x * width, y * height
    return np.column_stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def _by_a_matrix(boxes, width, height):
    eye = np.eye(2)
    matrix = np.block([[eye, eye], [-eye / 2, eye / 2]])
    return (boxes @ matrix) * np.tile([width, height], 2)


def _scaled_last(boxes, width, height):
    half = boxes[:, 2:] / 2
    both = np.stack([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)  # (N, 2, 2)
    return (both * np.array([width, height])).reshape(-1, 4)
