"""Fine-tune `vit_digits` on one device and on four, which are parts of one processor.

python course/22_capstone/devices.py [linear]

With `linear`, a linear model in its place, which the tests take. Prints what was found
as JSON. It needs a process of its own: TensorFlow cuts the processor into devices only
before anything has run on it.
"""

import json
import sys
from pathlib import Path
from runpy import run_path

import keras
import numpy as np
import tensorflow as tf

from tlkeras.checkpoints import from_preset
from tlkeras.models import Classifier

ROWS, BATCH, EPOCHS, RATE = 96, 16, 4, 0.01


def train(rows, labels, make):
    """The loss of each epoch, and all weights in the end, one vector."""
    model = make()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE, momentum=0.9), loss, jit_compile=False)
    how = {"epochs": EPOCHS, "batch_size": BATCH, "shuffle": False, "verbose": 0}
    losses = model.fit(rows, labels, **how).history["loss"]
    return losses, np.concatenate([w.ravel() for w in model.get_weights()])


def main(body="vit_digits", devices=4):
    """Train both ways, and print the losses and how far the weights are apart."""
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, parts)
    shelf = run_path(str(Path(__file__).with_name("shelf.py")))
    task = shelf["task"]("digits")
    some = np.flatnonzero(task.part == 0)[:ROWS]
    rows = shelf["inputs_of"]("vit_digits", task.given["picture"][some])
    labels = task.labels[some]

    def make():  # without dropout: each device would draw its own
        keras.utils.set_random_seed(0)
        if body == "linear":
            layers = [keras.Input(rows.shape[1:]), keras.layers.Flatten()]
            return keras.Sequential([*layers, keras.layers.Dense(5)])
        return Classifier(
            from_preset("tlkeras://vit_digits", dropout=0.0), 5, dropout=0.0
        )

    losses, weights = train(rows, labels, make)
    strategy = tf.distribute.MirroredStrategy([f"/cpu:{n}" for n in range(devices)])
    with strategy.scope():
        spread, others = train(rows, labels, make)
    apart = float(np.abs(weights - others).max())
    print(json.dumps({"one": losses, "several": spread, "apart": apart}))


if __name__ == "__main__":
    main(*sys.argv[1:])
