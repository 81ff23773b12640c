"""Choose a candidate within a budget; judged by its regret, and by what it costs."""

import csv
import functools
from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

MEASURED = Path(__file__).resolve().parents[1] / "measured.csv"
NONE = -1


def within(costs, budget):
    """Each cost at most what there is: booleans (K,)."""
    return (costs <= budget).all(axis=1)


def mean_of(scores):
    """The mean over seeds, (K,)."""
    return scores.mean(axis=1)


def fewest_bytes(best, costs):
    """Of those that are equally good the one with the fewest bytes, then the first."""
    return best[np.argmin(costs[best, 0])]


def or_nothing(fits, costs):
    """Nothing, where nothing fits."""
    return NONE


def among_fitting(score, fits):
    """What does not fit is out before the scores are compared."""
    return np.where(fits, score, -np.inf)


def choose(
    scores,
    costs,
    budget,
    truth,
    allowed,
    *,
    fit=within,
    over_seeds=mean_of,
    out=among_fitting,
    order=np.max,
    tie=fewest_bytes,
    nothing=or_nothing,
    shift=lambda place, fits: place,
):
    """What the probe sees: whether there is a choice, its regret, its excess."""
    scores, costs, budget = (np.asarray(x, "float64") for x in (scores, costs, budget))
    fits = fit(costs, budget)
    if not fits.any():
        chosen = nothing(fits, costs)
    else:
        score = out(over_seeds(scores), fits)
        best = np.flatnonzero(score == order(score[np.isfinite(score)]))
        chosen = shift(tie(best, costs), fits)
    return judged(None if chosen == NONE else chosen, costs, budget, truth, allowed)


def judged(chosen, costs, budget, truth, allowed):
    """1 for a choice, its regret beyond what is allowed, how far it is over budget.

    Regret is to the best candidate within the budget, and is 0 up to `allowed`.
    """
    if chosen is None:
        return np.zeros(3)
    costs, budget = np.asarray(costs, "float64"), np.asarray(budget, "float64")
    truth = np.asarray(truth, "float64").mean(axis=1)
    fits = (costs <= budget).all(axis=1)
    best = truth[fits].max() if fits.any() else 0.0
    missed = best - truth[chosen]
    beyond = 0.0 if 0 <= missed <= allowed else missed
    over = np.maximum(costs[chosen] / budget - 1, 0).max()
    return np.array([1.0, beyond, over])


def as_judged(answer, scores, costs, budget, truth, allowed):
    """A learner's choice, judged."""
    chosen = answer(scores, costs, budget)
    if chosen is None:
        return np.zeros(3)
    return judged(int(chosen), costs, budget, truth, allowed)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def told_apart(rng, count):
    """A truth for each candidate that no other one has, (K, 1)."""
    return 0.2 + 0.6 * (rng.permutation(count)[:, None] + 1) / count


def table(candidates, seeds, fitting):
    """Scores and costs at random; so many candidates fit."""

    def draw(rng):
        scores = rng.uniform(0.3, 0.9, (candidates, seeds))
        costs = rng.integers(50, 900, (candidates, 2)).astype("float64")
        budget = np.array([950.0, 950.0])
        out = rng.permutation(candidates)[: candidates - fitting]
        costs[out, rng.integers(0, 2, len(out))] += 1000
        return scores, costs, budget, told_apart(rng, candidates), -1.0

    return draw


def written(scores, costs, budget):
    """A table as it stands here; the candidates in any truth."""

    def draw(rng):
        rows, prices = np.array(scores), np.array(costs, "float64")
        return (
            rows,
            prices,
            np.array(budget, "float64"),
            told_apart(rng, len(rows)),
            -1.0,
        )

    return draw


