"""Test scores (S,) of the setting that is best on validation."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import keras, mistakes


def means(scores):
    """What each setting gives on average: (G,)."""
    return scores.mean(1)


def honest_score(
    validation,
    test,
    *,
    look=lambda validation, test: validation,
    rate=means,
    best=np.argmax,
    report=lambda validation, test, place: test[place],
):
    """Test scores (S,) of the setting that is best on validation."""
    place = best(rate(look(validation, test)))
    return report(validation, test, place)


def each_seed_its_own(scores, test):
    """The setting of each seed by itself (wrong)."""
    return test[scores.argmax(0), np.arange(test.shape[1])]


def settings_and_seeds(settings, seeds, all_differ=False, best=None):
    """Scores for which every wrong way to choose would choose something else.

    With `all_differ` no two of the wrong ways choose alike, either. `best` is the place
    of the best setting, if that matters.
    """

    def draw(rng):
        while True:
            validation = rng.uniform(0.4, 0.9, (settings, seeds)).astype("float32")
            test = rng.uniform(0.3, 0.8, (settings, seeds)).astype("float32")
            ranked = np.sort(validation.mean(1))
            apart = ranked[-1] - ranked[-2] > 0.005
            right, *wrong = choices(validation, test)
            enough = len(set(wrong)) == len(wrong) if all_differ else True
            enough = enough and best in (None, right)
            if apart and enough and right not in wrong and varied(validation):
                return validation, test

    return draw


def varied(validation):
    """Whether the best setting is not the same for every seed."""
    return len(set(validation.argmax(0))) > 1


def choices(validation, test):
    """The setting that is chosen by the mean, and those by wrong ways to choose."""
    return [
        validation.mean(1).argmax(),
        test.mean(1).argmax(),
        (validation + test).mean(1).argmax(),
        validation.max(1).argmax(),
        validation.min(1).argmax(),
        validation[:, 0].argmax(),
        np.median(validation, axis=1).argmax(),
        validation.mean(1).argmin(),
    ]


wrong = mistakes("choice", section="choice")

EXERCISE = Exercise(
    name="honest_score",
    section="choice",
    points=2,
    reference=honest_score,
    cases=(
        Case("five", settings_and_seeds(6, 5)),
        Case("three", settings_and_seeds(5, 3)),
        Case("many", settings_and_seeds(24, 4, all_differ=True)),
        Case("many-seeds", settings_and_seeds(24, 7, all_differ=True)),
        Case("more", settings_and_seeds(30, 5, all_differ=True)),
        Case("best-first", settings_and_seeds(5, 4, best=0)),
        Case("best-last", settings_and_seeds(5, 4, best=4)),
        Case("square", settings_and_seeds(6, 6), diagnostic=True),
    ),
    misconceptions=(
        wrong("by-test", look=lambda validation, test: test),
        wrong(
            "validation-reported",
            report=lambda validation, test, place: validation[place],
        ),
        wrong(
            "each-seed-its-own",
            report=lambda validation, test, place: each_seed_its_own(validation, test),
        ),
        wrong(
            "each-seeds-best-test", report=lambda validation, test, place: test.max(0)
        ),
        wrong("luckiest-run", rate=lambda scores: scores.max(1)),
        wrong("first-seed", rate=lambda scores: scores[:, 0]),
        wrong("worst-run", rate=lambda scores: scores.min(1)),
        wrong("median", rate=lambda scores: np.median(scores, axis=1)),
        wrong("worst", best=np.argmin),
        wrong("both", look=lambda validation, test: validation + test),
        wrong("setting-instead", report=lambda validation, test, place: place),
        wrong("averaged", report=lambda validation, test, place: test[place].mean()),
        wrong("all-settings", report=lambda validation, test, place: test.mean(0)),
    ),
    accepted={
        "sum": lambda v, t: t[np.argmax(v.sum(axis=1))],
        "sorted": lambda v, t: t[np.argsort(v.mean(1))[-1]],
        "max": lambda v, t: max(
            zip(v.tolist(), t.tolist(), strict=True), key=lambda row: sum(row[0])
        )[1],
        "loop": lambda v, t: _choice_with_loop(v, t),
        "keras.ops": lambda v, t: keras().ops.take(
            t, keras().ops.argmax(keras().ops.mean(v, axis=1)), axis=0
        ),
    },
)


def _choice_with_loop(validation, test):
    best, kept = -1.0, test[0]
    for mine, score in zip(validation, test, strict=True):
        if mine.mean() > best:
            best, kept = mine.mean(), score
    return kept
