"""Any encoder of this library, and a decoder that writes from what it has read."""

import types
from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import (
    PositionEmbedding,
    RelativePositionBias,
    TransformerDecoder,
)
from tlkeras.layers._transformer_block import NORMALIZATIONS
from tlkeras.models import _seq2seq_checks as checks
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models._copying import copy_log_probabilities
from tlkeras.models._decoder_model import DecoderModel
from tlkeras.models._encoder_model import check_sizes

POSITIONS = ("learned", "relative")


@keras.saving.register_keras_serializable(package="tlkeras")
class Seq2Seq(DecoderModel):
    """Read with an encoder that may be trained already; write with a new decoder.

        memory = Encoder(source)
        logits = Decoder(E(target) + positions, memory) Eᵀ

    A T5 is one of

        Seq2Seq(T5Encoder(…), …, share_embedding=True, positions="relative",
            normalization="rms", use_bias=False, layer_norm_epsilon=1e-6)

    The target is what was written so far: at position t come the logits of token t + 1.
    With `copy=True` a word is either written or copied from the source, and what comes
    out are log-probabilities, which serve as logits:

        P(w) = g softmax(logits)[w] + (1 − g) Σ attention[s], over s with source[s] = w

    g is a sigmoid of the state that the logits come from; the attention is that of the
    last block to the memory, the mean of its heads.

    Masking: True means keep. The memory has the mask of the source; its padding is
    neither looked at nor copied. No target position sees later ones. Axes: B batch,
    S length of the memory, T target length, D `hidden_dim`, N heads, V vocabulary.

    Args:
        encoder: such as `Bert`, `ViT` or `SpeechEncoder`, with its weights. It is
            shared, not copied.
        num_layers: decoders in the stack.
        num_heads: N, a divisor of D.
        intermediate_dim: width of the feed-forward networks.
        hidden_dim: D. Defaults to the width of the encoder.
        vocabulary_size: V. Defaults to that of an encoder of texts.
        dropout: share set to 0 in training, of embeddings and in each decoder. Defaults
            to 0.1.
        max_sequence_length: the longest target, in tokens. Defaults to 512.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        normalize_first: normalise what enters each part of a decoder, and what leaves
            the stack, instead of what leaves each part. Defaults to `True`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        share_embedding: the decoder reads and writes with the encoder's table of
            tokens. Defaults to `False`.
        tie_weights: the output projection is the transposed embedding of targets.
            Defaults to `True`.
        copy: words of the source may be copied, which needs an encoder of texts and one
            vocabulary for both. Defaults to `False`.
        positions: `"learned"`, a vector each, or `"relative"`, a `RelativePositionBias`
            that all decoders share. Defaults to `"learned"`.
        num_buckets, max_distance: of relative positions. Default to 32 and 128.
        normalization: `"layer"`, or `"rms"`, of the root mean square alone. Defaults to
            `"layer"`.
        use_bias: add biases in the decoders. Defaults to `True`.
        key_dim: size of a head. Defaults to `None`: D / N.
        dtype: of the decoder. Defaults to that of the encoder.

    Call arguments:
        inputs: a dictionary of `source`, what the encoder is called on; `target_ids`,
            integers `(B, T)`; and, if wanted, `target_padding_mask`, boolean `(B, T)`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        Logits `(B, T, V)`, with `copy` log-probabilities in float32. With the scores a
        pair of them and a dictionary of lists, one entry a block: `"encoder"`
        `(B, N, S, S)`, `"decoder"` `(B, N, T, T)` and `"memory"` `(B, N, T, S)`; with
        `copy` also `"written"`, g, `(B, T)`.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example: a decoder on a BERT, which shares its table of words; 1 begins, 2 ends.

    >>> import numpy as np
    >>> from tlkeras.generation import generate
    >>> from tlkeras.models import Bert
    >>> bert = Bert(30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> model = Seq2Seq(bert, 1, 2, 16, share_embedding=True, copy=True)
    >>> tokens = np.array([[5, 6, 7, 2]])
    >>> source = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> tuple(model({"source": source, "target_ids": np.array([[1, 9]])}).shape)
    (1, 2, 30)
    >>> cache = model.initial_cache(source, max_length=6)
    >>> tuple(generate(model.step, np.array([[1]]), 6, end_id=2, cache=cache).shape)
    (1, 6)

    Reference:
        Rothe et al. (2019), arXiv:1907.12461, section 3 (a trained encoder);
        See et al. (2017), arXiv:1704.04368, section 2.2 (copying); Press & Wolf (2016),
        arXiv:1608.05859, section 3 (one table);
        Raffel et al. (2019), arXiv:1910.10683, section 2.1 (T5).
    """

    def __init__(
        self,
        encoder,
        num_layers,
        num_heads,
        intermediate_dim,
        hidden_dim=None,
        vocabulary_size=None,
        dropout=0.1,
        max_sequence_length=512,
        activation="gelu",
        normalize_first=True,
        layer_norm_epsilon=1e-5,
        share_embedding=False,
        tie_weights=True,
        copy=False,
        positions="learned",
        num_buckets=32,
        max_distance=128,
        normalization="layer",
        use_bias=True,
        key_dim=None,
        dtype=None,
        **kwargs,
    ):
        refuse_unknown(type(self), kwargs)
        source_dim, words = checks.check_encoder(encoder)
        hidden_dim = source_dim if hidden_dim is None else hidden_dim
        vocabulary_size = words if vocabulary_size is None else vocabulary_size
        checks.check_vocabulary(encoder, vocabulary_size)
        arguments = {
            **check_sizes(
                num_layers=num_layers,
                num_heads=num_heads,
                intermediate_dim=intermediate_dim,
                hidden_dim=hidden_dim,
                vocabulary_size=vocabulary_size,
                max_sequence_length=max_sequence_length,
                key_dim=key_dim,
            ),
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "normalize_first": check.flag("normalize_first", normalize_first),
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "share_embedding": check.flag("share_embedding", share_embedding),
            "tie_weights": check.flag("tie_weights", tie_weights),
            "copy": check.flag("copy", copy),
            "positions": check.choice("positions", positions, POSITIONS),
            "num_buckets": num_buckets,
            "max_distance": max_distance,
            "normalization": check.choice(
                "normalization", normalization, tuple(NORMALIZATIONS)
            ),
            "use_bias": check.flag("use_bias", use_bias),
            "key_dim": key_dim,
        }
        checks.check_sharing(arguments, source_dim, words)

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = encoder.dtype_policy if dtype is None else dtype
        dtype = keras.dtype_policies.get(dtype)
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts = types.SimpleNamespace(encoder=encoder, target_embedding=None)
        parts.target_positions = parts.target_position_bias = None
        parts.target_logits = parts.decoder_norm = parts.copy_switch = None
        if not share_embedding:
            parts.target_embedding = keras.layers.ReversibleEmbedding(
                vocabulary_size,
                hidden_dim,
                tie_weights=arguments["tie_weights"],
                reverse_dtype=dtype.compute_dtype,
                embeddings_initializer=normal.clone(),
                dtype=dtype,
                name="target_embedding",
            )
        elif not tie_weights:
            parts.target_logits = keras.layers.Dense(
                vocabulary_size,
                use_bias=False,
                kernel_initializer=normal.clone(),
                dtype=dtype,
                name="target_logits",
            )
        if positions == "learned":
            parts.target_positions = PositionEmbedding(
                max_sequence_length,
                initializer=normal.clone(),
                dtype=dtype,
                name="target_positions",
            )
        else:
            parts.target_position_bias = RelativePositionBias(
                num_heads,
                num_buckets,
                max_distance,
                bidirectional=False,
                initializer=normal.clone(),
                dtype=dtype,
                name="target_position_bias",
            )
        parts.target_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="target_dropout"
        )
        parts.decoder_layers = [
            TransformerDecoder(
                intermediate_dim,
                num_heads,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                kernel_initializer=normal.clone(),
                normalize_first=arguments["normalize_first"],
                normalization=normalization,
                use_bias=use_bias,
                key_dim=key_dim,
                dtype=dtype,
                name=f"decoder_{i}",
            )
            for i in range(num_layers)
        ]
        if normalize_first:
            parts.decoder_norm = NORMALIZATIONS[normalization](
                epsilon=layer_norm_epsilon, dtype=dtype, name="decoder_norm"
            )
        if copy:
            parts.copy_switch = keras.layers.Dense(
                1, kernel_initializer=normal.clone(), dtype=dtype, name="copy_switch"
            )
            parts.copy_switch.build((None, None, hidden_dim))
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32"),
            "memory": keras.Input((None, source_dim)),
        }
        super().__init__(parts, arguments, inputs, dtype=dtype, **kwargs)
        self.autocast = False  # the source is the encoder's to cast

    # ── graph ─────────────────────────────────────────────────────────────────────────

    def call(self, inputs, training=None, return_attention_scores=False):
        source, target_ids, target_mask = checks.read_inputs(
            inputs, self.vocabulary_size
        )
        self._check_length("the length of target_ids", target_ids.shape[1])
        scores: dict[str, list] = {"encoder": [], "decoder": [], "memory": []}
        wanted = scores["encoder"] if return_attention_scores else None
        memory, keep = self.encoder.read(source, training, wanted)  # (B, S, ·), (B, S)
        checks.check_rows(memory.shape[0], target_ids.shape[0])
        x = self._run(
            target_ids,
            ops.cast(memory, self.compute_dtype),
            training,
            scores if return_attention_scores or self.copy else None,
            decoder_padding_mask=target_mask,
            encoder_padding_mask=keep,
        )  # (B, T, D)
        logits = self._write(x, scores["memory"], source, keep)  # (B, T, V)
        if not return_attention_scores:
            return logits
        if self.copy:
            scores["written"] = [ops.sigmoid(self._switch(x))]
        return logits, scores

    def initial_cache(
        self,
        source: Any,
        max_length: int,
        source_padding_mask: Tensor | None = None,
    ) -> Any:
        """Read a source once, for `step` to write from.

        Args:
            source: what the encoder is called on.
            max_length: L, the longest target, in tokens.
            source_padding_mask: boolean `(B, S)`, which of the memory is real. Defaults
                to what the source says.

        Returns:
            What `tlkeras.generation` calls a cache: tensors whose first axis is B.
        """
        memory, keep = self.encoder.read(source)
        keep = keep if source_padding_mask is None else source_padding_mask
        memory = ops.cast(memory, self.compute_dtype)  # (B, S, ·)
        cache = super().initial_cache(memory, max_length, keep)
        return {**cache, "token_ids": source["token_ids"]} if self.copy else cache

    def step(self, token_ids: Tensor, cache: Any, index: Tensor) -> tuple[Tensor, Any]:
        if not self.copy:
            return super().step(token_ids, cache, index)
        scores: list[Tensor] = []
        x, cache = self._extend(token_ids, cache, index, scores=scores)
        last = [scores[-1][:, :, -1:]]  # (B, N, 1, S)
        keep = cache.get("memory_padding_mask")
        return self._write(x[:, -1:], last, cache, keep)[:, 0], cache

    def embed(
        self, token_ids: Tensor, start_index: Tensor = 0, training: bool | None = None
    ) -> Tensor:
        x = self._table(token_ids)  # (B, T, D)
        x = ops.cast(x, self.compute_dtype)  # that of the decoder
        if self.target_positions is not None:
            x = x + self.target_positions(x, start_index=start_index)
        return self.target_dropout(x, training=training)

    def bias(
        self, x: Tensor, start_index: Tensor = 0, key_length: int | None = None
    ) -> Tensor | None:
        if self.target_position_bias is None:
            return None
        return self.target_position_bias(
            x, start_index=start_index, key_length=key_length
        )  # (B, N, T, L)

    def read_out(self, x: Tensor) -> Tensor:
        x = self._normalize(x)  # (B, T, D)
        if self.target_logits is not None:
            return self.target_logits(x)  # (B, T, V)
        logits = self._table(x, reverse=True)  # (B, T, V)
        return ops.cast(logits, self.compute_dtype)

    @property
    def _table(self):
        shared = self.share_embedding
        return self.encoder.token_embedding if shared else self.target_embedding

    def _normalize(self, x):
        return x if self.decoder_norm is None else self.decoder_norm(x)

    def _switch(self, x):
        """The logit of g, `(B, T)`."""
        return ops.cast(self.copy_switch(self._normalize(x))[..., 0], "float32")

    def _write(self, x, scores, source, keep):
        """Logits of what leaves the stack; with copying, log-probabilities."""
        logits = self.read_out(x)  # (B, T, V)
        if not self.copy:
            return logits
        attention = ops.mean(ops.cast(scores[-1], "float32"), axis=1)  # (B, T, S)
        return copy_log_probabilities(
            logits, self._switch(x), attention, source["token_ids"], keep
        )

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects
        )
        return cls(**{**config, "encoder": encoder})
