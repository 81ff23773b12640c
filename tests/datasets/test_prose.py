import numpy as np
import pytest

from tlkeras.datasets import prose


@pytest.fixture(scope="module")
def data():
    return prose.load_data()


def paragraphs(text, alphabet):
    return prose.decode(text, alphabet).split("\n")[:-1]


def test_texts_are_prose_and_no_paragraph_is_in_both(data):
    train, test, alphabet = data
    train, test = paragraphs(train, alphabet), paragraphs(test, alphabet)
    assert len(train) > 800
    assert not set(train) & set(test)
    assert all(p[0].isalpha() and p.endswith(".") for p in [*train, *test])
    assert not any(">>>" in p or "--" in p for p in [*train, *test])


def test_ids_are_places_in_the_alphabet_and_0_is_left_for_padding(data):
    train, test, alphabet = data
    assert alphabet[0] == prose.PADDING
    assert len(set(alphabet)) == len(alphabet)
    for text in (train, test):
        assert text.min() > 0
        assert text.max() < len(alphabet)


def test_share_and_seed_decide_the_split(data):
    train, test, alphabet = data
    again = prose.load_data()
    np.testing.assert_array_equal(again[0], train)
    half, other_half, _ = prose.load_data(test_share=0.5)
    assert 0.8 < len(half) / len(other_half) < 1.25
    assert 0.07 < len(test) / (len(train) + len(test)) < 0.13
    shuffled, _, _ = prose.load_data(seed=1)
    assert paragraphs(shuffled, alphabet)[:3] != paragraphs(train, alphabet)[:3]


def test_decoding_undoes_encoding_and_leaves_padding_out():
    ids = prose.encode("abca", "\0abc")
    np.testing.assert_array_equal(ids, [1, 2, 3, 1])
    assert prose.decode([*ids, 0, 0], "\0abc") == "abca"
    with pytest.raises(ValueError, match=r"'x' at position 1.*alphabet"):
        prose.encode("ax", "\0abc")
