"""What each source is worth: digits 5 to 9 from few labels, five seeds.

python data/vit_digits/compare.py scratch NAME=FOLDER NAME=frozen:FOLDER …

A body that is `frozen` computes features alone. The lines are those of comparison.csv.

Rate and number of steps are chosen for every start and number of labels by itself, from
the same grid, on training images whose labels were not used; then 250 or so new images
are read once a seed. Seeds of the choice and of the test differ.
"""

import csv
import functools
import itertools
import sys

import keras
import numpy as np
from train import SHAPE

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import digits
from tlkeras.models import ViT
from tlkeras.transfer import Retrainer, draw_labels

RATES, STEPS = (1e-3, 3e-3, 1e-2), (50, 150)
COUNTS = (1, 2, 5, 10)  # labels a class
TUNING_SEEDS, TEST_SEEDS = (100, 101), range(5)


def target(part):
    """Digits 5 to 9 of a part of the data set, as classes 0 to 4."""
    images, labels = digits.load_data()[part]
    high = labels >= 5
    return images[high][..., None], labels[high] - 5


def classifier(vit, frozen=False):
    """Five logits on the pooled output."""
    vit.trainable = not frozen
    logits = keras.layers.Dense(5)(vit.output["pooled_output"])
    return keras.Model(vit.input, logits)


@functools.cache
def start(folder, seed):
    """The first weights of a run: the body of a preset if there is one, a new head."""
    keras.utils.set_random_seed(seed)
    vit = from_preset(folder) if folder else ViT(**SHAPE)
    return classifier(vit).get_weights()


def measure(name, folder, trainer):
    """Rows: start, labels a class, grid, choice, accuracies of the five seeds."""
    (images, labels), (new_images, new_labels) = target(0), target(1)

    def run(count, seed, rate, steps, tuning):
        chosen = draw_labels(labels, 5 * count, seed)
        known = images[chosen], labels[chosen]
        trainer.run(*known, rate, steps, seed, start(folder, seed))
        if tuning:
            others = np.setdiff1d(np.arange(len(labels)), chosen)
            return trainer.accuracy(images[others], labels[others])
        return trainer.accuracy(new_images, new_labels)

    for count in COUNTS:
        grid = {
            choice: np.mean([run(count, s, *choice, True) for s in TUNING_SEEDS])
            for choice in itertools.product(RATES, STEPS)
        }
        best = max(grid, key=grid.get)
        found = [run(count, seed, *best, False) for seed in TEST_SEEDS]
        tried = " ".join(f"{r:g}/{s}:{a:.3f}" for (r, s), a in grid.items())
        yield name, count, *best, *(f"{x:.4f}" for x in found), tried


def main(*starts):
    """Print a line for each start and number of labels."""
    trainers = {
        frozen: Retrainer(classifier(ViT(**SHAPE), frozen)) for frozen in (False, True)
    }
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for each in starts:
        name, _, folder = each.partition("=")
        trainer = trainers[folder.startswith("frozen:")]
        for row in measure(name, folder.removeprefix("frozen:"), trainer):
            rows.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
