"""Small models, each readable as a diagram, and what they are trained with."""

from tlkeras.models.bert import Bert
from tlkeras.models.objectives import LabelSmoothedCrossEntropy, WarmUp
from tlkeras.models.transformer import Transformer

__all__ = ["Bert", "LabelSmoothedCrossEntropy", "Transformer", "WarmUp"]
