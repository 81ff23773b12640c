"""What a small ViT may learn first: images of 8 × 8 pixels, and something to say.

None has an image of the classes that the lesson transfers to, the digits 5 to 9.
`masked` is an image that hides half of itself; its labels are not used.
"""

import string
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import affine_transform, map_coordinates, zoom

from tlkeras.datasets import digits, mnist

FIVE = 5  # the source has the classes below, the target those from here on


def as_digits(images):
    """MNIST as scikit-learn's digits were made: cut to the ink, 32 × 32, counted.

    Args:
        images: `(N, 28, 28)` from 0 to 1.

    Returns:
        Floats `(N, 8, 8, 1)`: how many of 4 × 4 small pixels have ink.
    """
    return np.stack([_as_digit(image) for image in images])[..., None]


def _as_digit(image):
    ink = image > 0.2
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 32 / max(cut.shape)
    height, width = (max(1, round(n * scale)) for n in cut.shape)
    picture = Image.fromarray(cut).resize((width, height), Image.Resampling.BILINEAR)
    page = np.zeros((32, 32), "float32")
    top, left = (32 - height) // 2, (32 - width) // 2
    page[top : top + height, left : left + width] = np.asarray(picture)
    return (page > 0.4).astype("float32").reshape(8, 4, 8, 4).mean((1, 3))


def bent(images, rng):
    """Each image turned, stretched and slanted a little, at random."""
    return np.stack([_bent(image, rng) for image in images])


