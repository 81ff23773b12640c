"""The share of searches that find what is right among the first k, ties at random."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

SIDES = ("left", "right")


def own_of(similarities, right):
    """How similar the right thing is to each search: (Q, 1)."""
    return similarities[np.arange(len(right)), right][:, None]


def by_chance(found, own, right, k):
    """The chance of each search that the right one is among the first k: (Q,)."""
    above, equal = (found > own).sum(axis=1), (found == own).sum(axis=1)
    return np.clip((k - above) / equal, 0, 1)


def recall_at_k(
    similarities,
    right,
    k,
    *,
    turn=lambda found: found,
    own=own_of,
    chance=by_chance,
    average=lambda chances, k: chances.mean(),
):
    """A number."""
    found, right = turn(np.asarray(similarities, "float64")), np.asarray(right)
    return np.asarray(average(chance(found, own(found, right), right, k), k))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def searches(count, things, k, levels=None):
    """Similarities, of few different numbers if `levels` says so, and what is right."""

    def draw(rng):
        found = rng.uniform(-1, 1, (count, things))
        if levels:
            found = np.round((found + 1) / 2 * (levels - 1)) / levels
        right = rng.permutation(np.arange(max(count, things)) % things)[:count]
        return found.astype("float32"), right, k

    return draw


def ranked(*places, k, things=6):
    """No ties; the right thing stands at these places, from 0."""

    def draw(rng):
        found = np.array([rng.permutation(things) for _ in places])
        right = [
            int(np.flatnonzero(x == things - 1 - p)[0])
            for x, p in zip(found, places, strict=True)
        ]
        return (found / things).astype("float32"), np.array(right), k

    return draw


def boundary(rng):
    """One is better; the right one and two others are equal; two find room."""
    rows = np.array([[0.9, 0.5, 0.5, 0.5, 0.1], [0.2, 0.2, 0.8, 0.1, 0.2]])
    order = rng.permutation(5)
    place = np.argsort(order)
    return rows[:, order].astype("float32"), place[[2, 4]], 3


def within(rng):
    """Ties that all find room, and ties that none does."""
    rows = np.array([[0.7, 0.7, 0.3, 0.1], [0.9, 0.8, 0.2, 0.2]])
    return rows.astype("float32"), np.array([1, 2]), 2


def all_equal(rng):
    """Nothing is told apart; what is right stands last, or first."""
    return np.zeros((3, 5), "float32"), np.array([4, 3, 0]), 2


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def optimist(found, own, right, k):
    """Only what is more similar stands before the right one (wrong)."""
    return (found > own).sum(axis=1) < k


def pessimist(found, own, right, k):
    """All others as similar stand before the right one (wrong)."""
    return (found >= own).sum(axis=1) <= k


def itself_too(found, own, right, k):
    """The right one stands before itself (wrong)."""
    return (found >= own).sum(axis=1) < k


def in_the_middle(found, own, right, k):
    """Half of those as similar stand before the right one (wrong)."""
    others = (found == own).sum(axis=1) - 1
    return (found > own).sum(axis=1) + others / 2 < k


def sorted_places(found, right, k, backwards):
    """Whether the right one is among the first k of one order (wrong)."""
    order = np.argsort(found, axis=1, kind="stable")[:, ::-1]
    if not backwards:
        order = np.argsort(-found, axis=1, kind="stable")
    return (order[:, :k] == right[:, None]).any(axis=1)


def one_too_many(found, own, right, k):
    """Room for k + 1 (wrong)."""
    return by_chance(found, own, right, k + 1)


def any_room(found, own, right, k):
    """The chance is 1 over those as similar, however much room there is (wrong)."""
    above, equal = (found > own).sum(axis=1), (found == own).sum(axis=1)
    return np.where(above < k, 1 / equal, 0)


def first_or_last(found, own, right, k):
    """The mean of the best and the worst order (wrong)."""
    ends = (f(found, own, right, k) for f in (optimist, pessimist))
    return sum(x * 0.5 for x in ends)


wrong = mistakes("recall", section="search")

EXERCISE = Exercise(
    name="recall_at_k",
    section="search",
    points=4,
    reference=recall_at_k,
    cases=(
        Case("first", ranked(0, 2, 0, 5, k=1)),
        Case("just-in", ranked(2, 3, 1, 4, k=3)),
        Case("last", ranked(5, 5, 4, k=5)),
        Case("one-search", ranked(1, k=2)),
        Case(
            "one-thing", lambda rng: (np.float32([[0.3], [-0.2]]), np.zeros(2, int), 1)
        ),
        Case("all-of-them", searches(3, 4, 4, levels=3)),
        Case("all-equal", all_equal),
        Case("at-the-edge", boundary),
        Case("with-room", within),
        Case("few-levels", searches(12, 7, 3, levels=3)),
        Case("many", searches(9, 14, 4)),
        Case("square", searches(7, 7, 2), diagnostic=True),
    ),
    misconceptions=(
        wrong("ties-count-for-you", chance=optimist),
        wrong("ties-count-against-you", chance=pessimist),
        wrong("counts-itself", chance=itself_too),
        wrong("middle-of-ties", chance=in_the_middle),
        wrong("best-and-worst", chance=first_or_last),
        wrong("one-over-ties", chance=any_room),
        wrong("first-come", chance=lambda f, o, r, k: sorted_places(f, r, k, False)),
        wrong("last-come", chance=lambda f, o, r, k: sorted_places(f, r, k, True)),
        wrong("one-too-many", chance=one_too_many),
        wrong("least-similar", turn=lambda found: -found),
        wrong("turned", turn=lambda found: found.T),
        wrong(
            "right-is-its-number",
            own=lambda found, right: own_of(
                found, np.arange(len(right)) % found.shape[1]
            ),
        ),
        wrong("divided-by-k", average=lambda chances, k: chances.mean() / k),
        wrong("counted", average=lambda chances, k: chances.sum()),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "all orders": lambda *a: _by_tries(*a),
        "sorted": lambda *a: _sorted(*a),
    },
    forbidden=("tlkeras.scores.recall_at_k",),
)


def _in_loops(similarities, right, k):
    total = 0.0
    for row, thing in zip(similarities.tolist(), right, strict=True):
        room = k - sum(x > row[thing] for x in row)
        total += max(0.0, min(1.0, room / row.count(row[thing])))
    return total / len(right)


def _by_tries(similarities, right, k):
    """Each of the tied ones may stand at each of their places."""
    chances = []
    for row, thing in zip(similarities, right, strict=True):
        first = int((row > row[thing]).sum())
        places = range(first, first + int((row == row[thing]).sum()))
        chances.append(np.mean([place < k for place in places]))
    return np.mean(chances)


def _sorted(similarities, right, k):
    """By where a sorted row would take the right one in, before and after its like."""
    chances = []
    for row, thing in zip(-similarities, right, strict=True):
        line = np.sort(row)
        first, last = (np.searchsorted(line, row[thing], side) for side in SIDES)
        chances.append(len(range(first, min(last, k))) / (last - first))
    return sum(chances) / len(chances)
