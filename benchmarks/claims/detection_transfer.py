"""What a ViT and a detector of other digits are worth for finding digits in pictures.

python benchmarks/claims/detection_transfer.py --measure          # all there is
python benchmarks/claims/detection_transfer.py --measure 200   # so many

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. The detector of lesson 14 learns from pictures with
digits from 5 to 9 and is tested on digits that nobody trained on. It begins from random
weights; with the body of `tlkeras://vit_digits`; or with all but the last layer of a
detector that has learned from 4,000 pictures with digits from 0 to 4. Each start chose
its rate from one grid, with 50 pictures of one half of the known digits, by AP50 on
pictures of the other half, and has it at all numbers of pictures.
"""

import functools
import runpy
import sys
from pathlib import Path

from _once import kept, once

HERE = Path(__file__).resolve()
LESSON = HERE.parents[2] / "course" / "14_detection"
SCRATCH, SOURCE = "from scratch", "other digits"
STARTS = (SCRATCH, "vit_digits", SOURCE)
STEPS = {50: 150, 1000: 600, 200: 250}  # of 16 pictures, by pictures
SOURCE_PICTURES, SOURCE_STEPS, SOURCE_RATE = 4000, 1200, 4e-3
RATES, GRID_COUNT, TUNING_SEED = (1e-3, 2e-3, 4e-3, 8e-3), 50, 100
SEEDS, TESTS = range(5), 200
HALVES = {"learn": slice(0, None, 2), "validation": slice(1, None, 2)}
RUN = ("start", "pictures", "split", "rate", "seed")
SCORES = ("ap50", "ap50_anything", "ap", "duplicates")
FILE = HERE.with_suffix(".csv")


@functools.cache
def parts():
    """The detector, and the function that draws pictures."""
    scenes = runpy.run_path(str(LESSON / "scenes.py"))
    kind = runpy.run_path(str(LESSON / "detector.py"))["DigitDetector"]
    return kind(scenes["SIDE"], len(scenes["CLASSES"])), scenes["draw"], scenes["SIDE"]


@functools.cache
def source():
    """Weights of a detector of other digits."""
    detector, draw, _ = parts()
    detector.begin(SCRATCH, 0)
    others = draw("known", SOURCE_PICTURES, 0, classes=(0, 1, 2, 3, 4))
    detector.learn(others, SOURCE_RATE, SOURCE_STEPS, 0)
    return detector.model.get_weights()


@once(FILE, RUN, SCORES)
def run(start, count, split, rate, seed):
    """Scores of a detector that has learned."""
    detector, draw, _ = parts()
    detector.begin(start, seed, source() if start == SOURCE else None)
    tuning = split == "validation"
    known = draw("known", count, seed, **({"which": HALVES["learn"]} if tuning else {}))
    detector.learn(known, rate, STEPS[count], seed)
    if tuning:
        other = draw("known", TESTS, 1, which=HALVES["validation"])
    else:
        other = draw("new", TESTS, 1)
    found = scores(detector, other)
    return {name: found[name] for name in SCORES}


def best_rate(start):
    """The rate with the best AP50 on pictures of other known digits."""
    tried = {r: run(start, GRID_COUNT, "validation", r, TUNING_SEED) for r in RATES}
    return max(tried, key=lambda rate: float(tried[rate]["ap50"]))


def scores(detector, test):
    """COCO's scores of some pictures, and AP50 of boxes whatever their class."""
    import numpy as np

    from tlkeras.scores import average_precision

    side = parts()[2]
    logits, boxes = detector.answers(test.images)
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)

    def compared(named, classes_of):
        predictions, truths = [], []
        for p, mine in zip(named, boxes * side, strict=True):
            queries, classes = np.nonzero(p > 0.02)
            found = {"boxes": mine[queries], "classes": classes}
            predictions.append(found | {"scores": p[queries, classes]})
        for classes, theirs in zip(test.classes, test.boxes, strict=True):
            truths.append({"boxes": theirs * side, "classes": classes_of(classes)})
        return average_precision(predictions, truths)

    anything = compared(1 - chances[..., -1:], np.zeros_like)["ap50"]
    return compared(chances[..., :-1], np.array) | {"ap50_anything": anything}


def measure(count):
    """Every run with so many pictures that is not kept yet."""
    for seed in SEEDS:
        for start in STARTS:
            run(start, count, "test", best_rate(start), seed)


def chosen(start):
    """The rate that a start chose, as the file writes it, of those that were tried."""
    tried = {
        key[3]: float(row["ap50"])
        for key, row in kept(FILE, RUN).items()
        if key[0] == start and key[2] == "validation"
    }
    return max(tried, key=tried.get, default=None)


def values(start, count, score):
    """One number a seed, at the rate that was chosen."""
    return {
        int(key[4]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:4] == (start, str(count), "test", chosen(start))
    }


def table(score):
    """A score and its gains over scratch, with intervals, in Markdown."""
    from tlkeras.transfer.comparison import estimate

    def cell(numbers):
        if len(numbers) < 2:
            return ""
        found = estimate(numbers)
        few = "" if len(numbers) == len(SEEDS) else f" ({len(numbers)} seeds)"
        return f"{found.mean:.3f} ± {found.half_width:.3f}{few}"

    counts = sorted(STEPS)
    lines = [["", *(f"{n:,} pictures" for n in counts)], ["---"] * (len(counts) + 1)]
    for start in STARTS:
        found = [list(values(start, n, score).values()) for n in counts]
        lines.append([start, *map(cell, found)])
    for start in STARTS[1:]:
        gains = []
        for n in counts:
            a, b = values(start, n, score), values(SCRATCH, n, score)
            both = sorted(a.keys() & b.keys())
            gains.append(cell([a[seed] - b[seed] for seed in both]))
        lines.append([f"{start} − {SCRATCH}", *gains])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """The section of RESULTS.md."""
    for score, title in (("ap50", "AP50"), ("ap50_anything", "whatever the class")):
        print(f"**{title}**\n\n{table(score)}\n")
    steps = ", ".join(f"{n:,}: {STEPS[n]}" for n in sorted(STEPS))
    print(
        f"Steps of 16 pictures, by pictures: {steps}. Highest rate, of "
        f"{', '.join(map(str, RATES))}: "
        + "; ".join(f"{start} {chosen(start)}" for start in STARTS)
        + f". {TESTS} test pictures; 95 % intervals, gains draw by draw."
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for number in map(int, wanted or STEPS):
            measure(number)
    show()
