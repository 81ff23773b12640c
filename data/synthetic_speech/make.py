"""Make the synthetic speech again: `make synthetic-speech`, a minute on one core.

Needs Debian's package espeak-ng (1.51 made the files here). The same seed and version
give the same bytes.
"""

import csv
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlkeras.datasets.audio._lossless import compress
from tlkeras.datasets.audio_files import resample, trim_silence
from tlkeras.datasets.spoken_digits import WORDS as DIGITS

HERE = Path(__file__).resolve().parent
SAMPLE_RATE, BITS = 8000, 10
WORDS_EACH, PHRASES, SEED = 120, 100, 0
ENGLISH = (
    "en-gb en-us en-gb-scotland en-gb-x-gbclan en-gb-x-rp en-gb-x-gbcwmd en-029 "
    "en-us-nyc"
)
# English digits as voices of other languages say them, spelt for those.
ACCENTS = {
    "de": "siero wann tu srie fohr faiw siks sewwen eyt nain",
    "el": "ζίροου ουάν του θρι φορ φάιβ σιξ σέβεν έιτ νάιν",
    "fr": "zirô ouane tou sri fôr faïve sixe sèveune eïte naïne",
    "nl": "ziero wan toe srie foor faif siks seven eet nain",
    "pl": "ziroł łan tu sri for fajw syks sewen ejt najn",
    "ru": "зироу уан ту сри фор файв сикс севэн эйт найн",
    "sv": "siro oann to tri fåår fajv siks seven ejt najn",
}
# Voices, without those that whisper, croak or are robots.
VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee "
    "Marco Mario Michael Mike Nguyen adam anika antonio aunty belinda benjamin boris "
    "caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 "
    "iven3 iven4 john kaukovalta klatt klatt2 klatt3 klatt4 linda m1 m2 m3 m4 m5 m6 m7 "
    "m8 marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro "
    "shelby steph steph2 steph3 travis victor zac"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)


class Utterance(NamedTuple):
    """What is said and how: pitch and speed as espeak-ng's -p and -s."""

    text: str
    spelling: str
    voice: str
    variant: str
    pitch: int
    speed: int


def in_words(number):
    """A number from 0 to 999, as it is read."""
    if number < 10:
        return DIGITS[number]
    if number < 20:
        return TEENS.split()[number - 10]
    if number < 100:
        rest = f" {DIGITS[number % 10]}" if number % 10 else ""
        return TENS.split()[number // 10 - 2] + rest
    rest = f" and {in_words(number % 100)}" if number % 100 else ""
    return f"{DIGITS[number // 100]} hundred{rest}"


def word(digit, rng):
    """A digit said by a voice drawn at random; three in ten have a foreign accent."""
    foreign = rng.random() < 0.3
    voice = str(rng.choice(list(ACCENTS) if foreign else ENGLISH.split()))
    spelling = ACCENTS[voice].split()[digit] if foreign else DIGITS[digit]
    return _utterance(DIGITS[digit], spelling, voice, rng)


def phrase(rng):
    """A number up to 999, or two to four digits in a row, by an English voice."""
    if rng.random() < 0.5:
        text = in_words(int(rng.integers(10, 1000)))
    else:
        text = " ".join(rng.choice(DIGITS, rng.integers(2, 5)))
    return _utterance(text, text, str(rng.choice(ENGLISH.split())), rng)


def _utterance(text, spelling, voice, rng):
    variant = str(rng.choice(VARIANTS.split()))
    pitch, speed = int(rng.integers(10, 90)), int(rng.integers(100, 220))
    return Utterance(text, spelling, voice, variant, pitch, speed)


def speak(utterance):
    """The samples `(S,)` of an utterance at 8 kHz, as loud as 0.9, trimmed."""
    command = ["espeak-ng", "-v", f"{utterance.voice}+{utterance.variant}", "--stdout"]
    command += ["-p", str(utterance.pitch), "-s", str(utterance.speed)]
    spoken = subprocess.run(
        [*command, "--", utterance.spelling], capture_output=True, check=True
    ).stdout
    start = spoken.index(b"data") + 8  # a header that does not know the length
    samples = np.frombuffer(spoken[start : len(spoken) - len(spoken) % 2], "<i2")
    samples = resample(samples / 32768, 22050, SAMPLE_RATE)
    samples = trim_silence(samples, SAMPLE_RATE)
    return 0.9 * samples / np.abs(samples).max()


def words(each, seed):
    """`each` times the ten digits, with their samples."""
    rng = np.random.default_rng(seed)
    drawn = [word(digit, rng) for _ in range(each) for digit in range(10)]
    return drawn, [speak(utterance) for utterance in drawn]


def main():
    """Write `index.csv` and `samples.xz`."""
    drawn, samples = words(WORDS_EACH, SEED)
    rng = np.random.default_rng(SEED + 1)
    phrases = [phrase(rng) for _ in range(PHRASES)]
    drawn, samples = drawn + phrases, samples + [speak(x) for x in phrases]
    whole = [np.round(x * 2 ** (BITS - 1)).astype("<i2") for x in samples]
    (HERE / "samples.xz").write_bytes(compress(np.concatenate(whole)))
    with open(HERE / "index.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("text", "voice", "variant", "pitch", "speed", "samples"))
        for x, y in zip(drawn, whole, strict=True):
            row = (x.text, x.voice, x.variant, x.pitch, x.speed, len(y))
            rows.writerow(row)


if __name__ == "__main__":
    main()
