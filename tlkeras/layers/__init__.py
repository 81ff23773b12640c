"""Keras layers for Transformers, one public layer a file."""

from tlkeras.layers.adaptive_encoder import AdaptiveTransformerEncoder
from tlkeras.layers.class_token import ClassToken
from tlkeras.layers.conv_subsampling import ConvSubsampling
from tlkeras.layers.feed_forward import FeedForward, gelu_tanh
from tlkeras.layers.log_mel_spectrogram import LogMelSpectrogram
from tlkeras.layers.multi_head_attention import MultiHeadAttention
from tlkeras.layers.patch_embedding import PatchEmbedding
from tlkeras.layers.position_embedding import PositionEmbedding, interpolate_positions
from tlkeras.layers.registers import Registers
from tlkeras.layers.relative_position_bias import RelativePositionBias
from tlkeras.layers.rotary_embedding import RotaryEmbedding
from tlkeras.layers.scaled_dot_product_attention import scaled_dot_product_attention
from tlkeras.layers.sine_position_encoding import (
    SinePositionEncoding,
    sine_position_encoding,
)
from tlkeras.layers.spec_augment import SpecAugment
from tlkeras.layers.token_and_position_embedding import TokenAndPositionEmbedding
from tlkeras.layers.transformer_decoder import TransformerDecoder
from tlkeras.layers.transformer_encoder import TransformerEncoder
from tlkeras.layers.tubelet_embedding import TubeletEmbedding
from tlkeras.layers.utterance_normalization import UtteranceNormalization

__all__ = [
    "AdaptiveTransformerEncoder",
    "ClassToken",
    "ConvSubsampling",
    "FeedForward",
    "LogMelSpectrogram",
    "MultiHeadAttention",
    "PatchEmbedding",
    "PositionEmbedding",
    "Registers",
    "RelativePositionBias",
    "RotaryEmbedding",
    "SinePositionEncoding",
    "SpecAugment",
    "TokenAndPositionEmbedding",
    "TransformerDecoder",
    "TransformerEncoder",
    "TubeletEmbedding",
    "UtteranceNormalization",
    "gelu_tanh",
    "interpolate_positions",
    "scaled_dot_product_attention",
    "sine_position_encoding",
]
