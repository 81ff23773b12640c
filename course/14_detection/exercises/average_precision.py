"""The area below precision over recall, of one class in all pictures."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes


def surest_first(scores):
    """From the highest score down; of equal ones the earlier first."""
    return np.argsort(-scores, kind="stable")


def best_free(overlaps, here, free):
    """The thing of this picture that it overlaps most, of those that are free."""
    legal = here & free
    return int(np.where(legal, overlaps, -1.0).argmax()) if legal.any() else None


def take(free, best):
    """A thing can be found once."""
    free[best] = False


def envelope(precision):
    """The best precision at this recall or a later one."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def area(precision, recall):
    """Each step of recall times the precision there."""
    return (np.diff(recall, prepend=0.0) * precision).sum()


def all_together(of, pictures, true_pictures):
    """One list of detections for all pictures."""
    return of(np.ones(len(pictures), bool), np.ones(len(true_pictures), bool))


def average_precision(
    scores,
    pictures,
    overlaps,
    true_pictures,
    threshold,
    *,
    order=surest_first,
    choose=best_free,
    here=lambda picture, true_pictures: true_pictures == picture,
    enough=lambda overlap, threshold: overlap >= threshold,
    take=take,
    total=lambda things, hits: things,
    smooth=envelope,
    integrate=area,
    gather=all_together,
):
    """AP at a threshold: a number from 0 to 1."""
    scores, pictures, overlaps, true_pictures = (
        np.asarray(x) for x in (scores, pictures, overlaps, true_pictures)
    )

    def of(mine, theirs):
        free, hits = theirs.copy(), []
        rows = np.flatnonzero(mine)
        for row in rows[order(scores[rows])]:
            where = here(pictures[row], true_pictures)
            best = choose(overlaps[row], where, free)
            near = best is not None and enough(overlaps[row, best], threshold)
            hits.append(bool(near and free[best]))
            if hits[-1]:
                take(free, best)
        if not hits:
            return 0.0
        right = np.cumsum(hits)
        recall = right / max(total(theirs.sum(), hits), 1)
        return integrate(smooth(right / np.arange(1, len(hits) + 1)), recall)

    return np.float64(gather(of, pictures, true_pictures))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def pictures(rows, things, threshold=0.5, mix=True):
    """Detections (score, picture, {thing: overlap}); things: the picture of each.

    Other overlaps are small in the same picture, anything in another one. `mix` puts
    the detections into an order that is not that of their scores.
    """

    def draw(rng):
        true_pictures = np.array(things, int)
        order = rng.permutation(len(rows)) if mix else np.arange(len(rows))
        scores, where = np.zeros(len(rows)), np.zeros(len(rows), int)
        overlaps = rng.uniform(0, 0.3, (len(rows), len(things)))
        for at, row in enumerate(order):
            scores[at], where[at], special = rows[row]
            far = true_pictures != where[at]
            overlaps[at, far] = rng.uniform(0.3, 0.95, far.sum())
            for thing, value in special.items():
                overlaps[at, thing] = value
        return scores, where, overlaps, true_pictures, threshold

    return draw


def many(count, things, places, threshold=0.5):
    """Detections at random, many of them good."""

    def draw(rng):
        true_pictures = np.sort(rng.integers(0, places, things))
        overlaps = rng.uniform(0, 1, (count, things))
        scores = (rng.permutation(count) + 1) / (count + 1)
        where = rng.integers(0, places, count)
        return scores, where, overlaps, true_pictures, threshold

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def ties_turned(scores):
    """Of equal scores the later first (wrong)."""
    return np.argsort(scores, kind="stable")[::-1]


def best_of_all(overlaps, here, free):
    """The thing that it overlaps most, taken or not (the rule of VOC)."""
    return int(np.where(here, overlaps, -1.0).argmax()) if here.any() else None


def first_free(overlaps, here, free):
    """The first free thing, not the best one (wrong)."""
    legal = here & free & (overlaps >= 0.5)
    return int(legal.argmax()) if legal.any() else None


def picture_by_picture(of, pictures, true_pictures):
    """AP of each picture, averaged (wrong)."""
    return np.mean(
        [of(pictures == one, true_pictures == one) for one in np.unique(true_pictures)]
    )


wrong = mistakes("ap", section="ap")
RIGHT = ((0.9, 0, {0: 0.8}), (0.8, 1, {1: 0.7}), (0.7, 1, {2: 0.9}))

