"""Several words in a row, by one voice: recordings of single words, joined.

Nothing is recorded anew: words of one speaker are drawn from any `Recordings` and laid
one behind the other, with a gap of random length before, between and behind them. So
it is known where each word is, which nobody could say of speech that flows. What flows
is harder: joined words have no coarticulation, and each is said as if it were alone.
"""

from typing import NamedTuple

import numpy as np

from tlkeras.datasets.audio.audio_files import pad
from tlkeras.datasets.audio.recordings import Recordings


class SpokenStrings(NamedTuple):
    """Joined words. Axes: N strings.

    Args:
        recordings: `Recordings` whose texts are words with a space between; every label
            is −1.
        places: for each string the samples at which its words begin and end, integers
            `(words, 2)`.
    """

    recordings: Recordings
    places: list[np.ndarray]


def join_words(
    recordings: Recordings,
    count: int,
    seed: int,
    words: tuple[int, int] = (2, 5),
    gap: tuple[float, float] = (0.05, 0.25),
    seconds: float = 4.0,
    hiss: float = 0.001,
) -> SpokenStrings:
    """Strings of words that one speaker says, each speaker in turn.

    Every word is as loud as the others. A string that would be longer than `seconds`
    loses its last words; the first must fit.

    Args:
        recordings: of single words, in at least one voice.
        count: N.
        seed: of which words, how many, and of the gaps.
        words: the fewest and the most in a string. Defaults to 2 and 5.
        gap: the shortest and the longest, in seconds. Defaults to 0.05 and 0.25.
        seconds: of every row. Defaults to 4.
        hiss: standard deviation of white noise over the whole string, so that gaps are
            no perfect silence; the loudest sample of a word is 0.5. Defaults to 0.001.

    Returns:
        `SpokenStrings`.

    Raises:
        ValueError: there is no recording, `count`, `seconds` or `hiss` is out of range,
            a range is turned round, or a first word is longer than `seconds`.

    Example:

    >>> from tlkeras.datasets import synthetic_speech
    >>> strings = join_words(synthetic_speech.load_data("test"), 3, seed=0)
    >>> strings.recordings.waveforms.shape, len(strings.places)
    ((3, 32000), 3)
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(f"count must be a positive integer; given {count!r}.")
    _check_range("words", words, 1)
    _check_range("gap", gap, 0)
    if not (0 < seconds < np.inf and 0 <= hiss < np.inf):
        raise ValueError(
            "seconds must be positive, and hiss not negative; given "
            f"{seconds} and {hiss}."
        )
    if not len(recordings.texts):
        raise ValueError("recordings must have at least one word; given none.")
    rng = np.random.default_rng(seed)
    speakers = rng.permutation(np.unique(recordings.speakers))
    samples = round(seconds * recordings.sample_rate)
    joined = [
        _string(recordings, speakers[i % len(speakers)], rng, words, gap, samples)
        for i in range(count)
    ]
    sounds, texts, places = (list(part) for part in zip(*joined, strict=True))
    sounds = [_with_hiss(sound, hiss, seed, i) for i, sound in enumerate(sounds)]
    waveforms, mask = pad(sounds, samples)
    voices = np.array([speakers[i % len(speakers)] for i in range(count)])
    labels = np.full(count, -1, "int64")
    rate = recordings.sample_rate
    found = Recordings(waveforms, mask, labels, np.array(texts), voices, rate)
    return SpokenStrings(found, places)


def _string(recordings, speaker, rng, words, gap, samples):
    """A waveform, its text, and where the words are."""
    theirs = np.flatnonzero(recordings.speakers == speaker)
    chosen = rng.choice(theirs, rng.integers(words[0], words[1] + 1))
    pauses = rng.uniform(*gap, size=len(chosen) + 1) * recordings.sample_rate
    parts: list[np.ndarray] = []
    texts: list[str] = []
    places: list[tuple[int, int]] = []
    end = 0
    for index, pause in zip(chosen, pauses.astype(int), strict=False):
        sound = recordings.sound(index)
        begin = end + pause
        if begin + len(sound) > samples:
            if texts:
                break
            word = str(recordings.texts[index])
            raise ValueError(
                f"seconds must have room for a gap and a word; the first word, "
                f"{word!r}, ends at sample {begin + len(sound)} of {samples}."
            )
        end = begin + len(sound)
        loudest = max(float(np.abs(sound).max(initial=0)), 1e-6)
        parts += [np.zeros(pause, "float32"), 0.5 * sound / loudest]
        texts.append(str(recordings.texts[index]))
        places.append((begin, end))
    parts.append(np.zeros(int(pauses[-1]), "float32"))
    whole = np.concatenate(parts)[:samples]
    return whole, " ".join(texts), np.minimum(places, samples)


def _with_hiss(sound, hiss, seed, index):
    noise = np.random.default_rng([seed, index]).normal(size=len(sound))
    return sound + hiss * noise


def _check_range(name, values, least):
    low, high = values
    if not least <= low <= high:
        raise ValueError(
            f"{name} must be two numbers from {least}, the smaller one first; given "
            f"{values}."
        )
