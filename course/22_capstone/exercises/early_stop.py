"""Stop each run by its validation, and only then read its test: mean and spread."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def higher(value, best):
    """Only what is better counts as better."""
    return value > best


def last_reset(waited):
    """A better epoch: the waiting begins again."""
    return 0


def best_so_far(curve, other, at, end):
    """The best epoch on the validation among those that were run."""
    return at


def spread_of(values):
    """The standard deviation of a sample; 0 of one value."""
    return values.std(ddof=1) if len(values) > 1 else 0.0


def early_stop(
    validation,
    test,
    patience,
    *,
    better=higher,
    reset=last_reset,
    limit=lambda patience: patience,
    pick=best_so_far,
    watch=lambda validation, test: validation,
    read=lambda validation, test: test,
    curves=identity,
    merge=np.mean,
    spread=spread_of,
):
    """The mean and the spread of the test accuracy over seeds: two numbers."""
    watched, found = curves(watch(validation, test)), []
    for curve, row in zip(watched, read(validation, test), strict=True):
        best, at, waited, end = -np.inf, 0, 0, len(curve) - 1
        for epoch, value in enumerate(curve):
            if better(value, best):
                best, at, waited = value, epoch, reset(waited)
            else:
                waited += 1
            if waited >= limit(patience):
                end = epoch
                break
        found.append(row[pick(curve, row, at, end)])
    values = np.asarray(found, "float64")
    return np.array([merge(values), spread(values)])


def as_numbers(answer, *inputs):
    """Two numbers as an array."""
    return np.asarray([float(x) for x in answer(*inputs)])


# ── inputs ────────────────────────────────────────────────────────────────────────────


def runs(seeds, epochs, patience):
    """Curves that rise and fall, each at another time; tests near them."""

    def draw(rng):
        time = np.arange(epochs)
        top = rng.uniform(0.2, 0.8, (seeds, 1)) * epochs
        level = rng.uniform(0.5, 0.8, (seeds, 1))
        shape = level - 0.3 * ((time - top) / epochs) ** 2
        validation = shape + rng.normal(0, 0.02, shape.shape)
        test = shape + rng.normal(0, 0.03, shape.shape) - 0.02
        return validation, test, patience

    return draw


def curve(*rows, patience):
    """Validation curves in tenths, as written; tests at random, all different."""

    def draw(rng):
        validation = np.array(rows) / 10
        places = rng.permutation(validation.size).reshape(validation.shape)
        return validation, 0.3 + 0.6 * places / validation.size, patience

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def mean_curve(curves):
    """One curve for all seeds (wrong)."""
    return np.repeat(curves.mean(axis=0, keepdims=True), len(curves), axis=0)


wrong = mistakes("stop", section="stop")

EXERCISE = Exercise(
    name="early_stop",
    section="stop",
    points=4,
    reference=early_stop,
    probe=as_numbers,
    cases=(
        Case("some", runs(5, 12, 3)),
        Case("impatient", runs(4, 15, 1)),
        Case("patient", runs(3, 10, 20)),
        Case("one-seed", runs(1, 9, 2)),
        Case("one-epoch", runs(4, 1, 2)),
        Case("two-seeds", runs(2, 14, 4)),
        Case("ties", curve((3, 5, 5, 5, 4, 4), (2, 4, 4, 3, 4, 6), patience=3)),
        Case("comes-back", curve((3, 4, 3, 3, 7, 8), (5, 4, 6, 5, 4, 9), patience=2)),
        Case("just-in-time", curve((3, 2, 2, 4, 3, 3, 5, 1), patience=3)),
        Case("falls", curve((6, 5, 4, 3), (9, 3, 2, 1), patience=2)),
        Case("rises", curve((1, 2, 3, 4), (2, 5, 6, 7), (3, 4, 5, 9), patience=1)),
        Case("level", curve((4, 4, 4, 4, 4), (5, 5, 5, 5, 5), patience=2)),
        Case("many", runs(9, 20, 2)),
    ),
    misconceptions=(
        wrong("stops-on-test", watch=lambda validation, test: test),
        wrong("best-on-test", pick=lambda c, row, at, end: row[: end + 1].argmax()),
        wrong("best-of-all-test", pick=lambda c, row, at, end: row.argmax()),
        wrong("where-it-stopped", pick=lambda c, row, at, end: end),
        wrong("last-epoch", pick=lambda c, row, at, end: len(row) - 1),
        wrong("looks-past", pick=lambda c, row, at, end: c.argmax()),
        wrong("one-after", pick=lambda c, row, at, end: min(at + 1, len(row) - 1)),
        wrong("reports-validation", read=lambda validation, test: validation),
        wrong("ties-count", better=lambda value, best: value >= best),
        wrong("never-reset", reset=identity),
        wrong("waits-one-more", limit=lambda patience: patience + 1),
        wrong("waits-one-less", limit=lambda patience: max(patience - 1, 1)),
        wrong("ends-before-it-waits", limit=lambda patience: patience - 1),
        wrong("one-curve-for-all", curves=mean_curve),
        wrong("best-seed", merge=np.max),
        wrong("worst-seed", merge=np.min),
        wrong("median-seed", merge=np.median),
        wrong("first-seed", merge=lambda values: values[0]),
        wrong("summed", merge=np.sum),
        wrong("population", spread=np.std),
        wrong("variance", spread=lambda v: v.var(ddof=1) if len(v) > 1 else 0.0),
        wrong("error-of-mean", spread=lambda v: spread_of(v) / np.sqrt(len(v))),
        wrong("range", spread=np.ptp),
    ),
    accepted={
        "array": lambda *a: _with_arrays(*a),
        "last better": lambda *a: _since_better(*a),
        "cut off": lambda *a: _cut_off(*a),
    },
)


def _two(values):
    from statistics import mean, stdev

    values = [float(x) for x in values]
    return mean(values), stdev(values) if len(values) > 1 else 0.0


def _with_arrays(validation, test, patience):
    places = []
    for row in validation:
        peak = np.maximum.accumulate(row)
        first = np.array([np.flatnonzero(row == p)[0] for p in peak])
        late = np.flatnonzero(np.arange(len(row)) - first >= patience)
        end = late[0] if len(late) else len(row) - 1
        places.append(first[end])
    return _two(test[np.arange(len(test)), places])


def _since_better(validation, test, patience):
    found = []
    for row, scores in zip(validation, test, strict=True):
        best = 0
        for epoch in range(1, len(row)):
            if epoch - best > patience:
                break
            if row[epoch] > row[best]:
                best = epoch
        found.append(scores[best])
    return _two(found)


def _cut_off(validation, test, patience):
    found = []
    for row, scores in zip(validation.tolist(), test.tolist(), strict=True):
        end = next(
            (
                e
                for e in range(patience, len(row))
                if max(row[: e - patience + 1]) >= max(row[e - patience + 1 : e + 1])
            ),
            len(row) - 1,
        )
        seen = row[: end + 1]
        found.append(scores[seen.index(max(seen))])
    return np.array(_two(found))
