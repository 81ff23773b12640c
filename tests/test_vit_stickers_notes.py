"""What is said of the small ViT of the stickers is what was measured."""

import ast
import csv
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from tlkeras.datasets import stickers
from tlkeras.transfer.comparison import estimate

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "vit_stickers"
CLAIM = ROOT / "benchmarks" / "claims" / "vit_stickers.csv"
WAYS = ("raw pixels", "from scratch", "frozen", "fine-tuned")
COUNTS = (1, 5, 10)


def read():
    """The lines of the file, by way and labels a kind."""
    with open(CLAIM, encoding="utf-8", newline="") as file:
        return {
            (row["way"], int(row["labels a kind"])): row for row in csv.DictReader(file)
        }


ROWS = read()


def values(way, count):
    return np.array([float(ROWS[way, count][f"seed {seed}"]) for seed in range(5)])


def grid(way, count):
    """Accuracies by choice, as text."""
    pairs = (x.split(":") for x in ROWS[way, count]["grid: choice:accuracy"].split())
    return {choice: float(accuracy) for choice, accuracy in pairs}


def row(count):
    """A line of the table: means, and what the ViT gains, with 95 % intervals."""
    cells = [f"{values(way, count).mean():.3f}" for way in WAYS]
    for way, baseline in (("frozen", "raw pixels"), ("fine-tuned", "from scratch")):
        gain = estimate(values(way, count) - values(baseline, count))
        cells.append(f"{gain.mean:+.3f} ± {gain.half_width:.3f}")
    return f"| {count} | " + " | ".join(cells) + " |"


@pytest.mark.parametrize("count", COUNTS)
def test_both_sides_were_tuned_over_the_same_grid(count):
    for one, other in (("raw pixels", "frozen"), ("from scratch", "fine-tuned")):
        assert grid(one, count).keys() == grid(other, count).keys()
        assert len(grid(one, count)) >= 5


@pytest.mark.parametrize("key", ROWS)
def test_the_best_of_the_grid_was_taken(key):
    tried = grid(*key)
    assert tried[ROWS[key]["chosen"]] == max(tried.values())


@pytest.mark.parametrize("count", COUNTS)
def test_the_note_says_what_was_measured(count):
    assert row(count) in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("count", COUNTS)
def test_the_frozen_body_is_ahead_of_raw_pixels(count):
    assert estimate(values("frozen", count) - values("raw pixels", count)).low > 0


LESSON = (ROOT / "course" / "13_vit" / "lesson.py").read_text("utf-8")


def test_lesson_13_takes_the_penalties_that_were_chosen():
    found = ast.literal_eval(
        re.search(r"^PENALTIES = (\{.*?^\})", LESSON, re.M | re.S)[1]
    )
    assert found.keys() == {"raw pixels", "frozen"}
    for way, penalties in found.items():
        kinds = len(stickers.FOOD)
        chosen = {kinds * n: float(ROWS[way, n]["chosen"]) for n in COUNTS}
        assert penalties == chosen


@pytest.mark.parametrize("count", COUNTS)
def test_lesson_13_says_what_was_measured(count):
    raw, frozen = values("raw pixels", count), values("frozen", count)
    gain = estimate(frozen - raw)
    cells = f"{raw.mean():.3f} | {frozen.mean():.3f} | "
    assert f"# | {count} | {cells}{gain.mean:+.3f} ± {gain.half_width:.3f} |" in LESSON


def test_the_body_has_seen_no_food():
    train = runpy.run_path(str(FOLDER / "train.py"))
    pictures, things = train["source"](np.random.default_rng(train["SEED"]))
    assert pictures.shape[:2] == (len(stickers.ARTISTS), len(things))
    assert len(things) == 100
    assert not set(things) & set(stickers.FOOD)


def test_drawings_kept_apart_are_not_learned_from():
    train = runpy.run_path(str(FOLDER / "train.py"))
    known, held = train["split"](np.random.default_rng(0))
    assert not (known == held[:, None]).any()
    assert len(set(held)) == len(stickers.ARTISTS)
