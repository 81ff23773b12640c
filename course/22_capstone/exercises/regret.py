"""What a choice costs: the best candidate that fits, minus the one chosen."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def mean_of(truth):
    """The mean over seeds, (K,)."""
    return truth.mean(axis=1)


def best_fitting(truth, score, fits):
    """The best mean among those that fit."""
    return score[fits].max()


def regret(
    truth,
    fits,
    chosen,
    *,
    over_seeds=mean_of,
    best=best_fitting,
    mine=lambda truth, score, fits, chosen: score[chosen],
    compare=lambda best, mine: best - mine,
):
    """How much accuracy was left: a number, 0 for the best choice."""
    truth, fits = np.asarray(truth, "float64"), np.asarray(fits, bool)
    score = over_seeds(truth)
    own = mine(truth, score, fits, chosen)
    return np.float64(compare(best(truth, score, fits), own))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def table(candidates, seeds, fitting, chosen):
    """Accuracies; chosen: "best", "worst" or "any" of those that fit."""

    def draw(rng):
        truth = rng.uniform(0.3, 0.9, (candidates, seeds))
        order = np.argsort(truth.mean(axis=1))
        truth[order[-1], rng.integers(seeds)] *= 0.9
        fits = np.ones(candidates, bool)
        if fitting < candidates:  # the best does not fit, nor do some others
            out = [order[-1], *rng.permutation(order[:-1])[: candidates - fitting - 1]]
            fits[out] = False
        inside = order[fits[order]]
        place = {"best": -1, "worst": 0, "any": len(inside) // 2}[chosen]
        return truth, fits, int(inside[place])

    return draw


def fixed(rows, fits, chosen):
    """Accuracies as written."""

    def draw(rng):
        return np.array(rows) + rng.uniform(0, 0.02), np.array(fits), chosen

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def among_fitting(truth, score, fits, chosen):
    """Counted among those that fit (wrong)."""
    return score[fits][min(chosen, fits.sum() - 1)]


wrong = mistakes("regret", section="regret")

EXERCISE = Exercise(
    name="regret",
    section="regret",
    points=2,
    reference=regret,
    cases=(
        Case("some", table(6, 3, 4, "any")),
        Case("all-fit", table(5, 4, 5, "any")),
        Case("best", table(6, 3, 4, "best")),
        Case("worst", table(7, 2, 5, "worst")),
        Case("one-seed", table(5, 1, 3, "any")),
        Case("one-fits", table(4, 3, 1, "best")),
        Case("one", table(1, 3, 1, "best")),
        Case(
            "another-each-seed",
            fixed([[0.9, 0.3], [0.3, 0.9], [0.65, 0.65]], [True] * 3, 2),
        ),
        Case(
            "last-three-fit",
            fixed(
                [[0.9, 0.8], [0.8, 0.8], [0.6, 0.7], [0.5, 0.4], [0.3, 0.45]],
                [False, False, True, True, True],
                3,
            ),
        ),
        Case("equal", fixed([[0.5, 0.7], [0.7, 0.5], [0.4, 0.4]], [True] * 3, 1)),
        Case(
            "last-fits",
            fixed(
                [[0.9, 0.8], [0.8, 0.8], [0.6, 0.7], [0.5, 0.4]],
                [False, False, True, True],
                3,
            ),
        ),
    ),
    misconceptions=(
        wrong("budget-forgotten", best=lambda truth, score, fits: score.max()),
        wrong(
            "another-each-seed",
            best=lambda truth, score, fits: truth[fits].max(axis=0).mean(),
        ),
        wrong("best-single-run", best=lambda truth, score, fits: truth[fits].max()),
        wrong("to-the-mean", best=lambda truth, score, fits: score[fits].mean()),
        wrong("to-the-worst", best=lambda truth, score, fits: score[fits].min()),
        wrong("first-fitting", best=lambda truth, score, fits: score[fits][0]),
        wrong("best-seed", over_seeds=lambda truth: truth.max(axis=1)),
        wrong("worst-seed", over_seeds=lambda truth: truth.min(axis=1)),
        wrong("median-seed", over_seeds=lambda truth: np.median(truth, axis=1)),
        wrong("first-seed", over_seeds=lambda truth: truth[:, 0]),
        wrong("summed", over_seeds=lambda truth: truth.sum(axis=1)),
        wrong("counted-among-fitting", mine=among_fitting),
        wrong("turned", compare=lambda best, mine: mine - best),
        wrong("relative", compare=lambda best, mine: (best - mine) / best),
        wrong("share", compare=lambda best, mine: mine / best),
        wrong("best-reported", compare=lambda best, mine: best),
        wrong("squared", compare=lambda best, mine: (best - mine) ** 2),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "masked": lambda *a: _masked(*a),
        "largest difference": lambda *a: _largest_difference(*a),
    },
)


def _in_loops(truth, fits, chosen):
    means = [sum(row) / len(row) for row in truth.tolist()]
    return max(m for m, ok in zip(means, fits, strict=True) if ok) - means[chosen]


def _masked(truth, fits, chosen):
    score = np.where(fits, np.average(truth, axis=1), -np.inf)
    return score.max() - np.average(truth[chosen])


def _largest_difference(truth, fits, chosen):
    return (truth - truth[chosen])[fits].sum(axis=1).max() / truth.shape[1]
