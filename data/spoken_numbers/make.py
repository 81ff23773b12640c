"""Make the spoken numbers again: `make spoken-numbers`, some minutes on one core.

Needs Debian's package espeak-ng (1.51 made the files here). The same seed and version
give the same bytes.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from tlkeras.datasets.audio._lossless import compress
from tlkeras.datasets.spoken_numbers import BITS, in_english
from tlkeras.datasets.synthetic_speech import TEST_VARIANTS

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "synthetic_speech"))

import make as words  # noqa: E402

TRAIN, TEST, SEED = 800, 200, 0


def a_number(rng):
    """From 0 to 999; small ones, teens and round hundreds more often than by chance."""
    low, high = ((0, 10), (10, 20), (20, 100), (20, 100))[rng.integers(4)]
    hundreds = rng.integers(1, 10) if rng.random() < 0.8 else 0
    return int(100 * hundreds + rng.integers(low, high))


def utterance(variants, rng):
    """A number, said as one by an English voice drawn at random."""
    number = a_number(rng)
    text = in_english(number)
    voice = str(rng.choice(words.ENGLISH.split()))
    variant = str(rng.choice(variants))
    pitch, speed = int(rng.integers(10, 90)), int(rng.integers(150, 240))
    return number, words.Utterance(text, text, voice, variant, pitch, speed)


def main():
    """Write `index.csv` and `samples.xz`."""
    rng = np.random.default_rng(SEED)
    new = TEST_VARIANTS.split()
    known = [name for name in words.VARIANTS.split() if name not in new]
    drawn = [utterance(known, rng) for _ in range(TRAIN)]
    drawn += [utterance(new, rng) for _ in range(TEST)]
    whole = [
        np.round(words.speak(said) * 2 ** (BITS - 1)).astype("<i2") for _, said in drawn
    ]
    (HERE / "samples.xz").write_bytes(compress(np.concatenate(whole)))
    with open(HERE / "index.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("number", "voice", "variant", "pitch", "speed", "samples"))
        for (number, x), y in zip(drawn, whole, strict=True):
            rows.writerow((number, x.voice, x.variant, x.pitch, x.speed, len(y)))


if __name__ == "__main__":
    main()
