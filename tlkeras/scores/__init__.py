"""How good a text is beside those that people wrote: summaries and answers.

Scores for translations, BLEU and chrF, are those of the package sacrebleu.
"""

from tlkeras.scores.answers import answer_f1, exact_match, score_answers
from tlkeras.scores.summaries import rouge

__all__ = ["answer_f1", "exact_match", "rouge", "score_answers"]
