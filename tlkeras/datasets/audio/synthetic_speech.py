"""Digits and numbers said by a speech synthesiser, eSpeak NG, in many voices.

1,200 words, the digits zero to nine by 15 accents and 76 voices at many pitches and
speeds, and 100 phrases ("two hundred and six", "four one nine"). 8 kHz. They ship with
this package: no network and no synthesiser is needed. `data/synthetic_speech` holds the
recipe. The test split has voices of its own.
"""

import csv

import numpy as np

from tlkeras import shipped
from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio._lossless import decompress
from tlkeras.datasets.audio.audio_files import pad
from tlkeras.datasets.audio.recordings import Recordings
from tlkeras.datasets.audio.spoken_digits import WORDS

SAMPLE_RATE, BITS = 8000, 10
KINDS = ("words", "phrases")
TEST_VARIANTS = (
    "Alicia Denis Marco adam boris f2 f5 grandpa iven3 klatt2 linda m3 m8 pedro steph2"
)


def load_data(
    split: str = "train", kind: str = "words", seconds: float | None = None
) -> Recordings:
    """The recordings of a split.

    Args:
        split: `"train"`, or `"test"`: 15 voices that the train split does not have.
        kind: `"words"`, one digit each, or `"phrases"`. Defaults to `"words"`.
        seconds: of every row. Defaults to 1 for words, and 4 for phrases.

    Returns:
        `Recordings`; the label of a word is the digit, that of a phrase −1. A speaker
        is an accent and a voice, such as `en-gb+f3`.

    Raises:
        ValueError: there is no such split or kind.
        DataError: the files are not there, or damaged.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test'; given {split!r}.")
    if kind not in KINDS:
        raise ValueError(f"kind must be 'words' or 'phrases'; given {kind!r}.")
    rows, parts = utterances("synthetic_speech")
    chosen = [
        index
        for index, row in enumerate(rows)
        if (row["text"] in WORDS) == (kind == "words")
        and (row["variant"] in TEST_VARIANTS.split()) == (split == "test")
    ]
    seconds = seconds or {"words": 1.0, "phrases": 4.0}[kind]
    scaled = [parts[index].astype("float32") / 2 ** (BITS - 1) for index in chosen]
    waveforms, mask = pad(scaled, round(seconds * SAMPLE_RATE))
    texts = [rows[index]["text"] for index in chosen]
    labels = [WORDS.index(text) if text in WORDS else -1 for text in texts]
    speakers = ["{voice}+{variant}".format(**rows[index]) for index in chosen]
    return Recordings(
        waveforms,
        mask,
        np.array(labels, "int64"),
        np.array(texts),
        np.array(speakers),
        SAMPLE_RATE,
    )


def utterances(name: str) -> tuple[list[dict[str, str]], list[np.ndarray]]:
    """All that a synthesiser said for a shipped data set.

    Args:
        name: of its folder.

    Returns:
        The lines of its `index.csv`, and the samples of each, integers.

    Raises:
        DataError: the files are not there, or damaged.
    """
    folder = _folder(name)
    rows = _index(folder / "index.csv")
    samples = _samples(folder / "samples.xz", sum(int(row["samples"]) for row in rows))
    ends = np.cumsum([int(row["samples"]) for row in rows])
    return rows, np.split(samples, ends[:-1])


def _folder(name):
    try:
        return shipped.checked(name)
    except shipped.DamagedError as error:
        raise DataError(str(error)) from error


def _index(path):
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"{path} must ship with tlkeras: {error}.") from error


def _samples(path, expected):
    try:
        samples = decompress(path.read_bytes())
    except Exception as error:  # not there, cut off, or something else
        raise DataError(f"{path} must ship with tlkeras, whole: {error}.") from error
    if len(samples) != expected:
        raise DataError(
            f"{path} must hold {expected} samples, as index.csv says; it holds "
            f"{len(samples)}. Install tlkeras again."
        )
    return samples
