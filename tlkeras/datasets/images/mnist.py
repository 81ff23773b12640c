"""MNIST: handwritten digits of 28 × 28 pixels.

`"test"` is the 10,000 images by 250 writers; `"train"` the 60,000 others, which Keras
downloads. Terms: CC BY-SA 3.0.

Reference:
    LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to
    document recognition*, Proceedings of the IEEE 86(11).
"""

import gzip

import numpy as np

from tlkeras.datasets._fetch import DataError, Source, fetch

FOLDER = "docs/examples/MNIST/MNIST/raw"
COMMIT = "9336d820b2ef66b360fc6cb3611b3da5cefbb14d"
IMAGES, LABELS = (
    Source("patrick-kidger/equinox", COMMIT, f"{FOLDER}/{name}.gz", sha256)
    for name, sha256 in (
        (
            "t10k-images-idx3-ubyte",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        (
            "t10k-labels-idx1-ubyte",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    )
)


def load_data(split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of a split.

    Args:
        split: `"test"`, 10,000 images, which a mirror may hold, or `"train"`, 60,000,
            for which Keras needs a network once. Defaults to `"test"`.

    Returns:
        Images `(N, 28, 28)`, float32 from 0 (paper) to 1 (ink), and labels `(N,)`,
        integers from 0 to 9.

    Raises:
        ValueError: there is no such split.
        DataError: a file cannot be had, or is damaged.
    """
    if split == "train":
        return _from_keras()
    if split != "test":
        raise ValueError(f"split must be 'train' or 'test'; given {split!r}.")
    images = _idx(fetch(IMAGES))
    return images.astype("float32") / 255, _idx(fetch(LABELS)).astype("int64")


def _from_keras():
    import keras

    try:
        (images, labels), _ = keras.datasets.mnist.load_data()
    except Exception as error:  # get_file raises nothing more special
        raise DataError(
            f"MNIST's training images could not be had: {error} Without a network, "
            "split='test' comes from the folder that TLKERAS_MIRROR names."
        ) from error
    return images.astype("float32") / 255, labels.astype("int64")


def _idx(path):
    """The array of a gzipped IDX file: type, number of axes, lengths, bytes."""
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\x00\x00\x08":  # unsigned bytes
        raise DataError(f"{path} must be an IDX file of bytes; it begins {data[:4]!r}.")
    axes = data[3]
    shape = np.frombuffer(data, ">i4", count=axes, offset=4)
    return np.frombuffer(data, "uint8", offset=4 + 4 * axes).reshape(shape)
