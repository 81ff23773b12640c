"""Comparing strategies: nothing is run twice, and the intervals are right."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from tlkeras.transfer import Comparison, compare, draw_labels, estimate
from tlkeras.transfer.comparison import t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000])
def test_quantiles_of_students_t(degrees):
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-4)


def test_the_interval_covers_what_it_says():
    rng = np.random.default_rng(0)
    runs = [estimate(rng.normal(3, 2, size=5)) for _ in range(2000)]
    share = np.mean([run.low <= 3 <= run.high for run in runs])
    assert 0.935 < share < 0.965
    assert estimate([1.0]).half_width == float("inf")
    with pytest.raises(ValueError, match="at least one"):
        estimate([])


class Strategy:
    """Counts its runs, and can be interrupted."""

    def __init__(self, stop_at=None, gain=0.0):
        self.runs, self.stop_at, self.gain = [], stop_at, gain

    def __call__(self, count, seed):
        if self.stop_at == len(self.runs):
            raise KeyboardInterrupt
        self.runs.append((count, seed))
        score = np.random.default_rng(seed).random() + self.gain
        return {"accuracy": score, "labels": count}


def test_an_interrupted_comparison_goes_on(tmp_path):
    whole = compare(
        {"a": Strategy(), "b": Strategy()},
        (4, 8),
        range(3),
        tmp_path / "whole",
        verbose=0,
    )
    a, b = Strategy(), Strategy(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        compare({"a": a, "b": b}, (4, 8), range(3), tmp_path / "cut", verbose=0)
    assert (len(a.runs), len(b.runs)) == (3, 2)
    a, b = Strategy(), Strategy()
    result = compare({"a": a, "b": b}, (4, 8), range(3), tmp_path / "cut", verbose=0)
    assert a.runs == [(8, 0), (8, 1), (8, 2)]
    assert b.runs == [(4, 2), (8, 0), (8, 1), (8, 2)]
    assert result.table() == whole.table()
    c = Strategy(gain=1)
    more = compare({"a": a, "c": c}, (8,), range(4), tmp_path / "cut", verbose=0)
    assert a.runs[3:] == [(8, 3)]
    assert len(c.runs) == 4
    assert more.strategies == ["a", "c"]


KILLED = """
import sys, time
import numpy as np
from tlkeras.transfer import compare

def strategy(count, seed):
    if (count, seed) == (8, 1) and "wait" in sys.argv:
        print("now", flush=True)
        time.sleep(600)
    return {"accuracy": np.random.default_rng([count, seed]).random()}

print(compare({"a": strategy}, (4, 8), range(3), sys.argv[1], {"x": 1}, verbose=0))
"""


@pytest.mark.slow
def test_a_killed_comparison_goes_on(tmp_path):
    """The process gets no chance to put anything in order."""

    def start(*arguments):
        command = [sys.executable, "-c", KILLED, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with start(tmp_path / "cut", "wait") as first:
        assert first.stdout.readline() == "now\n"
        first.kill()
    assert first.returncode == -signal.SIGKILL
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "cut").iterdir()}
    assert len(before) == 5  # four results and the settings
    with start(tmp_path / "cut") as second, start(tmp_path / "whole") as whole:
        assert second.communicate()[0] == whole.communicate()[0]
    assert second.returncode == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before


def other_seed(result):
    return json.dumps({**result, "seed": 0})


def no_metrics(result):
    return json.dumps({**result, "metrics": {}})


def cut_off(result):
    return json.dumps(result)[:-9]


@pytest.mark.parametrize("spoil", [cut_off, other_seed, no_metrics])
def test_a_result_that_is_not_whole_is_run_again(tmp_path, spoil):
    first = Strategy()
    compare({"a / b": first}, (4,), (0, 1), tmp_path, verbose=0)
    path = next(p for p in tmp_path.glob("a_b-*.json") if p.stem.endswith("-1"))
    path.write_text(spoil(json.loads(path.read_text())))
    again = Strategy()
    compare({"a / b": again}, (4,), (0, 1), tmp_path, verbose=0)
    assert again.runs == [(4, 1)]


def test_other_settings_are_not_mixed(tmp_path):
    arguments = ({"a": Strategy()}, (4,), (0,), tmp_path)
    compare(*arguments, settings={"data": "x"}, verbose=0)
    with pytest.raises(ValueError, match=r"other settings.*x.*given.*y"):
        compare(*arguments, settings={"data": "y"}, verbose=0)


def test_figures(tmp_path):
    strategies = {"better": Strategy(gain=0.3), "base": Strategy()}
    result = compare(strategies, (4, 8), range(5), tmp_path, verbose=0)
    scores = [np.random.default_rng(seed).random() for seed in range(5)]
    assert result.estimate("base", 4).mean == pytest.approx(np.mean(scores))
    half = 2.7764 * np.std(scores, ddof=1) / 5**0.5
    assert result.estimate("base", 4).half_width == pytest.approx(half, rel=1e-3)
    difference = result.difference("better", "base", 8)
    assert difference.mean == pytest.approx(0.3)
    assert difference.half_width < 1e-6  # the seeds' luck is gone
    means, spreads = result.lines()["better"]
    assert len(means) == len(spreads) == 2
    assert result.lines("labels")["base"][0] == [4, 8]
    assert f"{np.mean(scores):.3f} ± {half:.3f}" in str(result)
    with pytest.raises(ValueError, match="no result of 'nothing'"):
        result.estimate("nothing", 4)
    assert Comparison(result.results).label_counts == [4, 8]


def test_results_must_be_numbers(tmp_path):
    with pytest.raises(ValueError, match="'a' must return a number"):
        compare({"a": lambda count, seed: "good"}, (1,), (0,), tmp_path, verbose=0)
    scores = compare({"b": lambda count, seed: 0.5}, (1,), (0,), tmp_path, verbose=0)
    assert scores.values("b", 1) == {0: 0.5}


def test_drawing_labels():
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    small, large = (draw_labels(labels, count, seed=3) for count in (12, 60))
    assert np.bincount(labels[small]).tolist() == [4, 4, 4]
    assert np.bincount(labels[large]).tolist() == [20, 20, 20]
    assert set(small) <= set(large)
    assert len(set(large)) == 60
    np.testing.assert_array_equal(small, draw_labels(labels, 12, seed=3))
    assert set(small) != set(draw_labels(labels, 12, seed=4))
    assert set(draw_labels(labels, 100, seed=0)) == set(range(100))
    for count in (0, 101):
        with pytest.raises(ValueError, match="count must be from 1 to 100"):
            draw_labels(labels, count, seed=0)


def test_the_curve(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    result = compare({"a": Strategy()}, (4, 1000), (0, 1), tmp_path, verbose=0)
    axes = result.curve()
    assert axes.get_ylabel() == "accuracy"
    assert axes.get_xlabel() == "labels"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["4", "1,000"]
    (line,) = axes.get_lines()
    assert list(line.get_ydata()) == result.lines()["a"][0]
    means, spreads = result.lines()["a"]
    (band,) = axes.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.max() == pytest.approx(max(np.add(means, spreads)))
    assert result.curve("labels", "how many", axes) is axes
    assert axes.get_title("left") == "how many"
