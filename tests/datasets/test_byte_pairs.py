"""Byte pairs: learned by hand, never unknown, and back to the text."""

import numpy as np
import pytest

from tlkeras.datasets import languages
from tlkeras.datasets.text import BytePairs
from tlkeras.datasets.text.byte_pairs import join, learn_merges, pretokens

CORPUS = ["low"] * 5 + ["lower"] * 2 + ["newest"] * 6 + ["widest"] * 3


def test_the_merges_of_the_paper():
    """Sennrich et al. (2015), figure 1's words, ties by the smaller pair: on paper.

    es 9, then st through (es, t) 9, then (l, o) 7 before (o, w) 7, (lo, w) 7 and
    (n, e), (e, w), (w, est), all 6: the smallest is (e, w).
    """
    pieces = BytePairs(learn_merges(CORPUS, 5))
    assert [p.decode() for p in pieces.tokens[3 + 256 :]] == [
        "es",
        "est",
        "lo",
        "low",
        "ew",
    ]


def test_merges_stop_when_every_word_is_one_piece():
    merges = learn_merges(["ab", "ab", "abc"], 99)
    assert merges == [(97, 98), (256, 99)]


@pytest.mark.parametrize(
    ("word", "joined"),
    [("aaa", (300, 97)), ("aaaa", (300, 300)), ("baab", (98, 300, 98)), ("a", (97,))],
)
def test_pairs_that_overlap_are_joined_from_the_left(word, joined):
    assert join(tuple(word.encode()), (97, 97), 300) == joined


def test_a_word_is_cut_by_the_merges_in_their_order():
    """`abc` with (b, c) learned before (a, b) keeps `a` alone: the first merge wins."""
    pieces = BytePairs([(98, 99), (97, 98)])
    assert pieces.shown(pieces.encode(["abc"])[0]) == ["a", "bc"]


@pytest.mark.parametrize("text", ["", "a_b  c", "år 7", "2024年3月7日", "‚ö\n�€", " "])
def test_every_text_comes_back(text):
    assert "".join(pretokens(text)) == text
    pieces = BytePairs(learn_merges(CORPUS, 5), ["<da>"])
    assert pieces.decode(pieces.encode([text], begin="<da>")) == [text]


@pytest.mark.parametrize("code", languages.LANGUAGES)
def test_phrases_become_shorter_and_come_back(code):
    texts = [p.translation for p in languages.load_data(code, 300, 1)[0]]
    none = BytePairs([])
    pieces = BytePairs(learn_merges([w for t in texts for w in pretokens(t)], 80))
    ids = pieces.encode(texts)
    assert pieces.decode(ids) == texts
    assert np.count_nonzero(ids) < 0.8 * np.count_nonzero(none.encode(texts))


def test_ids_of_what_is_no_text():
    pieces = BytePairs([(97, 98)], ["<da>"])
    assert len(pieces) == 3 + 1 + 256 + 1
    assert pieces.encode(["ab", "c"], 4, "<da>").tolist() == [
        [3, 260, 2, 0],
        [3, 4 + 99, 2, 0],
    ]


def test_what_is_refused():
    pieces = BytePairs([], ["<da>"])
    with pytest.raises(ValueError, match=r"length must be at least 5.*given 4"):
        pieces.encode(["abc"], 4)
    with pytest.raises(ValueError, match=r"begin must be one of .*given '<zh>'"):
        pieces.encode(["abc"], begin="<zh>")
