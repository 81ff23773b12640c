"""Numbers from 0 to 999 said in English, with their words in German and Chinese.

1,000 recordings by a speech synthesiser, eSpeak NG, each said as one ("two hundred and
six") in one of 8 accents and 76 voices at many pitches and speeds. 8 kHz. They ship
with this package: no network and no synthesiser is needed. `data/spoken_numbers` holds
the recipe. The test split has voices of its own, those of `synthetic_speech`.
"""

from typing import NamedTuple

import numpy as np

from tlkeras.datasets.audio import synthetic_speech
from tlkeras.datasets.audio.audio_files import pad
from tlkeras.datasets.audio.recordings import Recordings

SAMPLE_RATE, BITS = 8000, 8
SECONDS = 3.0  # of every row, unless others are asked for
ENGLISH = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
GERMAN = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn "
    "vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"
)
GERMAN_TENS = "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"
CHINESE = "零一二三四五六七八九"


class SpokenNumbers(NamedTuple):
    """Spoken numbers and their words in two languages. Axes: N recordings.

    Args:
        recordings: `Recordings`; the label is the number, the text its English words.
        german: German words, text `(N,)`.
        chinese: Chinese words, text `(N,)`.
    """

    recordings: Recordings
    german: np.ndarray
    chinese: np.ndarray


def in_english(number: int) -> str:
    """A number from 0 to 999 in English words: 206 is *two hundred and six*.

    Args:
        number: 0 to 999.

    Raises:
        ValueError: it is another one.
    """
    _check(number)
    hundreds, rest = divmod(number, 100)
    if hundreds:
        words = f"{ENGLISH.split()[hundreds]} hundred"
        return f"{words} and {in_english(rest)}" if rest else words
    if rest < 20:
        return ENGLISH.split()[rest]
    tens = ENGLISH_TENS.split()[rest // 10 - 2]
    return f"{tens} {ENGLISH.split()[rest % 10]}" if rest % 10 else tens


def in_german(number: int) -> str:
    """A number from 0 to 999 in German, one word: 26 is *sechsundzwanzig*.

    Args:
        number: 0 to 999.

    Raises:
        ValueError: it is another one.
    """
    _check(number)
    hundreds, rest = divmod(number, 100)
    if hundreds:
        return _one(hundreds) + "hundert" + (in_german(rest) if rest else "")
    if rest < 20:
        return GERMAN.split()[rest]
    tens = GERMAN_TENS.split()[rest // 10 - 2]
    return f"{_one(rest % 10)}und{tens}" if rest % 10 else tens


def in_chinese(number: int) -> str:
    """A number from 0 to 999 in Chinese: 26 is 二十六, 206 is 二百零六.

    Ten is 十 alone and 一十 behind hundreds; 零 stands where tens are left out.

    Args:
        number: 0 to 999.

    Raises:
        ValueError: it is another one.
    """
    _check(number)
    hundreds, rest = divmod(number, 100)
    tens, units = divmod(rest, 10)
    if not hundreds and not tens:
        return CHINESE[units]
    words = f"{CHINESE[hundreds]}百" if hundreds else ""
    if tens:
        words += "十" if number < 20 else f"{CHINESE[tens]}十"
    elif units:
        words += "零"
    return words + (CHINESE[units] if units else "")


def load_data(split: str = "train", seconds: float = SECONDS) -> SpokenNumbers:
    """The recordings of a split.

    Args:
        split: `"train"`, 800 recordings, or `"test"`: 200 by 15 voices that the train
            split does not have.
        seconds: of every row. Defaults to 3; the longest recording is shorter.

    Returns:
        `SpokenNumbers`. A speaker is an accent and a voice, such as `en-gb+f3`.

    Raises:
        ValueError: there is no such split.
        DataError: the files are not there, or damaged.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test'; given {split!r}.")
    rows, parts = synthetic_speech.utterances("spoken_numbers")
    new = synthetic_speech.TEST_VARIANTS.split()
    chosen = [
        index
        for index, row in enumerate(rows)
        if (row["variant"] in new) == (split == "test")
    ]
    scaled = [parts[index].astype("float32") / 2 ** (BITS - 1) for index in chosen]
    waveforms, mask = pad(scaled, round(seconds * SAMPLE_RATE))
    numbers = [int(rows[index]["number"]) for index in chosen]
    recordings = Recordings(
        waveforms,
        mask,
        np.array(numbers, "int64"),
        np.array([in_english(number) for number in numbers]),
        np.array(["{voice}+{variant}".format(**rows[index]) for index in chosen]),
        SAMPLE_RATE,
    )
    return SpokenNumbers(
        recordings,
        np.array([in_german(number) for number in numbers]),
        np.array([in_chinese(number) for number in numbers]),
    )


def _one(digit):
    """A German digit within a word, where *eins* loses its s."""
    return "ein" if digit == 1 else GERMAN.split()[digit]


def _check(number):
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise ValueError(f"number must be an integer; given {number!r}.")
    if not 0 <= number <= 999:
        raise ValueError(f"number must be from 0 to 999; given {number}.")
