"""(B, T, N, V): what heads give, some of them replaced by their mean."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def usual(heads, reference):
    """One vector a head: the mean over texts and places of the reference."""
    return reference.mean(axis=(0, 1))  # (N, V)


def chosen(which, count):
    """True for the heads that are taken out."""
    return np.isin(np.arange(count), which)


def mean_ablate(heads, which, reference, *, value=usual, out=chosen):
    """What the heads give, some of them replaced by their mean."""
    heads, reference = (np.asarray(x, "float64") for x in (heads, reference))
    gone = out(np.asarray(which), heads.shape[2])[:, None]  # (N, 1)
    return np.where(gone, value(heads, reference), heads)


wrong = mistakes("ablate", section="ablation")


def case(name, batch, length, heads, size, which, others=(3, 7)):
    """What heads gave, and what they gave for other texts, around other values."""

    def draw(rng):
        middle = 2 * rng.normal(size=(heads, size)).astype("float32")
        return (
            middle + floats(rng, batch, length, heads, size),
            list(which),
            middle + floats(rng, *others, heads, size) + np.float32(0.5),
        )

    return Case(name, draw)


EXERCISE = Exercise(
    name="mean_ablate",
    section="ablation",
    points=4,
    reference=mean_ablate,
    cases=(
        case("one-head", 2, 5, 4, 3, [1]),
        case("two-heads", 2, 4, 5, 3, [3, 0]),
        case("all", 2, 3, 2, 4, [0, 1]),
        case("none", 2, 3, 3, 2, []),
        case("one-place", 1, 1, 3, 2, [2], others=(4, 1)),
        case("same-sizes", 3, 6, 4, 3, [2], others=(3, 6)),
    ),
    misconceptions=(
        wrong("zero", value=lambda heads, reference: np.zeros(heads.shape[2:])),
        wrong("of-this-text", value=lambda heads, reference: heads.mean(axis=(0, 1))),
        wrong("of-each-text", value=lambda h, r: h.mean(axis=1, keepdims=True)),
        wrong("one-number", value=lambda h, r: r.mean(axis=(0, 1, 3))[:, None]),
        wrong("of-all-heads", value=lambda h, r: r.mean(axis=(0, 1, 2))),
        wrong("of-the-first-text", value=lambda h, r: r[0].mean(axis=0)),
        wrong("first-place", value=lambda h, r: r[:, 0].mean(axis=0)),
        wrong("mean-taken-off", value=lambda h, r: h - r.mean(axis=(0, 1))),
        wrong("all-heads", out=lambda which, count: np.ones(count, bool)),
        wrong("the-others", out=lambda which, count: ~chosen(which, count)),
        wrong("first-only", out=lambda which, count: chosen(which[:1], count)),
        wrong("one-off", out=lambda which, count: chosen(which - 1, count)),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "assigned": lambda *a: _assigned(*a),
        "einsum": lambda *a: _einsum(*a),
    },
)


def _in_loops(heads, which, reference):
    result = np.array(heads, "float64")
    for n in which:
        rows = [
            reference[b, t, n]
            for b in range(len(reference))
            for t in range(reference.shape[1])
        ]
        for b in range(len(heads)):
            for t in range(heads.shape[1]):
                result[b, t, n] = sum(row.astype("float64") for row in rows) / len(rows)
    return result


def _assigned(heads, which, reference):
    result = heads.copy()
    result[:, :, which] = reference.mean(axis=(0, 1))[which]
    return result


def _einsum(heads, which, reference):
    gone = np.zeros(heads.shape[2])
    gone[list(map(int, which))] = 1
    count = reference.shape[0] * reference.shape[1]
    mean = np.einsum("btnv->nv", reference.astype("float64")) / count
    kept = np.einsum("btnv,n->btnv", heads, 1 - gone)
    return kept + mean * gone[:, None]
