"""Lesson 13 on photographs: five kinds of CIFAR-10 learned from the five others.

python course/13_vit/full_scale.py --folder results/cifar10
python course/13_vit/full_scale.py --part --folder …     # 500 a class, from the mirror

A ViT first learns five kinds (airplane, automobile, bird, cat, deer), each turned four
ways: 20 classes. Then it meets the five others (dog, frog, horse, ship, truck) with few
labels. Everything found is kept in the folder: stop it, and go on later.
"""

import argparse
import itertools
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.datasets import cifar10
from tlkeras.models import ViT
from tlkeras.transfer import Retrainer, compare, draw_labels

# What fits a laptop, and what wants a GPU: arguments of `ViT`, steps, and the grid. On
# one core a ViT as small as the first trains twice as fast without XLA.
SMALL = {
    "vit": {"patch_size": 8, "num_layers": 3, "num_heads": 4, "hidden_dim": 48},
    "source_steps": 4000,
    "rates": (3e-4, 1e-3, 3e-3),
    "steps": {10: (100, 300, 900), 50: (100, 300, 900), 250: (300, 900, 2700)},
    "jit_compile": False,
}
LARGE = {
    "vit": {"patch_size": 4, "num_layers": 6, "num_heads": 6, "hidden_dim": 192},
    "source_steps": 20_000,
    "rates": (3e-4, 1e-3, 3e-3),
    "steps": {10: (200, 1000), 50: (200, 1000), 250: (1000, 4000)},
    "jit_compile": True,
}
PENALTIES = (1e-3, 1e-2, 0.1, 1.0)  # C of the logistic regressions
COUNTS = (10, 50, 250)  # labels a class
TUNING_SEED = 100  # never one of those that are reported


def augmented(images, labels, copies, seed=0):
    """Each image, and copies moved by up to 4 pixels, half of them mirrored."""
    rng = np.random.default_rng(seed)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    found = [images]
    for _ in range(copies):
        places = rng.integers(0, 9, (len(images), 2))
        moved = [
            one[y : y + 32, x : x + 32]
            for one, (y, x) in zip(padded, places, strict=True)
        ]
        mirrored = rng.random(len(images)) < 0.5
        pairs = zip(moved, mirrored, strict=True)
        found.append(np.stack([m[:, ::-1] if flip else m for m, flip in pairs]))
    return np.concatenate(found), np.tile(labels, 1 + copies)


def with_head(body, classes):
    """Logits on what the body pools."""
    head = keras.layers.Dense(classes, name="head")
    return keras.Model(body.input, head(body.output["pooled_output"]))


