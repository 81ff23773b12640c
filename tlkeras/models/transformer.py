"""The Transformer: an encoder that reads and a decoder that writes."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Tensor
from tlkeras.layers import SinePositionEncoding, TransformerDecoder, TransformerEncoder
from tlkeras.models._decoder_model import DecoderModel, run_block
from tlkeras.models._transformer_inputs import read_inputs


@keras.saving.register_keras_serializable(package="tlkeras")
class Transformer(DecoderModel):
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
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

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
        dtype=None,
        **kwargs,
    ):
        final = normalize_first if final_layer_norm is None else final_layer_norm
        arguments = {
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
        for name, value in arguments.items():
            if name.startswith("num_") or name.endswith(("_dim", "_size", "_length")):
                check.positive_integer(name, value)
        check.multiple("hidden_dim", hidden_dim, "num_heads", num_heads)

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = keras.dtype_policies.get(dtype)
        vectors = (None, None, hidden_dim)

        def embedding(side, vocabulary_size, tie):
            layer = keras.layers.ReversibleEmbedding(
                vocabulary_size,
                hidden_dim,
                tie_weights=tie,
                reverse_dtype=dtype.compute_dtype,  # else float32 in a whole call
                embeddings_initializer=keras.initializers.RandomNormal(
                    stddev=hidden_dim**-0.5  # so that √D times it has variance 1
                ),
                dtype=dtype,
                name=f"{side}_embedding",
            )
            layer.build((None, None))
            return layer

        def block(kind, name, *shapes):
            layer = kind(
                intermediate_dim,
                num_heads,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                normalize_first=arguments["normalize_first"],
                dtype=dtype,
                name=name,
            )
            layer.build(*shapes)
            return layer

        def layer_norm(name):
            layer = keras.layers.LayerNormalization(
                epsilon=layer_norm_epsilon, dtype=dtype, name=name
            )
            layer.build(vectors)
            return layer

        parts = types.SimpleNamespace()
        parts.source_embedding = embedding("source", source_vocabulary_size, True)
        parts.target_embedding = embedding(
            "target", target_vocabulary_size, arguments["tie_weights"]
        )
        parts.positions = SinePositionEncoding(dtype=dtype, name="positions")
        for side in ("source", "target"):
            name = f"{side}_dropout"
            setattr(parts, name, keras.layers.Dropout(dropout, dtype=dtype, name=name))
        parts.encoder_layers = [
            block(TransformerEncoder, f"encoder_{i}", vectors)
            for i in range(num_encoder_layers)
        ]
        parts.decoder_layers = [
            block(TransformerDecoder, f"decoder_{i}", vectors, vectors)
            for i in range(num_decoder_layers)
        ]
        parts.encoder_norm = layer_norm("encoder_norm") if final else None
        parts.decoder_norm = layer_norm("decoder_norm") if final else None
        super().__init__(parts, arguments, dtype=dtype, **kwargs)

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
        logits = self.decode(
            target_ids,
            memory,
            training=training,
            scores=wanted,
            decoder_padding_mask=keep["target_padding_mask"],
            decoder_attention_mask=keep["target_mask"],
            encoder_padding_mask=keep["memory_padding_mask"],
            encoder_attention_mask=keep["memory_mask"],
            use_causal_mask=use_causal_mask,
        )  # (B, T, V)
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
        x = self._embed("source", source_ids, training=training)
        for layer in self.encoder_layers:
            x = run_block(
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
        if source_padding_mask is None:
            source_padding_mask = masks.padding_mask(source_ids, self.padding_id)
        memory = self.encode(source_ids, source_padding_mask)  # (B, S, D)
        return super().initial_cache(memory, max_length, source_padding_mask)

    def embed(
        self, token_ids: Tensor, start_index: Tensor = 0, training: bool | None = None
    ) -> Tensor:
        return self._embed("target", token_ids, start_index, training)

    def read_out(self, x: Tensor) -> Tensor:
        x = x if self.decoder_norm is None else self.decoder_norm(x)
        return self.target_embedding(x, reverse=True)  # (B, T, V)

    def _embed(self, side, token_ids, start_index=0, training=None):
        embedding = getattr(self, f"{side}_embedding")
        dropout = getattr(self, f"{side}_dropout")
        check.axes("token ids", token_ids.shape, "B T")
        self._check_length("the length of token ids", token_ids.shape[1])
        x = embedding(token_ids) * self.hidden_dim**0.5  # (B, T, D)
        x = ops.cast(x, self.compute_dtype)  # float32 where it is quantised
        x = x + self.positions(x, start_index=start_index)
        return dropout(x, training=training)
