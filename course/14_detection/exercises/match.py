"""Which query answers for which thing: the cheapest one-to-one assignment."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import box, generalized, near, softmax


def probability(logits):
    """Of each class, *nothing* among them, for each query."""
    return softmax(logits)


def distance(one, other):
    """The sum of the four absolute differences."""
    return np.abs(one - other).sum(axis=-1)


def hungarian(cost):
    """The queries of the cheapest assignment, in the order of the things."""
    rows, columns = linear_sum_assignment(cost)
    return rows[np.argsort(columns)]


def match(
    logits,
    boxes,
    true_classes,
    true_boxes,
    *,
    score=probability,
    class_cost=lambda p: -p,
    distance=distance,
    box_weight=lambda distance: 5 * distance,
    giou_cost=lambda giou: -2 * giou,
    assign=hungarian,
):
    """The query of each thing: integers (G,)."""
    logits, boxes, true_boxes = (
        np.asarray(x, "float64") for x in (logits, boxes, true_boxes)
    )
    pairs = boxes[:, None], true_boxes[None]  # (Q, 1, 4), (1, G, 4)
    cost = (
        class_cost(score(logits)[:, true_classes])
        + box_weight(distance(*pairs))
        + giou_cost(generalized(*pairs))
    )  # (Q, G)
    return np.asarray(assign(cost), int)


def as_integers(answer, *inputs):
    """What is returned as an array, also where it is a list."""
    return np.asarray(answer(*inputs))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def picture(queries, things, classes=4, by=0.25, logit=1.5):
    """Boxes near things, several around each, and others anywhere."""

    def draw(rng):
        true_boxes = box(rng, things)
        boxes = box(rng, queries)
        if things:
            chosen = rng.permutation(np.arange(queries) % (things + 1))
            close = chosen < things
            boxes[close] = near(rng, true_boxes[chosen[close]], by)
        return (
            floats(rng, queries, classes + 1, scale=logit),
            boxes,
            rng.integers(0, classes, things),
            true_boxes,
        )

    return draw


def alike(queries, things):
    """All things and queries in one place: the classes decide."""

    def draw(rng):
        where = np.tile(box(rng, 1), (queries, 1))
        logits = floats(rng, queries, 7, scale=2.0)
        return logits, where, rng.permutation(6)[:things], where[:things].copy()

    return draw


def see_nothing(rng):
    """In one place, queries that name a thing's class and still see nothing there."""
    where = np.tile(box(rng, 1), (8, 1))
    logits = floats(rng, 8, 6, scale=0.1)
    for name, sees_nothing, sees_it in ((1, 2, 5), (3, 0, 6)):
        logits[sees_nothing, [name, -1]] += [4, 7]
        logits[sees_it, name] += 2.5
    return logits, where, np.array([1, 3]), where[:2].copy()


def contested(rng):
    """Two things side by side, and one query that is the best for both."""
    logits, boxes, _, _ = picture(7, 0)(rng)
    logits[:] = floats(rng, 7, 5, scale=0.1)
    first = np.array([0.30, 0.30, 0.60, 0.60], "float32")
    second = first + np.float32([0.06, 0, 0.06, 0])
    boxes[:] = np.float32([0.0, 0.7, 0.1, 0.95])
    boxes[2] = (first + second) / 2 + np.float32([0.004, 0, 0.004, 0])
    boxes[5] = first + np.float32([-0.05, 0, -0.05, 0])
    boxes[0] = second + np.float32([0.16, 0.02, 0.16, 0.02])
    turn = rng.permutation(2)
    return logits, boxes, np.array([1, 1]), np.stack([first, second])[turn]


def greedy_loses(rng):
    """Taking the cheapest pair first leaves a very dear one."""
    logits = floats(rng, 5, 4, scale=0.05)
    things = np.float32([[0.2, 0.4, 0.4, 0.6], [0.3, 0.4, 0.5, 0.6]])
    boxes = np.tile(np.float32([0.8, 0.0, 1.0, 0.1]), (5, 1))
    boxes[3] = things[1] - np.float32([0.04, 0, 0.04, 0])  # good for both
    boxes[1] = things[1] + np.float32([0.06, 0, 0.06, 0])  # good for the second
    return logits, boxes, np.array([0, 2]), things


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def cheapest_of_each(cost):
    """The cheapest query of each thing by itself (wrong)."""
    return cost.argmin(axis=0) if cost.size else np.zeros(0, int)


def greedy(cost):
    """The cheapest pair first, then the cheapest of what is left (wrong)."""
    cost, found = cost.copy(), np.zeros(cost.shape[1], int)
    for _ in range(cost.shape[1]):
        row, column = np.unravel_index(cost.argmin(), cost.shape)
        found[column] = row
        cost[row], cost[:, column] = np.inf, np.inf
    return found


