"""Vocabularies there and back, and batches that lose nothing."""

import itertools

import numpy as np
import pytest

from tlkeras.datasets import text
from tlkeras.datasets.text import Vocabulary, by_length, characters, spaced_words, words

SENTENCES = ["Thu, Mar 7", "$1,234.50", "Zwei Männer – naïve, oder?", "  a  b"]


def test_splits():
    assert words("Thu, Mar 7, 15:04") == ["Thu", ",", "Mar", *"7,15:04"]
    assert words("Mär2 x") == ["Mär", "2", "x"]
    assert spaced_words("Zwei Männer, ja!") == ["Zwei", " Männer", ",", " ja", "!"]
    assert characters("3月 7") == ["3", "月", " ", "7"]


@pytest.mark.parametrize("split", [characters, spaced_words])
def test_there_and_back(split):
    vocabulary = Vocabulary(SENTENCES, split)
    assert vocabulary.decode(vocabulary.encode(SENTENCES)) == SENTENCES
    assert vocabulary.encode(SENTENCES, length=40).shape == (4, 40)


def test_rare_and_unknown_tokens():
    vocabulary = Vocabulary(["a a b", "a c"], words, min_count=2)
    assert len(vocabulary) == 5
    assert vocabulary.encode(["b a"]).tolist() == [
        [text.BEGIN, text.UNKNOWN, 4, text.END]
    ]
    assert vocabulary.decode([[1, 3, 4, 2, 4, 4]]) == ["?a"]


def test_too_long():
    with pytest.raises(ValueError, match="length must be at least 5"):
        Vocabulary(["a b c"], words).encode(["a b c"], length=4)


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    ids = []
    for longest in (9, 12):
        lengths = rng.integers(3, longest + 1, 50)
        drawn = rng.integers(4, 99, (50, longest))
        ids.append(np.where(np.arange(longest) < lengths[:, None], drawn, 0))
    return ids


def test_every_pair_comes_once_an_epoch_and_whole(pairs):
    source, target = pairs
    seen = []
    widths = (6, 9, 12)
    batches = by_length(source, target, widths, batch_size=1)
    for inputs, labels in itertools.islice(batches, 50):
        width = inputs["source_ids"].shape[1]
        assert width in widths
        assert inputs["target_ids"].shape == labels.shape == (1, width - 1)
        assert (inputs["target_ids"][:, 1:] == labels[:, :-1]).all()
        whole = np.concatenate([inputs["target_ids"][:, :1], labels], axis=1)
        row = np.flatnonzero(
            (target == np.pad(whole, ((0, 0), (0, 12)))[:, :12]).all(1)
        )
        assert inputs["source_ids"].sum() == source[row].sum()
        longest = max((source[row] != 0).sum(), (target[row] != 0).sum())
        assert width == min(w for w in widths if w >= longest)
        seen += row.tolist()
    assert sorted(seen) == list(range(50))


def test_batches_have_few_shapes_and_repeat_with_a_seed(pairs):
    batches = [by_length(*pairs, (8, 12), 4) for _ in range(2)]
    first, again = (list(itertools.islice(each, 20)) for each in batches)
    shapes = [x["source_ids"].shape for x, _ in first]
    assert set(shapes) == {(4, 8), (4, 12)}
    assert shapes[0] != shapes[1]  # Keras infers from these two what varies
    for (x, y), (x2, y2) in zip(first, again, strict=True):
        assert (x["source_ids"] == x2["source_ids"]).all()
        assert (y == y2).all()


def test_a_sentence_that_fits_no_width(pairs):
    with pytest.raises(ValueError, match="widths must reach 12"):
        by_length(*pairs, (8, 11), 4)


def test_one_width_is_enough(pairs):
    batch, _ = next(by_length(*pairs, (12, 40), 4))
    assert batch["source_ids"].shape == (4, 12)


@pytest.fixture
def rows():
    """Rows of 3 to 90 real tokens between [CLS] and [SEP], unknown ones among them."""
    rng = np.random.default_rng(0)
    ids = np.zeros((400, 92), "int32")
    for row, length in zip(ids, rng.integers(3, 91, 400), strict=True):
        row[0], row[length + 1] = 2, 3
        row[1 : length + 1] = rng.integers(5, 1000, length)
        row[rng.integers(1, length + 1)] = 1
    return ids


def test_fifteen_of_a_hundred_real_tokens_are_chosen(rows):
    hidden, chosen = text.mask_tokens(rows, 4, 1000, range(5), seed=0)
    real = (rows > 4).sum(axis=1)
    np.testing.assert_array_equal(
        chosen.sum(axis=1), np.maximum(1, np.round(0.15 * real))
    )
    assert (rows[chosen] > 4).all()
    assert (hidden[~chosen] == rows[~chosen]).all()
    assert hidden.dtype == rows.dtype
    share = chosen[:, 1:4].mean(), chosen[:, 1:4][rows[:, 1:4] > 4].mean()
    assert share[0] < share[1] < 0.3  # the first places are not preferred


def test_of_the_chosen_eighty_ten_ten(rows):
    hidden, chosen = text.mask_tokens(rows, 4, 1000, range(5), share=0.9, seed=1)
    before, after = rows[chosen], hidden[chosen]
    is_mask, is_kept = after == 4, after == before
    is_other = ~is_mask & ~is_kept
    for found, expected in ((is_mask, 0.8), (is_kept, 0.1), (is_other, 0.1)):
        error = (expected * (1 - expected) / len(after)) ** 0.5
        assert abs(found.mean() - expected) < 4 * error
    assert after[is_other].min() > 4
    assert len(np.unique(after[is_other])) > 500


def test_masking_repeats_with_a_seed_only(rows):
    def masked(seed):
        return text.mask_tokens(rows, 4, 1000, range(5), seed=seed)[0]

    assert (masked(3) == masked(3)).all()
    assert (masked(3) != masked(4)).any()
    assert (masked(None) != masked(None)).any()
    generator = np.random.default_rng(3)
    assert (masked(generator) == masked(3)).all()
    assert (masked(generator) != masked(3)).any()


def test_rows_without_real_tokens_stay_as_they_are():
    rows = np.array([[2, 3, 0, 0], [2, 9, 3, 0]])
    _, chosen = text.mask_tokens(rows, 4, 10, (0, 1, 2, 3), seed=0)
    assert chosen.tolist() == [[False] * 4, [False, True, False, False]]


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_a_share_that_is_none(share):
    with pytest.raises(ValueError, match="share must be above 0"):
        text.mask_tokens(np.ones((1, 2), int), 4, 10, (0,), share=share)


def test_chosen_positions(rows):
    _, chosen = text.mask_tokens(rows, 4, 1000, range(5), seed=0)
    positions, weights = text.chosen_positions(chosen, 14)
    found = np.zeros_like(chosen)
    np.put_along_axis(found, positions, weights > 0, axis=1)
    np.testing.assert_array_equal(found, chosen)
    few, weights = text.chosen_positions(chosen, 1)
    assert few.shape == weights.shape == (400, 1)
    assert np.take_along_axis(chosen, few, 1).all()
