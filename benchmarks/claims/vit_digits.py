"""What pretraining is worth: digits 5 to 9 from few labels, five seeds.

cd benchmarks/claims
python vit_digits.py > vit_digits.csv

Three starts: random weights, the pretrained body with a random head, and the body with
the head that a logistic regression finds for it (Kumar et al. 2022, arXiv:2202.10054).
All weights train on from there.

Rate and number of steps are chosen for every start and number of labels by itself, from
one grid, on training images whose labels were not used. Then 250 or so new images are
read once a seed. Seeds of the choice and of the test differ.
"""

import argparse
import csv
import functools
import itertools
import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import digits
from tlkeras.models import ViT
from tlkeras.transfer import Retrainer, draw_labels

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "data" / "vit_digits"))

from train import SHAPE  # noqa: E402

GRID = [  # rates and steps; the highest rate suits short training, if any
    *itertools.product((3e-4, 1e-3, 3e-3), (50, 150, 450)),
    *itertools.product((3e-4, 1e-3), (1350,)),
    *itertools.product((1e-2,), (50, 150)),
]
STARTS = ("from scratch", "fine-tuned, random head", "fine-tuned")
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


def first_weights(start, folder, seed, chosen):
    """What a run begins with."""
    keras.utils.set_random_seed(seed)
    weights = classifier(ViT(**SHAPE)).get_weights()
    if start != "from scratch":
        weights[:-2], features = body(folder)
    if start == "fine-tuned":
        head = LogisticRegression(max_iter=1000)
        head.fit(features[chosen], target(0)[1][chosen])
        weights[-2:] = head.coef_.T, head.intercept_
    return weights


def measure(start, count, folder, trainer):
    """A row: start, labels a class, choice, accuracies of the five seeds, grid."""
    (images, labels), (new_images, new_labels) = target(0), target(1)

    def run(choice, seed, tuning):
        chosen = draw_labels(labels, 5 * count, seed)
        first = first_weights(start, folder, seed, chosen)
        trainer.run(images[chosen], labels[chosen], *choice, seed, first)
        if tuning:
            others = np.setdiff1d(np.arange(len(labels)), chosen)
            return trainer.accuracy(images[others], labels[others])
        return trainer.accuracy(new_images, new_labels)

    grid = {c: np.mean([run(c, seed, True) for seed in TUNING_SEEDS]) for c in GRID}
    best = max(grid, key=grid.get)
    found = [f"{run(best, seed, False):.4f}" for seed in TEST_SEEDS]
    tried = " ".join(f"{rate:g}/{n}:{a:.3f}" for (rate, n), a in grid.items())
    return start, count, *best, *found, tried


def main(folder, starts, counts):
    """Print a line for each start and number of labels."""
    trainer = Retrainer(classifier(ViT(**SHAPE)), jit_compile=False)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    seeds = [f"seed {seed}" for seed in TEST_SEEDS]
    grid = "grid: rate/steps:accuracy"
    rows.writerow(("start", "labels a class", "learning rate", "steps", *seeds, grid))
    for count, start in itertools.product(counts, starts):
        rows.writerow(measure(start, count, folder, trainer))
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="tlkeras://vit_digits")
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    main(**vars(parser.parse_args()))
