"""(L, N): how much each head looks at what followed the same token before."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes, swap


def second_copy(length, period):
    """The queries: all places of the second copy."""
    return np.arange(length - period, length)


def induction_score(
    scores,
    period,
    *,
    read=identity,
    queries=second_copy,
    key=lambda query, period: query - period + 1,
    average=lambda x, length: x.mean(axis=-1),
):
    """(L, N): attention from each place of the second copy to what came next."""
    scores = read(np.asarray(scores, "float64"))
    length = scores.shape[-1]
    t = queries(length, period)
    return average(scores[:, :, t, key(t, period)], length)  # (L, N)


wrong = mistakes("induction", section="induction")


def causal_attention(rng, layers, heads, length):
    """Attention scores (L, N, T, T): rows that sum to 1, nothing ahead."""
    logits = 1.5 * rng.normal(size=(layers, heads, length, length))
    logits = np.where(np.tri(length, dtype=bool), logits, -1e9)
    scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (scores / scores.sum(axis=-1, keepdims=True)).astype("float32")


def case(name, layers, heads, period, front=0):
    """Attention of heads that look back, over a text that comes twice."""

    def draw(rng):
        length = front + 2 * period
        scores = causal_attention(rng, layers, heads, length)
        for layer in range(layers):  # each head has a habit of its own
            for head in range(heads):
                back = period - 1 + int(rng.integers(-1, 2))
                for t in range(back, length):
                    scores[layer, head, t] *= 0.4
                    scores[layer, head, t, t - back] += 0.6
        return scores, period

    return Case(name, draw)


EXERCISE = Exercise(
    name="induction_score",
    section="induction",
    points=3,
    reference=induction_score,
    cases=(
        case("twice", 2, 3, 5),
        case("with-a-start", 2, 3, 5, front=1),
        case("long-front", 1, 4, 4, front=3),
        case("two-tokens", 2, 2, 2),
        case("one-head", 1, 1, 6, front=1),
    ),
    misconceptions=(
        wrong("same-token", key=lambda t, period: t - period),
        wrong("before-it", key=lambda t, period: t - period - 1),
        wrong("two-after", key=lambda t, period: np.minimum(t - period + 2, t)),
        wrong("token-before", key=lambda t, period: t - 1),
        wrong("keys-as-queries", read=swap),
        wrong("summed", average=lambda x, length: x.sum(axis=-1)),
        wrong("over-all-places", average=lambda x, length: x.sum(axis=-1) / length),
        wrong("largest-place", average=lambda x, length: x.max(axis=-1)),
        wrong("last-place", average=lambda x, length: x[..., -1]),
        wrong(
            "last-place-missing",
            queries=lambda length, period: np.arange(length - period, length - 1),
        ),
        wrong(
            "counted-without-the-front",
            queries=lambda length, period: np.arange(period, 2 * period),
        ),
    ),
    accepted={
        "loops": lambda scores, period: _in_loops(scores, period),
        "diagonal": lambda scores, period: _diagonal(scores, period),
        "einsum": lambda scores, period: _einsum(scores, period),
    },
)


def _in_loops(scores, period):
    layers, heads, length, _ = scores.shape
    found = np.zeros((layers, heads))
    for i in range(layers):
        for n in range(heads):
            for t in range(length - period, length):
                found[i, n] += scores[i, n, t, t - period + 1] / period
    return found


def _diagonal(scores, period):
    along = np.diagonal(scores, 1 - period, axis1=2, axis2=3)  # query − key = P − 1
    return along[:, :, -period:].mean(axis=-1)


def _einsum(scores, period):
    length = scores.shape[-1]
    pattern = np.eye(length, k=1 - period)
    pattern[: length - period] = 0
    return np.einsum("lnts,ts->ln", scores, pattern) / period
