"""Lesson 14 at full scale: cells of blood under a microscope, BCCD.

python course/14_detection/full_scale.py --steps 600

The pictures are made grey, dark cells bright, and so small that a cell has the size of
a digit: 640 × 480 pixels become 64 × 48, and each is cut into 6 windows of 20 × 20. The
detector of the lesson finds three kinds of cells in them, from random weights and from
a detector of the digits 0 to 4. AP50 is that of windows, not of whole pictures. The
data come from the folder named by `TLKERAS_MIRROR`.
"""

import argparse
from pathlib import Path
from runpy import run_path

import numpy as np

from tlkeras.boxes import area, clip
from tlkeras.datasets import bccd
from tlkeras.datasets.box_files import load_arrays
from tlkeras.scores import average_precision

HERE = Path(__file__).resolve().parent
SIZE = (48, 64)  # of a picture
CORNERS = [(top, left) for top in (2, 26) for left in (2, 22, 42)]  # of the windows
LEAST = 0.4  # of a box must lie in a window, or it is left out there
LEAST_ALL = 0.02  # of the score that counts


def windows(split, scenes):
    """The windows of a split that have a cell: pictures, classes and boxes.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        scenes: what `scenes.py` defines.

    Returns:
        A `Scenes`; red cells are class 0, white ones 1, platelets 2.
    """
    side = scenes["SIDE"]
    images, boxes, labels = load_arrays(bccd.load_data(split), SIZE)
    dark = 1 - images.mean(axis=-1)  # (B, 48, 64)
    dark = (dark - dark.min(axis=(1, 2), keepdims=True)) / np.ptp(
        dark, axis=(1, 2), keepdims=True
    )
    found = []
    for image, around, names in zip(dark, boxes, labels, strict=True):
        around, names = around[names >= 0], names[names >= 0]
        for top, left in CORNERS:
            inside = clip(around - [left, top, left, top], side, side)
            kept = area(inside) >= LEAST * area(around)
            if kept.any():
                cut = image[top : top + side, left : left + side, None]
                found.append((cut, names[kept], np.float32(inside[kept] / side)))
    images, classes, shares = zip(*found, strict=True)
    return scenes["Scenes"](np.stack(images), list(classes), list(shares))


def ap50(detector, cells, side):
    """COCO's AP50 of a detector, the mean over three kinds of cells."""
    logits, boxes = detector.answers(cells.images)
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances = (chances / chances.sum(axis=-1, keepdims=True))[..., :-1]
    predictions = []
    for p, mine in zip(chances, boxes * side, strict=True):
        queries, classes = np.nonzero(p > LEAST_ALL)
        found = {"boxes": mine[queries], "classes": classes}
        predictions.append(found | {"scores": p[queries, classes]})
    truths = [
        {"boxes": theirs * side, "classes": classes}
        for classes, theirs in zip(cells.classes, cells.boxes, strict=True)
    ]
    return average_precision(predictions, truths)["ap50"]


def main(steps=600, pictures=(50, None), seed=0):
    """Print AP50 of both beginnings.

    Args:
        steps: of 16 windows.
        pictures: windows to learn from; None for all.
        seed: of the first weights and of the windows that are drawn.
    """
    scenes = run_path(str(HERE / "scenes.py"))
    kind = run_path(str(HERE / "detector.py"))["DigitDetector"]
    train, test = windows("train", scenes), windows("test", scenes)
    print(
        f"{len(train.classes):,} windows to learn from, {len(test.classes):,} to test"
    )
    digits = kind(scenes["SIDE"], len(scenes["OTHERS"]))
    digits.begin("from scratch", seed)
    others = scenes["draw"]("known", 1000, 0, classes=scenes["OTHERS"])
    digits.learn(others, 4e-3, 600, seed)
    source = digits.model.get_weights()
    detector = kind(scenes["SIDE"], len(bccd.NAMES))
    order = np.random.default_rng(seed).permutation(len(train.classes))
    for count in pictures:
        some = order[:count]
        few = scenes["Scenes"](
            train.images[some], *([x[i] for i in some] for x in train[1:])
        )
        for start, rate in (("from scratch", 4e-3), ("other digits", 1e-3)):
            detector.begin(start, seed, source)
            detector.learn(few, rate, steps if count is None else steps // 4, seed)
            score = ap50(detector, test, scenes["SIDE"])
            print(f"{len(some):,} windows, {start}: AP50 {score:.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    main(parser.parse_args().steps)
