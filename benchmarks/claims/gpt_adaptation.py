"""What a small pretrained GPT is worth for the docstrings of a package it never read.

python benchmarks/claims/gpt_adaptation.py            # shows the runs that are kept
python benchmarks/claims/gpt_adaptation.py --measure CORPUS [--only STRATEGY …]

Matplotlib's docstrings, in bits per byte on files that nothing was learned from: 8 to
512 docstrings to learn from, five draws. The GPT is fine-tuned, or trained from random
weights; both choose rate and steps from one grid, for each number of docstrings, on
validation files and a draw of its own. Three 5-grams beside them: of the docstrings
alone, of the text that the GPT was pretrained on (CORPUS, see data/gpt_docstrings), and
the two mixed, with the share chosen on the validation files. Last, the fine-tuned GPT
mixed with the mixed 5-gram in the same way.

It goes on where it was stopped; every run is a line of gpt_adaptation.csv.
"""

import argparse
import csv
import functools
import sys
from pathlib import Path

import keras
import numpy as np
from tokenizers import Tokenizer

from tlkeras.checkpoints import from_preset
from tlkeras.datasets import whole_docstrings
from tlkeras.datasets.text.ngrams import NGrams
from tlkeras.models import GPT
from tlkeras.transfer import estimate

HERE = Path(__file__).resolve()
RECIPE = HERE.parents[2] / "data" / "gpt_docstrings"
sys.path.insert(0, str(RECIPE))

from measure import log_probabilities, mixed  # noqa: E402
from train import HELD_OUT, LENGTH, SCALE, documents  # noqa: E402

RUNS = HERE.with_suffix(".csv")
FIELDS = ("split", "strategy", "docstrings", "seed", "chosen", "bits per byte")
COUNTS, SEEDS, TUNING_SEED = (8, 32, 128, 512), range(5), 100
RATES, STEPS = (3e-4, 2e-3), (5, 10, 20, 40, 80, 160, 320)
ROWS = 4  # rows of LENGTH tokens a step
SHARES = np.linspace(0, 1, 21)  # of the first of two that are mixed
READ = {"validation": 80, "test": 160}  # docstrings
SCRATCH, TUNED, BOTH = "from scratch", "fine-tuned", "fine-tuned and 5-grams"
OWN, OLD, MIXED = "5-gram, own", "5-gram, pretrained", "5-grams, mixed"
STRATEGIES = (SCRATCH, TUNED, OWN, OLD, MIXED, BOTH)


@functools.cache
def texts():
    """Token ids of each split, a list of arrays, and bytes of what counts of them."""
    tokenizer = Tokenizer.from_file(str(RECIPE / "tokenizer.json"))
    splits = dict(
        zip(("train", "validation", "test"), whole_docstrings.load_data(), strict=True)
    )
    found = {}
    for name, split in splits.items():
        rows = tokenizer.encode_batch(split[: READ.get(name)])
        ids = [np.array(row.ids) for row in rows]
        said = tokenizer.decode_batch([list(row[:LENGTH]) for row in ids])
        found[name] = ids, sum(len(text.encode()) for text in said)
    return found


def drawn(count, seed):
    """Docstrings to learn from."""
    known = texts()["train"][0]
    order = np.random.default_rng(seed).permutation(len(known))
    return [known[i] for i in order[:count]]


def bits(split, log_p):
    """Bits per byte, of natural logarithms of each token that counts."""
    return -sum(x.sum() for x in log_p) / np.log(2) / texts()[split][1]


# ── the GPT ───────────────────────────────────────────────────────────────────────────


