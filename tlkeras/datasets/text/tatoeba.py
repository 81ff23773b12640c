"""Tatoeba: short English sentences and their Mandarin translations, by volunteers.

22,075 pairs in the selection of manythings.org, with 18,550 or so different English
sentences; CC BY 2.0 France, attribution in each line of the file.

Reference:
    The Tatoeba project, tatoeba.org.
"""

import zlib

from tlkeras.datasets._fetch import DataError, Source, fetch

SOURCE = Source(
    "sunlanchang/Seq2Seq-for-NMT",
    "a7cfaa2a529d3a15d741e6d48568a517f95cb1a1",
    "data/cmn.txt",
    "e1439be4f55aeb39f30c478aa6372dec93764475395eefbb9bce49e768a3bba2",
)
SPLITS = ("train", "validation", "test")


def load_data(split: str = "train") -> list[tuple[str, str]]:
    """One split as pairs of an English and a Chinese sentence.

    There are no official splits. One English sentence in 20 is for validation and one
    for tests, chosen by a hash of it, so that all translations of a sentence are on the
    same side.

    Args:
        split: `"train"`, `"validation"` or `"test"`. Defaults to `"train"`.

    Returns:
        A list of pairs of strings.

    Raises:
        ValueError: there is no such split.
        DataError: the file cannot be had, or is damaged.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}; given {split!r}.")
    return [pair for pair in _pairs() if _split(pair[0]) == split]


def _pairs():
    path = fetch(SOURCE)
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            raise DataError(f"{path}:{number} must have three fields; given {line!r}.")
        yield fields[0].strip(), fields[1].strip()


def _split(english):
    number = zlib.crc32(english.encode()) % 20
    return {0: "test", 1: "validation"}.get(number, "train")
