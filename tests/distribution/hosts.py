"""Train on several hosts; each runs this file, knowing its number.

python hosts.py ADDRESS PROCESSES NUMBER

Every process sees the same files, reads its own part of each batch, and holds the same
model in the end. What it prints at the end is the same on each.
"""

import sys

import keras
import numpy as np
from keras import distribution

from tlkeras.distribution import layout_map
from tlkeras.models import Bert, BertClassifier

SIZES = {"num_layers": 2, "num_heads": 4, "hidden_dim": 8, "intermediate_dim": 16}


def data(part=0, parts=1):
    """Eight texts and their labels, or a part of each batch of four."""
    rng = np.random.default_rng(0)
    texts = {"token_ids": rng.integers(1, 32, size=(8, 5)).astype("int32")}
    texts["segment_ids"] = np.zeros((8, 5), "int32")
    keep = np.arange(5) < rng.integers(2, 6, size=(8, 1))
    texts["padding_mask"] = keep.astype("int32")
    mine = np.arange(8).reshape(-1, parts, 4 // parts)[:, part].ravel()
    return {key: x[mine] for key, x in texts.items()}, (np.arange(8) % 3)[mine]


def make():
    keras.utils.set_random_seed(0)
    bert = Bert(32, **SIZES, dropout=0.0, max_sequence_length=5)
    return BertClassifier(bert, num_classes=3, dropout=0.0)


def with_momentum():
    return keras.optimizers.SGD(0.1, momentum=0.9)


def train(model, texts, labels, batch_size=4, optimizer=None, callbacks=()):
    """The losses of three epochs."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or with_momentum(), loss)
    how = {"epochs": 3, "shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
    return model.fit(texts, labels, batch_size=batch_size, **how).history["loss"]


def main(address, processes, number):
    distribution.initialize(address, processes, number)
    devices = len(distribution.list_devices())
    mesh = distribution.DeviceMesh(
        (processes, devices // processes), ["batch", "model"]
    )
    distribution.set_distribution(
        distribution.ModelParallel(
            layout_map=layout_map(make(), mesh),
            batch_dim_name="batch",
            auto_shard_dataset=False,
        )
    )
    model = make()
    losses = train(model, *data(number, processes), batch_size=4 // processes)
    print("losses", *losses)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
