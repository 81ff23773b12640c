"""Tools to adapt what was learned before, for any `keras.Model`."""

from tlkeras.transfer._tree import blocks
from tlkeras.transfer.adapters import Adapter, add_adapters
from tlkeras.transfer.augmentation import (
    AudioAugmentation,
    ImageAugmentation,
    TokenMasking,
)
from tlkeras.transfer.box_augmentation import BoxAugmentation
from tlkeras.transfer.caching import cached_features, split_model
from tlkeras.transfer.comparison import Comparison, compare, draw_labels, estimate
from tlkeras.transfer.delta import load_delta, save_delta
from tlkeras.transfer.distillation import Distiller, distillation_loss
from tlkeras.transfer.evidence import logme
from tlkeras.transfer.freezing import GradualUnfreezing, freeze, unfreeze
from tlkeras.transfer.leakage import find_leaks
from tlkeras.transfer.lora import add_lora, merge_lora
from tlkeras.transfer.rates import discriminative_rates, layerwise_decay
from tlkeras.transfer.report import problems, summary
from tlkeras.transfer.retraining import Retrainer

__all__ = [
    "Adapter",
    "AudioAugmentation",
    "BoxAugmentation",
    "Comparison",
    "Distiller",
    "GradualUnfreezing",
    "ImageAugmentation",
    "Retrainer",
    "TokenMasking",
    "add_adapters",
    "add_lora",
    "blocks",
    "cached_features",
    "compare",
    "discriminative_rates",
    "distillation_loss",
    "draw_labels",
    "estimate",
    "find_leaks",
    "freeze",
    "layerwise_decay",
    "load_delta",
    "logme",
    "merge_lora",
    "problems",
    "save_delta",
    "split_model",
    "summary",
    "unfreeze",
]
