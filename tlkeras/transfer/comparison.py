"""Compare ways to learn, over numbers of labels and seeds, with intervals."""

import functools
import hashlib
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95


class Result(NamedTuple):
    """What one run gave: one strategy, one number of labels, one seed.

    Args:
        strategy: its name.
        label_count: how many labels it trained on.
        seed: of the run.
        metrics: name to value.
        seconds: how long it took.
    """

    strategy: str
    label_count: int
    seed: int
    metrics: dict
    seconds: float


class Estimate(NamedTuple):
    """A mean over seeds, and half the width of its 95 % confidence interval.

    Args:
        mean: of the values.
        half_width: of the interval, which is `low` to `high`.
        count: how many values there are.
    """

    mean: float
    half_width: float
    count: int  # type: ignore[assignment]  # a tuple's method has this name

    @property
    def low(self):
        """The lower end of the interval."""
        return self.mean - self.half_width

    @property
    def high(self):
        """The upper end of the interval."""
        return self.mean + self.half_width

    def __str__(self):
        return f"{self.mean:.3f} ± {self.half_width:.3f}"


def estimate(values: ArrayLike) -> Estimate:
    """The mean of some values and its 95 % confidence interval, by Student's t.

    Args:
        values: numbers, one a seed. One alone has an interval without end.

    Returns:
        An `Estimate`.

    Example:

    >>> print(estimate([0.7, 0.8, 0.9]))
    0.800 ± 0.248
    """
    values = np.asarray(values, dtype="float64")
    count = len(values)
    if count == 0:
        raise ValueError("values must hold at least one number; given none.")
    if count == 1:
        return Estimate(float(values[0]), math.inf, 1)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    return Estimate(float(values.mean()), t_quantile(count - 1) * error, count)


@functools.cache
def t_quantile(degrees, confidence=CONFIDENCE):
    """The t that Student's distribution exceeds to either side 5 % of the time.

    Args:
        degrees: of freedom, at least 1.
        confidence: the share within. Defaults to 0.95.
    """
    # With t = √ν tan θ the density becomes cos(θ)^(ν − 1): finite, and easy to sum.
    angles = np.linspace(0, math.pi / 2, 200_001)
    density = np.cos(angles) ** (degrees - 1)
    share = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    angle = np.interp(confidence, share / share[-1], angles)
    return math.sqrt(degrees) * math.tan(angle)


