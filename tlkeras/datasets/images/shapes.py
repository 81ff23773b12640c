"""Drawn images of circles, squares and triangles, with a box around each.

For object detection without a download: every box is known exactly.
"""

import numpy as np

NAMES = ("circle", "square", "triangle")
FINER = 4  # pixels are averages of this many squared


def load_data(
    count: int = 1000, size: int = 64, most: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw images.

    Each holds 1 to `most` shapes in random colours on a noisy grey ground. Shapes do
    not overlap, and lie inside of the image whole.

    Args:
        count: N, number of images. Defaults to 1000.
        size: height and width in pixels, at least 16. Defaults to 64.
        most: M, the most shapes in an image. Defaults to 3.
        seed: of everything that is drawn. Image i does not depend on `count`. Defaults
            to 0.

    Returns:
        images: `(N, size, size, 3)`, float32 from 0 to 1.
        boxes: `(N, M, 4)`, float32: left, top, right, bottom in pixels, 0 where there
            is no shape. A pixel in column x reaches from x to x + 1.
        labels: `(N, M)`, integers: an index into `NAMES`, −1 where there is no shape.

    Raises:
        ValueError: a number is not positive, or the image too small for its shapes.

    Example:

    >>> images, boxes, labels = load_data(count=2, size=32)
    >>> images.shape, boxes.shape, labels.shape
    ((2, 32, 32, 3), (2, 3, 4), (2, 3))
    """
    for name, value, low in (
        ("count", count, 1),
        ("size", size, 16),
        ("most", most, 1),
    ):
        if not isinstance(value, int | np.integer) or value < low:
            raise ValueError(
                f"{name} must be an integer of at least {low}; given {value!r}."
            )
    images = np.empty((count, size, size, 3), "float32")
    boxes = np.zeros((count, most, 4), "float32")
    labels = np.full((count, most), -1)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        images[number] = rng.uniform(0.3, 0.7) + rng.normal(0, 0.05, (size, size, 3))
        for place in range(rng.integers(1, most + 1)):
            box = _free_box(rng, size, boxes[number, :place])
            if box is None:
                break
            label = rng.integers(len(NAMES))
            cover = _cover(NAMES[label], box, size)[..., None]  # (size, size, 1)
            colour = rng.uniform(0, 1, 3)
            images[number] = (1 - cover) * images[number] + cover * colour
            boxes[number, place], labels[number, place] = box, label
    return images.clip(0, 1), boxes, labels


def _free_box(rng, size, taken):
    """A square box that touches no other, or `None` where none was found."""
    for _ in range(100):
        side = rng.uniform(0.2, 0.4) * size
        left, top = rng.uniform(0, size - side, 2)
        box = np.array([left, top, left + side, top + side])
        apart = (box[:2] >= taken[:, 2:] + 1) | (box[2:] <= taken[:, :2] - 1)
        if apart.any(axis=1).all():
            return box
    return None


def _cover(name, box, size):
    """What share of each pixel a shape covers: `(size, size)`."""
    places = (np.arange(size * FINER) + 0.5) / FINER
    left, top, right, bottom = box
    x = ((places - left) / (right - left))[None, :]  # 0 to 1 inside of the box
    y = ((places - top) / (bottom - top))[:, None]
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    if name == "circle":
        inside = inside & ((x - 0.5) ** 2 + (y - 0.5) ** 2 <= 0.25)
    elif name == "triangle":
        inside = inside & (np.abs(x - 0.5) <= y / 2)
    fine = inside.reshape(size, FINER, size, FINER)
    return fine.mean(axis=(1, 3))
