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

# What fits a laptop, and what wants a GPU: arguments of `ViT`, steps, and the grid.
SMALL = {
    "vit": {"patch_size": 8, "num_layers": 3, "num_heads": 4, "hidden_dim": 48},
    "source_steps": 4000,
    "rates": (3e-4, 1e-3, 3e-3),
    "steps": {10: (100, 300), 50: (100, 300), 250: (200, 600)},
}
LARGE = {
    "vit": {"patch_size": 4, "num_layers": 6, "num_heads": 6, "hidden_dim": 192},
    "source_steps": 20_000,
    "rates": (3e-4, 1e-3, 3e-3),
    "steps": {10: (200, 1000), 50: (200, 1000), 250: (1000, 4000)},
}
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

    def __init__(self, folder, part, sizes, jit_compile=True):
        self.folder, self.sizes, self.part = Path(folder), sizes, part
        self.jit_compile = jit_compile
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
        self.first = {"fine-tuned": lambda seed: None, "from scratch": self.random}

    def fresh(self, seed):
        """A ViT that has learned nothing."""
        keras.utils.set_random_seed(seed)
        sizes = self.sizes["vit"]
        return ViT((32, 32, 3), intermediate_dim=2 * sizes["hidden_dim"], **sizes)

    def trainer_of(self, body, classes):
        """What trains a head on a body, and the body, again and again."""
        model = with_head(body, classes)
        return Retrainer(model, batch_size=32, jit_compile=self.jit_compile)

    def random(self, seed):
        """The first weights of a run from scratch."""
        return with_head(self.fresh(seed), classes=5).get_weights()

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
        self.trainer.run(*known, *choice, seed, self.first[name](seed))
        if validate:
            others = np.setdiff1d(np.arange(len(self.labels)), chosen)
            return self.trainer.accuracy(self.images[others], self.labels[others])
        return self.trainer.accuracy(self.new, self.new_labels)

    def chosen(self, name, count):
        """The best rate and number of steps of the grid, on labels not drawn."""
        grid = itertools.product(self.sizes["rates"], self.sizes["steps"][count])
        ways = {
            f"{name}, {rate:g}, {steps}": (rate, steps) for rate, steps in sorted(grid)
        }
        found = compare(
            {
                way: lambda n, seed, choice=choice: self.trained(
                    name, choice, n, seed, True
                )
                for way, choice in ways.items()
            },
            label_counts=[count],
            seeds=[TUNING_SEED],
            folder=self.folder / "grid",
            verbose=False,
        )
        best = max(ways, key=lambda way: found.estimate(way, count).mean)
        return ways[best], found.estimate(best, count).mean

    def tuned(self, name):
        """A strategy for `compare`: train with what was chosen."""

        def run(count, seed):
            (rate, steps), _ = self.chosen(name, count)
            accuracy = self.trained(name, (rate, steps), count, seed, False)
            return {"accuracy": accuracy, "rate": rate, "steps": steps}

        return run

    def linear(self, known, new):
        """A strategy: logistic regression, its penalty chosen as everything else."""

        def run(count, seed):
            def fit(seed, penalty):
                chosen = draw_labels(self.labels, 5 * count, seed)
                others = np.setdiff1d(np.arange(len(self.labels)), chosen)
                head = LogisticRegression(C=penalty, max_iter=300)
                head.fit(known[chosen], self.labels[chosen])
                return head, others

            def validated(penalty):
                head, others = fit(TUNING_SEED, penalty)
                return head.score(known[others], self.labels[others])

            best = max((1e-3, 1e-2, 0.1, 1.0), key=validated)
            head, _ = fit(seed, best)
            return {"accuracy": head.score(new, self.new_labels), "penalty": best}

        return run

    def compare(self, seeds=5, counts=(10, 50, 250)):
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
            settings={"part": self.part, "vit": self.sizes["vit"]},
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
    folder="results/transfer_cifar10",
    part=False,
    seeds=5,
    counts=(10, 50, 250),
    sizes=None,
    jit_compile=True,
):
    """Run what is missing in the folder, print the table, return the `Comparison`.

    Args:
        folder: where everything found is kept.
        part: whether to take the part of CIFAR-10 that a mirror holds.
        seeds: how many.
        counts: labels a class.
        sizes: as `SMALL` and `LARGE`. Defaults to the first for a part.
        jit_compile: whether XLA compiles the steps.
    """
    sizes = sizes or (SMALL if part else LARGE)
    found = Experiment(folder, part, sizes, jit_compile).compare(seeds, counts)
    report(found)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="results/transfer_cifar10")
    parser.add_argument("--part", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    main(**vars(parser.parse_args()))
