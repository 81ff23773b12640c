"""Answers to questions: exact match and F1, as SQuAD and CMRC 2018 define them."""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence

ARTICLES = re.compile(r"\b(a|an|the)\b")
HAN = re.compile("[\u4e00-\u9fa5]")
# The signs that CMRC 2018 leaves out; a full stop of ASCII is not one of them.
CHINESE_PUNCTUATION = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
LANGUAGES = ("en", "zh")


def exact_match(prediction: str, answers: Sequence[str], language: str = "en") -> float:
    """Whether a prediction is one of the answers, small differences aside.

    In English these are case, punctuation, the articles *a*, *an*, *the*, and spaces;
    in Chinese case and punctuation.

    Args:
        prediction: the text to score; `""` says that there is no answer.
        answers: what people answered. Empty: the question has no answer.
        language: `"en"` for SQuAD's rules, `"zh"` for CMRC's. Defaults to `"en"`.

    Returns:
        1.0 or 0.0.

    Raises:
        ValueError: `answers` is a string, or there are no rules for the language.

    Example:

    >>> exact_match("The Eiffel Tower.", ["Eiffel tower"])
    1.0
    >>> exact_match("《红楼梦》", ["红楼梦"], "zh")
    1.0

    Reference:
        Rajpurkar et al. (2016), arXiv:1606.05250, section 6.1; Cui et al. (2019),
        arXiv:1810.07366, section 4.
    """
    check_language(language)
    plain = _plain_english if language == "en" else _plain_chinese
    given = plain(prediction)
    return float(any(given == plain(one) for one in _wanted(answers, language)))


def answer_f1(prediction: str, answers: Sequence[str], language: str = "en") -> float:
    """How much of an answer was found: the harmonic mean of precision and recall.

        F1 = 2 · common / (length of the prediction + length of the answer)

    The best of several answers counts. In English *common* is the number of words that
    both have, each as often as in the one that has it less often; the order is free. In
    Chinese it is the length of the longest run of tokens that stands in both, where
    each Chinese character is a token, and so is each word of another script.

    Args:
        prediction: the text to score; `""` says that there is no answer.
        answers: what people answered. Empty: the question has no answer.
        language: `"en"` for SQuAD's rules, `"zh"` for CMRC's. Defaults to `"en"`.

    Returns:
        From 0 to 1. If prediction or answer has no token, 1 if neither has one.

    Raises:
        ValueError: `answers` is a string, or there are no rules for the language.

    Example: one of two words is right, and the answer has one.

    >>> round(answer_f1("in Paris", ["Paris"]), 3)
    0.667

    Reference:
        As `exact_match`; Rajpurkar et al. (2018), arXiv:1806.03822, section 5 (no
        answer).
    """
    check_language(language)
    tokens = _english_words if language == "en" else _chinese_tokens
    common = _common_words if language == "en" else _longest_common_run
    given = tokens(prediction)
    return max(
        _f1(common, given, tokens(answer)) for answer in _wanted(answers, language)
    )


def score_answers(
    predictions: Mapping[str, str],
    answers: Mapping[str, Sequence[str]],
    language: str = "en",
) -> dict[str, float]:
    """The means of exact match and F1 over many questions.

    Args:
        predictions: what was answered to each question, by its id.
        answers: what people answered to it, by the same ids.
        language: `"en"` or `"zh"`. Defaults to `"en"`.

    Returns:
        `{"exact_match": …, "f1": …}`, each from 0 to 1.

    Raises:
        ValueError: there is no question, or an id is missing in one of the two.

    Example:

    >>> score_answers({"1": "Paris", "2": ""}, {"1": ["in Paris"], "2": []})
    {'exact_match': 0.5, 'f1': 0.8333333333333333}
    """
    different = sorted(map(str, predictions.keys() ^ answers.keys()))
    if different or not answers:
        raise ValueError(
            "predictions and answers must be about the same questions, at least one; "
            f"only one of them has {', '.join(different[:5]) or 'none'}."
        )
    pairs = [(predictions[name], answers[name]) for name in answers]
    scores = {"exact_match": exact_match, "f1": answer_f1}
    return {
        name: sum(score(*pair, language) for pair in pairs) / len(pairs)
        for name, score in scores.items()
    }


def check_language(language: str) -> None:
    """Raise unless there are rules for a language."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}; given {language!r}.")


def _wanted(answers, language):
    """The answers that say something; one that says nothing if there are none."""
    if isinstance(answers, str):
        raise ValueError(
            f"answers must be a list of texts; given one text. Write [{answers!r}]."
        )
    plain = _plain_english if language == "en" else _plain_chinese
    return [answer for answer in answers if plain(answer)] or [""]


def _f1(common, given, wanted):
    if not given or not wanted:
        return float(given == wanted)
    return 2 * common(given, wanted) / (len(given) + len(wanted))


# ── English ───────────────────────────────────────────────────────────────────────────


def _plain_english(text):
    text = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(ARTICLES.sub(" ", text).split())


def _english_words(text):
    return _plain_english(text).split()


def _common_words(given, wanted):
    return (Counter(given) & Counter(wanted)).total()


# ── Chinese ───────────────────────────────────────────────────────────────────────────


def _plain_chinese(text):
    text = text.lower().strip()
    return "".join(sign for sign in text if sign not in CHINESE_PUNCTUATION)


def _chinese_tokens(text):
    """Each Chinese character alone, and the words of what stands between them."""
    from nltk.tokenize import NLTKWordTokenizer

    words = NLTKWordTokenizer().tokenize
    tokens, between = [], ""
    for sign in _plain_chinese(text):
        if HAN.match(sign):
            tokens += [*words(between), sign]
            between = ""
        else:
            between += sign
    return tokens + words(between)


def _longest_common_run(given, wanted):
    longest = 0
    before = [0] * (len(wanted) + 1)
    for token in given:
        here = [0]
        for place, other in enumerate(wanted):
            here.append(before[place] + 1 if token == other else 0)
        longest, before = max(longest, *here), here
    return longest
