"""Mean gain (K,) and half of its 95 % interval (K,)."""

import numpy as np
from scipy.stats import t as student

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def subtract(scores, baseline):
    """How much better, seed by seed: (K, S)."""
    return scores - baseline


def spread(gains):
    """The standard deviation that they are estimated to have: (K,)."""
    return gains.std(1, ddof=1)


def of_mean(spread, seeds):
    """The standard deviation of a mean."""
    return spread / np.sqrt(seeds)


def by_student(seeds):
    """How many of these a 95 % interval reaches to either side."""
    return student.ppf(0.975, seeds - 1)


def paired_gain(
    scores,
    baseline,
    *,
    gains=subtract,
    centre=lambda gains: gains.mean(1),
    deviation=lambda gains, scores, baseline: spread(gains),
    error=of_mean,
    factor=by_student,
):
    """Mean gain (K,) and half of its 95 % interval (K,)."""
    found = gains(scores, baseline)
    seeds = scores.shape[1]
    deviations = deviation(found, scores, baseline)
    return centre(found), factor(seeds) * error(deviations, seeds)


def two_curves(counts, seeds, baseline=0.5):
    """Scores that rise and fall together from seed to seed, as they do in practice."""

    def draw(rng):
        luck = rng.normal(0, 0.05, (counts, seeds))
        own = rng.normal(0, 0.03, (2, counts, seeds))
        scores = np.float32(0.6 + luck + own[0] + 0.1 * rng.random((counts, 1)))
        return scores, np.float32(baseline + luck + own[1])

    return draw


wrong = mistakes("gain", section="gain")

EXERCISE = Exercise(
    name="paired_gain",
    section="gain",
    points=3,
    reference=paired_gain,
    cases=(
        Case("five", two_curves(3, 5), 1e-5),
        Case("three", two_curves(2, 3), 1e-5),
        Case("many", two_curves(4, 12), 1e-5),
        Case("worse", two_curves(3, 4, baseline=0.8), 1e-5),
        Case("about-equal", two_curves(4, 8, baseline=0.65), 1e-5),
        Case("two-seeds", two_curves(1, 2), 1e-5),
        Case("square", two_curves(4, 4), 1e-5, diagnostic=True),
    ),
    misconceptions=(
        wrong("sign", gains=lambda scores, baseline: baseline - scores),
        wrong("absolute", gains=lambda scores, baseline: np.abs(scores - baseline)),
        wrong("relative", gains=lambda scores, baseline: scores / baseline - 1),
        wrong("baseline-ignored", gains=lambda scores, baseline: scores),
        wrong(
            "best-baseline",
            gains=lambda scores, baseline: scores - baseline.max(1, keepdims=True),
        ),
        wrong("median", centre=lambda gains: np.median(gains, axis=1)),
        wrong("best-seed", centre=lambda gains: gains.max(1)),
        wrong(
            "not-paired",
            deviation=lambda gains, scores, baseline: np.hypot(
                spread(scores), spread(baseline)
            ),
        ),
        wrong(
            "spread-of-scores", deviation=lambda gains, scores, baseline: spread(scores)
        ),
        wrong("divided-by-n", deviation=lambda gains, scores, baseline: gains.std(1)),
        wrong("variance", deviation=lambda gains, scores, baseline: spread(gains) ** 2),
        wrong("root-forgotten", error=lambda spread, seeds: spread / seeds),
        wrong("of-one-run", error=lambda spread, seeds: spread),
        wrong("normal", factor=lambda seeds: 1.959964),
        wrong("two", factor=lambda seeds: 2.0),
        wrong("one-sided", factor=lambda seeds: student.ppf(0.95, seeds - 1)),
        wrong("degrees", factor=lambda seeds: student.ppf(0.975, seeds)),
        wrong("no-factor", factor=lambda seeds: 1.0),
        wrong("whole-width", factor=lambda seeds: 2 * by_student(seeds)),
    ),
    accepted={
        "scipy.stats.sem": lambda s, b: _gain_with_sem(s, b),
        "ttest_rel": lambda s, b: _gain_with_test(s, b),
        "tlkeras.transfer": lambda s, b: _gain_with_ours(s, b),
        "statistics": lambda s, b: _gain_by_hand(s, b),
        "one-sided the other way": lambda s, b: _gain_with_isf(s, b),
    },
)


def _gain_with_sem(scores, baseline):
    from scipy import stats

    gains = scores.astype(float) - baseline
    factor = stats.t.ppf(0.975, df=gains.shape[1] - 1)
    return gains.mean(axis=1), factor * stats.sem(gains, axis=1)


def _gain_with_test(scores, baseline):
    from scipy import stats

    found = stats.ttest_rel(scores.astype(float), baseline.astype(float), axis=1)
    interval = found.confidence_interval(0.95)
    return (interval.low + interval.high) / 2, (interval.high - interval.low) / 2


def _gain_with_ours(scores, baseline):
    from tlkeras.transfer import estimate

    found = [estimate(row) for row in scores.astype(float) - baseline]
    return [e.mean for e in found], [e.half_width for e in found]


def _gain_by_hand(scores, baseline):
    import statistics

    from scipy import stats

    rows = [
        [float(x) - float(y) for x, y in pairs]
        for pairs in (
            zip(s, b, strict=True) for s, b in zip(scores, baseline, strict=True)
        )
    ]
    count = len(rows[0])
    reach = stats.t.ppf(0.975, count - 1) / count**0.5
    return (
        [statistics.fmean(row) for row in rows],
        [reach * statistics.stdev(row) for row in rows],
    )


def _gain_with_isf(scores, baseline):
    from scipy.stats import t

    gains = scores.astype(float) - baseline
    seeds = gains.shape[-1]
    error = np.sqrt(gains.var(-1, ddof=1) / seeds)
    return gains.mean(-1), t.isf(0.025, seeds - 1) * error
