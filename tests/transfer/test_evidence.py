"""LogME, proved against a maximisation of the Gaussian density itself."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from tlkeras.transfer import logme


def brute_force(features, labels):
    """The highest log density of each one-hot target, over α and β, by a search."""
    count = len(labels)
    square = features @ features.T

    def best(target):
        def loss(logs):
            alpha, beta = np.exp(logs)
            covariance = np.eye(count) / beta + square / alpha
            return -multivariate_normal(np.zeros(count), covariance).logpdf(target)

        starts = [(a, b) for a in (-3, 1, 5) for b in (0, 3)]
        settings = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000}
        return max(
            -minimize(loss, start, method="Nelder-Mead", options=settings).fun
            for start in starts
        )

    targets = labels[:, None] == np.unique(labels)
    return np.mean([best(y.astype(float)) for y in targets.T]) / count


@pytest.mark.parametrize(
    ("count", "size", "classes"), [(30, 4, 2), (12, 25, 3), (20, 20, 3), (15, 1, 2)]
)
def test_it_is_the_highest_evidence(count, size, classes):
    rng = np.random.default_rng(count)
    labels = np.arange(count) % classes
    features = rng.normal(size=(count, size)) + 0.8 * labels[:, None]
    wanted = brute_force(features, labels)
    np.testing.assert_allclose(logme(features, labels), wanted, atol=1e-5)


def test_size_order_and_turns_do_not_matter():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 40)
    features = rng.normal(size=(40, 6)) + labels[:, None]
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    order = rng.permutation(40)
    found = logme(features, labels)
    for same in (
        logme(1000 * features, labels),
        logme(features @ turn, labels),
        logme(features[order], labels[order]),
        logme(features, 7 - labels),
        logme(np.hstack([features, np.zeros((40, 3))]), labels),
    ):
        np.testing.assert_allclose(same, found, rtol=1e-6)


def test_more_noise_is_less_evidence():
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 3
    clear = np.eye(3)[labels]
    noise = rng.normal(size=(60, 3))
    found = [logme(clear + scale * noise, labels) for scale in (0.1, 0.5, 2.0)]
    assert found == sorted(found, reverse=True)


def test_features_of_zeros_leave_the_noise_alone():
    labels = np.array([0, 0, 1, 1])
    square = 0.5  # the mean square of either target
    wanted = -0.5 * (np.log(2 * np.pi * square) + 1)
    np.testing.assert_allclose(logme(np.zeros((4, 2)), labels), wanted)


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (np.zeros(4), np.array([0, 1, 0, 1]), "must be"),
        (np.zeros((4, 2)), np.array([0, 1, 0]), "must be"),
        (np.zeros((0, 2)), np.zeros(0, int), "must be"),
        (np.zeros((4, 2)), np.array([1, 1, 1, 1]), "two classes"),
        (np.full((2, 2), np.nan), np.array([0, 1]), "finite"),
    ],
)
def test_what_does_not_fit_is_refused(features, labels, said):
    with pytest.raises(ValueError, match=said):
        logme(features, labels)
