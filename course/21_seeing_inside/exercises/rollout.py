"""(T, T): from which input each output comes, along all paths of attention."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes, swap

from ._shared import attention


def with_residual(mean):
    """Half of each vector goes around the attention."""
    return 0.5 * np.eye(mean.shape[-1]) + 0.5 * mean


def product(layers):
    """The last layer stands in front."""
    result = np.eye(layers.shape[-1])
    for layer in layers:
        result = layer @ result
    return result


def rollout(
    scores,
    *,
    read=identity,
    join=lambda x: x.mean(axis=1),
    residual=with_residual,
    through=product,
    out=identity,
):
    """(T, T): from which input each output comes."""
    layers = join(read(np.asarray(scores, "float64")))  # (L, T, T)
    return out(through(np.array([residual(layer) for layer in layers])))


def other_way(layers):
    """The first layer in front (wrong)."""
    return product(layers[::-1])


def one_by_one(layers):
    """Numbers multiplied, not matrices (wrong)."""
    return np.prod(layers, axis=0)


wrong = mistakes("rollout", section="rollout")


def case(name, *shape, causal=False):
    """Attention scores of one text."""
    return Case(name, lambda rng: (attention(rng, *shape, causal=causal),))


EXERCISE = Exercise(
    name="rollout",
    section="rollout",
    points=4,
    reference=rollout,
    cases=(
        case("three", 3, 4, 5),
        case("causal", 3, 2, 6, causal=True),
        case("one-head", 2, 1, 4),
        case("one-layer", 1, 3, 4),
        case("one-token", 2, 2, 1),
    ),
    misconceptions=(
        wrong("no-residual", residual=identity),
        wrong("not-halved", residual=lambda x: np.eye(len(x)) + x),
        wrong("other-order", through=other_way),
        wrong("number-by-number", through=one_by_one),
        wrong("last-layer-only", through=lambda x: x[-1]),
        wrong("layers-averaged", through=lambda x: x.mean(axis=0)),
        wrong("heads-summed", join=lambda x: x.sum(axis=1)),
        wrong("largest-head", join=lambda x: x.max(axis=1)),
        wrong("first-head", join=lambda x: x[:, 0]),
        wrong("keys-as-queries", read=swap),
        wrong("turned-at-the-end", out=swap),
    ),
    accepted={
        "loops": lambda scores: _in_loops(scores),
        "einsum": lambda scores: _einsum(scores),
        "library": lambda scores: _library(scores),
    },
)


def _in_loops(scores):
    flow = [row[:] for row in np.eye(scores.shape[-1]).tolist()]
    for layer in scores:
        size, new = len(flow), []
        for t in range(size):
            mean = [sum(float(head[t, s]) for head in layer) for s in range(size)]
            step = [0.5 * m / len(layer) + 0.5 * (s == t) for s, m in enumerate(mean)]
            new.append(
                [sum(step[k] * flow[k][s] for k in range(size)) for s in range(size)]
            )
        flow = new
    return flow


def _einsum(scores):
    eye = np.eye(scores.shape[-1])
    layers = (scores.astype("float64").mean(1) + eye) / 2
    result = layers[0]
    for layer in layers[1:]:
        result = np.einsum("tk,ks->ts", layer, result)
    return result


def _library(scores):
    from tlkeras.interpret import attention_rollout

    return attention_rollout([layer[None] for layer in scores])[0]
