"""ROUGE of lesson 11 is that of rouge-score and of the library, to the ninth digit."""

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from tlkeras.course import lesson
from tlkeras.scores import rouge
from tlkeras.scores.summaries import Characters

EXERCISES = lesson("11_summaries").exercises
NAMES = ("rouge1", "rouge2", "rougeL")
WORDS = ["return", "the", "of", "a", "mean", "sample_weight", "x2", "array,", "Axes."]
CHINESE = "提出一种摘要方法，基于注意力的机器翻译研究。ＢＥＲＴ ab 12"


def units_of(text):
    """The reference's units, which it gives as numbers with a 0 behind each."""
    letters = "".join(map(chr, EXERCISES["units_of"].reference(text).tolist()))
    return letters.split("\0")[:-1]


def ours(candidate, reference):
    """Precision, recall and F of ROUGE-1, ROUGE-2 and ROUGE-L."""
    a, b = units_of(candidate), units_of(reference)
    rows = [EXERCISES["rouge_n"].reference(a, b, n) for n in (1, 2)]
    return np.array([*rows, EXERCISES["rouge_l"].reference(a, b)])


def drawn(parts, seed, gap):
    """Two texts that have much in common."""
    rng = np.random.default_rng(seed)
    return [gap.join(rng.choice(parts, rng.integers(1, 15))) for _ in range(2)]


@pytest.mark.parametrize("seed", range(20))
def test_english_is_that_of_rouge_score(seed):
    candidate, reference = drawn(WORDS, seed, " ")
    theirs = RougeScorer(list(NAMES)).score(reference, candidate)
    wanted = np.array([theirs[name] for name in NAMES])
    np.testing.assert_allclose(ours(candidate, reference), wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_chinese_is_that_of_the_library(seed):
    candidate, reference = drawn(list(CHINESE), seed, "")
    assert units_of(candidate) == Characters().tokenize(candidate)
    wanted = rouge([candidate], [reference], language="zh")
    found = ours(candidate, reference)[:, 2]
    np.testing.assert_allclose(found, [wanted[n] for n in NAMES], rtol=0, atol=1e-9)


@pytest.mark.parametrize("texts", [("", "a b"), ("a", ""), ("", ""), ("a", "b")])
def test_nothing_in_common_is_zero(texts):
    assert not ours(*texts).any()
