"""Weights from elsewhere, put into models of this library; never from a pickle."""

from tlkeras.checkpoints.presets import Report, from_preset, save_to_preset
from tlkeras.checkpoints.tokenizers import preprocessor
from tlkeras.checkpoints.torch_transformer import load_torch_weights

__all__ = [
    "Report",
    "from_preset",
    "load_torch_weights",
    "preprocessor",
    "save_to_preset",
]
