"""BLEU and chrF of lesson 10 are sacrebleu's, to the ninth digit."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from tlkeras.course import lesson
from tlkeras.datasets import languages
from tlkeras.datasets.text import byte_pairs, words

EXERCISES = lesson("10_translation").exercises


def spoilt(texts, seed):
    """Words and letters left out, turned round or said twice."""
    rng = np.random.default_rng(seed)
    found = []
    for text in texts:
        parts = [
            w for w in text.split(" ") for _ in range(rng.choice(3, p=(0.1, 0.8, 0.1)))
        ]
        letters = [x for x in " ".join(parts) if rng.random() > 0.05]
        found.append("".join(letters))
    return found


@pytest.mark.parametrize("code", languages.LANGUAGES)
@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_sacrebleu(code, seed):
    texts = [p.translation for p in languages.load_data(code, 60, 1, seed=seed)[0]]
    given = spoilt(texts, seed)
    cut = [[" ".join(words(x)) for x in side] for side in (given, texts)]
    bleu = BLEU(tokenize="none", smooth_method="none", force=True)
    wanted = bleu.corpus_score(cut[0], [cut[1]]).score
    ours = EXERCISES["corpus_bleu"].reference(*cut)
    assert 5 < wanted < 95
    assert abs(ours - wanted) < 1e-9
    wanted = CHRF().corpus_score(given, [texts]).score
    assert 5 < wanted < 99
    assert abs(EXERCISES["chrf"].reference(given, texts) - wanted) < 1e-9


def test_an_empty_translation_and_short_ones():
    given, texts = ["", "a", "ab cd", "2024年"], ["x", "a", "ab ce", "2024年3月"]
    wanted = CHRF().corpus_score(given, [texts]).score
    assert abs(EXERCISES["chrf"].reference(given, texts) - wanted) < 1e-9
    bleu = BLEU(tokenize="none", smooth_method="none", force=True)
    assert bleu.corpus_score(given, [texts]).score == 0
    assert EXERCISES["corpus_bleu"].reference(given, texts) == 0


def test_merges_are_those_of_the_library():
    phrases = languages.load_data("da", 200, 1)[0]
    text = [w for p in phrases for w in byte_pairs.pretokens(p.translation)]
    counts = {w: text.count(w) for w in text}
    ours = EXERCISES["learn_merges"].reference(list(counts), list(counts.values()), 60)
    assert ours.tolist() == [list(p) for p in byte_pairs.learn_merges(text, 60)]
