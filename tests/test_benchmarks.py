"""What the benchmarks of transfer share: batches by length, and runs that are kept."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS / "claims"))

from _by_length import by_length, cropped, grouped  # noqa: E402
from _kept_runs import comparison_of, keep, kept, table  # noqa: E402
from _once import kept as runs_of  # noqa: E402
from _once import once  # noqa: E402

from tlkeras.transfer.comparison import Comparison, Result  # noqa: E402


@pytest.fixture
def inputs():
    counts = np.random.default_rng(0).integers(2, 30, 100)
    mask = (np.arange(32) < counts[:, None]).astype("int32")
    return {"token_ids": mask * np.arange(1, 101)[:, None], "padding_mask": mask}


def test_batches_by_length_hold_every_text_once(inputs):
    batches = list(by_length(inputs, 30))
    assert [len(places) for places, _ in batches] == [30, 30, 30, 10]
    assert sorted(np.concatenate([p for p, _ in batches])) == list(range(100))
    widths = [batch["token_ids"].shape[1] for _, batch in batches]
    assert widths == sorted(widths)
    assert widths[0] <= 16
    for places, batch in batches:
        np.testing.assert_array_equal(batch["token_ids"][:, 0], places + 1)
        total = batch["padding_mask"].sum()
        assert total == inputs["padding_mask"][places].sum()


def test_an_epoch_holds_every_text_once_in_another_order(inputs):
    rng = np.random.default_rng(0)
    first, second = grouped(inputs, 8, rng), grouped(inputs, 8, rng)
    for batches in (first, second):
        assert [len(batch) for batch in batches] == [8] * 12
        assert len(set(np.concatenate(batches))) == 96
    assert {tuple(sorted(b)) for b in first} != {tuple(sorted(b)) for b in second}
    few = {name: x[:8] for name, x in inputs.items()}
    assert sorted(grouped(few, 8, rng)[0]) == list(range(8))
    together = sum(cropped(few_of(inputs, b))["token_ids"].size for b in first)
    apart = sum(
        cropped(few_of(inputs, b))["token_ids"].size
        for b in np.split(rng.permutation(96), 12)
    )
    assert together < 0.9 * apart


def few_of(inputs, places):
    return {name: x[places] for name, x in inputs.items()}


def test_the_page_shows_the_runs_that_are_kept():
    import transfer_text

    page = transfer_text.page()
    assert page in (BENCHMARKS / "RESULTS.md").read_text("utf-8")
    assert "| fine-tuning − linear probe |" in page


def test_the_page_shows_the_photographs_that_are_kept():
    import transfer_cifar10

    page = transfer_cifar10.page()
    assert page in (BENCHMARKS / "RESULTS.md").read_text("utf-8")
    rows = kept(transfer_cifar10.CSV)
    assert {row["split"] for row in rows} == {"test", "validation"}
    for name in ("from scratch", "fine-tuned"):  # tuned over the same grid
        grid = {
            (row["strategy"].split(", ")[1], row["chosen"], row["labels"])
            for row in rows
            if row["split"] == "validation" and row["strategy"].startswith(name)
        }
        assert len(grid) == 3 * 9
    assert "| fine-tuned − from scratch |" in page


def runs(name, scores, count=64, chosen=0.1):
    return [
        Result(name, count, seed, {"accuracy": score, "chosen": chosen}, 1.0)
        for seed, score in enumerate(scores)
    ]


def test_runs_are_kept_once(tmp_path):
    path = tmp_path / "runs.csv"
    assert kept(path) == []
    base, new = runs("base", [0.5, 0.625]), runs("new", [0.75, 0.875])
    keep(path, "sst2", "test", Comparison(base + new[:1]))
    keep(path, "sst2", "validation", Comparison(runs("new 0.1", [0.25])))
    keep(path, "sst2", "validation", Comparison(runs("new 0.3", [0.25], chosen=0.3)))
    keep(path, "ag_news", "test", Comparison(runs("new", [0.125])))
    text = path.read_text()
    keep(path, "sst2", "test", Comparison(base + new[:1]))
    assert path.read_text() == text
    keep(path, "sst2", "test", Comparison(new))
    assert len(kept(path)) == 7
    found = comparison_of(path, "sst2", ("new", "base"))
    assert found.strategies == ["new", "base"]
    assert found.values("new", 64) == {0: 0.75, 1: 0.875}
    assert found.difference("new", "base", 64).mean == pytest.approx(0.25)
    assert table("Reviews", found, ["new"], ["base"]).splitlines() == [
        "| Reviews, 2 seeds | 64 labels |",
        "| --- | --- |",
        f"| new | {found.estimate('new', 64)} |",
        f"| base | {found.estimate('base', 64)} |",
        "| new − base | 0.250 ± 0.000 |",
    ]
    keep(path, "sst2", "test", Comparison(runs("new", [0.5, 0.5, 0.5, 0.5])))
    keep(path, "sst2", "test", Comparison(runs("base", [0.5], count=256)))
    found = comparison_of(path, "sst2", ("new", "base"))
    assert table("Reviews", found, ["new"], ["base"]).splitlines() == [
        "| Reviews, 4 seeds | 64 labels | 256 labels |",
        "| --- | --- | --- |",
        "| new | 0.500 ± 0.000 |  |",
        f"| base | {found.estimate('base', 64)} (2 seeds) |  |",
        f"| new − base | {found.difference('new', 'base', 64)} (2 seeds) |  |",
    ]


def test_a_run_is_made_once_and_goes_on_where_it_was_stopped(tmp_path):
    path, asked = tmp_path / "runs.csv", []

    def scored(start, rate):
        asked.append((start, rate))
        return {"f1": 0.25} if start == "a" else {"exact": 1 / 3}

    for _ in range(2):  # as by a program that is started again
        run = once(path, ("start", "rate"), ("f1", "exact"))(scored)
        assert run("a", 1e-3)["f1"] == "0.2500"
        assert run("b", 1e-3)["exact"] == "0.3333"
    assert asked == [("a", 1e-3), ("b", 1e-3)]
    assert list(runs_of(path, ("start", "rate"))) == [("a", "0.001"), ("b", "0.001")]
    assert path.read_text("utf-8").count("start,rate") == 1
