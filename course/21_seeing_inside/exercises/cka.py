"""A number: how alike two layers are, whatever their features are called."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def centred(x):
    """The mean over the examples is taken off each feature."""
    return x - x.mean(axis=0)


def products(x, y):
    """(E, D): every feature of one with every feature of the other."""
    return y.T @ x


def size(x):
    """The root of the sum of squares."""
    return np.sqrt((x**2).sum())


def quotient(both, first, second):
    """The square above, both sizes below."""
    return both**2 / (first * second)


def cka(
    x,
    y,
    *,
    read=identity,
    centre=centred,
    join=products,
    norm=size,
    divide=quotient,
    out=identity,
):
    """Linear CKA of two sets of features of the same examples."""
    x, y = (centre(read(np.asarray(z, "float64"))) for z in (x, y))
    return out(divide(norm(join(x, y)), norm(join(x, x)), norm(join(y, y))))


def standardised(x):
    """Each feature has variance 1 (wrong)."""
    return centred(x) / x.std(axis=0)


wrong = mistakes("cka", section="moved")


def case(name, examples, first, second, shared=0.7):
    """Features of both, partly the same, with means and sizes of their own."""

    def draw(rng):
        x = floats(rng, examples, first) * np.float32([1 + i for i in range(first)])
        mix = floats(rng, first, second)
        y = shared * x @ mix + (1 - shared) * floats(rng, examples, second)
        return (x + floats(rng, first)).astype("float32"), y + floats(rng, second) * 2

    return Case(name, draw)


def turned(rng):
    """The same features, turned round and twice as large."""
    x = floats(rng, 30, 4) * np.float32([1, 2, 3, 4]) + 1
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    return x, (2 * x @ rotation).astype("float32")


EXERCISE = Exercise(
    name="cka",
    section="moved",
    points=3,
    reference=cka,
    cases=(
        case("as-many", 12, 4, 4),
        case("more-features", 15, 3, 6),
        case("unrelated", 40, 5, 3, shared=0.0),
        Case("turned", turned),
        case("one-feature", 9, 1, 1),
    ),
    misconceptions=(
        wrong("not-centred", centre=identity),
        wrong("centred-over-features", centre=lambda x: x - x.mean(1, keepdims=True)),
        wrong("centred-by-one-number", centre=lambda x: x - x.mean()),
        wrong("standardised", centre=standardised),
        wrong("not-squared", divide=lambda both, a, b: both / np.sqrt(a * b)),
        wrong("square-forgotten", divide=lambda both, a, b: both / (a * b)),
        wrong("squares-below", divide=lambda both, a, b: both**2 / (a * b) ** 2),
        wrong("sum-below", divide=lambda both, a, b: both**2 / (a + b)),
        wrong("not-divided", divide=lambda both, a, b: both**2),
        wrong("all-squared", divide=lambda both, a, b: (both**2 / (a * b)) ** 2),
        wrong("sizes-of-features", join=lambda x, y: y.T @ x if x is not y else x),
        wrong("largest-stretch", norm=lambda x: np.linalg.norm(x, 2)),
        wrong("magnitudes", norm=lambda x: np.abs(x).sum()),
        wrong("distance", out=lambda found: 1 - found),
    ),
    accepted={
        "grams": lambda x, y: _grams(x, y),
        "loops": lambda x, y: _in_loops(x, y),
        "library": lambda x, y: _library(x, y),
    },
)


def _grams(x, y):
    k, m = (
        centred(z.astype("float64")) @ centred(z.astype("float64")).T for z in (x, y)
    )
    return (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())


def _in_loops(x, y):
    def total(a, b):
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        return sum(float(p @ q) ** 2 for p in a.T for q in b.T)

    x, y = x.astype("float64"), y.astype("float64")
    return total(x, y) / (total(x, x) * total(y, y)) ** 0.5


def _library(x, y):
    from tlkeras.interpret import linear_cka

    return linear_cka(x, y)
