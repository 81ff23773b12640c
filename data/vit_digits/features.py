"""What the features of each source are worth by themselves: nothing is fine-tuned.

python data/vit_digits/features.py NAME=FOLDER … > features.csv

Logistic regression on the pooled output, and on raw pixels; its penalty is chosen for
each start and number of labels on training images whose labels were not used. What
masked patches taught is read as the mean of the patches: its class token had no task.
"""

import csv
import functools
import sys

import keras
import numpy as np
from compare import COUNTS, TEST_SEEDS, TUNING_SEEDS, target
from sklearn.linear_model import LogisticRegression
from train import SHAPE

from tlkeras.checkpoints import from_preset
from tlkeras.models import ViT
from tlkeras.transfer import draw_labels

PENALTIES = (0.1, 1.0, 10.0, 100.0)


def score(known, labels, others, other_labels, penalty):
    """The share of the others that is read."""
    model = LogisticRegression(C=penalty, max_iter=2000)
    return model.fit(known, labels).score(others, other_labels)


def encoded(body, mean, images):
    """What a body makes of images: its pooled output, or the mean of the patches."""
    outputs = body(images)
    patches = keras.ops.mean(outputs["sequence_output"][:, 1:], axis=1)
    return keras.ops.convert_to_numpy(patches if mean else outputs["pooled_output"])


def rows(name, encode):
    """Name, labels a class, penalty, accuracies of the five seeds."""
    (images, labels), (new_images, new_labels) = target(0), target(1)
    x, new = encode(images), encode(new_images)
    for count in COUNTS:

        def tuned(penalty, count=count):
            found = []
            for seed in TUNING_SEEDS:
                chosen = draw_labels(labels, 5 * count, seed)
                others = np.setdiff1d(np.arange(len(labels)), chosen)
                parts = x[chosen], labels[chosen], x[others], labels[others]
                found.append(score(*parts, penalty))
            return np.mean(found)

        best = max(PENALTIES, key=tuned)
        drawn = [draw_labels(labels, 5 * count, seed) for seed in TEST_SEEDS]
        found = [score(x[d], labels[d], new, new_labels, best) for d in drawn]
        yield name, count, best, *(f"{one:.4f}" for one in found)


def main(*starts):
    """Print a line for each start and number of labels."""
    keras.utils.set_random_seed(0)
    encoders = {"pixels": lambda x: x.reshape(len(x), -1)}
    bodies = {"random weights": ViT(**SHAPE)}
    for name, _, folder in (each.partition("=") for each in starts):
        bodies[name] = from_preset(folder)
    for name, body in bodies.items():
        encoders[name] = functools.partial(encoded, body, name == "masked")
    table = csv.writer(sys.stdout, lineterminator="\n")
    for name, encode in encoders.items():
        table.writerows(rows(name, encode))


if __name__ == "__main__":
    main(*sys.argv[1:])
