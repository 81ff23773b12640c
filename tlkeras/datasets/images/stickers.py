"""Emoji as five artists drew them, and scattered on sheets as stickers.

1,033 things in colour, each drawn five times: by Google in two styles, Twitter,
Microsoft and EmojiTwo. They ship with this package: no network is needed.
`data/stickers` holds the recipe and the licences.
"""

from typing import NamedTuple

import numpy as np

from tlkeras import shipped
from tlkeras.datasets._fetch import DataError

SIZE = 24  # height and width of a drawing, and of a sheet, in pixels
COLUMNS = 32  # drawings in a row of a file
ARTISTS = ("noto", "twemoji", "emojitwo", "fluent", "noto_blobs")
KNOWN_ARTISTS = 3  # whose drawings are for learning; those of the others are new
FOOD = (
    "banana",
    "carrot",
    "cherries",
    "grapes",
    "hamburger",
    "lemon",
    "mushroom",
    "pizza",
    "strawberry",
    "watermelon",
)


class Drawings(NamedTuple):
    """All drawings.

    Args:
        pictures: floats `(5, 1033, 24, 24, 3)`, one row an artist of `ARTISTS`; red,
            green and blue from 0 to 1, on white paper.
        names: the 1,033 things, such as `"red-apple"`.
    """

    pictures: np.ndarray
    names: np.ndarray


def load_drawings() -> Drawings:
    """Every drawing, as it is.

    Returns:
        `Drawings`.

    Raises:
        DataError: the files are not there, or damaged.
    """
    try:
        folder = shipped.checked("stickers")
    except shipped.DamagedError as error:
        raise DataError(str(error)) from error
    names = np.array((folder / "names.txt").read_text("ascii").split())
    sheets = [_cut(folder / f"{artist}.png", len(names)) for artist in ARTISTS]
    return Drawings(np.stack(sheets), names)


def load_data(
    kinds: tuple[str, ...] = FOOD, copies: int = 40, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Sheets with one sticker each, and which thing it shows.

    The sheets to learn from have drawings by three artists, those to test on by the
    two others.

    Args:
        kinds: the things to tell apart; a label is a place in it. Defaults to ten
            kinds of food.
        copies: how often each drawing lies on a sheet, each time elsewhere. Defaults
            to 40.
        seed: of where they lie. Defaults to 0.

    Returns:
        Two pairs of images, floats `(N, 24, 24, 3)` from 0 to 1, and labels, integers
        `(N,)`: to learn from, N = 3 · kinds · copies, and to test on, N = 2 · kinds ·
        copies.

    Raises:
        ValueError: there is no such thing, or no copies are asked for.
        DataError: the files are not there, or damaged.

    Example:

    >>> (images, labels), (new_images, new_labels) = load_data(copies=2)
    >>> images.shape, new_images.shape
    ((60, 24, 24, 3), (40, 24, 24, 3))
    """
    if copies < 1:
        raise ValueError(f"copies must be at least 1; given {copies!r}.")
    pictures, names = load_drawings()
    unknown = sorted(set(kinds) - set(names))
    if unknown:
        raise ValueError(
            f"kinds must be among the names of load_drawings(); unknown: {unknown}."
        )
    chosen = pictures[:, [np.flatnonzero(names == kind)[0] for kind in kinds]]
    random = np.random.default_rng(seed)
    parts = []
    for drawn in (chosen[:KNOWN_ARTISTS], chosen[KNOWN_ARTISTS:]):
        many = np.tile(drawn.reshape(-1, SIZE, SIZE, 3), (copies, 1, 1, 1))
        labels = np.tile(np.arange(len(kinds)), len(drawn) * copies)
        parts.append((scatter(many, random), labels))
    return parts[0], parts[1]


def scatter(pictures: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each picture as a sticker on a white sheet: smaller, tilted, anywhere.

    Args:
        pictures: floats `(N, 24, 24, 3)`.
        random: a generator that draws the size (half to nine tenths of the sheet), the
            tilt (up to 30° either way) and the place, within the sheet.

    Returns:
        Floats `(N, 24, 24, 3)`, on sheets of the same size.
    """
    count = len(pictures)
    size = random.uniform(0.5, 0.9, (count, 1, 1))
    tilt = random.uniform(-np.pi / 6, np.pi / 6, (count, 1, 1))
    room = (1 - size) / 2  # how far the middle may move, as a part of the sheet
    right, down = random.uniform(-1, 1, (2, count, 1, 1)) * room
    grid = (np.arange(SIZE) + 0.5) / SIZE - 0.5  # middles of pixels, from −½ to ½
    x, y = grid[None, None, :] - right, grid[None, :, None] - down
    x, y = (
        (x * np.cos(tilt) + y * np.sin(tilt)) / size,
        (y * np.cos(tilt) - x * np.sin(tilt)) / size,
    )
    return _sampled(pictures, (x + 0.5) * SIZE - 0.5, (y + 0.5) * SIZE - 0.5)


def _sampled(pictures, column, row):
    """Pixels between pixels, bilinear; white beyond the edge. Both (N, 24, 24)."""
    ink = np.pad(1 - pictures, ((0, 0), (1, 1), (1, 1), (0, 0)))
    column, row = (np.clip(place + 1, 0, SIZE + 0.999) for place in (column, row))
    left, top = column.astype(int), row.astype(int)
    across, along = (column - left)[..., None], (row - top)[..., None]
    each = np.arange(len(pictures))[:, None, None]
    mixed = sum(
        ink[each, top + below, left + beside]
        * (along if below else 1 - along)
        * (across if beside else 1 - across)
        for below in (0, 1)
        for beside in (0, 1)
    )
    return (1 - mixed).astype("float32")


def _cut(path, count):
    """The drawings of a file: floats (count, 24, 24, 3)."""
    from PIL import Image

    sheet = np.asarray(Image.open(path).convert("RGB"))
    grid = sheet.reshape(-1, SIZE, COLUMNS, SIZE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIZE, SIZE, 3)[:count].astype("float32") / 255
