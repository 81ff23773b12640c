"""The log evidence of a linear model on features, per example."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes


def posterior_mean(a, features, target, beta):
    """The weights in the middle of all that the data leave likely."""
    return beta * np.linalg.pinv(a, hermitian=True) @ features.T @ target


def half_log_det(a):
    """What the width of the posterior costs."""
    return -0.5 * np.linalg.slogdet(a)[1]


def log_evidence(
    features,
    target,
    alpha,
    beta,
    *,
    given=lambda alpha, beta: (alpha, beta),
    ridge=lambda alpha, size: alpha * np.eye(size),
    gram=lambda features, beta: beta * features.T @ features,
    mean=posterior_mean,
    noise=lambda beta, n, d: 0.5 * n * np.log(beta),
    prior=lambda alpha, n, d: 0.5 * d * np.log(alpha),
    circle=lambda n, d: -0.5 * n * np.log(2 * np.pi),
    misfit=lambda beta, rest: -0.5 * beta * (rest**2).sum(),
    penalty=lambda alpha, m: -0.5 * alpha * (m**2).sum(),
    width=half_log_det,
    divide=lambda total, n, d: total / n,
):
    """log p(y | F, α, β) / N: a number."""
    features, target = np.asarray(features, "float64"), np.asarray(target, "float64")
    alpha, beta = given(float(alpha), float(beta))
    n, d = features.shape
    a = ridge(alpha, d) + gram(features, beta)  # (D, D)
    m = mean(a, features, target, beta)  # (D,)
    total = noise(beta, n, d) + prior(alpha, n, d) + circle(n, d)
    total += misfit(beta, features @ m - target) + penalty(alpha, m) + width(a)
    return np.float64(divide(total, n, d))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def numbers(n, d, alpha, beta, signal=1.0):
    """Features, and a target that they explain partly."""

    def draw(rng):
        features = floats(rng, n, d)
        target = signal * features @ floats(rng, d) / np.sqrt(d) + floats(rng, n)
        return features, target.astype("float32"), alpha, beta

    return draw


def one_hot(n, d, alpha, beta):
    """A target of zeros and ones, as a class has."""

    def draw(rng):
        features = floats(rng, n, d)
        return features, (features[:, 0] > 0.4).astype("float32"), alpha, beta

    return draw


def no_target(rng):
    """Nothing to explain: all zeros."""
    return floats(rng, 7, 3), np.zeros(7, "float32"), 0.5, 3.0


def no_features(rng):
    """Features that are all zero."""
    return np.zeros((6, 2), "float32"), floats(rng, 6), 2.5, 0.7


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def least_squares(a, features, target, beta):
    """The weights with the smallest error, without a prior (wrong)."""
    return np.linalg.pinv(features) @ target


wrong = mistakes("evidence", section="evidence")

EXERCISE = Exercise(
    name="log_evidence",
    section="evidence",
    points=4,
    reference=log_evidence,
    cases=(
        Case("some", numbers(9, 3, 0.6, 2.0)),
        Case("more-features", numbers(5, 8, 1.7, 0.4)),
        Case("one-feature", numbers(8, 1, 0.3, 1.5)),
        Case("one-example", numbers(1, 4, 2.0, 3.0)),
        Case("one-number", numbers(1, 1, 0.5, 4.0)),
        Case("class", one_hot(12, 5, 3.0, 6.0)),
        Case("strong-prior", numbers(10, 4, 300.0, 2.0)),
        Case("weak-prior", numbers(10, 3, 0.001, 2.0)),
        Case("quiet", numbers(9, 4, 0.8, 50.0, signal=3.0)),
        Case("zero-target", no_target),
        Case("zero-features", no_features),
        Case("as-many", numbers(6, 6, 0.7, 1.4)),
    ),
    misconceptions=(
        wrong("swapped", given=lambda alpha, beta: (beta, alpha)),
        wrong("no-prior", ridge=lambda alpha, size: 0 * np.eye(size)),
        wrong("prior-of-one", ridge=lambda alpha, size: np.eye(size)),
        wrong("gram-without-beta", gram=lambda features, beta: features.T @ features),
        wrong(
            "mean-without-beta",
            mean=lambda a, x, y, beta: posterior_mean(a, x, y, 1.0),
        ),
        wrong("least-squares", mean=least_squares),
        wrong("no-log-beta", noise=lambda beta, n, d: 0.0),
        wrong("log-beta-whole", noise=lambda beta, n, d: n * np.log(beta)),
        wrong("log-beta-by-features", noise=lambda beta, n, d: 0.5 * d * np.log(beta)),
        wrong("no-log-alpha", prior=lambda alpha, n, d: 0.0),
        wrong("log-alpha-whole", prior=lambda alpha, n, d: d * np.log(alpha)),
        wrong(
            "log-alpha-by-examples", prior=lambda alpha, n, d: 0.5 * n * np.log(alpha)
        ),
        wrong("log-alpha-turned", prior=lambda alpha, n, d: -0.5 * d * np.log(alpha)),
        wrong("no-circle", circle=lambda n, d: 0.0),
        wrong("circle-of-features", circle=lambda n, d: -0.5 * d * np.log(2 * np.pi)),
        wrong("misfit-without-beta", misfit=lambda beta, r: -0.5 * (r**2).sum()),
        wrong("misfit-whole", misfit=lambda beta, r: -beta * (r**2).sum()),
        wrong("misfit-averaged", misfit=lambda beta, r: -0.5 * beta * (r**2).mean()),
        wrong(
            "misfit-root", misfit=lambda beta, r: -0.5 * beta * np.sqrt((r**2).sum())
        ),
        wrong("no-penalty", penalty=lambda alpha, m: 0.0),
        wrong("penalty-without-alpha", penalty=lambda alpha, m: -0.5 * (m**2).sum()),
        wrong("penalty-turned", penalty=lambda alpha, m: 0.5 * alpha * (m**2).sum()),
        wrong("no-width", width=lambda a: 0.0),
        wrong("width-turned", width=lambda a: 0.5 * np.linalg.slogdet(a)[1]),
        wrong("width-whole", width=lambda a: -np.linalg.slogdet(a)[1]),
        wrong("width-no-log", width=lambda a: -0.5 * np.linalg.det(a)),
        wrong("not-divided", divide=lambda total, n, d: total),
        wrong("divided-by-features", divide=lambda total, n, d: total / d),
        wrong("turned", divide=lambda total, n, d: -total / n),
    ),
    accepted={
        "normal density": lambda *a: _as_density(*a),
        "eigenvalues": lambda *a: _with_eigenvalues(*a),
        "one after the other": lambda *a: _one_by_one(*a),
    },
)


def _as_density(features, target, alpha, beta):
    n = len(target)
    x = features.astype("float64")
    covariance = np.eye(n) / beta + x @ x.T / alpha
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, target)
    log_root = np.log(np.diag(root)).sum()
    return -(0.5 * z @ z + log_root + 0.5 * n * np.log(2 * np.pi)) / n


def _with_eigenvalues(features, target, alpha, beta):
    x, y = features.astype("float64"), target.astype("float64")
    values, vectors = np.linalg.eigh(x @ x.T)
    variance = np.maximum(values, 0) / alpha + 1 / beta
    along = vectors.T @ y
    return float(np.mean(-0.5 * (np.log(2 * np.pi * variance) + along**2 / variance)))


def _one_by_one(features, target, alpha, beta):
    x = features.astype("float64")
    mean, covariance, total = np.zeros(x.shape[1]), np.eye(x.shape[1]) / alpha, 0.0
    for row, y in zip(x, target, strict=True):
        variance = row @ covariance @ row + 1 / beta
        gain = covariance @ row / variance
        total -= 0.5 * (np.log(2 * np.pi * variance) + (y - row @ mean) ** 2 / variance)
        mean = mean + gain * (y - row @ mean)
        covariance = covariance - np.outer(gain, row @ covariance)
    return total / len(x)