class Experiment:
    """The data, the pretrained body, and four ways to read photographs with it."""

    def __init__(self, folder, part, sizes=None):
        self.folder, self.part = Path(folder), part
        self.sizes = sizes or (SMALL if part else LARGE)
        load = cifar10.load_part if part else cifar10.load_data
        (images, labels), (self.new, new_labels) = load("train"), load("test")
        self.source = images[labels < 5], labels[labels < 5]
        self.images, self.labels = images[labels >= 5], labels[labels >= 5] - 5
        self.new, self.new_labels = (
            self.new[new_labels >= 5],
            new_labels[new_labels >= 5] - 5,
        )
        self.body = self.pretrained()
        self.features = [self.encoded(x) for x in (self.images, self.new)]
        self.trainer = self.trainer_of(self.body, classes=5)
        self.first = {"from scratch": self.random, "fine-tuned": self.probed}

    def fresh(self, seed):
        """A ViT that has learned nothing."""
        keras.utils.set_random_seed(seed)
        sizes = self.sizes["vit"]
        return ViT((32, 32, 3), intermediate_dim=2 * sizes["hidden_dim"], **sizes)

    def trainer_of(self, body, classes):
        """What trains a head on a body, and the body, again and again."""
        model = with_head(body, classes)
        jit_compile = self.sizes["jit_compile"]
        return Retrainer(model, batch_size=32, jit_compile=jit_compile)

    def random(self, count, seed):
        """The first weights of a run from scratch."""
        return with_head(self.fresh(seed), classes=5).get_weights()

    def probed(self, count, seed):
        """The pretrained body, and the head that reads it best while it is frozen."""
        head = self.probe(self.features[0], count, seed)
        return [*self.trainer.first_weights[:-2], head.coef_.T, head.intercept_]

    def pretrained(self):
        """The body that knows the source; trained once and kept."""
        folder = self.folder / "body"
        if not (folder / "config.json").is_file():
            body = self.fresh(seed=0)
            images, labels = augmented(*self.source, copies=3 if self.part else 0)
            turned = np.concatenate([np.rot90(images, k, (1, 2)) for k in range(4)])
            classes = np.concatenate([labels + 5 * way for way in range(4)])
            trainer = self.trainer_of(body, classes=20)
            steps = self.sizes["source_steps"]
            trainer.run(turned, classes, learning_rate=1e-3, steps=steps, seed=0)
            some = np.random.default_rng(0).permutation(len(turned))[:2000]
            print(f"source: reads {trainer.accuracy(turned[some], classes[some]):.1%}")
            save_to_preset(body, folder)
        return from_preset(folder)

    def encoded(self, images):
        """What the frozen body makes of images: (N, D)."""
        parts = [self.body(x)["pooled_output"] for x in np.array_split(images, 20)]
        return np.concatenate([keras.ops.convert_to_numpy(x) for x in parts])

    def trained(self, name, choice, count, seed, validate):
        """How many photographs one run reads."""
        chosen = draw_labels(self.labels, 5 * count, seed)
        known = augmented(self.images[chosen], self.labels[chosen], 8, seed)
        self.trainer.run(*known, *choice, seed, self.first[name](count, seed))
        if validate:
            others = np.setdiff1d(np.arange(len(self.labels)), chosen)
            return self.trainer.accuracy(self.images[others], self.labels[others])
        return self.trainer.accuracy(self.new, self.new_labels)

    def grid(self, name, count):
        """What each rate and number of steps gives on labels not drawn."""
        grid = itertools.product(self.sizes["steps"][count], self.sizes["rates"])

        def way(steps, rate):
            def run(count, seed):
                accuracy = self.trained(name, (rate, steps), count, seed, True)
                return {"accuracy": accuracy, "chosen": rate, "steps": steps}

            return run

        return compare(
            {f"{name}, {n} steps {rate:g}": way(n, rate) for n, rate in grid},
            label_counts=[count],
            seeds=[TUNING_SEED],
            folder=self.folder / "grid",
            verbose=False,
        )

    def tuned(self, name):
        """A strategy for `compare`: train with what was chosen."""

        def run(count, seed):
            grid = self.grid(name, count).results
            best = max((x.metrics for x in grid), key=lambda x: x["accuracy"])
            choice = best["chosen"], int(best["steps"])
            accuracy = self.trained(name, choice, count, seed, False)
            return {**best, "accuracy": accuracy}

        return run

    def probe(self, features, count, seed):
        """A logistic regression, its penalty chosen as everything else."""

        def fit(seed, penalty):
            chosen = draw_labels(self.labels, 5 * count, seed)
            head = LogisticRegression(C=penalty, max_iter=300)
            return head.fit(features[chosen], self.labels[chosen])

        def validated(penalty):
            drawn = draw_labels(self.labels, 5 * count, TUNING_SEED)
            others = np.setdiff1d(np.arange(len(self.labels)), drawn)
            head = fit(TUNING_SEED, penalty)
            return head.score(features[others], self.labels[others])

        return fit(seed, max(PENALTIES, key=validated))

    def linear(self, known, new):
        """A strategy: a logistic regression alone."""

        def run(count, seed):
            head = self.probe(known, count, seed)
            return {"accuracy": head.score(new, self.new_labels), "chosen": head.C}

        return run

    def compare(self, seeds=5, counts=COUNTS):
        """All four with all numbers of labels a class: a `Comparison`."""
        pixels = [x.reshape(len(x), -1) for x in (self.images, self.new)]
        return compare(
            {
                "raw pixels": self.linear(*pixels),
                "from scratch": self.tuned("from scratch"),
                "frozen": self.linear(*self.features),
                "fine-tuned": self.tuned("fine-tuned"),
            },
            label_counts=counts,
            seeds=range(seeds),
            folder=self.folder / "runs",
            settings={"part": self.part, "sizes": repr(self.sizes)},
        )


def report(found):
    """Print a table in Markdown: accuracies, and gains over training from scratch."""
    print("| labels a class | " + " | ".join(found.strategies) + " |")
    print("|---|" + "---|" * len(found.strategies))
    for count in found.label_counts:
        cells = []
        for name in found.strategies:
            cell = f"{found.estimate(name, count).mean:.3f}"
            if name != "from scratch":
                gain = found.difference(name, "from scratch", count)
                cell += f" ({gain.mean:+.3f} ± {gain.half_width:.3f})"
            cells.append(cell)
        print(f"| {count} | " + " | ".join(cells) + " |")


def main(
    folder="results/transfer_cifar10", part=False, seeds=5, counts=COUNTS, sizes=None
):
    """Run what is missing in the folder, print the table, return the `Comparison`.

    Args:
        folder: where everything found is kept.
        part: whether to take the part of CIFAR-10 that a mirror holds.
        seeds: how many.
        counts: labels a class.
        sizes: as `SMALL` and `LARGE`. Defaults to the first for a part.
    """
    found = Experiment(folder, part, sizes).compare(seeds, counts)
    report(found)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="results/transfer_cifar10")
    parser.add_argument("--part", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    main(**vars(parser.parse_args()))