@functools.cache
def hidden(task):
    """Validation, test and costs of the frozen candidates: (K, S), (K, S), (K, 2)."""
    with open(MEASURED, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == task]
    of = {}
    for row in rows:
        if row["logme"] != "nan":
            of.setdefault(row["candidate"], []).append(row)
    scores, truth = (
        np.array([[float(row[key]) for row in some] for some in of.values()])
        for key in ("validation", "test")
    )
    costs = [[float(some[0][key]) for key in ("bytes", "work")] for some in of.values()]
    return np.round(1024 * scores) / 1024, truth, np.array(costs)  # sums are exact


def measured(task, share):
    """A hidden task; share: of the dearest candidate's costs, the budget."""

    def draw(rng):
        scores, truth, costs = hidden(task)
        order = rng.permutation(len(scores))
        budget = costs.max(axis=0) * share
        return scores[order], costs[order], budget, truth[order], ALLOWED

    return draw


ALLOWED = 0.05  # of regret, on a hidden task

# ── mistakes ──────────────────────────────────────────────────────────────────────────


def dearest_bytes(best, costs):
    """Of those that are equally good the one with the most bytes (wrong)."""
    return best[np.argmax(costs[best, 0])]


def least_work(best, costs):
    """Of those that are equally good the one with the least work (wrong)."""
    return best[np.argmin(costs[best, 1])]


def least_in_sum(best, costs):
    """Of those that are equally good the one with the least of both (wrong)."""
    return best[np.argmin(costs[best].sum(axis=1))]


def last_of_cheapest(best, costs):
    """Of those that are equal in all the last one (wrong)."""
    return best[costs[best, 0] == costs[best, 0].min()][-1]


def cheapest(fits, costs):
    """What is nearest to the budget, where nothing fits (wrong)."""
    return int(np.argmin(costs[:, 0]))


def place_among_fitting(place, fits):
    """The place in the list of those that fit, not in the whole (wrong)."""
    return int(fits[:place].sum())


def none_unless_fits(place, fits):
    """The best of all, and nothing if it does not fit (wrong)."""
    return place if fits[place] else NONE


wrong = mistakes("choose", section="choose")

