"""What each source is worth: digits 5 to 9 from few labels, five seeds.

python data/vit_digits/compare.py scratch fine-tuned=FOLDER … [--counts 5 10]

`fine-tuned` first fits a logistic regression to what the body makes of the labelled
images, and takes that as the head with which all weights train on (Kumar et al. 2022,
arXiv:2202.10054). The lines are those of comparison.csv.

From scratch, rate and number of steps are chosen for every number of labels by itself,
from a grid, on training images whose labels were not used; fine-tuning takes one
setting of that grid for all. Then 250 or so new images are read once a seed. Seeds of
the choice and of the test differ.
"""

import argparse
import csv
import functools
import itertools
import sys

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from train import SHAPE

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import digits
from tlkeras.models import ViT
from tlkeras.transfer import Retrainer, draw_labels

GRID = [*itertools.product((1e-3, 3e-3, 1e-2), (50, 150)), (1e-3, 450), (3e-3, 450)]
ONE = (1e-3, 50)  # the setting of fine-tuning: rate, steps
COUNTS = (1, 2, 5, 10)  # labels a class
TUNING_SEEDS, TEST_SEEDS = (100, 101), range(5)


def target(part):
    """Digits 5 to 9 of a part of the data set, as classes 0 to 4."""
    images, labels = digits.load_data()[part]
    high = labels >= 5
    return images[high][..., None], labels[high] - 5


def classifier(vit):
    """Five logits on the pooled output."""
    return keras.Model(vit.input, keras.layers.Dense(5)(vit.output["pooled_output"]))


@functools.cache
def body(folder):
    """The weights of a preset, and what it makes of the training images."""
    vit = from_preset(folder)
    features = vit(target(0)[0])["pooled_output"]
    return vit.get_weights(), keras.ops.convert_to_numpy(features)


def start(folder, seed, chosen):
    """The first weights of a run: random ones, or a body and the head fitted to it."""
    if not folder:
        keras.utils.set_random_seed(seed)
        return classifier(ViT(**SHAPE)).get_weights()
    weights, features = body(folder)
    head = LogisticRegression(max_iter=1000)
    head.fit(features[chosen], target(0)[1][chosen])
    return [*weights, head.coef_.T, head.intercept_]


def measure(name, folder, counts, trainer):
    """Rows: start, labels a class, choice, accuracies of the five seeds, grid."""
    (images, labels), (new_images, new_labels) = target(0), target(1)

    def run(count, seed, rate, steps, tuning):
        chosen = draw_labels(labels, 5 * count, seed)
        known = images[chosen], labels[chosen]
        trainer.run(*known, rate, steps, seed, start(folder, seed, chosen))
        if tuning:
            others = np.setdiff1d(np.arange(len(labels)), chosen)
            return trainer.accuracy(images[others], labels[others])
        return trainer.accuracy(new_images, new_labels)

    for count in counts:
        grid = {
            choice: np.mean([run(count, s, *choice, True) for s in TUNING_SEEDS])
            for choice in ([] if folder else GRID)
        }
        best = max(grid, key=grid.get, default=ONE)
        found = [run(count, seed, *best, False) for seed in TEST_SEEDS]
        tried = " ".join(f"{r:g}/{s}:{a:.3f}" for (r, s), a in grid.items())
        tried = tried or "one setting"
        yield name, count, *best, *(f"{x:.4f}" for x in found), tried


def main(starts, counts):
    """Print a line for each start and number of labels."""
    trainer = Retrainer(classifier(ViT(**SHAPE)))
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for each in starts:
        name, _, folder = each.partition("=")
        for row in measure(name, folder, counts, trainer):
            rows.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("starts", nargs="+")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    main(**vars(parser.parse_args()))
