"""What is said of the small ViT is what was measured."""

import ast
import csv
import re
from pathlib import Path

import numpy as np
import pytest

from tlkeras.transfer.comparison import estimate

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "vit_digits"
CLAIM = ROOT / "benchmarks" / "claims" / "vit_digits.csv"
SEEDS = [f"seed {seed}" for seed in range(5)]


def table(path):
    """The lines of a file by what was measured and the number of labels a class."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {(next(iter(row.values())), int(row["labels a class"])): row for row in rows}


def values(row):
    return np.array([float(row[seed]) for seed in SEEDS])


COMPARISON, FEATURES = table(CLAIM), table(FOLDER / "features.csv")
README = (FOLDER / "README.md").read_text("utf-8")
LABELS = (1, 2, 5, 10)


def grid(row):
    """Accuracies by rate and steps."""
    pairs = (x.split(":") for x in row["grid: rate/steps:accuracy"].split())
    return {tuple(map(float, way.split("/"))): float(x) for way, x in pairs}


def test_both_were_tuned_over_the_same_grid():
    for count in LABELS:
        tried = [grid(COMPARISON[s, count]) for s in ("from scratch", "fine-tuned")]
        assert len(tried[0]) == 13
        assert tried[0].keys() == tried[1].keys()


@pytest.mark.parametrize("key", COMPARISON)
def test_the_best_of_the_grid_was_taken(key):
    row = COMPARISON[key]
    chosen = float(row["learning rate"]), float(row["steps"])
    assert grid(row)[chosen] == max(grid(row).values())


@pytest.mark.parametrize("count", LABELS)
def test_the_note_says_what_was_measured(count):
    scratch = values(COMPARISON["from scratch", count])
    cells = [f"{scratch.mean():.3f}"]
    for row in (
        FEATURES["mnist_low_turned", count],
        COMPARISON["fine-tuned", count],
        COMPARISON["fine-tuned, random head", count],
    ):
        gain = estimate(values(row) - scratch)
        mean = values(row).mean()
        cells.append(f"{mean:.3f} ({gain.mean:+.3f} ± {gain.half_width:.3f})")
    assert f"| {count} | " + " | ".join(cells) + " |" in README


def test_transfer_is_positive_where_it_is_promised():
    for count in (5, 10):
        scratch = values(COMPARISON["from scratch", count])
        assert estimate(values(COMPARISON["fine-tuned", count]) - scratch).low > 0


@pytest.mark.parametrize("name", ["BEST", "CHEAP"])
def test_lesson_13_takes_what_was_chosen(name):
    text = (ROOT / "course" / "13_vit" / "lesson.py").read_text("utf-8")
    found = re.search(rf"^{name} = (\{{.*?^\}})", text, re.M | re.S)[1]
    for start, settings in ast.literal_eval(found).items():
        for count, (rate, steps) in settings.items():
            row = COMPARISON[start, count // 5]
            if name == "BEST":
                assert (rate, steps) == (float(row["learning rate"]), int(row["steps"]))
                continue
            tried = grid(row)
            near = {k for k, x in tried.items() if x > max(tried.values()) - 0.01}
            assert steps == min(steps for _, steps in near)
            assert (rate, steps) in near
