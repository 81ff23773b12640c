"""Which learning rate and how many steps lesson 06 gives each way to transfer.

cd benchmarks/claims
python three_ways_settings.py [LABELS …] > three_ways_settings.csv

Each line is one run: way, labels, rate, steps, seed, and the share of validation
sentences that is right. The seeds are not those of the lesson, and no test sentence is
looked at. The file has training from scratch; the others need more patience.
"""

import csv
import itertools
import sys

import keras
import numpy as np

from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import docstrings
from tlkeras.models import Bert, BertClassifier
from tlkeras.transfer import Retrainer, draw_labels

PRESET, LENGTH, BATCH, CLASSES = "tlkeras://bert_docstrings", 24, 16, 5
RATES, STEPS, SEEDS = (3e-4, 1e-3, 3e-3), (60, 180), (100, 101)
WAYS = {  # what is copied: embeddings and so many blocks
    "from scratch": None,
    "parameters": 2,
    "fine-tuned": 4,
}


def first_weights(body, blocks, seed):
    """Random weights of a classifier, and copies of the first few blocks."""
    keras.utils.set_random_seed(seed)
    fresh = BertClassifier(Bert.from_config(body.get_config()), CLASSES).get_weights()
    if blocks is None:
        return fresh
    later = [f"transformer_layer_{i}/" for i in range(blocks, 4)]
    for place, (weight, old) in enumerate(
        zip(body.weights, body.get_weights(), strict=True)
    ):
        if not any(name in weight.path for name in later):
            fresh[place] = old
    return fresh


def inputs_of(texts):
    """The inputs of a BERT, as arrays."""
    batch = preprocessor(PRESET, LENGTH)(list(texts))
    return {name: np.asarray(x) for name, x in batch.items()}


def main(counts):
    """Print a line for each run."""
    train, validation, _ = docstrings.load_data()
    known, labels = inputs_of(train[0]), train[1]
    places = draw_labels(validation[1], 400, seed=0)
    asked = {name: x[places] for name, x in inputs_of(validation[0]).items()}
    body = from_preset(PRESET)
    trainer = Retrainer(BertClassifier(from_preset(PRESET), CLASSES), BATCH)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    grid = itertools.product(counts, WAYS.items(), RATES, STEPS, SEEDS)
    for count, (way, blocks), rate, steps, seed in grid:
        drawn = draw_labels(labels, count, seed)
        chosen = {name: x[drawn] for name, x in known.items()}
        weights = first_weights(body, blocks, seed)
        trainer.run(chosen, labels[drawn], rate, steps, seed, weights)
        score = trainer.accuracy(asked, validation[1][places])
        rows.writerow((way, count, rate, steps, seed, f"{score:.4f}"))
        sys.stdout.flush()


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [100])
