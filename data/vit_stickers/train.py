"""Train the small ViT of the stickers again: `make vit-stickers`, on one core.

python data/vit_stickers/train.py     # a few minutes; needs no network
"""

import csv
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from tlkeras.checkpoints import save_to_preset
from tlkeras.datasets import stickers
from tlkeras.models import ViT
from tlkeras.transfer._steps import take_steps

HERE = Path(__file__).resolve().parent
SHAPE = {
    "image_shape": (24, 24, 3),
    "patch_size": 6,
    "num_layers": 3,
    "num_heads": 4,
    "hidden_dim": 64,
    "intermediate_dim": 128,
}
THINGS, STEPS, BATCH, RATE, SEED = 100, 2000, 64, 2e-3, 0


def source(random):
    """Drawings of things that are no food: (artists, things, 24, 24, 3), and names."""
    pictures, names = stickers.load_drawings()
    food = (HERE / "food.txt").read_text("ascii").split()
    things = random.permutation(np.flatnonzero(~np.isin(names, food)))[:THINGS]
    return pictures[:, things], names[things]


def split(random):
    """One drawing of each thing is kept apart, by any of the artists.

    Returns:
        Two integer arrays, known (things, artists − 1) and held out (things,).
    """
    artists = np.tile(np.arange(len(stickers.ARTISTS)), (THINGS, 1))
    order = random.permuted(artists, axis=1)
    return order[:, 1:], order[:, 0]


def train(steps=STEPS):
    """A ViT that names the thing on a sheet; its log: step, loss, held-out accuracy."""
    random = np.random.default_rng(SEED)
    pictures, _ = source(random)
    known, held = split(random)
    things = np.arange(THINGS)
    keras.utils.set_random_seed(SEED)
    vit = ViT(**SHAPE, name="vit")
    model = keras.Model(
        vit.input, keras.layers.Dense(THINGS)(vit.output["pooled_output"])
    )
    test = stickers.scatter(np.tile(pictures[held, things], (5, 1, 1, 1)), random)

    def measure():
        return np.mean(model.predict_on_batch(test).argmax(-1) == np.tile(things, 5))

    def batch():
        thing = random.integers(0, THINGS, BATCH)
        artist = known[thing, random.integers(0, known.shape[1], BATCH)]
        return stickers.scatter(pictures[artist, thing], random), thing

    return vit, run(model, batch, measure, steps)


def run(model, batch, measure, steps):
    """Take the steps; twenty lines of log."""
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss=loss, jit_compile=True)
    optimizer.build(model.trainable_variables)
    take, log = take_steps(model, jit_compile=True), []
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE, warmup_steps=steps // 10
    )
    for first in range(0, steps, steps // 20):
        model.reset_metrics()
        take((*batch(), float(rate(first + i))) for i in range(steps // 20))
        mean_loss = float(model.get_metrics_result()["loss"])
        log.append((first + steps // 20, mean_loss, measure()))
        print("step {}  loss {:.3f}  held out {:.3f}".format(*log[-1]), flush=True)
    return log


def main(folder=HERE):
    """Train; write the preset in half precision, the log and the curve."""
    vit, log = train()
    save_to_preset(vit, folder, dtype="float16")
    with open(folder / "log.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "training loss", "held-out accuracy"))
        rows.writerows((step, f"{a:.4f}", f"{b:.4f}") for step, a, b in log)
    steps, losses, accuracy = zip(*log, strict=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    left.plot(steps, losses)
    left.set(xlabel="step", ylabel="training loss")
    right.plot(steps, accuracy)
    right.set(xlabel="step", ylabel="named, of drawings kept apart", ylim=(0, 1))
    figure.savefig(folder / "curve.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
