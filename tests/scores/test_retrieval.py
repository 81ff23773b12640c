"""Recall against what happens when ties are broken at random, many times."""

import numpy as np
import pytest

from tlkeras.scores import recall_at_k


def by_sorting(similarities, k, right, rng):
    """One random order of ties."""
    noise = rng.random(similarities.shape)
    order = np.lexsort((noise, -similarities), axis=1)[:, :k]
    return np.take_along_axis(right, order, axis=1).any(axis=1).mean()


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_ties_in_random_order(k, levels):
    rng = np.random.default_rng(levels)
    similarities = rng.integers(0, levels, (12, 7)) / 8
    right = rng.random((12, 7)) < 0.3
    right[np.arange(12), rng.integers(0, 7, 12)] = True
    drawn = [by_sorting(similarities, k, right, rng) for _ in range(4000)]
    found = recall_at_k(similarities, k, right)
    assert found.rate == pytest.approx(np.mean(drawn), abs=0.01)
    assert found.worst <= min(drawn) <= max(drawn) <= found.best
    assert (found.tied > 0) == (found.best > found.worst)


def test_a_model_that_says_the_same_of_all_is_at_chance():
    found = recall_at_k(np.zeros((5, 5)), 2)
    assert found == pytest.approx((0.4, 1.0, 0.0, 5))


def test_places_and_pairs_say_the_same():
    similarities = np.random.default_rng(0).normal(size=(6, 6))
    pairs = recall_at_k(similarities, 3)
    assert pairs == recall_at_k(similarities, 3, np.arange(6))
    assert pairs == recall_at_k(similarities, 3, np.eye(6, dtype=bool))
    assert pairs.tied == 0
    assert recall_at_k(similarities, 6).worst == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarities": np.zeros(3)}, r"must be \(Q, N\)"),
        ({"similarities": np.full((2, 2), np.nan)}, "must be finite"),
        ({"k": 0}, "k must be from 1 to 3"),
        ({"k": 4}, "k must be from 1 to 3"),
        ({"similarities": np.zeros((2, 3))}, "as many searches as things"),
        ({"relevant": [0, 1, 3]}, "places from 0 to 2"),
        ({"relevant": np.eye(3, dtype=bool) & [True, False, True]}, "row 1 has none"),
        ({"relevant": [0.0, 1.0, 2.0]}, "booleans .* or integers"),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        recall_at_k(**{"similarities": np.zeros((3, 3)), **arguments})
