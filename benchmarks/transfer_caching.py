"""How much cheaper a head learns on cached features, and LoRA's optimizer state.

    python benchmarks/transfer_caching.py --model FOLDER   # such as MiniLM

The frozen model run in every epoch against features computed once: the same head, the
same examples, the median of several epochs after the first. Prints seconds, their
ratio, how far the two heads differ, and bytes of optimizer state.
"""

import argparse
import statistics
import tempfile
import time

import keras
import numpy as np

from tlkeras.checkpoints import from_preset
from tlkeras.models import Bert
from tlkeras.transfer import add_lora, cached_features, freeze, split_model, summary


def classifier(model, length):
    """A head on the pooled output, or on that of a random small BERT."""
    keras.utils.set_random_seed(0)
    bert = from_preset(model) if model else Bert(1000, 4, 4, 128, 512)
    inputs = {
        name: keras.Input((length,), dtype="int32", name=name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    pooled = keras.layers.Identity(name="features")(bert(inputs)["pooled_output"])
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(pooled))


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def fit(model, inputs, labels, epochs):
    """The median of the epochs after the first, which compiles."""
    model.compile(
        keras.optimizers.SGD(0.1),  # Adam would enlarge rounding errors
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    clock = Clock()
    model.fit(
        inputs,
        labels,
        epochs=epochs,
        batch_size=32,
        shuffle=False,
        verbose=0,
        callbacks=[clock],
    )
    return statistics.median(clock.seconds[1:])


def main():
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", help="a preset; default: a small random BERT")
    options.add_argument("--examples", type=int, default=256)
    options.add_argument("--length", type=int, default=64)
    options.add_argument("--epochs", type=int, default=4)
    options = options.parse_args()
    whole, cached = (classifier(options.model, options.length) for _ in "ab")
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 1000, (options.examples, options.length))
    inputs = {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
    }
    labels = (tokens[:, 0] % 2).astype("int32")
    for model in (whole, cached):
        freeze(model, "^bert")
    prefix, head = split_model(cached, "features")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        features = np.asarray(cached_features(prefix, inputs, folder))
        once = time.perf_counter() - start
        start = time.perf_counter()
        cached_features(prefix, inputs, folder)
        again = time.perf_counter() - start
    fast = fit(head, features, labels, options.epochs * 5)
    slow = fit(whole, inputs, labels, options.epochs)
    # The same number of epochs, for the same weights.
    twin = split_model(classifier(options.model, options.length), "features")[1]
    fit(twin, features, labels, options.epochs)
    pairs = zip(twin.weights, whole.get_layer("head").weights, strict=True)
    gap = max(float(np.abs(keras.ops.convert_to_numpy(a - b)).max()) for a, b in pairs)
    print(f"epoch with the frozen model {slow:9.4f} s")
    print(f"epoch on cached features    {fast:9.4f} s   {slow / fast:.0f} times faster")
    print(f"computing the cache once    {once:9.4f} s   reading it {again:.3f} s")
    print(f"largest difference between the two heads {gap:.1e}")
    full = summary(classifier(options.model, options.length)).total
    lora = classifier(options.model, options.length)
    state = summary(add_lora(lora, rank=8, trainable="head")).total
    print(
        f"optimizer state: fine-tuning {full.optimizer_bytes:,} bytes, LoRA "
        f"{state.optimizer_bytes:,} "
        f"({state.optimizer_bytes / full.optimizer_bytes:.2%})"
    )


if __name__ == "__main__":
    main()
