"""How good results are: texts, answers, boxes, pictures and search results.

Summaries, answers and transcripts. Scores for translations, BLEU and chrF, are those of
the package sacrebleu.
"""

from tlkeras.scores.answers import answer_f1, exact_match, score_answers
from tlkeras.scores.detections import average_precision
from tlkeras.scores.distances import frechet_distance, kernel_distance
from tlkeras.scores.retrieval import Recall, recall_at_k
from tlkeras.scores.summaries import rouge
from tlkeras.scores.transcripts import character_error_rate, plain, word_error_rate

__all__ = [
    "Recall",
    "answer_f1",
    "average_precision",
    "character_error_rate",
    "exact_match",
    "frechet_distance",
    "kernel_distance",
    "plain",
    "recall_at_k",
    "rouge",
    "score_answers",
    "word_error_rate",
]