@functools.cache
def model():
    """One compiled model for all runs, and the pretrained weights."""
    pretrained = from_preset(str(RECIPE)) if (RECIPE / "config.json").exists() else None
    made = GPT.from_config(_config())
    made.compile(
        keras.optimizers.AdamW(
            1e-3, weight_decay=0.1, beta_2=0.98, global_clipnorm=1.0
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    made.optimizer.build(made.trainable_variables)
    return made, pretrained and pretrained.get_weights()


def _config():
    from train import SHAPE

    size = Tokenizer.from_file(str(RECIPE / "tokenizer.json")).get_vocab_size()
    return {"vocabulary_size": size, **SHAPE, "dropout": 0.1}


def random_weights(seed):
    """What pretraining began with, drawn anew."""
    keras.utils.set_random_seed(seed)
    fresh = GPT.from_config(_config())
    for weight in fresh.trainable_weights:
        if weight.name == "kernel":
            weight.assign(SCALE * weight)
    return fresh.get_weights()


def states(strategy, count, seed, rate, marks):
    """Train, and stop at each number of steps; the model is as it is then."""
    made, weights = model()
    made.set_weights(random_weights(seed) if strategy == SCRATCH else weights)
    for variable in made.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    keras.utils.set_random_seed(seed)
    known, rng = drawn(count, seed), np.random.default_rng(seed)
    left = np.array([0])
    for step in range(1, max(marks) + 1):
        while len(left) <= ROWS * LENGTH:
            order = rng.permutation(len(known))
            left = np.concatenate([left, *(np.append(known[i], 0) for i in order)])
        rows = [left[i : i + LENGTH + 1] for i in range(0, ROWS * LENGTH, LENGTH)]
        left = left[ROWS * LENGTH :]
        made.optimizer.learning_rate = rate * min(1.0, step / 10)
        made.train_on_batch(np.stack(rows)[:, :-1], np.stack(rows)[:, 1:])
        if step in marks:
            yield step


def of_gpt(split):
    """Natural logarithms of each token that counts, of each docstring."""
    return log_probabilities(model()[0], texts()[split][0])


def choices(strategy, count):
    """Rate and steps with their bits per byte on the validation files."""
    for rate in RATES:
        best = np.inf
        for steps in states(strategy, count, TUNING_SEED, rate, STEPS):
            found = bits("validation", of_gpt("validation"))
            yield f"{rate:g}/{steps}", found
            if found > best:  # it has begun to learn by heart; steps double each time
                break
            best = found


# ── the 5-grams ───────────────────────────────────────────────────────────────────────


@functools.cache
def pretrained_counts(corpus):
    """The 5-gram of the whole corpus: natural logarithms, of each split."""
    known = documents(corpus)[0][HELD_OUT:]
    return {split: of_counts(split, known) for split in ("validation", "test")}


def of_counts(split, known):
    """Natural logarithms of each token that counts, by a 5-gram of some texts."""
    counts = NGrams(known, _config()["vocabulary_size"])
    return [counts.log_probabilities(x)[:LENGTH] for x in texts()[split][0]]


def best_share(first, second):
    """The share of the first that is best on the validation files."""
    return min(SHARES, key=lambda s: bits("validation", mixed(first, second, s)))


# ── the runs ──────────────────────────────────────────────────────────────────────────


def kept():
    """The lines of the file, dictionaries of text."""
    if not RUNS.is_file():
        return []
    with open(RUNS, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep(*values):
    """Append a line."""
    new = not RUNS.is_file()
    with open(RUNS, "a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(FIELDS)
        writer.writerow(values)
    print(*values, flush=True)


def chosen(strategy, count):
    """The best line of the grid, which is measured if it is not there yet."""

    def tried():
        return {
            row["chosen"]: float(row["bits per byte"])
            for row in kept()
            if (row["split"], row["strategy"], row["docstrings"])
            == ("validation", strategy, str(count))
        }

    if not tried():
        for choice, found in list(choices(strategy, count)):
            keep("validation", strategy, count, TUNING_SEED, choice, f"{found:.4f}")
    return min(tried(), key=tried().get)


def measure_gpt(strategy, count, seed, corpus):
    """Bits per byte of one run, and with the 5-grams mixed in."""
    choice = chosen(strategy, count)
    rate, steps = choice.split("/")
    for _ in states(strategy, count, seed, float(rate), (int(steps),)):
        test = of_gpt("test")
        keep("test", strategy, count, seed, choice, f"{bits('test', test):.4f}")
        if strategy == TUNED:
            validation = of_gpt("validation")
            other = mixed_counts(count, seed, corpus)[1]
            share = best_share(validation, other["validation"])
            found = bits("test", mixed(test, other["test"], share))
            keep("test", BOTH, count, seed, f"{share:.2f}", f"{found:.4f}")


def mixed_counts(count, seed, corpus):
    """The share of the docstrings' own 5-gram, and what the mixture says."""
    own = {s: of_counts(s, drawn(count, seed)) for s in ("validation", "test")}
    old = pretrained_counts(corpus)
    share = best_share(own["validation"], old["validation"])
    return share, {s: mixed(own[s], old[s], share) for s in own}


def measure_counts(count, seed, corpus):
    """Three lines: own, pretrained, mixed."""
    own = bits("test", of_counts("test", drawn(count, seed)))
    keep("test", OWN, count, seed, "", f"{own:.4f}")
    old = bits("test", pretrained_counts(corpus)["test"])
    keep("test", OLD, count, seed, "", f"{old:.4f}")
    share, both = mixed_counts(count, seed, corpus)
    found = bits("test", both["test"])
    keep("test", MIXED, count, seed, f"{share:.2f}", f"{found:.4f}")


def measure(corpus, only):
    """Every run that is not kept yet."""
    there = {(r["strategy"], r["docstrings"], r["seed"]) for r in kept()}
    for count in COUNTS:
        for seed in SEEDS:
            for strategy in only:
                if (strategy, str(count), str(seed)) in there:
                    continue
                if strategy in (SCRATCH, TUNED):
                    measure_gpt(strategy, count, seed, corpus)
                elif strategy == OWN:
                    measure_counts(count, seed, corpus)


def untouched():
    """Bits per byte of the pretrained GPT as it is, on the test files."""
    made, weights = model()
    made.set_weights(weights)
    return bits("test", of_gpt("test"))


# ── the table ─────────────────────────────────────────────────────────────────────────


def found(strategy, count):
    """Bits per byte by draw."""
    return {
        int(row["seed"]): float(row["bits per byte"])
        for row in kept()
        if (row["split"], row["strategy"], row["docstrings"])
        == ("test", strategy, str(count))
    }


def cell(values):
    """A mean with its 95 % interval, and nothing where nothing was measured."""
    return str(estimate(values)) if len(values) > 1 else ""


def differences(first, second, count):
    """Draw by draw, where both were measured."""
    a, b = found(first, count), found(second, count)
    return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]


def table():
    """The section of RESULTS.md."""
    print(
        "Bits per byte of Matplotlib's docstrings, the fewer the better: of test "
        f"files, {READ['test']} docstrings, the first {LENGTH} tokens of each; five "
        "draws of what was learned from, with 95 % intervals; below, differences draw "
        "by draw.\n"
    )
    print("| docstrings | " + " | ".join(str(count) for count in COUNTS) + " |")
    print("|" + " --- |" * (len(COUNTS) + 1))
    empty = False
    for name in STRATEGIES:
        cells = [cell(list(found(name, count).values())) for count in COUNTS]
        print(f"| {name} | " + " | ".join(cells) + " |")
        empty |= "" in cells
    for a, b in (TUNED, SCRATCH), (TUNED, OWN), (TUNED, MIXED), (BOTH, MIXED):
        cells = [cell(differences(a, b, count)) for count in COUNTS]
        print(f"| {a} − {b} | " + " | ".join(cells) + " |")
    if empty:
        print("\nAn empty cell is not measured yet; `--measure CORPUS` measures it.")
    rates, steps = (", ".join(map(str, x)) for x in (RATES, STEPS))
    print(
        f"\nBoth GPTs chose from rates {rates} and {steps} steps of "
        f"{ROWS} × {LENGTH} tokens, on {READ['validation']} docstrings of validation "
        "files; a rate is left once more steps were worse. Chosen: "
        + "; ".join(settings())
    )


def settings():
    """The rate and steps of each GPT, as text."""
    for row in kept():
        key = row["split"], row["strategy"], row["seed"]
        if key in (("test", SCRATCH, "0"), ("test", TUNED, "0")):
            name = f"{row['strategy']}, {row['docstrings']} docstrings"
            yield f"{name}: {row['chosen'].replace('/', ' × ')}"


def main():
    """Measure, or show."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--measure", metavar="CORPUS")
    parser.add_argument("--only", nargs="*", default=[SCRATCH, OWN, TUNED])
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.only)
    else:
        table()


if __name__ == "__main__":
    main()
