"""Weights from elsewhere, put into models of this library; never from a pickle."""

from tlkeras.checkpoints.presets import Report, from_preset, save_to_preset
from tlkeras.checkpoints.tokenizers import preprocessor

__all__ = ["Report", "from_preset", "preprocessor", "save_to_preset"]
