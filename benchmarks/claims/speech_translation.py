"""Spoken English numbers into German and Chinese: in one step, in two, from scratch.

python benchmarks/claims/speech_translation.py --measure          # all there is
python benchmarks/claims/speech_translation.py --measure 200      # one number of pairs

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. `tlkeras.datasets.spoken_numbers`: so many
recordings of the train split to learn from, all of the test split, other voices, to be
tested on. Two starts learn, the encoder of `tlkeras://speech_letters` and random
weights, each with the joint loss of lesson 18. Of every model two ways to translate are
scored: *direct*, its decoder; and *cascade*, its English letters (best path) into the
text model, trained on the same pairs. So both ways have heard the same. Each start
chose its rate and its steps from one grid, by the direct score with a seed of its own,
on eight voices of the train split that nobody learns from.
"""

import functools
import itertools
import sys
from pathlib import Path

import numpy as np
from _once import gains, kept, numbers, once, table

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "course" / "18_speech_translation"))

STARTS = ("pretrained", "from scratch")
RATES, STEPS = (1e-3, 3e-3), (250, 600)
COUNTS, TUNING_SEED, SEEDS = (650, 200), 100, range(5)
TEXT_RATE, TEXT_STEPS = 3e-3, 900
VOICES, NOISE = 8, 5  # voices of the validation; decibels below the voice
RUN = ("start", "pairs", "split", "rate", "steps", "seed")
WAYS = ("direct", "cascade")
SCORES = (
    *(f"{way}_{what}" for way in WAYS for what in ("de", "zh", "de_noise")),
    *("letters", "letters_noise"),
)
FILE = HERE.with_suffix(".csv")


@functools.cache
def models():
    """The two models in which all runs learn."""
    import translator

    return translator, translator.Speech(), translator.Translator()


@functools.cache
def recordings(split):
    """Those to learn from, to choose by, or to be tested on."""
    from tlkeras.datasets import spoken_numbers

    if split == "test":
        return spoken_numbers.load_data("test").recordings
    found = spoken_numbers.load_data("train").recordings
    voices = np.array([name.split("+")[1] for name in found.speakers])
    chosen = np.isin(voices, np.unique(voices)[-VOICES:])
    return found.only(chosen if split == "validation" else ~chosen)


@functools.cache
def heard(split, decibels=None):
    """What the encoder reads of a split, clean or in noise."""
    translator, speech, _ = models()
    found = recordings(split)
    noisy = decibels is not None
    return speech.features(translator.in_noise(found, decibels, 7) if noisy else found)


@functools.cache
def known(count):
    """Features of so many recordings, clean and twice in noise; letters; targets."""
    translator, speech, _ = models()
    found = recordings("known").only(np.arange(count))
    below = np.random.default_rng(1).uniform(5, 30, (2, count))
    copies = [found, *(translator.in_noise(found, below[i], i) for i in range(2))]
    parts = [speech.features(copy) for copy in copies]
    inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    letters = translator.letters_of(found.texts)
    return inputs, letters, translator.targets_of(found.labels)


@once(FILE, RUN, SCORES)
def run(start, count, split, rate, steps, seed):
    """Shares of exactly right texts, of one model in both ways."""
    translator, speech, text = models()
    inputs, letters, targets = known(count)
    speech.start(start == "pretrained", seed)
    thrice = np.tile(letters, (3, 1)), np.tile(targets, (1, 3, 1))
    speech.learn(inputs, *thrice, rate, steps, seed)
    text.learn(letters, targets, TEXT_RATE, TEXT_STEPS, seed)
    found = recordings(split)
    wanted = {
        code: [x[n] for n in found.labels] for code, x in translator.TEXTS.items()
    }
    clean, noisy = heard(split), heard(split, NOISE)
    english, english_noisy = speech.hear(clean), speech.hear(noisy)
    return {
        "direct_de": _exact(speech.write(clean, "de"), wanted["de"]),
        "direct_zh": _exact(speech.write(clean, "zh"), wanted["zh"]),
        "direct_de_noise": _exact(speech.write(noisy, "de"), wanted["de"]),
        "cascade_de": _exact(text.write(english, "de")[0], wanted["de"]),
        "cascade_zh": _exact(text.write(english, "zh")[0], wanted["zh"]),
        "cascade_de_noise": _exact(text.write(english_noisy, "de")[0], wanted["de"]),
        "letters": _exact(english, found.texts.tolist()),
        "letters_noise": _exact(english_noisy, found.texts.tolist()),
    }


def _exact(found, wanted):
    return float(np.mean([a == b for a, b in zip(found, wanted, strict=True)]))


def measure(count):
    """All runs with so many pairs: the grid, and the best setting with every seed."""
    for start in STARTS:
        grid = {
            choice: run(start, count, "validation", *choice, TUNING_SEED)
            for choice in itertools.product(RATES, STEPS)
        }
        best = max(grid, key=lambda choice: float(grid[choice]["direct_de"]))
        for seed in SEEDS:
            run(start, count, "test", *best, seed)


def show():
    """The section of RESULTS.md: shares exactly right, by pairs that were known."""
    rows = [row for row in kept(FILE, RUN).values() if row["split"] == "test"]
    counts = sorted(COUNTS)
    titles = {
        "de": "German, exactly right",
        "zh": "Chinese, exactly right",
        "de_noise": f"German, voices {NOISE} decibels above noise",
    }
    for what, title in titles.items():
        cells = {
            f"{way}, {start}": [
                numbers(rows, f"{way}_{what}", start=start, pairs=n) for n in counts
            ]
            for start in STARTS
            for way in WAYS
        }
        for start in STARTS:
            direct, cascade = (cells[f"{way}, {start}"] for way in WAYS)
            cells[f"direct − cascade, {start}"] = gains(direct, cascade)
        for way in WAYS:
            trained, fresh = (cells[f"{way}, {start}"] for start in STARTS)
            name = " − ".join(STARTS)
            cells[f"{name}, {way}"] = gains(trained, fresh)
        print(table(title, [f"{n} pairs" for n in counts], cells) + "\n")
    cells = {
        f"{start}{where}": [
            numbers(rows, f"letters{name}", start=start, pairs=n) for n in counts
        ]
        for start in STARTS
        for name, where in (("", ""), ("_noise", ", in noise"))
    }
    print(table("English letters, all right", [f"{n} pairs" for n in counts], cells))
    chosen = {tuple(row[x] for x in RUN[:2] + RUN[3:5]) for row in rows}
    said = [
        f"{start}, {count} pairs: {rate} × {steps}"
        for start, count, rate, steps in sorted(chosen)
    ]
    print(f"\n200 recordings of new voices, {len(SEEDS)} seeds; 95 % intervals,")
    print("differences seed by seed. Chosen of rates")
    rates, steps = (", ".join(map(str, x)) for x in (RATES, STEPS))
    print(f"{rates} and steps {steps} of 32: {'; '.join(said)}.")


def main(*arguments):
    """Measure, or show."""
    if arguments[:1] == ("--measure",):
        for count in map(int, arguments[1:] or COUNTS):
            measure(count)
    show()


if __name__ == "__main__":
    main(*sys.argv[1:])
