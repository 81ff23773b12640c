"""Summaries: ROUGE, the share of words and runs of words that two texts have."""

import re
from collections.abc import Sequence

from tlkeras.scores.answers import check_language

# A character of a script without spaces, or a run of other letters and digits.
CHARACTERS = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|"
    r"[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
NAMES = ("rouge1", "rouge2", "rougeL")


def rouge(
    predictions: Sequence[str],
    references: Sequence[str | Sequence[str]],
    language: str = "en",
    stem: bool = False,
) -> dict[str, float]:
    """ROUGE-1, ROUGE-2 and ROUGE-L, the F-scores of the package `rouge-score`.

    ROUGE-1 and ROUGE-2 count words and pairs of neighbours that both texts have,
    ROUGE-L the longest sequence of words that stands in both in this order, with gaps.
    Each is the harmonic mean of its share of the prediction and of the reference.

    Args:
        predictions: the summaries to score.
        references: as many; each a text, or several of which the best counts.
        language: what a word is. `"en"`: a run of the letters a to z and of digits.
            `"zh"`: a Chinese or Japanese character, or a run of other letters and
            digits. Case makes no difference. Defaults to `"en"`.
        stem: whether English words are cut to their stems (Porter). Defaults to
            `False`.

    Returns:
        `{"rouge1": …, "rouge2": …, "rougeL": …}`, means over the pairs, from 0 to 1.

    Raises:
        ValueError: there is no pair, their numbers differ, or there are no rules for
            the language.
        ModuleNotFoundError: `rouge-score` is missing: `pip install '.[scores]'`.

    Example:

    >>> scores = rouge(["the cat sat"], ["the cat is here"])
    >>> {name: round(score, 3) for name, score in scores.items()}
    {'rouge1': 0.571, 'rouge2': 0.4, 'rougeL': 0.571}

    Reference:
        Lin (2004), "ROUGE: a package for automatic evaluation of summaries", sections 2
        and 3.
    """
    from rouge_score.rouge_scorer import RougeScorer

    check_language(language)
    if len(predictions) != len(references) or not len(predictions):
        raise ValueError(
            "predictions and references must be equally many, at least one; given "
            f"{len(predictions)} and {len(references)}."
        )
    tokenizer = Characters() if language == "zh" else None
    scorer = RougeScorer(list(NAMES), use_stemmer=stem, tokenizer=tokenizer)
    totals = dict.fromkeys(NAMES, 0.0)
    for prediction, reference in zip(predictions, references, strict=True):
        several = [reference] if isinstance(reference, str) else list(reference)
        for name, score in scorer.score_multi(several, prediction).items():
            totals[name] += score.fmeasure
    return {name: total / len(predictions) for name, total in totals.items()}


class Characters:
    """Splits Chinese text, as `RougeScorer` wants its tokenizer to."""

    def tokenize(self, text: str) -> list[str]:
        """The characters of scripts without spaces, and words of the others."""
        return CHARACTERS.findall(text.lower())
