"""The loss of a set of queries, once each thing has its query: (classes, boxes)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

from ._shared import box, generalized, near, softmax


def last_class(count, classes):
    """Each query sees *nothing*, class C, unless it is told otherwise."""
    return np.full(count, classes)


def light_nothing(wanted, nothing, no_object):
    """Queries that should see nothing weigh less."""
    return np.where(wanted == nothing, no_object, 1.0)


def weighted_mean(losses, weights, things):
    """Divided by the sum of the weights."""
    return (losses * weights).sum() / weights.sum()


def mean_of_things(losses, weights, things):
    """The mean over queries with a thing; 0 without any (wrong)."""
    return (losses * weights).sum() / max(things, 1)


def of_matched(boxes, true_boxes, queries):
    """The boxes of matched queries, each with its thing."""
    return boxes[queries], true_boxes


def set_loss(
    logits,
    boxes,
    true_classes,
    true_boxes,
    queries,
    no_object,
    *,
    first=last_class,
    fill=lambda wanted, queries, classes: np.put(wanted, queries, classes),
    weigh=light_nothing,
    divide=weighted_mean,
    pick=of_matched,
    distance=lambda one, other: np.abs(one - other).sum(axis=1),
    overlap=lambda giou: 1 - giou,
    count=lambda things, queries: max(things, 1),
):
    """The class loss and the box loss: two numbers."""
    logits, boxes, true_boxes = (
        np.asarray(x, "float64") for x in (logits, boxes, true_boxes)
    )
    nothing, things = logits.shape[1] - 1, len(true_boxes)
    wanted = first(len(logits), nothing)  # (Q,)
    fill(wanted, queries, true_classes)
    losses = -np.log(softmax(logits)[np.arange(len(wanted)), wanted])  # (Q,)
    classes = divide(losses, weigh(wanted, nothing, no_object), things)
    one, other = pick(boxes, true_boxes, queries)  # (G, 4) each
    each = 5 * distance(one, other) + 2 * overlap(generalized(one, other))
    return np.array([classes, each.sum() / count(things, len(logits))])


def as_numbers(answer, *inputs):
    """Two numbers as an array, also where they are a tuple."""
    return np.asarray([float(x) for x in answer(*inputs)])


# ── inputs ────────────────────────────────────────────────────────────────────────────


def picture(queries, things, classes=3, no_object=0.1, by=0.1):
    """Things, and queries for them in no order."""

    def draw(rng):
        true_boxes, boxes = box(rng, things), box(rng, queries)
        chosen = rng.permutation(queries)[:things]
        boxes[chosen] = near(rng, true_boxes, by)
        true_classes = rng.permutation(np.arange(things) % classes)
        if things > 1 and (np.diff(chosen) > 0).all():  # never in order
            chosen, true_classes = chosen[::-1].copy(), true_classes[::-1].copy()
            true_boxes = true_boxes[::-1].copy()
        logits = floats(rng, queries, classes + 1, scale=1.5)
        return logits, boxes, true_classes, true_boxes, chosen, no_object

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def all_boxes(boxes, true_boxes, queries):
    """Each query's box, those without a thing against the whole picture (wrong)."""
    wanted = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(boxes), 1))
    wanted[queries] = true_boxes
    return boxes, wanted


def first_queries(boxes, true_boxes, queries):
    """The first queries, not the matched ones (wrong)."""
    return boxes[: len(true_boxes)], true_boxes


def sorted_queries(boxes, true_boxes, queries):
    """Matched queries by their number (wrong)."""
    return boxes[np.sort(queries)], true_boxes


def in_front(wanted, queries, classes):
    """The first queries get the classes (wrong)."""
    wanted[: len(queries)] = classes


wrong = mistakes("loss", section="loss")

