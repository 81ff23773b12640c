"""Keras layers for Transformers, one public layer a file."""

from tlkeras.layers.scaled_dot_product_attention import scaled_dot_product_attention

__all__ = ["scaled_dot_product_attention"]