EXERCISE = Exercise(
    name="average_precision",
    section="ap",
    points=4,
    reference=average_precision,
    cases=(
        Case("all-right", pictures(RIGHT, [0, 1, 1])),
        Case("nothing-found", pictures((), [0, 1])),
        Case("one", pictures([(0.4, 0, {0: 0.6})], [0])),
        Case("nothing-right", pictures([(0.4, 0, {}), (0.3, 0, {})], [0, 0])),
        Case("missed", pictures(RIGHT[:2], [0, 1, 1, 2])),
        Case(
            "wrong-first",
            pictures([(0.9, 0, {}), (0.8, 0, {0: 0.7}), (0.3, 1, {1: 0.6})], [0, 1, 1]),
        ),
        Case(
            "wrong-between",
            pictures(
                [
                    (0.9, 0, {0: 0.7}),
                    (0.8, 0, {}),
                    (0.7, 1, {}),
                    (0.6, 1, {1: 0.7}),
                    (0.5, 2, {2: 0.6}),
                    (0.4, 2, {3: 0.8}),
                ],
                [0, 1, 2, 2],
            ),
        ),
        Case(
            "twice",
            pictures(
                [(0.9, 0, {0: 0.7}), (0.8, 0, {0: 0.9}), (0.7, 1, {1: 0.6})], [0, 1]
            ),
        ),
        Case(
            "second-choice",
            pictures([(0.9, 0, {0: 0.8, 1: 0.55}), (0.8, 0, {0: 0.9, 1: 0.6})], [0, 0]),
        ),
        Case(
            "best-choice",
            pictures([(0.9, 0, {0: 0.6, 1: 0.8}), (0.8, 0, {0: 0.7, 1: 0.1})], [0, 0]),
        ),
        Case(
            "just-half",
            pictures([(0.9, 0, {0: 0.5}), (0.8, 1, {1: 0.75})], [0, 1]),
        ),
        Case(
            "strict",
            pictures([(0.9, 0, {0: 0.7}), (0.8, 1, {1: 0.75})], [0, 1], 0.75),
        ),
        Case(
            "equal-scores",
            pictures(
                [(0.5, 0, {}), (0.5, 0, {0: 0.7}), (0.5, 1, {1: 0.8})],
                [0, 1],
                mix=False,
            ),
        ),
        Case(
            "other-picture",
            pictures([(0.9, 1, {0: 0.9}), (0.8, 0, {0: 0.7})], [0, 2]),
        ),
        Case("many", many(24, 9, 4)),
        Case("many-strict", many(30, 8, 3, threshold=0.75)),
    ),
    misconceptions=(
        wrong("twice-is-right", take=lambda free, best: None),
        wrong("best-may-be-taken", choose=best_of_all),
        wrong("first-not-best", choose=first_free),
        wrong("above-threshold", enough=lambda overlap, threshold: overlap > threshold),
        wrong("always-half", enough=lambda overlap, threshold: overlap >= 0.5),
        wrong(
            "any-picture",
            here=lambda picture, true_pictures: np.ones(len(true_pictures), bool),
        ),
        wrong("picture-by-picture", gather=picture_by_picture),
        wrong("ties-turned", order=ties_turned),
        wrong("least-sure-first", order=lambda scores: np.argsort(scores)),
        wrong("as-given", order=lambda scores: np.arange(len(scores))),
        wrong("no-envelope", smooth=identity),
        wrong("envelope-turned", smooth=np.maximum.accumulate),
        wrong("missed-forgotten", total=lambda things, hits: int(np.sum(hits))),
        wrong("recall-of-detections", total=lambda things, hits: len(hits)),
        wrong("mean-precision", integrate=lambda precision, recall: precision.mean()),
        wrong("last-precision", integrate=lambda precision, recall: precision[-1]),
        wrong("last-recall", integrate=lambda precision, recall: recall[-1]),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "hits only": lambda *a: _mean_of_hits(*a),
        "masked once": lambda *a: _masked_once(*a),
        "trapezes of steps": lambda *a: _under_steps(*a),
    },
)


def _hits(scores, pictures, overlaps, true_pictures, threshold):
    taken, hits = set(), []
    for d in sorted(range(len(scores)), key=lambda d: -scores[d]):
        best = None
        for g, picture in enumerate(true_pictures):
            legal = picture == pictures[d] and g not in taken
            better = best is None or overlaps[d][g] > overlaps[d][best]
            if legal and overlaps[d][g] >= threshold and better:
                best = g
        hits.append(best is not None)
        taken.add(best)
    return hits


def _in_loops(*inputs):
    hits, things = _hits(*inputs), len(inputs[3])
    points, right = [], 0
    for n, hit in enumerate(hits, 1):
        right += hit
        points.append((right / things, right / n))
    total = before = 0.0
    for i, (recall, _) in enumerate(points):
        total += (recall - before) * max(precision for _, precision in points[i:])
        before = recall
    return total


def _mean_of_hits(*inputs):
    (ranks,) = np.nonzero(_hits(*inputs))
    precision = np.arange(1, len(ranks) + 1) / (ranks + 1)
    best = [precision[i:].max() for i in range(len(ranks))]
    return sum(best) / len(inputs[3])


def _masked_once(scores, pictures, overlaps, true_pictures, threshold):
    left = np.where(pictures[:, None] == true_pictures, overlaps, 0.0)
    hits = np.zeros(len(scores))
    for n, d in enumerate(np.lexsort((np.arange(len(scores)), -scores))):
        best = left[d].argmax()
        if left[d, best] >= threshold:
            hits[n], left[:, best] = 1, 0.0
    recall = np.append(0, hits.cumsum() / len(true_pictures))
    precision = np.append(hits.cumsum() / np.arange(1, len(hits) + 1), 0)
    for i in range(len(precision) - 1, 0, -1):
        precision[i - 1] = max(precision[i - 1], precision[i])
    return np.diff(recall) @ precision[:-1]


def _under_steps(*inputs):
    hits = np.array(_hits(*inputs), float)
    right = hits.cumsum()
    precision = right / np.arange(1, len(hits) + 1)
    levels = np.arange(1, int(hits.sum()) + 1)
    return float(
        sum(precision[right >= level].max() for level in levels) / len(inputs[3])
    )
