"""Speech Commands: 105,000 one-second recordings of 35 words, through TFDS.

TensorFlow Datasets makes twelve classes of them: ten words, `_silence_`, and
`_unknown_` for the 25 others. The splits have different speakers. Licence: CC BY 4.0.
For full scale: a download of 2.4 GB, once. Needs the package tensorflow-datasets.

Reference:
    Warden (2018), arXiv:1804.03209, sections 4 and 7.
"""

from pathlib import Path

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio.audio_files import pad
from tlkeras.datasets.audio.recordings import Recordings
from tlkeras.extras import command

NAME = "speech_commands:0.0.3"
SAMPLE_RATE = 16000
SPLITS = ("train", "validation", "test")


def load_data(
    split: str = "train", count: int | None = None, data_dir: Path | str | None = None
) -> Recordings:
    """The recordings of a split.

    Args:
        split: `"train"`, `"validation"` or `"test"`.
        count: only so many, the first of the split. Defaults to `None`, all; a row
            takes 64 kB.
        data_dir: where TensorFlow Datasets keeps them. Defaults to its own choice.

    Returns:
        `Recordings` of one second; the label is an index into `names()`. Speakers are
        not told by TensorFlow Datasets: empty texts.

    Raises:
        ValueError: there is no such split.
        ModuleNotFoundError: tensorflow-datasets is not installed.
        DataError: the data cannot be had.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}; given {split!r}.")
    wanted = split if count is None else f"{split}[:{int(count)}]"
    data, info = _load(wanted, data_dir)
    names = info.features["label"].names
    waveforms, labels = [], []
    for samples, label in data.as_numpy_iterator():
        waveforms.append(np.asarray(samples, "float32") / 32768)
        labels.append(int(label))
    rows, mask = pad(waveforms, SAMPLE_RATE)
    texts = np.array([names[label] for label in labels], dtype=object).astype(str)
    nobody = np.full(len(labels), "")
    found = np.array(labels, "int64")
    return Recordings(rows, mask, found, texts, nobody, SAMPLE_RATE)


def names(data_dir: Path | str | None = None) -> list[str]:
    """The twelve classes, in the order of the labels.

    Raises:
        ModuleNotFoundError: tensorflow-datasets is not installed.
    """
    return _module().builder(NAME, data_dir=data_dir).info.features["label"].names


def _load(split, data_dir):
    tfds = _module()
    try:
        return tfds.load(
            NAME,
            split=split,
            data_dir=data_dir,
            as_supervised=True,
            shuffle_files=False,
            with_info=True,
        )
    except Exception as error:  # TFDS raises many kinds
        raise DataError(
            f"Speech Commands could not be had: {error} It needs a network once, and 5 "
            "GB. Without one, spoken_digits has human recordings in a mirror, and "
            "synthetic_speech needs nothing."
        ) from error


def _module():
    try:
        import tensorflow_datasets
    except ModuleNotFoundError as error:
        if error.name != "tensorflow_datasets":
            raise
        raise ModuleNotFoundError(
            f"Speech Commands needs tensorflow-datasets. Run: {command('tfds')}",
            name=error.name,
        ) from error
    return tensorflow_datasets
