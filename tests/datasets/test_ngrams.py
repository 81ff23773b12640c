"""Counts as a language model: sums to 1, by hand, and what smoothing is for."""

import numpy as np
import pytest

from tlkeras.datasets.text.ngrams import NGrams


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [rng.integers(1, 7, rng.integers(0, 9)).tolist() for _ in range(60)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("history", [[], [3], [1, 2], [5] * 7, [7, 7], [2, 0, 1]])
def test_the_probabilities_of_all_tokens_sum_to_one(texts, order, history):
    p = NGrams(texts, 8, order).next_probabilities(history)
    assert p.shape == (8,)
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(), 1, atol=1e-12)


@pytest.mark.parametrize("text", [[8], [-1], [1.5], [[1, 2]], 3, ["a"]])
def test_what_is_no_text_of_the_vocabulary_is_refused(texts, text):
    model = NGrams(texts, 8, 2)
    for use in (
        model.log_probabilities,
        model.next_probabilities,
        lambda x: NGrams([x], 8, 2),
    ):
        with pytest.raises(ValueError, match=r"integers .T,. from 0 to 7"):
            use(text)


def test_nothing_to_count_is_refused():
    with pytest.raises(ValueError, match="a text at least"):
        NGrams([], 8)


def test_too_many_runs_are_refused_whatever_kind_of_integer(texts):
    for size in (2**13, np.int64(2**13)):
        with pytest.raises(ValueError, match="below"):
            NGrams(texts, size, 5)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_a_text_is_scored_token_by_token(texts, order):
    model = NGrams(texts, 8, order)
    text = [3, 1, 4, 1, 5, 7, 2, 6]
    one_by_one = [
        model.next_probabilities(text[:i])[token] for i, token in enumerate([*text, 0])
    ]
    np.testing.assert_allclose(np.exp(model.log_probabilities(text)), one_by_one)
    np.testing.assert_allclose(
        np.exp(model.log_probabilities([])), model.next_probabilities([])[:1]
    )


def test_kneser_and_ney_count_histories_and_not_occurrences():
    """5 is more frequent, but always after 4; 6 came after three different tokens."""
    texts = [[4, 5]] * 9 + [[1, 6], [2, 6], [3, 6]]
    after_news = NGrams(texts, 8, 2).next_probabilities([7])
    assert after_news[6] > after_news[5]


def test_a_bigram_by_hand():
    """Two histories; discounts are those of Chen and Goodman, bounded as documented."""
    model = NGrams([[1], [1], [1], [2]], 3, 2)
    pairs, singles = model._tables[1], model._tables[0]
    # Pairs: 0 1 three times, 1 0 three times, 0 2 and 2 0 once. Single tokens: 0 stood
    # after two others, 1 and 2 after one.
    d, e = pairs.discounts, singles.discounts
    uniform = 1 / 3
    single = (1 - e[1] + (e[2] + 2 * e[1]) * uniform) / 4
    expected = (3 - d[3] + (d[3] + d[1]) * single) / 4
    np.testing.assert_allclose(model.next_probabilities([0])[1], expected)


def test_more_of_the_same_text_is_less_of_a_surprise(texts):
    few, many = NGrams(texts[:10], 8, 3), NGrams(texts, 8, 3)
    seen = texts[20]
    assert many.log_probabilities(seen).sum() > few.log_probabilities(seen).sum()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size"),
        ({"order": 0}, "order"),
        ({"vocabulary_size": 10_000}, "10000"),
    ],
)
def test_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        NGrams([[1]], **{"vocabulary_size": 4, **arguments})
