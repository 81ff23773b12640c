"""How much cheaper a head learns on cached features, and LoRA's optimizer state.

    python benchmarks/claims/transfer_caching.py     # with TLKERAS_MIRROR

The frozen MiniLM run in every epoch against its features computed once: the same head,
the same sentences of SST-2 in the same order. Of the epochs after the first, which
compiles, the median counts. Prints seconds, how far losses and heads differ, and bytes
of optimizer state.
"""

import argparse
import statistics
import tempfile
import time

import keras
import numpy as np
from transfer_text import default_model

from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import sst2
from tlkeras.models import BertClassifier
from tlkeras.transfer import add_lora, cached_features, freeze, split_model, summary

BATCH_SIZE = 32


def classifier(model):
    """A BERT with a head on the mean of its vectors."""
    keras.utils.set_random_seed(0)
    bert = from_preset(model, use_pooler=False)
    return BertClassifier(bert, num_classes=2, dropout=0)


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, and its loss."""

    def __init__(self):
        super().__init__()
        self.seconds, self.losses = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)
        self.losses.append(logs["loss"])


def fit(model, inputs, labels, epochs):
    """Train; the median epoch after the first, and all losses."""
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    clock = Clock()
    model.fit(
        inputs,
        labels,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    return statistics.median(clock.seconds[1:]), np.array(clock.losses)


def caching(options):
    """Lines on the time of an epoch, and on how alike the results are."""
    texts, labels = (x[: options.examples] for x in sst2.load_data()[0])
    inputs = preprocessor(options.model, options.length)(texts)
    inputs = {name: np.asarray(x) for name, x in inputs.items()}
    whole, cached = (freeze(classifier(options.model), "^bert") for _ in "ab")
    prefix, head = split_model(cached, "pooling")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        features = np.asarray(cached_features(prefix, inputs, folder))
        once = time.perf_counter() - start
        start = time.perf_counter()
        cached_features(prefix, inputs, folder)
        again = time.perf_counter() - start
    slow, losses = fit(whole, inputs, labels, options.epochs)
    fast, cached_losses = fit(head, features, labels, options.epochs)
    pairs = zip(cached.head.weights, whole.head.weights, strict=True)
    gap = max(float(np.abs(keras.ops.convert_to_numpy(a - b)).max()) for a, b in pairs)
    largest = max(float(np.abs(w).max()) for w in whole.head.get_weights())
    yield f"epoch with the frozen model: {slow:.3f} s"
    yield f"epoch on cached features: {fast:.4f} s, {slow / fast:.0f} times faster"
    yield f"computing the features once: {once:.2f} s; reading them: {again:.2f} s"
    yield (
        f"after {options.epochs} epochs: loss {losses[-1]:.5f} (the first was "
        f"{losses[0]:.5f}), largest difference of losses "
        f"{np.abs(losses - cached_losses).max():.1e}, of weights of the head "
        f"{gap:.1e} (the largest weight is {largest:.2f})"
    )


def states(options):
    """Lines on what AdamW keeps for each way to train the model."""
    full = summary(classifier(options.model), "adamw").total
    yield f"fine-tuning: {full.trainable:,} weights, {full.optimizer_bytes:,} bytes"
    places = {
        "queries and values": "(query|value)$",
        "all projections": "(query|key|value|attention_output|_dense)$",
    }
    for name, layers in places.items():
        lora = add_lora(
            classifier(options.model), rank=8, layers=layers, trainable="^head"
        )
        state = summary(lora, "adamw").total
        yield (
            f"LoRA of rank 8 on {name}: {state.trainable:,} weights, "
            f"{state.optimizer_bytes:,} bytes, "
            f"{state.optimizer_bytes / full.optimizer_bytes:.2%}"
        )


def main():
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--model", default=default_model())
    options.add_argument("--examples", type=int, default=256)
    options.add_argument("--length", type=int, default=64)
    options.add_argument("--epochs", type=int, default=4)
    options = options.parse_args()
    print(
        f"{options.examples} sentences of SST-2, {options.length} tokens each, batches "
        f"of {BATCH_SIZE}; a linear head on MiniLM.\n"
    )
    for line in caching(options):
        print(f"- {line}")
    print("\nState of AdamW:\n")
    for line in states(options):
        print(f"- {line}")


if __name__ == "__main__":
    main()