EXERCISE = Exercise(
    name="choose",
    section="choose",
    points=4,
    reference=choose,
    probe=as_judged,
    hidden=("truth", "allowed"),
    cases=(
        Case("some", table(6, 3, 4)),
        Case("many", table(15, 5, 9)),
        Case("all-fit", table(5, 4, 5)),
        Case("one-fits", table(5, 3, 1)),
        Case("none-fits", table(4, 3, 0)),
        Case("one", table(1, 2, 1)),
        Case("one-seed", table(6, 1, 4)),
        Case(
            "just-met",
            written(
                [[0.5, 0.6], [0.9, 0.8], [0.7, 0.6], [0.95, 0.9]],
                [[100, 20], [300, 20], [200, 20], [301, 20]],
                [300, 20],
            ),
        ),
        Case(
            "one-cost-too-high",
            written(
                [[0.9, 0.9], [0.8, 0.8], [0.6, 0.6], [0.5, 0.5]],
                [[100, 70], [500, 10], [390, 48], [100, 10]],
                [400, 50],
            ),
        ),
        Case(
            "tie",
            written(
                [
                    [0.5, 0.5],
                    [0.875, 0.625],
                    [0.625, 0.875],
                    [0.75, 0.75],
                    [0.5, 1.0],
                    [0.8125, 0.6875],
                    [0.6875, 0.8125],
                    [0.25, 0.5],
                ],
                [
                    [10, 9],
                    [250, 30],
                    [100, 35],
                    [300, 25],
                    [220, 5],
                    [104, 48],
                    [110, 10],
                    [20, 3],
                ],
                [400, 50],
            ),
        ),
        Case(
            "tie-in-everything",
            written(
                [[0.5, 0.5], [0.875, 0.625], [0.625, 0.875], [0.75, 0.75]],
                [[10, 9], [100, 30], [100, 30], [100, 30]],
                [400, 50],
            ),
        ),
        Case(
            "lucky-run",
            written(
                [
                    [0.8, 0.4, 0.5],
                    [0.4, 0.5, 0.85],
                    [0.6, 0.9, 0.75],
                    [0.5, 0.99, 0.3],
                    [0.7, 0.68, 0.69],
                    [0.78, 0.79, 0.2],
                ],
                [[60, 5], [50, 5], [40, 5], [30, 5], [20, 5], [10, 5]],
                [100, 10],
            ),
        ),
        Case(
            "nothing-near",
            written(
                [[0.5, 0.6], [0.9, 0.8], [0.7, 0.6], [0.6, 0.6]],
                [[500, 60], [450, 70], [410, 40], [430, 20]],
                [400, 50],
            ),
        ),
        Case("artists", measured("artists", 1.0)),
        Case("artists-small", measured("artists", 0.4)),
        Case("kinds", measured("kinds", 1.0)),
        Case("kinds-small", measured("kinds", 0.1)),
        Case("hundreds", measured("hundreds", 1.0)),
        Case("hundreds-small", measured("hundreds", 0.5)),
    ),
    misconceptions=(
        wrong("budget-forgotten", fit=lambda costs, b: np.ones(len(costs), bool)),
        wrong("below-budget", fit=lambda costs, b: (costs < b).all(axis=1)),
        wrong("any-cost", fit=lambda costs, b: (costs <= b).any(axis=1)),
        wrong("bytes-alone", fit=lambda costs, b: costs[:, 0] <= b[0]),
        wrong("work-alone", fit=lambda costs, b: costs[:, 1] <= b[1]),
        wrong("costs-added", fit=lambda costs, b: costs.sum(axis=1) <= b.sum()),
        wrong("best-seed", over_seeds=lambda scores: scores.max(axis=1)),
        wrong("worst-seed", over_seeds=lambda scores: scores.min(axis=1)),
        wrong("median-seed", over_seeds=lambda scores: np.median(scores, axis=1)),
        wrong("first-seed", over_seeds=lambda scores: scores[:, 0]),
        wrong("last-seed", over_seeds=lambda scores: scores[:, -1]),
        wrong("lowest", order=np.min),
        wrong(
            "cheapest-that-fits", out=lambda score, fits: np.where(fits, 0.0, -np.inf)
        ),
        wrong("tie-dearest", tie=dearest_bytes),
        wrong("tie-least-work", tie=least_work),
        wrong("tie-least-in-sum", tie=least_in_sum),
        wrong("tie-last-of-cheapest", tie=last_of_cheapest),
        wrong("tie-first", tie=lambda best, costs: best[0]),
        wrong("tie-last", tie=lambda best, costs: best[-1]),
        wrong("best-or-nothing", out=lambda s, fits: s, shift=none_unless_fits),
        wrong("best-of-all", out=lambda s, fits: s),
        wrong("place-among-fitting", shift=place_among_fitting),
        wrong("cheapest-if-none-fits", nothing=cheapest),
        wrong("first-if-none-fits", nothing=lambda fits, costs: 0),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "sorted": lambda *a: _sorted(*a),
        "removed": lambda *a: _removed(*a),
    },
)


def _in_loops(scores, costs, budget):
    best = None
    for i, row in enumerate(scores):
        if any(c > b for c, b in zip(costs[i], budget, strict=True)):
            continue
        key = (float(np.mean(row)), -costs[i][0])
        if best is None or key > best[0]:
            best = key, i
    return None if best is None else best[1]


def _sorted(scores, costs, budget):
    mean = scores.mean(axis=1)
    for i in np.lexsort((np.arange(len(mean)), costs[:, 0], -mean)):
        if (costs[i] <= budget).all():
            return i
    return None


def _removed(scores, costs, budget):
    left = [i for i in range(len(costs)) if np.all(costs[i] <= budget)]
    if not left:
        return None
    return min(left, key=lambda i: (-scores[i].mean(), costs[i, 0], i))
