"""Exact match and F1, on paper and beside the official definitions on real answers."""

import collections
import functools
import json
import os
import re
import string
from pathlib import Path

import numpy as np
import pytest

from tlkeras.scores import answer_f1, exact_match, score_answers

MIRROR = Path(os.environ.get("TLKERAS_MIRROR", "/nowhere"))
CMRC = (
    MIRROR / "ymcui/cmrc2018/c0eb1b6ba219847457e6af3180da722bbeb656af"
    "/squad-style-data/cmrc2018_dev.json"
)
XQUAD = (
    MIRROR / "google-deepmind/xquad/60cac411649156efb6aab9dd4c9cde787a2c0345"
    "/xquad.en.json"
)


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("The cat!", ["a cat"], 1, 1),
        ("cat", ["dog", "the cat"], 1, 1),
        ("theatre", ["the atre"], 0, 0),  # an article is a whole word
        ("in Paris", ["Paris"], 0, 2 / 3),
        ("Paris Paris", ["Paris"], 0, 2 / 3),  # each as often as the rarer
        ("b c", ["c b"], 0, 1),  # the order is free
        ("", [], 1, 1),
        ("", ["Paris"], 0, 0),
        ("Paris", [], 0, 0),
        ("the", ["a"], 1, 1),  # neither says anything
        ("3.5", ["35"], 1, 1),  # SQuAD drops the point
        ("Zürich", ["zürich"], 1, 1),
    ],
)
def test_english_on_paper(prediction, answers, exact, f1):
    assert exact_match(prediction, answers) == exact
    assert answer_f1(prediction, answers) == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("《红楼梦》", ["红楼梦"], 1, 1),
        ("北京大学", ["大学"], 0, 2 / 3),
        ("学大", ["大学"], 0, 1 / 2),  # a run: the order counts
        ("北a京", ["北京"], 0, 2 / 5),  # and it has no gaps
        ("Nexon公司", ["nexon"], 0, 1 / 2),
        ("NBA 2K", ["nba2k"], 0, 0),  # two words, one word
        ("", [], 1, 1),
        ("", ["北京"], 0, 0),
        ("。", ["，"], 1, 1),
        ("ＡＢＣ", ["ａｂｃ"], 1, 1),  # full-width letters have cases
        ("𠮷野家", ["𠮷野家"], 1, 1),  # a character outside of the range
        ("４分钟", ["4分钟"], 0, 2 / 3),
    ],
)
def test_chinese_on_paper(prediction, answers, exact, f1):
    assert exact_match(prediction, answers, "zh") == exact
    assert answer_f1(prediction, answers, "zh") == pytest.approx(f1, abs=1e-12)


def test_spaces_only_separate_in_english():
    assert answer_f1("北京 大学", ["北京大学"]) == 0
    assert answer_f1("北京大学", ["北京大学"]) == 1


def test_many_questions():
    given = {"1": "Paris", "2": ""}
    found = score_answers(given, {"1": ["in Paris"], "2": []})
    assert found == {"exact_match": 0.5, "f1": pytest.approx((2 / 3 + 1) / 2)}


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (exact_match, ("a", "a"), r"list of texts; given one text. Write \['a'\]"),
        (answer_f1, ("a", "a"), "list of texts"),
        (answer_f1, ("a", ["a"], "fr"), "language must be one of"),
        (score_answers, ({}, {}), "at least one"),
        (score_answers, ({"1": "a"}, {"2": ["a"]}), "only one of them has 1, 2"),
    ],
)
def test_bad_arguments_say_what_to_do(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


# ── beside the official definitions ───────────────────────────────────────────────────


def questions(path):
    if not path.is_file():
        pytest.skip("needs TLKERAS_MIRROR")
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = [answer["text"] for answer in question["answers"]]
                yield paragraph["context"], answers


def guess(context, answers, rng):
    """Something near an answer, as a model would give it."""
    answer = answers[rng.integers(len(answers))]
    start = context.find(answer)
    moved = max(0, start + rng.integers(-6, 7))
    return context[moved : moved + max(1, len(answer) + rng.integers(-4, 8))]


def squad(prediction, answers):
    """SQuAD 1.1's definition, step by step, on lists."""

    def plain(text):
        kept = [c for c in text.lower() if c not in set(string.punctuation)]
        return re.sub(r"\b(a|an|the)\b", " ", "".join(kept)).split()

    best = 0.0
    for answer in answers:
        given, wanted = plain(prediction), plain(answer)
        common = collections.Counter(given) & collections.Counter(wanted)
        same = sum(common.values())
        if same:
            precision, recall = same / len(given), same / len(wanted)
            best = max(best, 2 * precision * recall / (precision + recall))
    exact = max(" ".join(plain(prediction)) == " ".join(plain(x)) for x in answers)
    return float(exact), best


@functools.cache
def words(part):
    """NLTK's words between two Chinese characters, which mostly are none."""
    from nltk.tokenize import NLTKWordTokenizer

    return NLTKWordTokenizer().tokenize(part)


def cmrc(prediction, answers):
    """CMRC 2018's definition by brute force: each run is looked for."""
    signs = set("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")

    def tokens(text):
        text = "".join(c for c in text.lower().strip() if c not in signs)
        parts = re.split("([\u4e00-\u9fa5])", text)
        return [
            token
            for i, part in enumerate(parts)
            for token in ([part] if i % 2 else words(part))
        ]

    best = 0.0
    for answer in answers:
        given, wanted = tokens(prediction), tokens(answer)
        runs = {
            tuple(wanted[i:j])
            for i in range(len(wanted))
            for j in range(i + 1, len(wanted) + 1)
        }
        same = max(
            (
                j - i
                for i in range(len(given))
                for j in range(i + 1, len(given) + 1)
                if tuple(given[i:j]) in runs
            ),
            default=0,
        )
        if same:
            precision, recall = same / len(given), same / len(wanted)
            best = max(best, 2 * precision * recall / (precision + recall))
    plain = ["".join(c for c in x.lower().strip() if c not in signs) for x in answers]
    mine = "".join(c for c in prediction.lower().strip() if c not in signs)
    return float(mine in plain), best


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "language", "official", "least"),
    [(XQUAD, "en", squad, 1190), (CMRC, "zh", cmrc, 3219)],
)
def test_as_the_official_scorers_on_real_answers(path, language, official, least):
    rng = np.random.default_rng(0)
    ours, theirs = [], []
    for context, answers in questions(path):
        prediction = guess(context, answers, rng)
        ours.append(
            (
                exact_match(prediction, answers, language),
                answer_f1(prediction, answers, language),
            )
        )
        theirs.append(official(prediction, answers))
    assert len(ours) == least
    assert np.abs(np.subtract(ours, theirs)).max() < 1e-9
    exact, f1 = np.mean(ours, axis=0)
    assert 0.01 < exact < f1 < 0.95, "guesses of every kind"
