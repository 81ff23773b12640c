"""BERT: a stack of encoders that reads a text in both directions at once."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import PositionEmbedding
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders

INPUTS = ("token_ids", "segment_ids", "padding_mask")


@keras.saving.register_keras_serializable(package="tlkeras")
class Bert(EncoderModel):
    """Turn a text into one vector a token, and one for the whole of it.

        x₀ = Norm(token + position + segment)
        xᵢ = Encoderᵢ(xᵢ₋₁)
        pooled = tanh(xₗ[0] W + b)

    A drop-in for `keras_hub.models.BertBackbone`: same arguments, inputs, outputs and
    weights. The GELU is the exact one, as in the original checkpoints and in
    `transformers`; KerasHub computes its approximation, `activation="gelu_tanh"`.
    Axes: B batch, T length, D `hidden_dim`, N heads.

    Masking: True (or 1) in `padding_mask` means keep.

    Args:
        vocabulary_size: number of different tokens.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.1.
        max_sequence_length: the longest text, in tokens. Defaults to 512.
        num_segments: number of different segments. Defaults to 2.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-12.
        use_pooler: whether there is a pooled output. Defaults to `True`.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: a dictionary of integers `(B, T)`: `token_ids`, `segment_ids` and
            `padding_mask` (which may be boolean).
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.
        return_hidden_states: also return what enters and leaves every encoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `sequence_output` `(B, T, D)`; with the pooler `pooled_output`
        `(B, D)`; if asked for, `hidden_states`, one more than encoders, each
        `(B, T, D)`, and `attention_scores`, one an encoder, each `(B, N, T, T)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> model = Bert(100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[2, 7, 9, 3, 0]])
    >>> inputs = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> outputs = model(inputs, return_attention_scores=True)
    >>> tuple(outputs["sequence_output"].shape), len(outputs["attention_scores"])
    ((1, 5, 8), 2)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 3.
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        activation="gelu",
        layer_norm_epsilon=1e-12,
        use_pooler=True,
        dtype=None,
        **kwargs,
    ):
        arguments = {
            **check_sizes(
                vocabulary_size=vocabulary_size,
                num_layers=num_layers,
                num_heads=num_heads,
                hidden_dim=hidden_dim,
                intermediate_dim=intermediate_dim,
                max_sequence_length=max_sequence_length,
                num_segments=num_segments,
            ),
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "use_pooler": bool(use_pooler),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace()
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts.token_embedding = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            embeddings_initializer=normal.clone(),
            dtype=dtype,
            name="token_embedding",
        )
        parts.position_embedding = PositionEmbedding(
            max_sequence_length,
            initializer=normal.clone(),
            dtype=dtype,
            name="position_embedding",
        )
        parts.segment_embedding = keras.layers.Embedding(
            num_segments,
            hidden_dim,
            embeddings_initializer=normal.clone(),
            dtype=dtype,
            name="segment_embedding",
        )
        parts.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
        parts.embeddings_layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm"
        )
        parts.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        parts.transformer_layers = encoders(
            num_layers,
            num_heads,
            intermediate_dim,
            kernel_initializer=normal,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            dtype=dtype,
        )
        parts.pooled_dense = None
        if use_pooler:
            parts.pooled_dense = keras.layers.Dense(
                hidden_dim,
                activation="tanh",
                kernel_initializer=normal.clone(),
                dtype=dtype,
                name="pooled_dense",
            )

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {
            name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS
        }
        super().__init__(parts, inputs, arguments, dtype=dtype, **kwargs)

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        tokens = parts.token_embedding(inputs["token_ids"])  # (B, T, D)
        positions = parts.position_embedding(tokens)  # (B, T, D)
        segments = parts.segment_embedding(inputs["segment_ids"])  # (B, T, D)
        x = parts.embeddings_add((tokens, positions, segments))
        x = parts.embeddings_layer_norm(x)
        x = parts.embeddings_dropout(x, training=training)
        return x, inputs["padding_mask"]

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        outputs = {"sequence_output": x}
        if parts.pooled_dense is not None:
            outputs["pooled_output"] = parts.pooled_dense(x[:, 0])  # (B, D)
        return outputs

    def prepare(self, inputs: Any) -> Any:
        if not isinstance(inputs, dict) or set(inputs) != set(INPUTS):
            given = (
                sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
            )
            raise ValueError(
                f"inputs must be a dictionary of {', '.join(INPUTS)}; given {given}."
            )
        length = inputs["token_ids"].shape[-1]
        if isinstance(length, int) and length > self.position_embedding.sequence_length:
            raise ValueError(
                "token_ids must be at most max_sequence_length="
                f"{self.position_embedding.sequence_length} long; given {length}."
            )
        return {name: ops.cast(inputs[name], "int32") for name in INPUTS}
