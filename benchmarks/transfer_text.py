"""Three ways to transfer against a baseline, on real reviews and news.

    python benchmarks/transfer_sst2.py --model FOLDER --data sst2

FOLDER is a BERT such as MiniLM, with its vocab.txt, or `hf://owner/name`. Every
strategy learns from the same labelled examples of a seed; learning rates and epochs
are chosen on the validation split, for the baseline as well, from the grids below.
Results are kept under --folder: stop it at any time, and call it again to go on.
"""

import argparse
import functools

import keras
import numpy as np
from keras import ops

from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import ag_news, sst2
from tlkeras.transfer import (
    add_lora,
    cached_features,
    compare,
    draw_labels,
    find_leaks,
    freeze,
    layerwise_decay,
)
from tlkeras.transfer import discriminative_rates as with_rates

DATA = {"sst2": sst2, "ag_news": ag_news}
RATES = {"fine-tuning": (5e-5, 1e-4), "LoRA": (1e-3, 3e-3)}
REGULARIZATIONS = (0.1, 1.0, 10.0, 100.0)


class Experiment:
    """One data set and one model: the strategies, and what they share."""

    def __init__(self, options):
        self.options = options
        module = DATA[options.data]
        self.classes = len(module.CLASSES)
        limits = (None, options.test_count, options.test_count)
        splits = [
            (texts[:limit], labels[:limit])
            for (texts, labels), limit in zip(module.load_data(), limits, strict=True)
        ]
        self.texts = dict(zip(("train", "validation", "test"), splits, strict=True))
        self.prepare = preprocessor(options.model, options.length)

    @functools.cache  # noqa: B019 (one experiment a process)
    def tokens(self, split):
        """The whole split as inputs of the model."""
        batch = self.prepare(self.texts[split][0])
        return {name: ops.convert_to_numpy(x) for name, x in batch.items()}

    @functools.cache  # noqa: B019
    def features(self, split):
        """Mean vectors of the frozen model, from the cache."""
        model = self.encoder(from_preset(self.options.model))
        return cached_features(
            model, self.tokens(split), f"{self.options.folder}/features", verbose=True
        )

    def encoder(self, bert):
        """Mean of the vectors of all real tokens `(B, D)`."""
        inputs = {
            name: keras.Input((self.options.length,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }
        keep = ops.cast(inputs["padding_mask"], "float32")[..., None]  # (B, T, 1)
        vectors = bert(inputs)["sequence_output"]  # (B, T, D)
        mean = ops.sum(vectors * keep, axis=1) / ops.sum(keep, axis=1)
        return keras.Model(inputs, mean)

    def classifier(self, seed):
        """The pretrained encoder with a new head."""
        keras.utils.set_random_seed(seed)
        encoder = self.encoder(from_preset(self.options.model))
        head = keras.layers.Dense(self.classes, name="head")
        return keras.Model(encoder.input, head(encoder.output))

    def draw(self, count, seed):
        """Labelled examples of a seed: their places and labels."""
        labels = self.texts["train"][1]
        chosen = draw_labels(labels, count, seed)
        return chosen, labels[chosen]

    def linear(self, make, count, seed):
        """Logistic regression on `make(split, places)`, its strength chosen."""
        from sklearn.linear_model import LogisticRegression

        chosen, labels = self.draw(count, seed)
        x = make(chosen)
        fits = [
            LogisticRegression(C=c, max_iter=2000).fit(x["train"], labels)
            for c in REGULARIZATIONS
        ]
        truth = {split: self.texts[split][1] for split in ("validation", "test")}
        best = max(fits, key=lambda f: f.score(x["validation"], truth["validation"]))
        return {"accuracy": best.score(x["test"], truth["test"]), "C": best.C}

    def tfidf(self, count, seed):
        """Counts of words and pairs of words, without any pretrained model."""
        from sklearn.feature_extraction.text import TfidfVectorizer

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
        """A linear model on the frozen features."""

        def make(chosen):
            return {
                "train": self.features("train")[chosen],
                "validation": self.features("validation"),
                "test": self.features("test"),
            }

        return self.linear(make, count, seed)

    def tune(self, name, count, seed):
        """Train the classifier at each learning rate; the best epoch of the best."""
        chosen, labels = self.draw(count, seed)
        inputs = {key: x[chosen] for key, x in self.tokens("train").items()}
        best = {"validation": -1.0}
        for rate in RATES[name]:
            model = self.prepared(name, count, seed, rate)
            keeper = BestEpoch(self, model)
            model.fit(
                inputs,
                labels,
                batch_size=self.options.batch_size,
                epochs=self.options.epochs,
                verbose=0,
                callbacks=[keeper],
            )
            if keeper.best["validation"] > best["validation"]:
                best = {**keeper.best, "rate": rate}
        return best

    def prepared(self, name, count, seed, rate):
        """A compiled model: all of it learns, or its LoRA and head."""
        model = self.classifier(seed)
        steps = self.options.epochs * -(-count // self.options.batch_size)
        schedule = keras.optimizers.schedules.PolynomialDecay(rate, steps, 0.0)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
        if name == "LoRA":
            add_lora(model, rank=8, trainable="head", seed=seed)
        else:
            freeze(model, ["embedding", "pooled"], keep_dropout=True)
            decay = [("^head", 10.0), *layerwise_decay(model, 0.9)]
            optimizer = with_rates(model, optimizer, decay)
        model.compile(
            optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        return model

    def accuracy(self, model, split):
        """The share of a split that a model gets right."""
        logits = model.predict(self.tokens(split), batch_size=128, verbose=0)
        return float(np.mean(logits.argmax(-1) == self.texts[split][1]))


class BestEpoch(keras.callbacks.Callback):
    """Measures validation after every epoch, and the test split at its best."""

    def __init__(self, experiment, model):
        super().__init__()
        self.experiment, self.best = experiment, {"validation": -1.0}
        self.measured = model

    def on_epoch_end(self, epoch, logs=None):
        found = self.experiment.accuracy(self.measured, "validation")
        if found > self.best["validation"]:
            test = self.experiment.accuracy(self.measured, "test")
            self.best = {"accuracy": test, "validation": found, "epoch": epoch + 1}


def main():
    """Run what is missing, and print tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", required=True)
    options.add_argument("--data", choices=list(DATA), default="sst2")
    options.add_argument("--labels", type=int, nargs="+", default=[64, 256, 1000])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--epochs", type=int, default=6)
    options.add_argument("--length", type=int, default=64)
    options.add_argument("--batch-size", type=int, default=16)
    options.add_argument("--test-count", type=int, default=None)
    options.add_argument("--folder", default=None)
    options.add_argument("--only", nargs="+", default=None)
    options = options.parse_args()
    options.folder = options.folder or f"results/transfer_{options.data}"
    experiment = Experiment(options)
    texts = {name: examples for name, (examples, _) in experiment.texts.items()}
    print(f"{len(find_leaks(texts, 0.9))} examples nearly repeat one of another split")
    strategies = {
        "TF-IDF": experiment.tfidf,
        "linear probe": experiment.probe,
        "fine-tuning": functools.partial(experiment.tune, "fine-tuning"),
        "LoRA": functools.partial(experiment.tune, "LoRA"),
    }
    strategies = {
        n: s for n, s in strategies.items() if n in (options.only or strategies)
    }
    shown = ("model", "data", "epochs", "length", "batch_size", "test_count")
    settings = {name: getattr(options, name) for name in shown}
    result = compare(
        strategies, options.labels, range(options.seeds), options.folder, settings
    )
    print(result.table("accuracy"))
    for name in result.strategies:
        for baseline in ("TF-IDF", "linear probe"):
            if name != baseline and baseline in result.strategies:
                gains = (
                    str(result.difference(name, baseline, count, "accuracy"))
                    for count in result.label_counts
                )
                print(f"{name} − {baseline}: {'   '.join(gains)}")


if __name__ == "__main__":
    main()
