"""How far two sets of vectors lie apart: the Fréchet distance."""

import numpy as np
from scipy.linalg import sqrtm

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def covariance(x):
    """(D, D), divided by one less than the vectors."""
    centred = x - x.mean(axis=0)
    return centred.T @ centred / (len(x) - 1)


def root(matrix):
    """The matrix that gives it when multiplied by itself."""
    return sqrtm(matrix).real


def spread(one, other, root):
    """tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)."""
    return np.trace(one + other - 2 * root(one @ other))


def frechet(
    first,
    second,
    *,
    covariance=covariance,
    between=lambda gap: gap @ gap,
    root=root,
    spread=spread,
):
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½): a number."""
    first, second = (np.asarray(x, "float64") for x in (first, second))
    gap = first.mean(axis=0) - second.mean(axis=0)
    return between(gap) + spread(covariance(first), covariance(second), root)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def sets(count, other, size, far=1.0):
    """Two sets of vectors that are spread differently."""

    def draw(rng):
        mixing = floats(rng, size, size)
        return floats(rng, count, size), floats(rng, other, size) @ mixing + far

    return draw


def same_middle(rng):
    """Two sets with one mean: only their spreads differ."""
    one, other = floats(rng, 8, 3), 2 * floats(rng, 12, 3)
    return one - one.mean(0), other - other.mean(0)


def moved(rng):
    """A set, and the same one moved."""
    one = floats(rng, 9, 4)
    return one, one + floats(rng, 4)


wrong = mistakes("frechet", section="distance")

EXERCISE = Exercise(
    name="frechet",
    section="distance",
    points=4,
    reference=frechet,
    cases=(
        Case("some", sets(9, 14, 4)),
        Case("far", sets(8, 10, 3, far=5.0)),
        Case("same-middle", same_middle),
        Case("moved", moved),
        Case("one-number", sets(7, 5, 1)),
        Case("square", sets(6, 6, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong(
            "divided-by-count", covariance=lambda x: covariance(x) * (1 - 1 / len(x))
        ),
        wrong("not-centred", covariance=lambda x: x.T @ x / (len(x) - 1)),
        wrong("variances-only", covariance=lambda x: np.diag(x.var(axis=0, ddof=1))),
        wrong("not-squared", between=lambda gap: np.sqrt(gap @ gap)),
        wrong("gap-averaged", between=lambda gap: gap @ gap / len(gap)),
        wrong("no-gap", between=lambda gap: 0.0),
        wrong("root-of-numbers", root=lambda matrix: np.sqrt(np.maximum(matrix, 0))),
        wrong("no-root", root=lambda matrix: matrix),
        wrong("once", spread=lambda a, b, root: np.trace(a + b - root(a @ b))),
        wrong("no-spread", spread=lambda a, b, root: 0.0),
        wrong("nothing-taken-off", spread=lambda a, b, root: np.trace(a + b)),
        wrong(
            "root-of-sum", spread=lambda a, b, root: np.trace(a + b - 2 * root(a + b))
        ),
        wrong("added", spread=lambda a, b, root: np.trace(a + b + 2 * root(a @ b))),
    ),
    accepted={
        "eigenvalues": lambda *a: _by_eigenvalues(*a),
        "singular values": lambda *a: _by_singular_values(*a),
        "symmetric root": lambda *a: _by_symmetric_root(*a),
        "np.cov": lambda *a: _with_cov(*a),
    },
)


def _moments(x):
    x = np.asarray(x, "float64")
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])


def _by_eigenvalues(first, second):
    (m, a), (n, b) = _moments(first), _moments(second)
    both = np.linalg.eigvals(a @ b).real
    return (
        ((m - n) ** 2).sum() + a.trace() + b.trace() - 2 * np.sqrt(both.clip(0)).sum()
    )


def _by_singular_values(first, second):
    one, other = (
        (x - x.mean(0)) / np.sqrt(len(x) - 1)
        for x in (first.astype("float64"), second.astype("float64"))
    )
    gap = first.astype("float64").mean(0) - second.astype("float64").mean(0)
    nuclear = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return (gap**2).sum() + (one**2).sum() + (other**2).sum() - 2 * nuclear


def _by_symmetric_root(first, second):
    (m, a), (n, b) = _moments(first), _moments(second)
    values, vectors = np.linalg.eigh(a)
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    inner = np.linalg.eigvalsh(half @ b @ half).clip(0)
    return np.linalg.norm(m - n) ** 2 + np.trace(a + b) - 2 * np.sqrt(inner).sum()


def _with_cov(first, second):
    (m, a), (n, b) = _moments(first), _moments(second)
    product = sqrtm(a.dot(b))
    return np.dot(m - n, m - n) + np.trace(a) + np.trace(b) - 2 * np.trace(product).real
