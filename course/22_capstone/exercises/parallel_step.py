"""One step of gradient descent whose batch lies on several devices."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def by_rows(gradients, counts):
    """The mean over all rows, wherever they lie: (P,)."""
    here = counts > 0
    return (counts[here, None] * gradients[here]).sum(axis=0) / counts.sum()


def same_rate(rate, counts):
    """One mean, one rate."""
    return rate


def parallel_step(
    weights,
    gradients,
    counts,
    rate,
    *,
    average=by_rows,
    scale=same_rate,
    move=lambda weights, change: weights - change,
    idle=lambda weights: weights,
):
    """The weights after the step, (P,)."""
    weights, gradients = (
        np.asarray(weights, "float64"),
        np.asarray(gradients, "float64"),
    )
    counts = np.asarray(counts)
    if not counts.any():
        return idle(weights)
    return move(weights, scale(rate, counts) * average(gradients, counts))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def devices(*counts, size=5, rate=0.1):
    """Gradients of mean losses; a device without rows has none: nan."""

    def draw(rng):
        rows = np.array(counts)
        gradients = 1.5 * floats(rng, len(rows), size) + 1
        gradients[rows == 0] = np.nan
        return floats(rng, size), gradients.astype("float32"), rows, rate

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def busy(counts):
    """Devices with rows."""
    return counts > 0


def without(gradients, counts, keep):
    """The weighted mean over some devices (wrong unless these are all)."""
    keep = keep & busy(counts)
    return by_rows(gradients[keep], counts[keep]) if keep.any() else 0 * gradients[0]


wrong = mistakes("parallel", section="parallel")

EXERCISE = Exercise(
    name="parallel_step",
    section="parallel",
    points=3,
    reference=parallel_step,
    cases=(
        Case("some", devices(8, 8, 8, 5)),
        Case("even", devices(4, 4, 4, rate=0.3)),
        Case("one-device", devices(7)),
        Case("two", devices(6, 1, size=3)),
        Case("shard-of-one", devices(9, 9, 9, 1, rate=0.5)),
        Case("empty-last", devices(5, 5, 3, 0)),
        Case("empty-first", devices(0, 6, 4)),
        Case("one-busy", devices(0, 0, 3, 0)),
        Case("no-rows", devices(0, 0, 0)),
        Case("one-weight", devices(3, 2, size=1)),
        Case("high-rate", devices(2, 7, 4, rate=3.0)),
        Case("square", devices(3, 5, 2, 4, 6, size=5)),
    ),
    misconceptions=(
        wrong("shards-alike", average=lambda g, n: g[n > 0].mean(axis=0)),
        wrong(
            "divided-by-all-devices", average=lambda g, n: g[n > 0].sum(axis=0) / len(n)
        ),
        wrong("summed", average=lambda g, n: g[n > 0].sum(axis=0)),
        wrong(
            "not-divided", average=lambda g, n: (n[n > 0, None] * g[n > 0]).sum(axis=0)
        ),
        wrong(
            "rows-summed-by-devices",
            average=lambda g, n: (n[n > 0, None] * g[n > 0]).sum(axis=0) / len(n),
        ),
        wrong(
            "by-the-largest-shard",
            average=lambda g, n: (n[n > 0, None] * g[n > 0]).sum(axis=0) / n.max(),
        ),
        wrong("last-shard-dropped", average=lambda g, n: without(g, n, n == n.max())),
        wrong("first-device-alone", average=lambda g, n: g[0]),
        wrong("last-device-alone", average=lambda g, n: g[-1]),
        wrong("largest-shard-alone", average=lambda g, n: g[n.argmax()]),
        wrong(
            "empty-not-left-out", average=lambda g, n: (n[:, None] * g).sum(0) / n.sum()
        ),
        wrong("empty-in-the-mean", average=lambda g, n: g.mean(axis=0)),
        wrong("rate-times-devices", scale=lambda rate, n: rate * len(n)),
        wrong("rate-times-busy", scale=lambda rate, n: rate * busy(n).sum()),
        wrong("rate-by-devices", scale=lambda rate, n: rate / len(n)),
        wrong("rate-by-rows", scale=lambda rate, n: rate / n.sum()),
        wrong("rate-by-root", scale=lambda rate, n: rate * np.sqrt(len(n))),
        wrong("no-rate", scale=lambda rate, n: 1.0),
        wrong("uphill", move=lambda weights, change: weights + change),
        wrong("gradient-returned", move=lambda weights, change: change),
        wrong("nan-when-idle", idle=lambda weights: weights * np.nan),
        wrong("zeros-when-idle", idle=lambda weights: weights * 0),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "row by row": lambda *a: _row_by_row(*a),
        "running mean": lambda *a: _running_mean(*a),
    },
)


def _in_loops(weights, gradients, counts, rate):
    rows, total = 0, np.zeros(len(weights))
    for gradient, count in zip(gradients, counts, strict=True):
        if count:
            total += count * gradient.astype("float64")
            rows += count
    return weights - rate * total / rows if rows else weights


def _row_by_row(weights, gradients, counts, rate):
    each = np.repeat(gradients.astype("float64"), counts, axis=0)
    return weights - rate * each.mean(axis=0) if len(each) else weights.copy()


def _running_mean(weights, gradients, counts, rate):
    mean, seen = np.zeros(len(weights)), 0
    for gradient, count in zip(gradients, counts, strict=True):
        if count == 0:
            continue
        seen += count
        mean += (gradient - mean) * count / seen
    return weights - rate * mean
