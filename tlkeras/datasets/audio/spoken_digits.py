"""The Free Spoken Digit Dataset: 3,000 recordings of the digits by six people.

50 recordings of each digit by each speaker, 8 kHz, by hand trimmed at the silence. The
authors' test split is the first five of the 50. The speakers are men, with accents of
the United States, Belgium, Germany and Greece. Licence: CC BY-SA 4.0.

The files come from the folder that `TLKERAS_MIRROR` names, or from GitHub at a pinned
commit, once, into Keras's cache (3,000 small files, some minutes). Each digit of each
speaker has a SHA-256 over its 50 files, in `spoken_digits.sha256`.

Reference:
    Jackson, Souza, Flaks, Pan, Nicolas and Thite (2018), *Free Spoken Digit Dataset*
    v1.0.8, doi:10.5281/zenodo.1342401.
"""

import concurrent.futures
import hashlib
import os
import urllib.request
from pathlib import Path

import numpy as np

from tlkeras.datasets import _fetch
from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio._wav import read_wav
from tlkeras.datasets.audio.audio_files import pad
from tlkeras.datasets.audio.recordings import Recordings

REPOSITORY = "Jakobovski/free-spoken-digit-dataset"
COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
SAMPLE_RATE = 8000
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
EACH, TEST = 50, 5  # recordings of a digit by a speaker; those that are test
HASHES = Path(__file__).with_suffix(".sha256")
AT_ONCE = 16  # downloads


def load_data(
    split: str = "train", unseen_speaker: str | None = None, seconds: float = 1.0
) -> Recordings:
    """The recordings of a split.

    Args:
        split: `"train"` or `"test"`.
        unseen_speaker: one of `SPEAKERS`: the test split is all that this one says, and
            the train split all that the others say. Defaults to `None`, the authors'
            split: 300 recordings to test, 2,700 to train, the same speakers in both.
        seconds: of every row; one recording in 200 is longer than the default, 1, and
            is cut.

    Returns:
        `Recordings`, digit by digit and speaker by speaker; the label is the digit.

    Raises:
        ValueError: there is no such split or speaker.
        DataError: the files cannot be had, or are damaged.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test'; given {split!r}.")
    if unseen_speaker not in (None, *SPEAKERS):
        raise ValueError(
            f"unseen_speaker must be one of {', '.join(SPEAKERS)}; given "
            f"{unseen_speaker!r}."
        )
    folder = _folder()
    waveforms, digits, speakers = [], [], []
    for (digit, speaker), expected in _hashes().items():
        group = _group(folder, digit, speaker, expected)
        for index, data in enumerate(group):
            test = index < TEST if unseen_speaker is None else speaker == unseen_speaker
            if test == (split == "test"):
                samples, _, _ = read_wav(_name(digit, speaker, index), data)
                waveforms.append(samples[:, 0].astype("float32"))
                digits.append(digit)
                speakers.append(speaker)
    rows, mask = pad(waveforms, round(seconds * SAMPLE_RATE))
    texts = np.array([WORDS[digit] for digit in digits])
    labels = np.array(digits, "int64")
    return Recordings(rows, mask, labels, texts, np.array(speakers), SAMPLE_RATE)


def at_hand() -> bool:
    """Whether the recordings lie in the mirror or in Keras's cache."""
    try:
        folder = _mirror() or _cache()
    except DataError:
        return False
    return all((folder / name).is_file() for name in _names())


def fetch_first(timeout: float) -> None:
    """Fetch one recording into the cache, to find out whether there is a network.

    Args:
        timeout: of the connection, in seconds.

    Raises:
        DataError: it cannot be had.
    """
    _mirror()  # a wrong one is an error here too
    _download(_cache(), _names()[0], timeout)


def _hashes():
    """`(digit, speaker)` to the SHA-256 of its files, one after another."""
    lines = HASHES.read_text("utf-8").split("\n")
    rows = [line.split() for line in lines if line]
    return {(int(digit), speaker): sha256 for digit, speaker, sha256 in rows}


def _name(digit, speaker, index):
    return f"recordings/{digit}_{speaker}_{index}.wav"


def _group(folder, digit, speaker, expected):
    """The bytes of the 50 files of a digit by a speaker, checked."""
    paths = [folder / _name(digit, speaker, index) for index in range(EACH)]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{missing[0]} is missing: copy it again.")
    files = [path.read_bytes() for path in paths]
    found = hashlib.sha256(b"".join(files)).hexdigest()
    if found != expected:
        raise DataError(
            f"{folder}/recordings/{digit}_{speaker}_*.wav are damaged, or others: "
            f"together their SHA-256 is {found}, and {expected} was expected. Delete "
            "them, so that they are fetched again."
        )
    return files


def _names():
    return [_name(a, b, index) for a, b in _hashes() for index in range(EACH)]


def _cache():
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"  # as Keras does
    return Path(home, "tlkeras", REPOSITORY, COMMIT)


def _mirror():
    """The folder of the mirror, or `None` where it does not have them."""
    mirror = os.environ.get("TLKERAS_MIRROR")
    if mirror:
        if not Path(mirror).is_dir():
            raise DataError(
                f"TLKERAS_MIRROR must name a folder; there is none at {mirror}."
            )
        folder = Path(mirror, REPOSITORY, COMMIT)
        if folder.is_dir():
            return folder
    return None


def _folder():
    """Where the files lie: the mirror if it has them, else the cache, filled first."""
    return _mirror() or _downloaded()


def _downloaded():
    folder = _cache()
    missing = [name for name in _names() if not (folder / name).is_file()]
    if not missing:
        return folder
    from keras.utils import Progbar

    print(f"Fetching {len(missing)} recordings (CC BY-SA 4.0), once …")
    progress = Progbar(len(missing), unit_name="file")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(_download, folder, name) for name in missing]
        try:
            for done in concurrent.futures.as_completed(waiting):
                done.result()
                progress.add(1)
        except DataError:
            pool.shutdown(cancel_futures=True)
            raise
    return folder


def _download(folder, name, timeout=60):
    url = f"{_fetch.SITE}/{REPOSITORY}/{COMMIT}/{name}"
    part = folder / f"{name}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            part.write_bytes(answer.read())
    except OSError as error:
        raise DataError(
            f"{name} could not be had from {url}: {error} Without a network, put the "
            f"recordings at {REPOSITORY}/{COMMIT}/recordings in a folder that "
            "TLKERAS_MIRROR names."
        ) from error
    os.replace(part, folder / name)
