"""What pretraining is worth on stickers: ten kinds of food by few labels, five seeds.

cd benchmarks/claims
python vit_stickers.py > vit_stickers.csv

Logistic regression on raw pixels and on the frozen body; all weights trained, from
random ones and from the body with the head that a logistic regression finds for it.

What is learned from are sheets with drawings by three artists; what is read in the end
are sheets by two others. Both regressions choose their penalty from one grid, and both
trainings their rate and number of steps from another, for each number of labels by
itself: labels on sheets by two of the three artists, accuracy on sheets by the third.
Seeds of the choice and of the test differ.
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
from tlkeras.datasets import stickers
from tlkeras.models import ViT
from tlkeras.transfer import Retrainer, draw_labels

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "data" / "vit_stickers"))

from train import SHAPE  # noqa: E402

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)  # C of scikit-learn: large is weak
RECIPES = [  # rates and steps
    *itertools.product((3e-4, 1e-3), (50, 150)),
    (1e-3, 450),
    (3e-3, 150),
]
GRIDS = {
    "raw pixels": PENALTIES,
    "frozen": PENALTIES,
    "from scratch": RECIPES,
    "fine-tuned": RECIPES,
}
COUNTS = (1, 5, 10)  # labels a kind
KINDS = len(stickers.FOOD)
TUNING_SEEDS, TEST_SEEDS = (100, 101), range(5)


@functools.cache
def sheets():
    """To learn from: images, labels, artists; to test on: images, labels."""
    (images, labels), new = stickers.load_data()
    artists = np.arange(len(labels)) // KINDS % stickers.KNOWN_ARTISTS
    return (images, labels, artists), new


def classifier(vit):
    """A logit for each kind on the pooled output."""
    head = keras.layers.Dense(KINDS)
    return keras.Model(vit.input, head(vit.output["pooled_output"]))


@functools.cache
def trainer():
    """One compiled classifier for all runs."""
    return Retrainer(classifier(ViT(**SHAPE)), batch_size=16)


@functools.cache
def body():
    """The pretrained ViT."""
    return from_preset("tlkeras://vit_stickers")


@functools.cache
def numbers(way):
    """What a logistic regression reads, for the sheets to learn from and to test on."""
    parts = [part[0] for part in sheets()]
    if way == "raw pixels":
        return [x.reshape(len(x), -1) for x in parts]
    return [body().predict(x, verbose=0)["pooled_output"] for x in parts]


def part(count, seed, tuning):
    """Indices of what is learned from and of what is read; where those are read."""
    (_, labels, artists), (_, new_labels) = sheets()
    if not tuning:
        return draw_labels(labels, KINDS * count, seed), np.arange(len(new_labels)), 1
    third = artists == seed % stickers.KNOWN_ARTISTS
    known = np.flatnonzero(~third)
    chosen = draw_labels(labels[known], KINDS * count, seed)
    return known[chosen], np.flatnonzero(third), 0


def regression(way, penalty, chosen):
    """A logistic regression on some of the sheets to learn from."""
    head = LogisticRegression(C=penalty, max_iter=1000, tol=1e-3)
    return head.fit(numbers(way)[0][chosen], sheets()[0][1][chosen])


@functools.cache
def random_weights(seed):
    """Those of a classifier that has learned nothing."""
    keras.utils.set_random_seed(seed)
    return classifier(ViT(**SHAPE)).get_weights()


def first_weights(way, seed, chosen):
    """What training begins with."""
    if way == "from scratch":
        return random_weights(seed)
    head = regression("frozen", 1.0, chosen)
    return [*body().get_weights(), head.coef_.T, head.intercept_]


def run(way, choice, count, seed, tuning):
    """Learn once; the share of what is read that is named rightly."""
    chosen, read, where = part(count, seed, tuning)
    images, labels = sheets()[where][:2]
    if GRIDS[way] is PENALTIES:
        head = regression(way, choice, chosen)
        return head.score(numbers(way)[where][read], labels[read])
    known_images, known_labels, _ = sheets()[0]
    first = first_weights(way, seed, chosen)
    trainer().run(known_images[chosen], known_labels[chosen], *choice, seed, first)
    return trainer().accuracy(images[read], labels[read])


def named(choice):
    """A place of a grid, as the file has it."""
    return "/".join(f"{x:g}" for x in np.atleast_1d(choice))


def measure(way, count):
    """A row: way, labels a kind, choice, accuracies of the five seeds, grid."""
    grid = {
        choice: np.mean([run(way, choice, count, s, True) for s in TUNING_SEEDS])
        for choice in GRIDS[way]
    }
    best = max(grid, key=grid.get)
    found = [f"{run(way, best, count, seed, False):.4f}" for seed in TEST_SEEDS]
    tried = " ".join(f"{named(choice)}:{a:.3f}" for choice, a in grid.items())
    return way, count, named(best), *found, tried


def main(ways):
    """Print a line for each way and number of labels."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    seeds = [f"seed {seed}" for seed in TEST_SEEDS]
    rows.writerow(("way", "labels a kind", "chosen", *seeds, "grid: choice:accuracy"))
    for way, count in itertools.product(ways, COUNTS):
        rows.writerow(measure(way, count))
        sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ways", nargs="+", choices=GRIDS, default=list(GRIDS))
    main(**vars(parser.parse_args()))
