"""Pictures with several handwritten digits in them, and where each one is."""

from typing import NamedTuple

import numpy as np

from tlkeras.datasets import digits
from tlkeras.models import interpolation_matrix

SIDE = 20  # pixels of a picture
CLASSES, OTHERS = (5, 6, 7, 8, 9), (0, 1, 2, 3, 4)
MOST = 4  # things in a picture
SIZES = (5, 10)  # pixels of the longer side of a digit
TRIES = 20  # places that are tried for a digit, before it is left out


class Scenes(NamedTuple):
    """Pictures, and what is in them; axes: B pictures, G things of one of them."""

    images: np.ndarray  # (B, SIDE, SIDE, 1), 0 paper, 1 ink
    classes: list  # integers (G,), from 0
    boxes: list  # (G, 4), corners as shares of the picture


def draw(part, count, seed, classes=CLASSES, which=slice(None)):
    """Some pictures.

    Args:
        part: `"known"` or `"new"`: no digit is in both.
        count: how many pictures.
        seed: of everything that is drawn.
        classes: the digits, five in a row. Defaults to `CLASSES`.
        which: a slice of the part's digits, if not all. Defaults to all.
    """
    (known, known_labels), (new, new_labels) = digits.load_data()
    images, labels = (known, known_labels) if part == "known" else (new, new_labels)
    images, labels = images[which], labels[which]
    chosen = np.isin(labels, classes)
    pool = [_ink(image) for image in images[chosen]], labels[chosen] - classes[0]
    rng = np.random.default_rng([seed, len(images)])
    return Scenes(*_columns([_scene(*pool, rng) for _ in range(count)]))


def _scene(inks, labels, rng):
    """One picture: image, classes, boxes."""
    image, classes, boxes = np.zeros((SIDE, SIDE), "float32"), [], []
    for _ in range(rng.integers(1, MOST + 1)):
        number = rng.integers(len(inks))
        digit = _resized(inks[number], rng.integers(SIZES[0], SIZES[1] + 1))
        height, width = digit.shape
        for _ in range(TRIES):
            top = rng.integers(SIDE - height + 1)
            left = rng.integers(SIDE - width + 1)
            box = left, top, left + width, top + height
            if not any(_touch(box, other) for other in boxes):
                image[top : top + height, left : left + width] = digit
                classes.append(labels[number])
                boxes.append(box)
                break
    shares = np.array(boxes, "float32") / SIDE
    return image[..., None], np.array(classes), shares


def _touch(one, other):
    """Whether two boxes share a pixel."""
    return all(max(one[i], other[i]) < min(one[i + 2], other[i + 2]) for i in (0, 1))


def _ink(image):
    """The smallest part of an image with all of its ink."""
    rows, columns = (np.flatnonzero(image.max(axis=axis) > 0.1) for axis in (1, 0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink, longer):
    """The same in another size, its longer side given in pixels."""
    height, width = (
        max(2, round(side * longer / max(ink.shape))) for side in ink.shape
    )
    rows = interpolation_matrix(height, ink.shape[0])
    columns = interpolation_matrix(width, ink.shape[1])
    return np.clip(rows @ ink @ columns.T, 0, 1)


def _columns(scenes):
    images, classes, boxes = zip(*scenes, strict=True)
    return np.stack(images), list(classes), list(boxes)
