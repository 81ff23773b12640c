"""The encoder of T5: a stack that knows of positions only how far apart they are."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import RelativePositionBias
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders

INPUTS = ("token_ids", "padding_mask")


@keras.saving.register_keras_serializable(package="tlkeras")
class T5Encoder(EncoderModel):
    """Turn a text into one vector a token.

        x₀ = token
        xᵢ = Encoderᵢ(xᵢ₋₁),  which is  y = x + Attention(Norm(x)),  y + FFN(Norm(y))
        output = Norm(xₗ)

    Norm is that of the root mean square, no part has a bias, and a learned number for
    each distance is added to the logits of every attention, the same in each block. A
    whole T5 is a `Seq2Seq` on it, with `share_embedding=True` and
    `positions="relative"`. Axes: B batch, T length, D `hidden_dim`, N heads.

    Masking: True (or 1) in `padding_mask` means keep.

    Args:
        vocabulary_size: number of different tokens.
        num_layers: encoders in the stack.
        num_heads: N.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        key_dim: size of a head. Defaults to `None`: D / N.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.1.
        num_buckets, max_distance: of the distances, as in `RelativePositionBias`.
            Default to 32 and 128.
        activation: of the feed-forward networks: `"relu"`, as in the first T5, or
            `"geglu"`, as in T5 1.1 and Flan-T5. Defaults to `"relu"`.
        layer_norm_epsilon: added to the mean square. Defaults to 1e-6.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: a dictionary of integers `(B, T)`: `token_ids`, and `padding_mask`
            (which may be boolean).
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.
        return_hidden_states: also return what enters and leaves every encoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `sequence_output` `(B, T, D)`; if asked for, `hidden_states`, one
        more than encoders, each `(B, T, D)` (the last one before the final norm), and
        `attention_scores`, one an encoder, each `(B, N, T, T)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> model = T5Encoder(
    ...     100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16
    ... )
    >>> tokens = np.array([[7, 9, 3, 1, 0]])
    >>> outputs = model({"token_ids": tokens, "padding_mask": tokens != 0})
    >>> tuple(outputs["sequence_output"].shape)
    (1, 5, 8)

    Reference:
        Raffel et al. (2019), arXiv:1910.10683, section 2.1; Shazeer (2020),
        arXiv:2002.05202, section 2 (GEGLU).
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        key_dim=None,
        dropout=0.1,
        num_buckets=32,
        max_distance=128,
        activation="relu",
        layer_norm_epsilon=1e-6,
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
                key_dim=key_dim,
            ),
            "dropout": check.rate("dropout", dropout),
            "key_dim": key_dim,
            "num_buckets": num_buckets,
            "max_distance": max_distance,
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
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
        parts.position_bias = RelativePositionBias(
            num_heads,
            num_buckets,
            max_distance,
            initializer=normal.clone(),
            dtype=dtype,
            name="position_bias",
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
            normalize_first=True,
            normalization="rms",
            use_bias=False,
            key_dim=key_dim,
            dtype=dtype,
        )
        parts.layer_norm = keras.layers.RMSNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="layer_norm"
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
        x = parts.token_embedding(inputs["token_ids"])  # (B, T, D)
        return parts.embeddings_dropout(x, training=training), inputs["padding_mask"]

    @staticmethod
    def bias(parts: Any, x: Tensor) -> Tensor | None:
        return parts.position_bias(x)  # (B, N, T, T)

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        return {"sequence_output": parts.layer_norm(x)}

    def prepare(self, inputs: Any) -> Any:
        given = set(inputs) if isinstance(inputs, dict) else {type(inputs).__name__}
        if given != set(INPUTS):
            raise ValueError(
                f"inputs must be a dictionary of {' and '.join(INPUTS)}; given "
                f"{', '.join(sorted(map(str, given)))}."
            )
        return {name: ops.cast(inputs[name], "int32") for name in INPUTS}
