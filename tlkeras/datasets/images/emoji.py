"""Emoji with their names in English and Chinese, drawn by two artists.

Small pictures in colour, each with what it shows in two languages. They ship with this
package: no network is needed. `data/emoji` holds the recipe and the licences.

Splits are fixed. *Concepts* are things whose name, without tones of skin and without
who it is (man, woman, person), is not in the training data at all. *Combinations* have
a tone of skin and a thing that are both in the training data, but not together. All
else is *train*.
"""

from typing import NamedTuple

import numpy as np

from tlkeras import shipped
from tlkeras.datasets._fetch import DataError

SIZE = 32  # height and width of a picture, in pixels
COLUMNS = 32  # pictures in a row of a file
ARTISTS = ("twemoji", "noto")  # who drew what is learned from, and the other one
SPLITS = ("train", "combinations", "concepts")


class Emoji(NamedTuple):
    """Pictures and their names, row by row.

    Args:
        images: floats `(N, 32, 32, 3)`; red, green and blue from 0 to 1, on white.
        english: what they show, such as `"woman astronaut light skin tone"`.
        chinese: the same in Chinese.
        concepts: the English names without tones of skin and without who it is.
        codes: the code points of the characters, such as `"1f469-1f3fb-200d-1f680"`.
    """

    images: np.ndarray
    english: np.ndarray
    chinese: np.ndarray
    concepts: np.ndarray
    codes: np.ndarray


def load_data(split: str = "train", artist: str = "twemoji") -> Emoji:
    """The emoji of a split, as one artist drew them.

    Args:
        split: `"train"`, `"combinations"` or `"concepts"`. Defaults to `"train"`.
        artist: `"twemoji"`, all of them, or `"noto"`, another one, who has all held-out
            ones and one in five of the others. Defaults to `"twemoji"`.

    Returns:
        An `Emoji`.

    Raises:
        ValueError: there is no such split or artist.
        DataError: the files are not there, or damaged.

    Example:

    >>> data = load_data("combinations")
    >>> data.images.shape[1:], len(data.english) == len(data.images)
    ((32, 32, 3), True)
    """
    for name, given, known in (("split", split, SPLITS), ("artist", artist, ARTISTS)):
        if given not in known:
            raise ValueError(f"{name} must be one of {known}; given {given!r}.")
    try:
        folder = shipped.checked("emoji")
    except shipped.DamagedError as error:
        raise DataError(str(error)) from error
    lines = (folder / "names.tsv").read_text("utf-8").splitlines()
    table = np.array([line.split("\t") for line in lines])  # (N, 6)
    if artist == "noto":
        table = table[table[:, 5] == "both"]
    images = _cut(folder / f"{artist}.webp", len(table))
    chosen = table[:, 4] == split
    codes, english, chinese, concepts = table[chosen, :4].T
    return Emoji(images[chosen], english, chinese, concepts, codes)


def _cut(path, count):
    """The pictures of a file: floats (count, 32, 32, 3)."""
    from PIL import Image

    sheet = np.asarray(Image.open(path).convert("RGB"))
    grid = sheet.reshape(-1, SIZE, COLUMNS, SIZE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIZE, SIZE, 3)[:count].astype("float32") / 255
