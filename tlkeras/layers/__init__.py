"""Keras layers for Transformers, one public layer a file."""

from tlkeras.layers.multi_head_attention import MultiHeadAttention
from tlkeras.layers.scaled_dot_product_attention import scaled_dot_product_attention
from tlkeras.layers.transformer_decoder import TransformerDecoder
from tlkeras.layers.transformer_encoder import TransformerEncoder

__all__ = [
    "MultiHeadAttention",
    "TransformerDecoder",
    "TransformerEncoder",
    "scaled_dot_product_attention",
]
