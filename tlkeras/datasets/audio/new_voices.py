"""Spoken digits in voices that the shipped speech encoder never heard.

People where their recordings can be had (`spoken_digits`), and else the synthetic test
voices that ship with this package, so that whatever uses them also runs offline.
"""

import socket
import threading
from typing import NamedTuple

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.audio import spoken_digits, synthetic_speech
from tlkeras.datasets.audio.recordings import Recordings

PATIENCE = 5  # seconds for the first of many files


class NewVoices(NamedTuple):
    """What can be learned from, what is for testing, and whose voices they are.

    Args:
        known: `Recordings` to learn from.
        new: `Recordings` to test on, by the same speakers.
        human: whether people speak.
    """

    known: Recordings
    new: Recordings
    human: bool


def human_or_synthetic(seconds: float = 1.0, download: bool = True) -> NewVoices:
    """Human recordings if they can be had, else synthetic ones, and says which.

    Human: the authors' split of the Free Spoken Digit Dataset, 2,700 and 300 words.
    Synthetic: two of three words of the 15 test voices, and the third: 168 and 77.

    Args:
        seconds: of every row. Defaults to 1.
        download: whether a network may be used. Defaults to `True`.

    Returns:
        `NewVoices`.
    """
    try:
        if not spoken_digits.at_hand():
            _try_one(download)
        known = spoken_digits.load_data("train", seconds=seconds)
        new = spoken_digits.load_data("test", seconds=seconds)
        voices = NewVoices(known, new, human=True)
        print(
            f"Human voices: {len(voices.known.labels):,} recordings to learn from and "
            f"{len(voices.new.labels)} to test on, of the Free Spoken Digit Dataset."
        )
    except DataError as error:
        voices = _synthetic(seconds)
        print(
            "Synthetic voices stand in for human ones, which cannot be fetched here\n"
            f"({_reason(error)}). The lesson gives the numbers of both."
        )
    return voices


def _reason(error):
    """The shortest that says why: of an error of the network its own words."""
    cause = getattr(error.__cause__, "reason", error.__cause__)
    if isinstance(cause, socket.gaierror):  # "Name or service not known", and the like
        return "no network"
    text = getattr(cause, "strerror", None) or cause or error
    return str(text).split(". ")[0].rstrip(".")


def _try_one(download):
    """Fetch one file, so that no network is noticed at once and not 3,000 times.

    Raises:
        DataError: it cannot be had within `PATIENCE`.
    """
    if not download:
        raise DataError("they are not on this machine, and nothing was downloaded")
    problems = [DataError("the network does not answer")]

    def fetch():
        try:
            spoken_digits.fetch_first(PATIENCE)
            problems.clear()
        except DataError as error:
            problems.append(error)

    # In a thread, because looking up a name heeds no timeout.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if problems:
        raise problems[-1]


def _synthetic(seconds):
    found = synthetic_speech.load_data("test", seconds=seconds)
    voices = np.array([name.split("+")[1] for name in found.speakers])
    found = found._replace(speakers=voices)
    turn = np.empty(len(voices), int)  # the place of each word among those of its voice
    for voice in set(voices):
        mine = np.flatnonzero(voices == voice)
        turn[mine] = np.arange(len(mine))
    return NewVoices(found.only(turn % 3 != 2), found.only(turn % 3 == 2), human=False)