def compare(
    strategies: Mapping[str, Callable[[int, int], Any]],
    label_counts: Sequence[int],
    seeds: Iterable[int],
    folder: Path | str,
    settings: Any = None,
    verbose: bool = True,
    executor: Executor | None = None,
) -> "Comparison":
    """Run every strategy with every number of labels and every seed.

    Each result is written to the folder as soon as it is there. Called again, after an
    interruption or with more seeds, only what is missing is run.

    Args:
        strategies: a dictionary of name to a function of `(label_count, seed)`, which
            returns a number, or a dictionary of numbers by name. For one seed all
            strategies should learn from the same examples: see `draw_labels`.
        label_counts: numbers of labels.
        seeds: integers; an iterable.
        folder: where results live.
        settings: anything that JSON knows and results depend on, such as the name of
            the data set. Results of other settings in the folder are an error.
        verbose: whether to show a progress bar. Defaults to `True`.
        executor: of the `concurrent.futures` interface, to run strategies elsewhere and
            side by side, such as `dask.distributed.Client(…).get_executor()`. It must
            be able to send the functions there: processes know those of modules alone,
            Dask knows any. Defaults to `None`: here, one after the other.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: the folder holds results of other settings, or a strategy returns
            something else than numbers. What a strategy raises, and what an executor
            raises that lost its workers, is raised as it is, after whatever is ready
            was written.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = compare(
    ...         {"luck": lambda count, seed: 0.5, "skill": lambda count, seed: 0.9},
    ...         label_counts=(10, 20), seeds=range(3), folder=folder, verbose=False,
    ...     )
    >>> print(result.table())
    strategy             10             20
    luck      0.500 ± 0.000  0.500 ± 0.000
    skill     0.900 ± 0.000  0.900 ± 0.000
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _check_settings(folder / "settings.json", settings)
    seeds = list(seeds)
    runs = [(n, c, s) for c in label_counts for s in seeds for n in strategies]
    paths = {run: folder / _file(*run) for run in runs}
    results = {run: _read(path, run) for run, path in paths.items()}
    missing = [run for run, result in results.items() if result is None]
    bar = keras.utils.Progbar(len(results), unit_name="run", verbose=int(verbose))
    bar.update(len(results) - len(missing), finalize=not missing)
    for result in _results(missing, strategies, executor):
        _write(paths[result[:3]], json.dumps(result._asdict()))
        results[result[:3]] = result
        bar.add(1)
    return Comparison(results.values())


def _results(runs, strategies, executor):
    """Yield the results of all runs as they come; what failed is raised at the end."""
    if executor is None:
        yield from (_run(name, strategies[name], *rest) for name, *rest in runs)
        return
    futures = [
        executor.submit(_run, run[0], strategies[run[0]], *run[1:]) for run in runs
    ]
    errors = []
    for future in as_completed(futures):
        if error := future.exception():
            errors.append(error)
        else:
            yield future.result()
    if errors:
        raise errors[0]


class Comparison:
    """All results of `compare`, with tables, intervals and curves.

    Args:
        results: a list of `Result`.
    """

    def __init__(self, results):
        self.results = list(results)
        self.strategies = list(dict.fromkeys(r.strategy for r in self.results))
        self.label_counts = sorted({result.label_count for result in self.results})

    def values(
        self, strategy: str, label_count: int, metric: str | None = None
    ) -> dict[int, float]:
        """Seed to value of a metric: the first one, if none is named."""
        found = {
            result.seed: result.metrics[metric or next(iter(result.metrics))]
            for result in self.results
            if (result.strategy, result.label_count) == (strategy, label_count)
        }
        if not found:
            raise ValueError(
                f"there is no result of {strategy!r} with {label_count!r} labels; "
                f"there are {self.strategies} with {self.label_counts}."
            )
        return found

    def estimate(
        self, strategy: str, label_count: int, metric: str | None = None
    ) -> Estimate:
        """The mean over seeds and its interval, an `Estimate`."""
        return estimate(list(self.values(strategy, label_count, metric).values()))

    def difference(
        self, strategy: str, baseline: str, label_count: int, metric: str | None = None
    ) -> Estimate:
        """How much better a strategy is, seed by seed: an `Estimate`.

        Both learned from the same examples of a seed, so their difference says more
        than two intervals side by side.
        """
        left = self.values(strategy, label_count, metric)
        right = self.values(baseline, label_count, metric)
        shared = sorted(set(left) & set(right))
        return estimate([left[seed] - right[seed] for seed in shared])

    def lines(
        self, metric: str | None = None
    ) -> dict[str, tuple[list[float], list[float]]]:
        """Strategy to means and half widths, as `visualization.curves` takes them."""
        result = {}
        for name in self.strategies:
            row = [self.estimate(name, count, metric) for count in self.label_counts]
            result[name] = ([e.mean for e in row], [e.half_width for e in row])
        return result

    def curve(
        self, metric: str | None = None, title: str = "", axes: Any = None
    ) -> Any:
        """Draw the means over numbers of labels, with their intervals as bands.

        Args:
            metric: the first one, if none is named.
            title: of the figure. Defaults to `""`.
            axes: matplotlib's, to draw into. Defaults to `None`, new ones.

        Returns:
            The axes.
        """
        from tlkeras.visualization import learning_curves  # and matplotlib, only now

        metric = metric or next(iter(self.results[0].metrics))
        lines = self.lines(metric)
        return learning_curves(self.label_counts, lines, metric, title, axes)

    def table(self, metric: str | None = None) -> str:
        """Rows of strategies, columns of label counts, as text."""
        cells = [["strategy", *(f"{count:,}" for count in self.label_counts)]]
        for name in self.strategies:
            row = [self.estimate(name, count, metric) for count in self.label_counts]
            cells.append([name, *map(str, row)])
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        )

    def __str__(self):
        return self.table()


def draw_labels(labels: ArrayLike, count: int, seed: int) -> np.ndarray:
    """Which examples keep their labels: as many of each class as can be.

    Args:
        labels: integers `(examples,)`.
        count: how many to draw.
        seed: the same seed draws the same ones; a larger count draws more around them.

    Returns:
        Indices `(count,)`, in random order.

    Raises:
        ValueError: there are fewer than `count`.

    Example:

    >>> import numpy as np
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> sorted(labels[draw_labels(labels, 4, seed=0)].tolist())
    [0, 0, 1, 1]
    """
    labels = np.asarray(labels)
    if not 0 < count <= len(labels):
        raise ValueError(f"count must be from 1 to {len(labels)}; given {count!r}.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    turn = np.empty(len(labels))  # the how-manieth of its class each example is
    for label in np.unique(labels):
        mine = order[labels[order] == label]
        turn[mine] = np.arange(len(mine)) + rng.random() / 2
    chosen = np.argsort(turn, kind="stable")[:count]
    return rng.permutation(chosen)


def _run(name, strategy, count, seed):
    start = time.perf_counter()
    metrics = strategy(count, seed)
    seconds = time.perf_counter() - start
    metrics = metrics if isinstance(metrics, dict) else {"score": metrics}
    try:
        metrics = {str(key): float(value) for key, value in metrics.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"strategy {name!r} must return a number or a dictionary of numbers; given "
            f"{metrics!r}."
        ) from error
    return Result(name, count, seed, metrics, seconds)


def _file(name, count, seed):
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}-{digest}-{count}-{seed}.json"


def _read(path, wanted):
    """The result of a strategy, number of labels and seed, or `None`."""
    try:
        result = Result(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):  # not there, or cut off
        return None
    whole = isinstance(result.metrics, dict) and result.metrics
    return result if whole and result[:3] == wanted else None


def _write(path, text):
    """Write a file that is there whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, path)


def _check_settings(path, settings):
    text = json.dumps(settings, sort_keys=True)
    if not path.is_file():
        return _write(path, text)
    before = path.read_text("utf-8")
    if before != text:
        raise ValueError(
            f"{path.parent} holds results of other settings: {before}; given {text}. "
            "Take another folder, or delete it."
        )
    return None
