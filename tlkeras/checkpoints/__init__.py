"""Weights from elsewhere, put into models of this library; never from a pickle."""

from tlkeras.checkpoints.image_preprocessing import (
    ImagePreprocessor,
    load_image_preprocessor,
)
from tlkeras.checkpoints.presets import Report, from_preset, save_to_preset
from tlkeras.checkpoints.tokenization.loading import load_tokenizer
from tlkeras.checkpoints.tokenization.tokenizer import Tokenizer
from tlkeras.checkpoints.tokenizers import preprocessor
from tlkeras.checkpoints.torch_transformer import load_torch_weights

__all__ = [
    "ImagePreprocessor",
    "Report",
    "Tokenizer",
    "from_preset",
    "load_image_preprocessor",
    "load_tokenizer",
    "load_torch_weights",
    "preprocessor",
    "save_to_preset",
]
