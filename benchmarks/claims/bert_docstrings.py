"""What the small BERT is worth: `tlkeras.datasets.docstrings`, few labels, five seeds.

cd benchmarks/claims
python bert_docstrings.py tfidf scratch frozen fine-tuned > bert_docstrings.csv
python bert_docstrings.py gains bert_docstrings.csv

Settings of every strategy are chosen for each number of labels by itself, on the
validation split, with labels of another seed; the test split is read once a seed.
"""

import csv
import functools
import itertools
import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tlkeras.checkpoints import from_preset, preprocessor
from tlkeras.datasets import docstrings
from tlkeras.models import Bert, BertClassifier
from tlkeras.transfer import Retrainer, draw_labels, estimate

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / "data" / "bert_docstrings"))

from train import SHAPE  # noqa: E402

PRESET = "tlkeras://bert_docstrings"
COUNTS = (50, 100, 250, 1000)  # labels in all, of five classes
TUNING_SEED, TEST_SEEDS = 100, range(5)
RATES, STEPS = (5e-4, 2e-3), (60, 200, 600)  # batches of 16
PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
LENGTH = 32  # tokens; a tenth of the sentences is cut


@functools.cache
def data():
    """Texts and labels: train, validation, test."""
    return docstrings.load_data()


@functools.cache
def tokens():
    """The inputs of `Bert` for the texts of each split."""
    make = preprocessor(PRESET, sequence_length=LENGTH)
    return [
        {name: np.asarray(x) for name, x in make(texts).items()} for texts, _ in data()
    ]


def tfidf():
    """Words and pairs of words, weighted by how rare they are: no BERT at all."""

    def run(chosen, part, penalty):
        make = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        (texts, labels), (others, right) = data()[0], data()[part]
        known = make.fit_transform([texts[i] for i in chosen])
        model = LogisticRegression(C=penalty, max_iter=2000)
        model.fit(known, labels[chosen])
        return model.score(make.transform(others), right)

    return run, [(penalty,) for penalty in PENALTIES]


def frozen(preset=PRESET):
    """Logistic regression on the mean vector of a text; which layer's is a choice."""
    bert = from_preset(preset) if isinstance(preset, str) else preset
    features = [_means(bert, inputs) for inputs in tokens()]

    def run(chosen, part, layer, penalty):
        train, others = features[0][layer], features[part][layer]
        centre, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
        known = (train[chosen] - centre) / spread
        model = LogisticRegression(C=penalty, max_iter=2000)
        model.fit(known, data()[0][1][chosen])
        return model.score((others - centre) / spread, data()[part][1])

    return run, list(itertools.product(features[0], (0.001, *PENALTIES[:3])))


def _means(bert, inputs, batch_size=256):
    """Layer to vectors `(texts, D)`, means over real tokens; `all` is side by side."""
    found: dict = {}
    for i in range(0, len(inputs["token_ids"]), batch_size):
        batch = {name: x[i : i + batch_size] for name, x in inputs.items()}
        states = bert(batch, return_hidden_states=True)["hidden_states"]
        keep = batch["padding_mask"][..., None].astype("float32")
        for layer, state in enumerate(states):
            mean = (np.asarray(state) * keep).sum(axis=1) / keep.sum(axis=1)
            found.setdefault(layer, []).append(mean)
    layers = {layer: np.concatenate(parts) for layer, parts in found.items()}
    return {**layers, "all": np.concatenate(list(layers.values()), axis=1)}


def trained(preset):
    """A `BertClassifier`, trained whole from the weights of a preset, or from none."""

    @functools.cache
    def first(seed):
        keras.utils.set_random_seed(seed)
        bert = from_preset(preset) if preset else Bert(_size(), **SHAPE)
        return BertClassifier(bert, num_classes=5).get_weights()

    model = BertClassifier(Bert(_size(), **SHAPE), 5)
    trainer = Retrainer(model, batch_size=16, jit_compile=False)

    def run(chosen, part, rate, steps, seed=TUNING_SEED):
        known = {name: x[chosen] for name, x in tokens()[0].items()}
        trainer.run(known, data()[0][1][chosen], rate, steps, seed, first(seed))
        return trainer.accuracy(tokens()[part], data()[part][1])

    return run, list(itertools.product(RATES, STEPS))


def _size():
    return from_preset(PRESET).get_config()["vocabulary_size"]


STRATEGIES = {
    "tfidf": tfidf,
    "scratch": lambda: trained(None),
    "frozen": frozen,
    "fine-tuned": lambda: trained(PRESET),
}


def measure(name):
    """Rows: strategy, labels, choice, accuracies of the five seeds, what was tried."""
    run, grid = STRATEGIES[name]()
    labels = data()[0][1]
    for count in COUNTS:
        chosen = draw_labels(labels, count, TUNING_SEED)
        tried = {choice: run(chosen, 1, *choice) for choice in grid}
        best = max(tried, key=tried.get)
        found = []
        for seed in TEST_SEEDS:
            own = {"seed": seed} if name in ("scratch", "fine-tuned") else {}
            found.append(run(draw_labels(labels, count, seed), 2, *best, **own))
        said = " ".join(f"{_shown(c)}:{score:.3f}" for c, score in tried.items())
        yield name, count, _shown(best), *(f"{x:.4f}" for x in found), said


def _shown(choice):
    return "/".join(f"{x:g}" if isinstance(x, float) else str(x) for x in choice)


def gains(path):
    """Print a table: means, and gains over scratch seed by seed with intervals."""
    with open(path, newline="") as file:
        rows = {(row[0], int(row[1])): row[3:8] for row in csv.reader(file)}
    names = list(dict.fromkeys(name for name, _ in rows))
    print("| labels | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for count in COUNTS:
        cells = []
        for name in names:
            if (name, count) not in rows:
                cells.append("")
                continue
            found = np.array(rows[name, count], float)
            cell = f"{found.mean():.3f}"
            if name != "scratch" and ("scratch", count) in rows:
                gain = estimate(found - np.array(rows["scratch", count], float))
                cell += f" ({gain.mean:+.3f} ± {gain.half_width:.3f})"
            cells.append(cell)
        print(f"| {count} | " + " | ".join(cells) + " |")


def main(*arguments):
    """Print a line for each strategy and number of labels, or the table of gains."""
    if arguments[0] == "gains":
        gains(arguments[1])
        return
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for name in arguments:
        for row in measure(name):
            rows.writerow(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
