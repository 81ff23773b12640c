"""How good results are beside those of people: summaries, answers, boxes in pictures.

Scores for translations, BLEU and chrF, are those of the package sacrebleu.
"""

from tlkeras.scores.answers import answer_f1, exact_match, score_answers
from tlkeras.scores.detections import average_precision
from tlkeras.scores.summaries import rouge

__all__ = ["answer_f1", "average_precision", "exact_match", "rouge", "score_answers"]
