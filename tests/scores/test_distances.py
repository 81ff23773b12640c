"""Distances of sets against SciPy's root of a matrix and sums over pairs."""

import numpy as np
import pytest
from scipy import linalg

from tlkeras.scores import distances, frechet_distance, kernel_distance

BOTH = pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])


def sets(count, other, size, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(size, size))
    return rng.normal(size=(count, size)), rng.normal(1, 2, (other, size)) @ mixing


def frechet_by_scipy(x, y):
    gap = x.mean(0) - y.mean(0)
    one, other = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    root = linalg.sqrtm(one @ other).real
    return gap @ gap + np.trace(one + other - 2 * root)


def kernel_by_pairs(x, y):
    def mean(pairs):
        found = [(a @ b / len(a) + 1) ** 3 for a, b in pairs]
        return sum(found) / len(found)

    def different(z):
        return [(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]

    across = mean([(a, b) for a in x for b in y])
    return mean(different(x)) + mean(different(y)) - 2 * across


@pytest.mark.parametrize("shape", [(30, 40, 5), (9, 7, 6), (12, 12, 1), (200, 50, 20)])
def test_frechet_is_that_of_scipy(shape):
    x, y = sets(*shape)
    assert frechet_distance(x, y) == pytest.approx(frechet_by_scipy(x, y), rel=1e-8)


@pytest.mark.parametrize("shape", [(3, 40, 5), (2, 2, 3)])
def test_frechet_of_fewer_vectors_than_features(shape):
    """SciPy's root of a singular matrix is good to about √ε; ours needs none."""
    x, y = sets(*shape)
    assert frechet_distance(x, y) == pytest.approx(frechet_by_scipy(x, y), rel=1e-5)


@pytest.mark.parametrize("shape", [(11, 7, 5), (2, 2, 1), (6, 13, 3)])
def test_kernel_is_the_sum_over_pairs(shape, monkeypatch):
    x, y = sets(*shape)
    wanted = kernel_by_pairs(x, y)
    assert kernel_distance(x, y) == pytest.approx(wanted, rel=1e-10)
    monkeypatch.setattr(distances, "ROWS", 3)
    assert kernel_distance(x, y) == pytest.approx(wanted, rel=1e-10)


def test_kernel_has_no_bias():
    """Of sets from one distribution it is 0 on average, for 5 vectors as for 50."""
    rng = np.random.default_rng(0)
    for count in (5, 50):
        found = [kernel_distance(*rng.normal(size=(2, count, 3))) for _ in range(400)]
        assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
        assert np.min(found) < 0


@BOTH
def test_order_of_sets_and_of_vectors_makes_no_difference(distance):
    x, y = sets(9, 14, 4)
    assert distance(y, x) == pytest.approx(distance(x, y), rel=1e-10)
    assert distance(x[::-1], y) == pytest.approx(distance(x, y), rel=1e-10)


def test_a_set_and_itself():
    x, _ = sets(9, 2, 4)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert kernel_distance(x, x) < 0  # each vector is its own twin across


def test_vectors_that_are_all_the_same():
    same = np.full((4, 3), 2.0)
    assert frechet_distance(same, same) == 0
    assert frechet_distance(same, same + 1) == pytest.approx(3)
    assert kernel_distance(same, same) == pytest.approx(0, abs=1e-10)


@BOTH
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((1, 3)), np.zeros((4, 3)), "first must be at least two vectors"),
        (np.zeros((4, 3)), np.zeros((0, 3)), "second must be at least two vectors"),
        (np.zeros(4), np.zeros((4, 3)), r"first must be .* given shape \(4,\)"),
        (np.zeros((4, 0)), np.zeros((4, 0)), "first must be at least two vectors"),
        (np.zeros((4, 8, 8)), np.zeros((4, 8, 8)), r"images.reshape\(count, -1\)"),
        (np.zeros((4, 3)), np.zeros((4, 2)), "the same features; given 3 and 2"),
        (np.zeros((4, 3)), np.full((4, 3), np.nan), "second must be finite"),
    ],
)
def test_wrong_sets(distance, x, y, message):
    with pytest.raises(ValueError, match=message):
        distance(x, y)
