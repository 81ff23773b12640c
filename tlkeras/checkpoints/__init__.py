"""Weights from elsewhere, put into models of this library; never from a pickle."""

from tlkeras.checkpoints.torch_transformer import load_torch_weights

__all__ = ["load_torch_weights"]
