"""Small models, each readable as a diagram, and what they are trained with."""

from tlkeras.models.bert import Bert

__all__ = ["Bert"]
