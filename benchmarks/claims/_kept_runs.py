"""Runs of `compare` in a CSV file, one a line, and tables of them in Markdown."""

import csv
from importlib.metadata import version

from tlkeras.transfer.comparison import Comparison, Result

# `chosen` is the highest learning rate, or the C of a logistic regression; a line of
# the validation split is one of the grid from which it was chosen.
FIELDS = ("data", "split", "strategy", "labels", "seed", "accuracy", "chosen", "made")


def keep(path, data, split, comparison):
    """Put the runs of a comparison into the file, in place of older ones."""
    made = f"keras {version('keras')}, tensorflow {version('tensorflow')}"
    rows = {_place(row): row for row in kept(path)}
    for name, labels, seed, metrics, _ in comparison.results:
        strategy = name.rpartition(" ")[0] if split == "validation" else name
        accuracy, chosen = f"{metrics['accuracy']:.4f}", f"{metrics['chosen']:g}"
        values = (data, split, strategy, labels, seed, accuracy, chosen, made)
        row = dict(zip(FIELDS, map(str, values), strict=True))
        rows[_place(row)] = row
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[place] for place in sorted(rows))


def _place(row):
    """What makes a run another one, and where its line stands."""
    rate = float(row["chosen"]) if row["split"] == "validation" else 0.0
    labels, seed = int(row["labels"]), int(row["seed"])
    return row["data"], row["split"], row["strategy"], labels, rate, seed


def kept(path):
    """The lines of the file, dictionaries of text."""
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def comparison_of(path, data, strategies):
    """The runs of a data set on its test split, as `compare` gives them."""
    rows = [r for r in kept(path) if (r["data"], r["split"]) == (data, "test")]
    rows.sort(key=lambda row: strategies.index(row["strategy"]))
    return Comparison(
        Result(
            row["strategy"],
            int(row["labels"]),
            int(row["seed"]),
            {"accuracy": float(row["accuracy"])},
            0.0,
        )
        for row in rows
    )


def table(title, found, trained, baselines):
    """Accuracies, and what training gains over each baseline, seed by seed."""
    seeds = len({result.seed for result in found.results})
    heads = [f"{title}, {seeds} seeds"]
    heads += [f"{count:,} labels" for count in found.label_counts]
    lines = [heads, ["---"] * len(heads)]
    rows = [(name, found.estimate, (name,)) for name in found.strategies]
    rows += [
        (f"{name} − {baseline}", found.difference, (name, baseline))
        for name in trained
        for baseline in baselines
    ]
    for name, measure, names in rows:
        cells = (_cell(measure, seeds, *names, n) for n in found.label_counts)
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(measure, seeds, *arguments):
    """An estimate in words; nothing where there are no runs of two seeds."""
    try:
        found = measure(*arguments, "accuracy")
    except ValueError:
        return ""
    if found.count < 2:
        return ""
    return str(found) if found.count == seeds else f"{found} ({found.count} seeds)"
