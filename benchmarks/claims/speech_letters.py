"""What a model that learned letters from a machine is worth for people's strings.

python benchmarks/claims/speech_letters.py --measure          # all there is
python benchmarks/claims/speech_letters.py --measure 60       # one number of strings

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. Strings of two to five words of one of six people
(`tlkeras.datasets.spoken_strings` of the Free Spoken Digit Dataset; needs the
recordings), joined from the authors' training split and tested on strings of the test
split: the same people, other recordings. Three starts learn: `letters`, the preset
`tlkeras://speech_letters`; `words`, the encoder of `tlkeras://speech_digits` under a
new head; and random weights. Each chose its rate and its steps from one grid with a
seed of its own, on other strings of the training split. Zero-shot needs no choice.
"""

import functools
import itertools
import sys
from pathlib import Path

from _once import gains, kept, numbers, once, table

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "17_speech_to_text"))

STARTS = ("letters", "words", "from scratch")
RATES, STEPS = (1e-3, 3e-3), (75, 300)
COUNTS, TUNING_SEED, SEEDS = (60, 20, 200), 100, range(5)
TESTS, VALIDATION = 150, 100
JOINED = {"gap": (0.03, 0.2), "seconds": 3.0}
RUN = ("start", "strings", "split", "rate", "steps", "seed")
SCORES = ("wer", "cer")
FILE = HERE.with_suffix(".csv")


@functools.cache
def writer():
    """The model in which all starts learn."""
    from writer import Writer

    return Writer()


@functools.cache
def strings(split, seed):
    """Texts of joined words, and what the encoder reads of them."""
    from tlkeras.datasets import spoken_digits, spoken_strings

    words = spoken_digits.load_data("test" if split == "test" else "train")
    count = {"test": TESTS, "validation": VALIDATION}.get(split, max(COUNTS))
    made = spoken_strings.join_words(words, count, seed, **JOINED).recordings
    return made.texts.tolist(), writer().features(made)


@once(FILE, RUN, SCORES)
def run(start, count, split, rate, steps, seed):
    """Word and character error rate of one model."""
    from tlkeras.scores import character_error_rate, word_error_rate

    weights = writer().first_weights(start, seed)
    if count:
        texts, inputs = strings("known", seed)
        some = {name: x[:count] for name, x in inputs.items()}
        writer().learn(some, texts[:count], rate, steps, seed, weights)
    else:
        writer().trainer.model.set_weights(weights)
    said, inputs = strings(split, 1000 + (split == "validation"))
    heard = writer().write(inputs)
    return {
        "wer": word_error_rate(heard, said).rate,
        "cer": character_error_rate(heard, said).rate,
    }


def measure(count):
    """All runs with so many strings: the grid, and the best setting with every seed."""
    for start in STARTS:
        grid = {
            choice: run(start, count, "validation", *choice, TUNING_SEED)
            for choice in itertools.product(RATES, STEPS)
        }
        best = min(grid, key=lambda choice: float(grid[choice]["wer"]))
        for seed in SEEDS:
            run(start, count, "test", *best, seed)


def show():
    """The section of RESULTS.md: words wrong of test strings, by strings known."""
    rows = [row for row in kept(FILE, RUN).values() if row["split"] == "test"]
    counts = sorted(COUNTS)
    for score, title in (("wer", "words wrong"), ("cer", "characters wrong")):
        cells = {
            start: [numbers(rows, score, start=start, strings=n) for n in counts]
            for start in STARTS
        }
        first, *others = STARTS
        for other in others:
            cells[f"{first} − {other}"] = gains(cells[first], cells[other])
        (before,) = numbers(rows, score, strings=0)
        print(table(title, [f"{n} strings" for n in counts], cells))
        print(f"\nZero-shot {before:.3f}.\n")
    chosen = {tuple(row[x] for x in RUN[:2] + RUN[3:5]) for row in rows}
    said = [
        f"{start}, {count} strings: {rate} × {steps}"
        for start, count, rate, steps in sorted(chosen)
        if count != "0"
    ]
    print(
        f"{TESTS} strings of {len(SEEDS)} draws; 95 % intervals, differences draw by "
    )
    rates, steps = (", ".join(map(str, x)) for x in (RATES, STEPS))
    print(f"draw. Of rates {rates} and steps {steps} of 8 strings, on other strings:")
    print("; ".join(said) + ".")


def main(*arguments):
    """Measure, or show."""
    if arguments[:1] == ("--measure",):
        run("letters", 0, "test", 0.0, 0, 0)
        for count in map(int, arguments[1:] or COUNTS):
            measure(count)
    show()


if __name__ == "__main__":
    main(*sys.argv[1:])
