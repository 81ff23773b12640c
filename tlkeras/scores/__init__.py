"""How good a text is beside those that people wrote or said.

Summaries, answers and transcripts. Scores for translations, BLEU and chrF, are those of
the package sacrebleu.
"""

from tlkeras.scores.answers import answer_f1, exact_match, score_answers
from tlkeras.scores.summaries import rouge
from tlkeras.scores.transcripts import character_error_rate, plain, word_error_rate

__all__ = [
    "answer_f1",
    "character_error_rate",
    "exact_match",
    "plain",
    "rouge",
    "score_answers",
    "word_error_rate",
]
