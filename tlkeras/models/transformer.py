"""The Transformer: an encoder that reads and a decoder that writes."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Tensor
from tlkeras.layers import SinePositionEncoding, TransformerDecoder, TransformerEncoder
from tlkeras.layers._saved_policy import saved_policy, settle
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models._transformer_inputs import read_inputs


@keras.saving.register_keras_serializable(package="tlkeras")
class Transformer(keras.Model):
    """Turn one sequence of tokens into the next-token logits of another.

        memory = Encoder(E(source) √D + positions)
        logits = Decoder(E(target) √D + positions, memory) Eᵀ

    The target is what was written so far: at position t come the logits of token t + 1.

    Masking: True means keep. Padding masks default to `token_ids != padding_id`, the
    memory's to the source's. The decoder is causal unless told otherwise. Axes:
    B batch, S source length, T target length, L cache length, D `hidden_dim`, N heads,
    V target vocabulary.

    Args:
        source_vocabulary_size: number of different source tokens.
        target_vocabulary_size: V.
        hidden_dim: D, a multiple of `num_heads`. Defaults to 512.
        num_heads: N. Defaults to 8.
        num_encoder_layers, num_decoder_layers: blocks in each stack. Default to 6.
        intermediate_dim: width of the feed-forward networks. Defaults to 2048.
        dropout: share set to 0 in training, of embeddings and in each block. Defaults
            to 0.1.
        max_sequence_length: the longest source or target, in tokens. Defaults to 512.
        activation: of the feed-forward networks. Defaults to `"relu"`.
        normalize_first: normalise what enters each part of a block instead of what
            leaves it. Defaults to `False`.
        final_layer_norm: normalise what leaves each stack, as `torch.nn.Transformer`
            does. Defaults to `normalize_first`, which needs it.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        tie_weights: the output projection is the transposed target embedding. Defaults
            to `True`.
        padding_id: the token that is no token. Defaults to 0.

    Call arguments:
        inputs: a dictionary of
            `source_ids` integers `(B, S)`; `target_ids` integers `(B, T)`; and, if
            wanted, booleans: `source_padding_mask` `(B, S)`, `target_padding_mask`
            `(B, T)`, `memory_padding_mask` `(B, S)`, `source_mask` `(S, S)`,
            `target_mask` `(T, T)`, `memory_mask` `(T, S)`, each of these three also
            with a leading B.
        use_causal_mask: no target position sees later ones. Defaults to `True`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        Logits `(B, T, V)`; with the scores a pair of them and a dictionary of lists,
        one entry a block: `"encoder"` `(B, N, S, S)`, `"decoder"` `(B, N, T, T)` and
        `"memory"` `(B, N, T, S)`.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example: decode with a cache; 1 begins and 2 ends a sentence.

    >>> import numpy as np
    >>> from tlkeras.generation import generate
    >>> model = Transformer(20, 30, 8, 2, 1, 1, intermediate_dim=16)
    >>> source = np.array([[5, 6, 7, 2]])
    >>> tuple(model({"source_ids": source, "target_ids": np.array([[1, 9]])}).shape)
    (1, 2, 30)
    >>> cache = model.initial_cache(source, max_length=6)
    >>> tuple(generate(model.step, np.array([[1]]), 6, end_id=2, cache=cache).shape)
    (1, 6)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, sections 3.1, 3.4 and 3.5.
    """

    def __init__(
        self,
        source_vocabulary_size,
        target_vocabulary_size,
        hidden_dim=512,
        num_heads=8,
        num_encoder_layers=6,
        num_decoder_layers=6,
        intermediate_dim=2048,
        dropout=0.1,
        max_sequence_length=512,
        activation="relu",
        normalize_first=False,
        final_layer_norm=None,
        layer_norm_epsilon=1e-5,
        tie_weights=True,
        padding_id=0,
        **kwargs,
    ):
        refuse_unknown(Transformer, kwargs, ("dtype",))
        super().__init__(**kwargs)
        final = normalize_first if final_layer_norm is None else final_layer_norm
        self._arguments = {
            "source_vocabulary_size": source_vocabulary_size,
            "target_vocabulary_size": target_vocabulary_size,
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "num_encoder_layers": num_encoder_layers,
            "num_decoder_layers": num_decoder_layers,
            "intermediate_dim": intermediate_dim,
            "dropout": check.rate("dropout", dropout),
            "max_sequence_length": max_sequence_length,
            "activation": activation,
            "normalize_first": bool(normalize_first),
            "final_layer_norm": bool(final),
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "tie_weights": bool(tie_weights),
            "padding_id": padding_id,
        }
        for name, value in self._arguments.items():
            if name.startswith("num_") or name.endswith(("_dim", "_size", "_length")):
                check.positive_integer(name, value)
            setattr(self, name, value)
        check.multiple("hidden_dim", hidden_dim, "num_heads", num_heads)
        self._make_layers()

    # ── layers ────────────────────────────────────────────────────────────────────────

    def _make_layers(self):
        self.source_embedding = self._embedding("source", self.source_vocabulary_size)
        self.target_embedding = self._embedding("target", self.target_vocabulary_size)
        self.positions = SinePositionEncoding(dtype=self.dtype_policy, name="positions")
        self.source_dropout = self._dropout("source_dropout")
        self.target_dropout = self._dropout("target_dropout")
        vectors = (None, None, self.hidden_dim)
        self.encoder_layers = [
            self._block(TransformerEncoder, f"encoder_{i}", vectors)
            for i in range(self.num_encoder_layers)
        ]
        self.decoder_layers = [
            self._block(TransformerDecoder, f"decoder_{i}", vectors, vectors)
            for i in range(self.num_decoder_layers)
        ]
        self.encoder_norm = self.decoder_norm = None
        if self.final_layer_norm:
            self.encoder_norm = self._layer_norm("encoder_norm")
            self.decoder_norm = self._layer_norm("decoder_norm")
        settle(self)
        self.built = True

    def _embedding(self, side, vocabulary_size):
        layer = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            self.hidden_dim,
            tie_weights=self.tie_weights or side == "source",
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=self.hidden_dim**-0.5  # so that √D times it has variance 1
            ),
            dtype=self.dtype_policy,
            name=f"{side}_embedding",
        )
        layer.build((None, None))
        return layer

    def _block(self, kind, name, *shapes):
        layer = kind(
            self.intermediate_dim,
            self.num_heads,
            dropout=self.dropout,
            activation=self.activation,
            layer_norm_epsilon=self.layer_norm_epsilon,
            normalize_first=self.normalize_first,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(*shapes)
        return layer

    def _layer_norm(self, name):
        layer = keras.layers.LayerNormalization(
            epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name
        )
        layer.build((None, None, self.hidden_dim))
        return layer

    def _dropout(self, name):
        return keras.layers.Dropout(self.dropout, dtype=self.dtype_policy, name=name)

    # ── graph ─────────────────────────────────────────────────────────────────────────

    def call(
        self,
        inputs,
        use_causal_mask=True,
        training=None,
        return_attention_scores=False,
    ):
        source_ids, target_ids, keep = read_inputs(inputs, self.padding_id)
        scores: dict[str, list] = {"encoder": [], "decoder": [], "memory": []}
        wanted = scores if return_attention_scores else None
        memory = self.encode(
            source_ids,
            keep["source_padding_mask"],
            keep["source_mask"],
            training=training,
            scores=wanted,
        )  # (B, S, D)
        x = self._embed("target", target_ids, training)
        for layer in self.decoder_layers:
            x = _pass(
                layer,
                x,  # (B, T, D)
                memory,
                decoder_padding_mask=keep["target_padding_mask"],
                decoder_attention_mask=keep["target_mask"],
                encoder_padding_mask=keep["memory_padding_mask"],
                encoder_attention_mask=keep["memory_mask"],
                use_causal_mask=use_causal_mask,
                training=training,
                into=("decoder", "memory"),
                scores=wanted,
            )
        logits = self._logits(x)  # (B, T, V)
        return (logits, scores) if return_attention_scores else logits

    def encode(
        self,
        source_ids: Tensor,
        padding_mask: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool | None = None,
        scores: dict[str, list] | None = None,
    ) -> Tensor:
        """Read a source: its memory `(B, S, D)`.

        Args:
            source_ids: integers `(B, S)`.
            padding_mask: boolean `(B, S)`. Defaults to `source_ids != padding_id`.
            mask: boolean `(S, S)` or `(B, S, S)`. Defaults to `None`.
            training: whether dropout is on.
            scores: a dictionary whose list `"encoder"` takes the attention scores.
        """
        if padding_mask is None:
            padding_mask = masks.padding_mask(source_ids, self.padding_id)
        x = self._embed("source", source_ids, training)
        for layer in self.encoder_layers:
            x = _pass(
                layer,
                x,  # (B, S, D)
                padding_mask=padding_mask,
                attention_mask=mask,
                training=training,
                into=("encoder",),
                scores=scores,
            )
        return x if self.encoder_norm is None else self.encoder_norm(x)

    def initial_cache(
        self,
        source_ids: Tensor,
        max_length: int,
        source_padding_mask: Tensor | None = None,
    ) -> Any:
        """Read a source once, for `step` to write from.

        Args:
            source_ids: integers `(B, S)`.
            max_length: L, the longest target, in tokens.
            source_padding_mask: boolean `(B, S)`. Defaults to
                `source_ids != padding_id`.

        Returns:
            What `tlkeras.generation` calls a cache: tensors whose first axis is B.
        """
        self._check_length("max_length", max_length)
        if source_padding_mask is None:
            source_padding_mask = masks.padding_mask(source_ids, self.padding_id)
        memory = self.encode(source_ids, source_padding_mask)  # (B, S, D)
        batch, length = source_ids.shape
        cache = {
            "memory": memory,
            "memory_padding_mask": ops.cast(source_padding_mask, "bool"),
            "blocks": [
                (self._no_keys(batch, max_length), self._no_keys(batch, length))
                for _ in self.decoder_layers
            ],
        }
        # One token, soon replaced, fills in the keys and values of the memory.
        nothing = ops.full((batch, 1), self.padding_id, dtype="int32")
        return self._decode(nothing, cache, 0, memory_index=0)[1]

    def step(self, token_ids: Tensor, cache: Any, index: Tensor) -> tuple[Tensor, Any]:
        """Write on: the logits of the next token, for `tlkeras.generation`.

        Args:
            token_ids: integers `(B, T)`, at positions `index … index + T − 1`.
            cache: from `initial_cache` or from the step before.
            index: an integer, which may be traced.

        Returns:
            Logits `(B, V)`, and the cache brought up to date.
        """
        x, cache = self._decode(token_ids, cache, index)
        return self._logits(x[:, -1:])[:, 0], cache

    def _decode(self, token_ids, cache, index, memory_index=None):
        x = self._embed("target", token_ids, start_index=index)
        blocks = []
        for layer, (own, across) in zip(
            self.decoder_layers, cache["blocks"], strict=True
        ):
            x, own, across = layer(
                x,  # (B, T, D)
                cache["memory"],
                encoder_padding_mask=cache["memory_padding_mask"],
                self_attention_cache=own,
                self_attention_cache_update_index=index,
                cross_attention_cache=across,
                cross_attention_cache_update_index=memory_index,
            )
            blocks.append((own, across))
        return x, {**cache, "blocks": blocks}

    def _no_keys(self, batch, length):
        heads = (self.num_heads, self.hidden_dim // self.num_heads)
        return ops.zeros((batch, 2, length, *heads), dtype=self.compute_dtype)

    def _embed(self, side, token_ids, training=None, start_index=0):
        embedding = getattr(self, f"{side}_embedding")
        dropout = getattr(self, f"{side}_dropout")
        check.axes("token ids", token_ids.shape, "B T")
        self._check_length("the length of token ids", token_ids.shape[1])
        x = embedding(token_ids) * self.hidden_dim**0.5  # (B, T, D)
        x = ops.cast(x, self.compute_dtype)  # float32 where it is quantised
        x = x + self.positions(x, start_index=start_index)
        return dropout(x, training=training)

    def _logits(self, x):
        x = x if self.decoder_norm is None else self.decoder_norm(x)
        return self.target_embedding(x, reverse=True)  # (B, T, V)

    def _check_length(self, name, length):
        if length is not None and length > self.max_sequence_length:
            raise ValueError(
                f"{name} must be at most max_sequence_length="
                f"{self.max_sequence_length}; given {length}."
            )

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        activation = self.activation
        if not isinstance(activation, str):
            activation = keras.activations.serialize(activation)
        return {
            **super().get_config(),
            **self._arguments,
            "activation": activation,
            "dtype": saved_policy(self),
        }


def _pass(layer, *inputs, into, scores, **arguments):
    """Call a block, and put its attention scores into the lists, if there are any."""
    if scores is None:
        return layer(*inputs, **arguments)
    x, *given = layer(*inputs, return_attention_scores=True, **arguments)
    for name, one in zip(into, given, strict=True):
        scores[name].append(one)
    return x
