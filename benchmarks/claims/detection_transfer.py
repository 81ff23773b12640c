"""What the small ViT is worth for finding digits, at 50, 200 and 1,000 pictures.

python benchmarks/claims/detection_transfer.py --measure          # all there is
python benchmarks/claims/detection_transfer.py --measure 200   # so many

`--measure` goes on where it was stopped; each run is a line of the file beside it.
Without it the runs kept are shown. The detector of lesson 14 learns from pictures with
digits from 5 to 9 and is tested on digits that nobody trained on. It begins from random
weights; with the body of `tlkeras://vit_digits`; or with all but the last layer of a
detector that has learned from 1,000 pictures with digits from 0 to 4. All three have
one rate, which was not tuned for any of them.
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
STEPS = {50: 80, 200: 120, 1000: 200}  # of 16 pictures, by pictures
RATE, SEEDS, TESTS = 4e-3, range(5), 200
RUN = ("start", "pictures", "rate", "seed")
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
    others = draw("known", 1000, 0, classes=(0, 1, 2, 3, 4))
    detector.learn(others, RATE, STEPS[1000], 0)
    return detector.model.get_weights()


@once(FILE, RUN, SCORES)
def run(start, count, rate, seed):
    """Scores of a detector that has learned."""
    detector, draw, _ = parts()
    detector.begin(start, seed, source() if start == SOURCE else None)
    detector.learn(draw("known", count, seed), rate, STEPS[count], seed)
    found = scores(detector, draw("new", TESTS, 1))
    return {name: found[name] for name in SCORES}


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
            run(start, count, RATE, seed)


def values(start, count, score):
    """One number a seed."""
    return {
        int(key[3]): float(row[score])
        for key, row in kept(FILE, RUN).items()
        if key[:2] == (start, str(count)) and row[score]
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

    lines = [["", *(f"{n:,} pictures" for n in STEPS)], ["---"] * (len(STEPS) + 1)]
    for start in STARTS:
        found = [list(values(start, n, score).values()) for n in STEPS]
        lines.append([start, *map(cell, found)])
    for start in STARTS[1:]:
        gains = []
        for n in STEPS:
            a, b = values(start, n, score), values(SCRATCH, n, score)
            both = sorted(a.keys() & b.keys())
            gains.append(cell([a[seed] - b[seed] for seed in both]))
        lines.append([f"{start} − {SCRATCH}", *gains])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def show():
    """Both tables."""
    for score, title in (("ap50", "AP50"), ("ap50_anything", "whatever the class")):
        print(f"**{title}**\n\n{table(score)}\n")
    print("Empty: not measured yet. 95 % intervals; gains draw by draw.")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        wanted = sys.argv[sys.argv.index("--measure") + 1 :]
        for number in map(int, wanted or STEPS):
            measure(number)
    show()
