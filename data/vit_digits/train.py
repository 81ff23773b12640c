"""Train the small ViT of lesson 13: `make vit-digits`, a few minutes on one core.

python data/vit_digits/train.py [source]     # needs TLKERAS_MIRROR for MNIST
"""

import csv
import sys
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from sources import SOURCES

from tlkeras.checkpoints import save_to_preset
from tlkeras.models import ViT
from tlkeras.transfer._steps import take_steps

HERE = Path(__file__).resolve().parent
SHAPE = {
    "image_shape": (8, 8, 1),
    "patch_size": 2,
    "num_layers": 3,
    "num_heads": 4,
    "hidden_dim": 32,
    "intermediate_dim": 64,
}
STEPS, BATCH, RATE, SEED = 2000, 64, 2e-3, 0


def train(images, labels, steps=STEPS):
    """A ViT that tells the classes apart; its log: step, loss, held-out accuracy."""
    vit, rng = begin()
    held, known = np.split(rng.permutation(len(labels)), [min(1000, len(labels) // 5)])
    head = keras.layers.Dense(int(labels.max()) + 1)
    model = keras.Model(vit.input, head(vit.output["pooled_output"]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def measure():
        right = model.predict_on_batch(images[held]).argmax(-1) == labels[held]
        return right.mean()

    def batch():
        chosen = rng.choice(known, BATCH)
        return images[chosen], labels[chosen]

    return vit, run(model, loss, batch, measure, steps)


def train_masked(images, steps=STEPS):
    """A ViT that draws what is missing: half of the patches are grey, out of range.

    Reference:
        Xie et al. (2021), arXiv:2111.09886, section 3 (masked pixels, a linear head).
    """
    vit, rng = begin()
    held, known = np.split(rng.permutation(len(images)), [1000])
    pixels = keras.layers.Dense(4)(vit.output["sequence_output"][:, 1:])  # (B, P, 4)
    model = keras.Model(vit.input, pixels)

    def hidden(chosen):
        """Images with holes; the pixels of all patches, and which are asked for."""
        whole = images[chosen]
        hide = rng.random((len(whole), 4, 4)) < 0.5
        holes = hide.repeat(2, axis=1).repeat(2, axis=2)[..., None]
        patches = whole.reshape(-1, 4, 2, 4, 2).swapaxes(2, 3).reshape(-1, 16, 4)
        asked = np.broadcast_to(hide.reshape(-1, 16, 1), patches.shape)
        return np.where(holes, -1, whole), np.stack([patches, asked], axis=-1)

    def loss(truth, drawn):
        pixels, asked = truth[..., 0], truth[..., 1]
        return keras.ops.sum(asked * (drawn - pixels) ** 2) / keras.ops.sum(asked)

    def measure():
        inputs, truth = hidden(held)
        error = truth[..., 0] - model.predict_on_batch(inputs)
        return 1 - (error[truth[..., 1] == 1] ** 2).mean() / truth[..., 0].var()

    return vit, run(
        model, loss, lambda: hidden(rng.choice(known, BATCH)), measure, steps
    )


def begin():
    """A ViT with its first weights, and random numbers for the rest."""
    keras.utils.set_random_seed(SEED)
    return ViT(**SHAPE, name="vit"), np.random.default_rng(SEED)


def run(model, loss, batch, measure, steps):
    """Take the steps; twenty lines of log."""
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=1e-4)
    model.compile(optimizer, loss=loss, jit_compile=True)
    optimizer.build(model.trainable_variables)
    take, log = take_steps(model, jit_compile=True), []

    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE, warmup_steps=steps // 10
    )

    for first in range(0, steps, steps // 20):
        model.reset_metrics()
        take((*batch(), float(rate(first + i))) for i in range(steps // 20))
        loss = float(model.get_metrics_result()["loss"])
        log.append((first + steps // 20, loss, measure()))
        print("step {}  loss {:.3f}  held out {:.3f}".format(*log[-1]), flush=True)
    return log


def main(source="mnist_low_turned", folder=HERE):
    """Train on a source; write the preset in half precision, the log and the curve."""
    images, labels = SOURCES[source]()
    masked = source == "masked"
    vit, log = train_masked(images) if masked else train(images, labels)
    folder = Path(folder)
    save_to_preset(vit, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "training loss", "held-out accuracy"))
        rows.writerows((step, f"{a:.4f}", f"{b:.4f}") for step, a, b in log)
    steps, losses, accuracy = zip(*log, strict=True)
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(steps, losses, label="training loss")
    axes.plot(steps, accuracy, label="accuracy on held-out images")
    axes.set(xlabel="step", title=f"Source: {source}")
    axes.legend()
    figure.savefig(folder / "curve.png", metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