def one_after_the_other(cost):
    """Each thing in turn takes the cheapest query that is free (wrong)."""
    cost, found = cost.copy(), []
    for column in range(cost.shape[1]):
        found.append(int(cost[:, column].argmin()))
        cost[found[-1]] = np.inf
    return found


def without_nothing(logits):
    """A softmax over the classes of things only (wrong)."""
    return softmax(logits[:, :-1])


wrong = mistakes("match", section="matching")

EXERCISE = Exercise(
    name="match",
    section="matching",
    points=4,
    reference=match,
    probe=as_integers,
    cases=(
        Case("many", picture(24, 7)),
        Case("many-sure", picture(24, 7, logit=4.0)),
        Case("many-far", picture(30, 8, by=0.5)),
        Case("some", picture(8, 3)),
        Case("one", picture(6, 1)),
        Case("none", picture(5, 0)),
        Case("as-many", picture(6, 6)),
        Case("alike", alike(9, 5)),
        Case("see-nothing", see_nothing),
        Case("contested", contested),
        Case("greedy", greedy_loses),
        Case("square", picture(7, 7), diagnostic=True),
    ),
    misconceptions=(
        wrong("cheapest-of-each", assign=cheapest_of_each),
        wrong("greedy", assign=greedy),
        wrong("one-after-the-other", assign=one_after_the_other),
        wrong("by-query", assign=lambda cost: np.sort(hungarian(cost))),
        wrong("things-returned", assign=lambda cost: linear_sum_assignment(cost)[1]),
        wrong("dearest", assign=lambda cost: hungarian(-cost)),
        wrong("logits", score=lambda logits: logits),
        wrong("log-probabilities", score=lambda logits: np.log(softmax(logits))),
        wrong("over-the-queries", score=lambda logits: softmax(logits, axis=0)),
        wrong("nothing-left-out", score=without_nothing),
        wrong("class-cost-turned", class_cost=lambda p: p),
        wrong("no-class-cost", class_cost=lambda p: 0 * p),
        wrong("giou-turned", giou_cost=lambda giou: 2 * giou),
        wrong("no-giou", giou_cost=lambda giou: 0 * giou),
        wrong("squared", distance=lambda one, other: ((one - other) ** 2).sum(axis=-1)),
        wrong(
            "averaged", distance=lambda one, other: np.abs(one - other).mean(axis=-1)
        ),
        wrong("no-distance", box_weight=lambda distance: 0 * distance),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "things first": lambda *a: _things_first(*a),
        "all assignments": lambda *a: _with_one_added(*a),
        "one-hot": lambda *a: _with_one_hot(*a),
    },
)


def _cost_in_loops(logits, boxes, true_classes, true_boxes):
    cost = np.zeros((len(boxes), len(true_boxes)))
    for q, (row, mine) in enumerate(zip(logits, boxes, strict=True)):
        e = np.exp(row - max(row))
        for g, (name, truth) in enumerate(zip(true_classes, true_boxes, strict=True)):
            cost[q, g] = -e[name] / e.sum()
            cost[q, g] += 5 * float(np.abs(mine - truth).sum())
            cost[q, g] -= 2 * generalized(mine[None], truth[None])[0]
    return cost


def _in_loops(*inputs):
    cost = _cost_in_loops(*inputs)
    found = [0] * cost.shape[1]
    for q, g in zip(*linear_sum_assignment(cost), strict=True):
        found[g] = int(q)
    return found


def _things_first(logits, boxes, true_classes, true_boxes):
    cost = _cost_in_loops(logits, boxes, true_classes, true_boxes)
    return linear_sum_assignment(cost.T)[1]


def _with_one_added(logits, boxes, true_classes, true_boxes):
    p = softmax(logits)[:, true_classes]
    far = np.linalg.norm(boxes[:, None] - true_boxes, ord=1, axis=-1)
    cost = 1 - p + 5 * far + 2 * (1 - generalized(boxes[:, None], true_boxes[None]))
    rows, columns = linear_sum_assignment(cost)
    return np.array([rows[columns == g][0] for g in range(len(true_boxes))], int)


def _with_one_hot(logits, boxes, true_classes, true_boxes):
    p = softmax(logits.astype("float64"))
    pick = np.eye(logits.shape[1])[true_classes].reshape(-1, logits.shape[1])
    far = np.abs(true_boxes[:, None] - boxes[None]).sum(-1)  # (G, Q)
    overlap = generalized(true_boxes[:, None], boxes[None])
    _, queries = linear_sum_assignment(-(pick @ p.T) + 5 * far - 2 * overlap)
    return queries
