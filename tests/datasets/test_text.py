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
    assert {x["source_ids"].shape for x, _ in first} == {(4, 8), (4, 12)}
    for (x, y), (x2, y2) in zip(first, again, strict=True):
        assert (x["source_ids"] == x2["source_ids"]).all()
        assert (y == y2).all()


def test_a_sentence_that_fits_no_width(pairs):
    with pytest.raises(ValueError, match="widths must reach 12"):
        by_length(*pairs, (8, 11), 4)