EXERCISE = Exercise(
    name="set_loss",
    section="loss",
    points=3,
    reference=set_loss,
    probe=as_numbers,
    cases=(
        Case("some", picture(9, 3)),
        Case("one", picture(6, 1)),
        Case("none", picture(5, 0)),
        Case("all-matched", picture(4, 4)),
        Case("heavy-nothing", picture(8, 3, no_object=0.5)),
        Case("full-weight", picture(7, 2, no_object=1.0)),
        Case("many-classes", picture(10, 4, classes=6, no_object=0.2)),
        Case("far", picture(8, 3, by=0.5)),
    ),
    misconceptions=(
        wrong("nothing-is-first", first=lambda count, classes: np.zeros(count, int)),
        wrong("first-queries", fill=in_front, pick=first_queries),
        wrong("sorted-queries", pick=sorted_queries),
        wrong("boxes-of-all", pick=all_boxes),
        wrong("no-weight", weigh=lambda w, n, x: np.ones(len(w))),
        wrong("weight-on-things", weigh=lambda w, n, x: np.where(w == n, 1.0, x)),
        wrong(
            "nothing-left-out",
            weigh=lambda w, n, x: (w != n) * 1.0,
            divide=mean_of_things,
        ),
        wrong("mean-of-queries", divide=lambda ls, ws, things: (ls * ws).mean()),
        wrong("summed", divide=lambda ls, ws, things: (ls * ws).sum()),
        wrong(
            "by-things",
            divide=lambda ls, ws, things: (ls * ws).sum() / max(things, 1),
        ),
        wrong("distance-averaged", distance=lambda a, b: np.abs(a - b).mean(axis=1)),
        wrong("distance-squared", distance=lambda a, b: ((a - b) ** 2).sum(axis=1)),
        wrong("giou-turned", overlap=lambda giou: giou),
        wrong("giou-left-out", overlap=lambda giou: 0 * giou),
        wrong("boxes-summed", count=lambda things, queries: 1),
        wrong("boxes-by-queries", count=lambda things, queries: queries),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "two parts": lambda *a: _in_two_parts(*a),
        "weights of classes": lambda *a: _by_class(*a),
        "one-hot": lambda *a: _with_one_hot(*a),
    },
)


def _boxes(boxes, true_boxes, queries):
    if not len(queries):
        return 0.0
    mine = boxes[queries]
    far = np.abs(mine - true_boxes).sum() * 5
    return (far + (2 - 2 * generalized(mine, true_boxes)).sum()) / len(queries)


def _in_loops(logits, boxes, true_classes, true_boxes, queries, no_object):
    total = weights = 0.0
    thing = {int(q): int(c) for q, c in zip(queries, true_classes, strict=True)}
    for q, row in enumerate(logits.astype("float64")):
        name = thing.get(q, len(row) - 1)
        weight = 1.0 if q in thing else no_object
        total += weight * (np.log(np.exp(row).sum()) - row[name])
        weights += weight
    return total / weights, _boxes(boxes, true_boxes, queries)


def _in_two_parts(logits, boxes, true_classes, true_boxes, queries, no_object):
    logs = np.log(softmax(logits.astype("float64")))
    seen = logs[queries, true_classes].sum()
    others = np.delete(logs[:, -1], queries)
    weight = len(queries) + no_object * len(others)
    return -(seen + no_object * others.sum()) / weight, _boxes(
        boxes, true_boxes, queries
    )


def _by_class(logits, boxes, true_classes, true_boxes, queries, no_object):
    names = np.full(len(logits), logits.shape[1] - 1)
    names[queries] = true_classes
    weight = np.ones(logits.shape[1])
    weight[-1] = no_object
    logs = np.log(softmax(logits.astype("float64")))[np.arange(len(names)), names]
    return np.array(
        [-np.average(logs, weights=weight[names]), _boxes(boxes, true_boxes, queries)]
    )


def _with_one_hot(logits, boxes, true_classes, true_boxes, queries, no_object):
    wanted = np.zeros(logits.shape)
    wanted[:, -1] = no_object
    wanted[queries] = np.eye(logits.shape[1])[true_classes].reshape(-1, logits.shape[1])
    losses = -(wanted * np.log(softmax(logits.astype("float64"))))
    return [losses.sum() / wanted.sum(), _boxes(boxes, true_boxes, queries)]
