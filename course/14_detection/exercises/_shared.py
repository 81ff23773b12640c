"""Boxes at random, and what several exercises compute with them."""

import numpy as np


def box(rng, count, low=0.0, high=1.0):
    """Corners of boxes with all their sides at least a tenth of the room: (N, 4)."""
    room = high - low
    size = rng.uniform(0.1, 0.5, (count, 2)) * room
    start = low + rng.uniform(0, 1, (count, 2)) * (room - size)
    return np.concatenate([start, start + size], axis=1).astype("float32")


def near(rng, boxes, by):
    """Boxes whose corners are moved a little; still boxes."""
    moved = boxes + rng.uniform(-by, by, boxes.shape)
    return np.concatenate(
        [moved[:, :2], np.maximum(moved[:, 2:], moved[:, :2] + 0.02)], axis=1
    ).astype("float32")


def rectangle(start, end):
    """The area between two corners (…, 2): 0 where they are in the wrong order."""
    return np.maximum(end - start, 0).prod(axis=-1)


def generalized(one, other):
    """GIoU of boxes (…, 4) that broadcast."""
    areas = [rectangle(x[..., :2], x[..., 2:]) for x in (one, other)]
    shared = rectangle(
        np.maximum(one[..., :2], other[..., :2]),
        np.minimum(one[..., 2:], other[..., 2:]),
    )
    around = rectangle(
        np.minimum(one[..., :2], other[..., :2]),
        np.maximum(one[..., 2:], other[..., 2:]),
    )
    union = areas[0] + areas[1] - shared
    return shared / union - (around - union) / around


def softmax(logits, axis=-1):
    """Probabilities along an axis."""
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