def _bent(image, rng):
    angle, slant = rng.normal(0, 0.15), rng.normal(0, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = (
        turn @ np.array([[1, slant], [0, 1]]) @ np.diag(np.exp(rng.normal(0, 0.1, 2)))
    )
    centre = (np.array(image.shape) - 1) / 2
    return affine_transform(image, matrix, offset=centre - matrix @ centre, order=1)


def warped(images, rng):
    """Bent more, and each part of the image moved a little by itself; any pen."""
    return np.stack([_warped(image, rng) for image in images])


def _warped(image, rng):
    """Half as many again as `_bent`, and waves of about a pixel."""
    angle, slant = rng.normal(0, 0.2), rng.normal(0, 0.3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = (
        turn @ np.array([[1, slant], [0, 1]]) @ np.diag(np.exp(rng.normal(0, 0.2, 2)))
    )
    centre = (np.array(image.shape)[:, None, None] - 1) / 2
    places = np.einsum("ij,jhw->ihw", matrix, np.indices(image.shape) - centre)
    waves = [zoom(rng.normal(0, 1.2, (5, 5)), 28 / 5, order=1) for _ in range(2)]
    moved = map_coordinates(image, places + centre + np.stack(waves), order=1)
    pen = rng.uniform(0.6, 2)  # thin or wide
    return np.clip(moved / moved.max() * pen, 0, 1)


def mnist_low(copies=4):
    """MNIST's digits 0 to 4 with their labels, and bent copies: other writers."""
    images, labels = mnist.load_data("test")
    low = labels < FIVE
    rng = np.random.default_rng(0)
    kinds = [images[low], *(bent(images[low], rng) for _ in range(copies))]
    return np.concatenate([as_digits(x) for x in kinds]), np.tile(
        labels[low], 1 + copies
    )


def mnist_low_turned():
    """The same, turned four ways and mirrored: 5 digits × 8 ways are 40 classes."""
    images, labels = mnist_low()
    turned = [np.rot90(images, way, axes=(1, 2)) for way in range(4)]
    turned += [image[:, :, ::-1] for image in turned]
    classes = [labels + FIVE * way for way in range(8)]
    return np.concatenate(turned), np.concatenate(classes)


def warped_low(copies=10):
    """As `mnist_low`, with more copies, bent more."""
    images, labels = mnist.load_data("test")
    low = labels < FIVE
    rng = np.random.default_rng(0)
    kinds = [images[low], *(warped(images[low], rng) for _ in range(copies))]
    return np.concatenate(kinds), np.tile(labels[low], 1 + copies)


def all_ways(images, labels):
    """Turned four ways and mirrored, each a class of its own."""
    turned = [np.rot90(images, way, axes=(1, 2)) for way in range(4)]
    turned += [image[:, :, ::-1] for image in turned]
    count = labels.max() + 1
    return np.concatenate(turned), np.concatenate(
        [labels + count * w for w in range(8)]
    )


def warped_low_turned():
    """`mnist_low_turned` with more copies, bent more."""
    images, labels = warped_low()
    return all_ways(as_digits(images), labels)


def glyphs(copies=24):
    """Printed letters, upper and lower case, in the typefaces that matplotlib has."""
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    paths = [*sorted(folder.glob("DejaVu*")), *sorted(folder.glob("STIXGen*"))]
    faces = [ImageFont.truetype(p, 22) for p in paths if "Display" not in p.stem]
    pages = [_page(letter, face) for letter in string.ascii_letters for face in faces]
    rng = np.random.default_rng(0)
    kinds = [np.stack(pages), *(warped(pages, rng) for _ in range(copies))]
    labels = np.repeat(np.arange(52), len(faces))
    return as_digits(np.concatenate(kinds)), np.tile(labels, 1 + copies)


def _page(letter, face):
    page = Image.new("L", (28, 28))
    ImageDraw.Draw(page).text((14, 14), letter, fill=255, font=face, anchor="mm")
    return np.asarray(page, "float32") / 255


def glyphs_turned():
    """Letters in 8 ways: 416 classes."""
    return all_ways(*glyphs(8))


def digits_low():
    """Digits 0 to 4 of the very data set of the target, with labels: same writers."""
    images, labels = digits.load_data()[0]
    low = labels < FIVE
    return images[low][..., None], labels[low]


def fractals(classes=100, each=60):
    """Drawings of random iterated function systems; the class is the system.

    Reference:
        Kataoka et al. (2020), arXiv:2101.08515, section 3.
    """
    rng = np.random.default_rng(0)
    systems = [_system(rng) for _ in range(classes)]
    images = [_fractal(rng, *system) for system in systems for _ in range(each)]
    return np.stack(images)[..., None], np.repeat(np.arange(classes), each)


def _system(rng):
    """2 to 5 affine maps that contract."""
    while True:
        count = rng.integers(2, 6)
        matrices = rng.uniform(-1, 1, (count, 2, 2))
        if np.linalg.svd(matrices, compute_uv=False).max() < 0.95:
            return matrices, rng.uniform(-1, 1, (count, 2))


def _fractal(rng, matrices, shifts):
    """One drawing: 64 points wander for 60 steps, and each step is a dot."""
    matrices = matrices * (1 + rng.normal(0, 0.1, matrices.shape))
    share = np.abs(np.linalg.det(matrices)) + 1e-3
    points, seen = np.zeros((64, 2)), []
    for step in range(60):
        chosen = rng.choice(len(matrices), 64, p=share / share.sum())
        points = np.einsum("nij,nj->ni", matrices[chosen], points) + shifts[chosen]
        if step > 15:
            seen.append(points)
    seen = np.concatenate(seen)
    low, high = np.percentile(seen, (2, 98), axis=0)
    places = ((seen - low) / (high - low + 1e-6)).T
    dots, _, _ = np.histogram2d(*places, bins=32, range=[[0, 1], [0, 1]])
    return (dots > 0).astype("float32").reshape(8, 4, 8, 4).mean((1, 3))


SOURCES = {
    "digits_low": digits_low,
    "mnist_low": mnist_low,
    "mnist_low_turned": mnist_low_turned,
    "fractals": fractals,
    "masked": mnist_low_turned,
    "warped_low_turned": warped_low_turned,
    "glyphs": glyphs,
    "glyphs_turned": glyphs_turned,
}
