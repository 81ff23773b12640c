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
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(labels))
    held, known = np.split(order, [min(1000, len(order) // 5)])
    vit = ViT(**SHAPE, name="vit")
    logits = keras.layers.Dense(int(labels.max()) + 1)(vit.output["pooled_output"])
    model = keras.Model(vit.input, logits)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=RATE, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    log, losses = [], []
    for step in range(1, steps + 1):
        chosen = rng.choice(known, BATCH)
        losses.append(float(model.train_on_batch(images[chosen], labels[chosen])))
        if step % 100 == 0:
            right = model.predict_on_batch(images[held]).argmax(-1) == labels[held]
            log.append((step, np.mean(losses), right.mean()))
            print("step {}  loss {:.3f}  accuracy {:.3f}".format(*log[-1]), flush=True)
            losses = []
    return vit, log


def main(source="mnist_low_turned", folder=HERE):
    """Train on a source; write the preset in half precision, the log and the curve."""
    vit, log = train(*SOURCES[source]())
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
