"""One layer of a decoder: attention to the text so far, to the source, then dense."""

from typing import Any, Self

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.layers._transformer_block import TransformerBlock
from tlkeras.masks import implicit_mask, without_mask


@keras.saving.register_keras_serializable(package="tlkeras")
class TransformerDecoder(TransformerBlock):
    """Causal self-attention, optional cross-attention and a feed-forward network.

    `x ← Norm(x + Attention(x, x, x))`, `x ← Norm(x + Attention(x, e, e))` for an
    encoded source `e`, then `x ← Norm(x + FFN(x))`; `normalize_first=True` normalises
    what enters each part instead.

    A drop-in for `keras_hub.layers.TransformerDecoder`: same arguments, weights and
    output. Whether it has cross-attention is decided by the first call. Axes: B batch,
    T target length, S source length, C cache length, D model size, N heads, K key/value
    heads, H head size D / N.

    Masking: True means keep. Padding masks hide keys and replace the masks that Keras
    attached to the sequences; attention masks and the causal rule are merged with them.

    Args:
        intermediate_dim: size of the feed-forward network's hidden layer.
        num_heads: N, a divisor of D.
        dropout: share set to 0 in training, of attention scores and of what each part
            adds. Defaults to 0.
        activation: of the hidden layer, a name or function. Defaults to `"relu"`.
            `"gelu"` is the exact one, `"gelu_tanh"` its approximation; `"swiglu"` and
            `"geglu"` have a gate, as in `FeedForward`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        kernel_initializer: of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: of the biases. Defaults to `"zeros"`.
        normalize_first: normalise what enters each part instead of what leaves it.
            Defaults to `False`.
        num_key_value_heads, implementation: of the attention, as in
            `MultiHeadAttention`.
        rotary: turns queries and keys of the self-attention. Defaults to `None`.
        normalization: `"layer"`, or `"rms"`, which only divides by the root of the mean
            square. Defaults to `"layer"`.
        use_bias: add the biases of attention and feed-forward network. Defaults to
            `True`.
        key_dim: size of a head. Defaults to `None`: D / N.
        sliding_window: of the self-attention: see only positions fewer than this many
            away. Defaults to `None`: all.

    Call arguments:
        decoder_sequence: floats `(B, T, D)`.
        encoder_sequence: floats `(B, S, ·)`. Defaults to `None`: no cross-attention.
        decoder_padding_mask: boolean `(B, T)`; with a cache also `(B, C)`.
        decoder_attention_mask: boolean `(B, T, T)`; with a cache `(B, T, C)`.
        encoder_padding_mask: boolean `(B, S)`.
        encoder_attention_mask: boolean `(B, T, S)`.
        self_attention_cache: keys and values so far, `(B, 2, C, K, H)`.
        self_attention_cache_update_index: the position of the first of the T tokens.
        cross_attention_cache: keys and values of the source, `(B, 2, S, K, H)`.
        cross_attention_cache_update_index: 0 to fill it, `None` to use it as it is.
        use_causal_mask: see only one's own and earlier positions. Defaults to `True`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.
        decoder_attention_bias: floats `(N, T, T)` or `(B, N, T, T)`, added to the
            logits of the self-attention; with a cache the last axis is C.

    Returns:
        `(B, T, D)`; with caches a tuple of it and each updated cache. The scores come
        last: those of the self-attention `(B, N, T, T or C)` and, if there is
        cross-attention, those of it `(B, N, T, S)`.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> layer = TransformerDecoder(intermediate_dim=32, num_heads=2)
    >>> target, source = np.random.rand(3, 5, 8), np.random.rand(3, 7, 8)
    >>> tuple(layer(target, source).shape)
    (3, 5, 8)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.1.
        Xiong et al. (2020), arXiv:2002.04745, section 3 (where to normalise).
        Zhang & Sennrich (2019), arXiv:1910.07467, section 4 (RMS).
    """

    def build(
        self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None
    ) -> None:
        shape = decoder_sequence_shape
        check.axes("decoder_sequence", shape, "B T D")
        check.not_empty("decoder_sequence", shape)
        check.features("decoder_sequence", shape)
        self._hidden_dim = shape[-1]
        self._self_attention_layer = self._attention(
            "self_attention",
            shape,
            shape,
            rotary=self.rotary,
            sliding_window=self.sliding_window,
        )
        self._self_attention_layer_norm = self._layer_norm(
            "self_attention_layer_norm", shape
        )
        self._self_attention_dropout = self._dropout("self_attention_dropout")
        self._cross_attention_layer = None
        if encoder_sequence_shape:
            check.axes("encoder_sequence", encoder_sequence_shape, "B S D")
            check.not_empty("encoder_sequence", encoder_sequence_shape)
            check.features("encoder_sequence", encoder_sequence_shape)
            self._source_dim = encoder_sequence_shape[-1]
            self._cross_attention_layer = self._attention(
                "cross_attention", shape, encoder_sequence_shape
            )
            self._cross_attention_layer_norm = self._layer_norm(
                "cross_attention_layer_norm", shape
            )
            self._cross_attention_dropout = self._dropout("cross_attention_dropout")
        self._make_feed_forward(shape[-1])
        self._feedforward_layer_norm = self._layer_norm("feedforward_layer_norm", shape)
        self._feedforward_dropout = self._dropout("feedforward_dropout")
        set_part_policies(self)

    def call(
        self,
        decoder_sequence,
        encoder_sequence=None,
        decoder_padding_mask=None,
        decoder_attention_mask=None,
        encoder_padding_mask=None,
        encoder_attention_mask=None,
        self_attention_cache=None,
        self_attention_cache_update_index=None,
        cross_attention_cache=None,
        cross_attention_cache_update_index=None,
        use_causal_mask=True,
        training=None,
        return_attention_scores=False,
        decoder_attention_bias=None,
    ):
        self._check_call(
            decoder_sequence,
            encoder_sequence,
            self_attention_cache,
            cross_attention_cache,
        )
        self._check_masks(
            decoder_sequence,
            encoder_sequence,
            self_attention_cache,
            decoder_padding_mask,
            encoder_padding_mask,
        )
        if encoder_sequence is None:
            self._check_no_source(
                encoder_padding_mask=encoder_padding_mask,
                encoder_attention_mask=encoder_attention_mask,
                cross_attention_cache=cross_attention_cache,
            )
        wanted = {
            "return_attention_scores": return_attention_scores,
            "training": training,
        }
        padding_mask = decoder_padding_mask
        if padding_mask is None:
            padding_mask = implicit_mask(decoder_sequence)
        x = without_mask(decoder_sequence)  # (B, T, D)

        y = self._enter("self_attention", x)
        y, self_scores, self_cache = self._attend(
            self._self_attention_layer,
            query=y,
            value=y,
            value_mask=padding_mask,
            attention_mask=decoder_attention_mask,
            attention_bias=decoder_attention_bias,
            use_causal_mask=use_causal_mask,
            cache=self_attention_cache,
            cache_update_index=self_attention_cache_update_index,
            **wanted,
        )
        x = self._leave("self_attention", x, y, training)  # (B, T, D)

        cross_scores = cross_cache = None
        if self._cross_attention_layer is not None:
            y, cross_scores, cross_cache = self._attend(
                self._cross_attention_layer,
                query=self._enter("cross_attention", x),
                value=encoder_sequence,
                value_mask=encoder_padding_mask,  # or the implicit one
                attention_mask=encoder_attention_mask,
                cache=cross_attention_cache,
                cache_update_index=cross_attention_cache_update_index,
                **wanted,
            )
            x = self._leave("cross_attention", x, y, training)

        y = self._feed_forward(self._enter("feedforward", x))
        x = self._leave("feedforward", x, y, training)

        results = (x, self_cache, cross_cache, self_scores, cross_scores)
        results = tuple(result for result in results if result is not None)
        return results if len(results) > 1 else x

    def _check_call(self, decoder_sequence, encoder_sequence, cache, cross_cache):
        self._check_sequence("decoder_sequence", decoder_sequence, self._hidden_dim)
        has_cross_attention = self._cross_attention_layer is not None
        if has_cross_attention != (encoder_sequence is not None):
            given, wanted = ("", "not ") if not has_cross_attention else ("not ", "")
            raise ValueError(
                f"encoder_sequence was {given}given, but must {wanted}be at every call "
                "of this layer, as at the first one, which decided on cross-attention."
            )
        if has_cross_attention:
            self._check_sequence("encoder_sequence", encoder_sequence, self._source_dim)
            self._check_batch(encoder_sequence, decoder_sequence)
        if has_cross_attention and (cache is None) != (cross_cache is None):
            lacking = "self" if cache is None else "cross"
            raise ValueError(
                "self_attention_cache and cross_attention_cache must be given "
                f"together; {lacking}_attention_cache is missing."
            )

    def _check_sequence(self, name, sequence, features):
        check.axes(name, sequence.shape, "B T D")
        check.not_empty(name, sequence.shape)
        check.features(name, sequence.shape, features)
        check.values(name, sequence, "Embed token ids first.")

    def _check_batch(self, encoder, decoder):
        if None not in (encoder.shape[0], decoder.shape[0]) and (
            encoder.shape[0] != decoder.shape[0]
        ):
            raise ValueError(
                "encoder_sequence must have the batch size of decoder_sequence; given "
                f"shape {tuple(encoder.shape)} and {tuple(decoder.shape)}."
            )

    def _check_no_source(self, **arguments):
        for name, given in arguments.items():
            if given is not None:
                raise ValueError(
                    f"{name} needs encoder_sequence; given {name} of shape "
                    f"{np.shape(given)} and no encoder_sequence."
                )

    def _check_masks(self, decoder, encoder, cache, decoder_mask, encoder_mask):
        batch, length = decoder.shape[:2]
        shapes = [(batch, length)]
        if cache is not None:
            shapes.append((batch, cache.shape[2]))
        check.keep_mask("decoder_padding_mask", decoder_mask, *shapes)
        if encoder is not None:
            check.keep_mask("encoder_padding_mask", encoder_mask, encoder.shape[:2])

    def compute_output_shape(
        self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None
    ) -> Shape:
        return decoder_sequence_shape

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        # KerasHub keeps the shapes in the config; Keras now keeps them beside it.
        config = dict(config)
        target = config.pop("decoder_sequence_shape", None)
        source = config.pop("encoder_sequence_shape", None)
        layer = super().from_config(config)
        if target:
            layer.build(target, source)
        return layer
