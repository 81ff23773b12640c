"""Five kinds of photograph learned from five others: a small ViT on part of CIFAR-10.

    cd benchmarks/claims
    python transfer_cifar10.py --measure   # 10 to 20 minutes of a core
    python transfer_cifar10.py             # the table of the results kept

The experiment is lesson 13's at full scale (`course/13_vit/full_scale.py`), on the 500
training and 100 test images of each kind that a mirror holds (`TLKERAS_MIRROR`).
Results are kept under --folder: stop it at any time, and call it again to go on. What
is there goes into transfer_cifar10.csv beside this file, one line a run.
"""

import argparse
import itertools
import runpy
from pathlib import Path

from _kept_runs import comparison_of, keep, kept, table

from tlkeras.transfer.comparison import Comparison

CSV = Path(__file__).with_suffix(".csv")
LESSON = Path(__file__).resolve().parents[2] / "course" / "13_vit" / "full_scale.py"
STRATEGIES = ("raw pixels", "from scratch", "frozen", "fine-tuned")
DATA, KINDS = "cifar10, half", 5


def measure(options):
    """Run what is missing, and put it into the file, labels of all kinds counted."""
    lesson = runpy.run_path(str(LESSON))
    experiment = lesson["Experiment"](options.folder, part=True)
    found = {"test": [experiment.compare(options.seeds, options.counts)]}
    found["validation"] = [
        experiment.grid(name, count)
        for name, count in itertools.product(
            ("from scratch", "fine-tuned"), options.counts
        )
    ]
    for split, comparisons in found.items():
        results = [
            result._replace(label_count=KINDS * result.label_count)
            for comparison in comparisons
            for result in comparison.results
        ]
        keep(CSV, DATA, split, Comparison(results))


def choices():
    """The rate and steps that each way to train got, by number of labels, in words."""
    rows = [row for row in kept(CSV) if row["split"] == "validation"]
    rows.sort(key=lambda row: float(row["accuracy"]))
    best = {(row["strategy"].split(", ")[0], int(row["labels"])): row for row in rows}
    words: dict = {}
    for (name, _), row in sorted(best.items()):  # the last of a place was the best
        steps = row["strategy"].split(", ")[1]
        words.setdefault(name, []).append(f"{row['chosen']} for {steps}")
    return "; ".join(f"{name} {', '.join(each)}" for name, each in words.items())


def race():
    """The best of the grid for each number of steps, fine-tuned and not, in words."""
    best: dict = {}
    for row in kept(CSV):
        if row["split"] == "validation":
            name, steps = row["strategy"].split(", ")
            place = int(row["labels"]), int(steps.split()[0])
            both = best.setdefault(place, {})
            both[name] = max(both.get(name, 0.0), float(row["accuracy"]))
    return "; ".join(
        f"{labels:,} labels, {steps:,} steps "
        f"{both['fine-tuned']:.3f} against {both['from scratch']:.3f}"
        for (labels, steps), both in sorted(best.items())
    )


def page():
    """How the runs kept were made, and their table."""
    made = sorted({row["made"] for row in kept(CSV)})
    sizes = runpy.run_path(str(LESSON))["SMALL"]
    steps = "; ".join(
        f"{count} labels a kind: {', '.join(f'{n:,}' for n in grid)}"
        for count, grid in sizes["steps"].items()
    )
    found = comparison_of(CSV, DATA, STRATEGIES)
    vit = sizes["vit"]
    return "\n\n".join(
        [
            "Measured by `python benchmarks/claims/transfer_cifar10.py --measure`, "
            "which goes on where it was stopped; every run is a line of "
            "benchmarks/claims/transfer_cifar10.csv.",
            f"A ViT (patches of {vit['patch_size']}, {vit['num_layers']} encoders of "
            f"{vit['hidden_dim']} features; {', '.join(made)}) learns five kinds of "
            "photograph, 500 of each, moved and mirrored, and turned four ways, for "
            f"{sizes['source_steps']:,} steps of 32. Then dog, frog, horse, ship and "
            "truck, with 10, 50 and 250 labels of each: accuracy on 500 new images, "
            "with its 95 % interval over seeds; below, differences seed by seed.",
            "From scratch and fine-tuned (the head first, by logistic regression): all "
            "weights train, on the labelled images and 8 moved or mirrored copies of "
            "each. Both choose from one grid for each number of labels, on training "
            "images whose labels were not drawn, with a seed of its own: rates "
            f"0.0003, 0.001, 0.003, and steps ({steps}). Chosen, by number of labels: "
            f"{choices()}. The regressions on frozen features and on raw pixels choose "
            "their C in the same way.",
            table("CIFAR-10", found, STRATEGIES[2:], STRATEGIES[1:2]),
            "On the labels of the choice, fine-tuning is far ahead while training is "
            f"short, and from scratch catches up: {race()}.",
        ]
    )


def parse():
    """The command line."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--measure", action="store_true")
    options.add_argument("--folder", default="results/transfer_cifar10")
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--counts", type=int, nargs="+", default=[10, 50, 250])
    return options.parse_args()


def main():
    """Run what is missing, if that is asked for, and print the table."""
    options = parse()
    if options.measure:
        measure(options)
    print(page())


if __name__ == "__main__":
    main()
