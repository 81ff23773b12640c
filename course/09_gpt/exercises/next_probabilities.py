"""Which tokens may come next, and how likely each is drawn: (V,)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def softmax(x):
    """Probabilities, without an exponential that overflows."""
    e = np.exp(x - x.max())
    return e / e.sum()


def divide(logits, temperature):
    """A temperature below 1 makes the likely likelier."""
    return logits / temperature


def falling(p):
    """The tokens from the likeliest down; of equals the smaller number first."""
    return np.argsort(-p, kind="stable")


def first_few(p, count):
    """True for the likeliest tokens, as many as asked for."""
    keep = np.zeros(len(p), bool)
    keep[falling(p)[:count]] = True
    return keep


def until_reached(p, share):
    """True for the fewest tokens that reach the share together, from the likeliest."""
    order = falling(p)
    before = np.cumsum(p[order]) - p[order]
    keep = np.zeros(len(p), bool)
    keep[order[before < share]] = True
    return keep


def scaled_to_one(p):
    """Divided by their sum."""
    return p / p.sum()


def in_turn(p, by_count, by_share, scale):
    """Of the tokens that the count leaves, scaled to 1, those that reach the share."""
    p = scale(np.where(by_count(p), p, 0.0))
    return scale(np.where(by_share(p) & (p > 0), p, 0.0))


def next_probabilities(
    logits,
    temperature,
    top_k,
    top_p,
    *,
    cool=divide,
    normalise=softmax,
    by_count=first_few,
    by_share=until_reached,
    combine=in_turn,
    scale=scaled_to_one,
):
    """Which tokens may come next, and how likely each is drawn: (V,)."""
    p = normalise(cool(logits, temperature))
    return combine(p, lambda p: by_count(p, top_k), lambda p: by_share(p, top_p), scale)


def draw(size, temperature, top_k, top_p):
    """Logits of V tokens and the three settings."""
    return lambda rng: (floats(rng, size, scale=1.5), temperature, top_k, top_p)


def halves(rng):
    """Probabilities 1/2, 1/4, 1/8 … in random places, whose sums are exact."""
    p = np.array([8, 4, 2, 1, 1]) / 16
    return np.log(rng.permutation(p)), 1.0, 5, 0.74


def equals(rng):
    """Three tokens are equally likely, and only one of them has room."""
    logits = np.array([0.5, 3.0, 1.0, 1.0, -1.0, 1.0, 0.0])
    return rng.permutation(logits), 1.0, 2, 1.0


def share_of_what_is_left(rng):
    """The share is reached sooner once the count has left few tokens."""
    p = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    return np.log(rng.permutation(p)), 1.0, 3, 0.7


def far_apart(rng):
    """Logits whose exponentials overflow, whatever is drawn."""
    logits = np.array([900.0, 899.2, 898.9, 0.0, -900.0, -1500.0])
    return rng.permutation(logits), 0.5, 6, 0.999


def at_once(p, by_count, by_share, scale):
    """Both rules on the first probabilities (wrong)."""
    return scale(np.where(by_count(p) & by_share(p), p, 0.0))


def without_the_crossing(p, share):
    """Only tokens whose sum stays below the share, and the first (wrong)."""
    order = falling(p)
    keep = np.zeros(len(p), bool)
    keep[order[np.cumsum(p[order]) < share]] = True
    keep[order[0]] = True
    return keep


def one_too_many(p, share):
    """One token more than those that reach the share (wrong)."""
    keep = until_reached(p, share)
    return first_few(p, keep.sum() + 1)


def later_first(p, count):
    """Of equals those with the larger numbers (wrong)."""
    return first_few(p[::-1], count)[::-1]


def likely_enough(p, share):
    """Every token that is likely by itself (wrong)."""
    return (p >= 1 - share) | (p == p.max())


def share_of_the_tokens(p, share):
    """A share of the number of tokens (wrong)."""
    return first_few(p, max(1, round(share * (p > 0).sum())))


def from_the_least(p, share):
    """Until the share is reached, from the least likely up (wrong)."""
    order = np.argsort(p, kind="stable")
    keep = np.zeros(len(p), bool)
    keep[order[np.cumsum(p[order]) - p[order] < share]] = True
    return keep


def in_order_of_numbers(p, share):
    """Until the share is reached, without sorting (wrong)."""
    return np.cumsum(p) - p < share


wrong = mistakes("sampling", section="sampling")

EXERCISE = Exercise(
    name="next_probabilities",
    section="sampling",
    points=5,
    reference=next_probabilities,
    cases=(
        Case("warm", draw(9, 1.7, 9, 1.0)),
        Case("cool", draw(7, 0.6, 7, 1.0)),
        Case("count", draw(11, 1.0, 4, 1.0)),
        Case("share", draw(12, 1.0, 12, 0.8)),
        Case("all-three", draw(14, 1.3, 6, 0.75)),
        Case("share-of-what-is-left", share_of_what_is_left),
        Case("crossing", halves),
        Case("equals", equals),
        Case("one", draw(8, 0.9, 1, 0.5)),
        Case("tiny-share", draw(8, 1.0, 8, 0.01)),
        Case("far-apart", far_apart),
    ),
    misconceptions=(
        wrong("multiplied", cool=lambda x, temperature: x * temperature),
        wrong("temperature-left-out", cool=identity),
        wrong("count-left-out", by_count=lambda p, count: p >= 0),
        wrong("all-equals", by_count=lambda p, count: p >= np.sort(p)[-count]),
        wrong("later-equals", by_count=later_first),
        wrong("least-likely", by_count=lambda p, count: first_few(-p, count)),
        wrong("first-numbers", by_count=lambda p, count: np.arange(len(p)) < count),
        wrong("share-left-out", by_share=lambda p, share: p >= 0),
        wrong("crossing-dropped", by_share=without_the_crossing),
        wrong("one-too-many", by_share=one_too_many),
        wrong("above-one-minus-the-share", by_share=likely_enough),
        wrong("share-of-the-tokens", by_share=share_of_the_tokens),
        wrong("from-the-least", by_share=from_the_least),
        wrong("in-order-of-numbers", by_share=in_order_of_numbers),
        wrong("not-renormalised", scale=identity),
        wrong("at-once", combine=at_once),
        wrong("overflow", normalise=lambda x: np.exp(x) / np.exp(x).sum()),
        wrong("no-softmax", normalise=identity),
    ),
    accepted={
        "loops": lambda *a: _by_loops(*a),
        "sorted once": lambda *a: _sorted_once(*a),
        "minus infinity": lambda *a: _with_minus_infinity(*a),
        "keras": lambda *a: _with_keras(*a),
    },
)


def _by_loops(logits, temperature, top_k, top_p):
    order = sorted(range(len(logits)), key=lambda v: (-logits[v], v))[:top_k]
    most = logits[order[0]]
    weights = [float(np.exp((logits[v] - most) / temperature)) for v in order]
    total, kept, reached = sum(weights), [], 0.0
    for v, weight in zip(order, weights, strict=True):
        if reached >= top_p:
            break
        kept.append((v, weight))
        reached += weight / total
    p = [0.0] * len(logits)
    for v, weight in kept:
        p[v] = weight / sum(weight for _, weight in kept)
    return p


def _sorted_once(logits, temperature, top_k, top_p):
    order = np.argsort(-logits, kind="stable")[:top_k]
    chosen = softmax(logits[order].astype(float) / temperature)
    count = 1 + np.searchsorted(np.cumsum(chosen)[:-1], top_p)
    p = np.zeros(logits.shape)
    p[order[:count]] = chosen[:count] / chosen[:count].sum()
    return p


def _with_minus_infinity(logits, temperature, top_k, top_p):
    x = logits.astype(float) / temperature
    order = np.argsort(-x, kind="stable")
    x[order[top_k:]] = -np.inf
    p = softmax(x)
    x[order[np.cumsum(p[order]) - p[order] >= top_p]] = -np.inf
    return softmax(x)


def _with_keras(logits, temperature, top_k, top_p):
    ops = keras().ops
    values, places = ops.top_k(logits / temperature, top_k)  # earlier ones of equals
    p = ops.softmax(values)
    p = ops.where(ops.cumsum(p) - p < top_p, p, 0.0)
    return ops.scatter(places[:, None], p / ops.sum(p), (len(logits),))
