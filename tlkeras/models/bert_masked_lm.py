"""A BERT that says which token stood where one is hidden."""

import types

import keras
from keras import ops

from tlkeras.layers.feed_forward import get_activation
from tlkeras.models._head_model import HeadModel, symbols
from tlkeras.models.bert import Bert


@keras.saving.register_keras_serializable(package="tlkeras")
class BertMaskedLM(HeadModel):
    """Logits over the vocabulary for every token, from what stands around it.

        h = Norm(gelu(x W + b))
        logits = h Eᵀ + c

    x is the last output of the backbone and E its token embedding: one table turns
    tokens into vectors and back. It is trained to say the original tokens where some
    were hidden (`tlkeras.datasets.text.mask_tokens`). Axes: B batch, T length, D width
    of the backbone, V vocabulary, K positions.

    Masking: True (or 1) in `padding_mask` means keep.

    Args:
        backbone: a `Bert`, whose activation and epsilon the head takes. It is shared,
            not copied.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of `Bert`, a dictionary of integers `(B, T)`: `token_ids`,
            `segment_ids` and `padding_mask`.
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.
        positions: integers `(B, K)`, the only places that logits are wanted for: with
            15 % of the tokens hidden the head then costs 15 %. Defaults to all.

    Returns:
        Logits `(B, T, V)`, or `(B, K, V)` for positions.

    Raises:
        ValueError: the backbone is none, or positions do not fit.

    Example:

    >>> import numpy as np
    >>> bert = Bert(100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> model = BertMaskedLM(bert)
    >>> tokens = np.array([[2, 7, 4, 9, 3, 0]])
    >>> inputs = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> tuple(model(inputs).shape)
    (1, 6, 100)
    >>> tuple(model(inputs, positions=np.array([[2]])).shape)
    (1, 1, 100)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 3.1, Task #1; Press & Wolf
        (2016), arXiv:1608.05859, section 3 (one table).
    """

    def __init__(self, backbone, dtype=None, **kwargs):
        self.check_backbone(backbone, Bert, "a tlkeras.models.Bert", kwargs)
        config = backbone.get_config()

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        parts = types.SimpleNamespace(backbone=backbone)
        parts.head_dense = keras.layers.Dense(
            config["hidden_dim"],
            activation=get_activation(config["activation"]),
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            dtype=dtype,
            name="head_dense",
        )
        parts.head_layer_norm = keras.layers.LayerNormalization(
            epsilon=config["layer_norm_epsilon"], dtype=dtype, name="head_layer_norm"
        )
        parts.head_bias = _Bias(dtype=dtype, name="head_bias")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = symbols(backbone)
        logits = _head(parts, backbone(inputs)["sequence_output"])
        super().__init__(backbone, parts, inputs, logits, {}, dtype, **kwargs)

    def call(self, inputs, training=None, mask=None, positions=None):
        if positions is None:
            return super().call(inputs, training=training, mask=mask)
        if len(positions.shape) != 2:
            raise ValueError(
                f"positions must have shape (B, K); given {tuple(positions.shape)}."
            )
        x = self.backbone(inputs, training=training)["sequence_output"]  # (B, T, D)
        places = ops.cast(positions, "int32")[..., None]  # (B, K, 1)
        return _head(self, ops.take_along_axis(x, places, axis=1))  # (B, K, V)


@keras.saving.register_keras_serializable(package="tlkeras")
class _Bias(keras.layers.Layer):
    """Add a number to each feature; it begins as 0."""

    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        return inputs + self.bias


def _head(parts, x):
    """A score for every word of the vocabulary, by its vector."""
    hidden = parts.head_layer_norm(parts.head_dense(x))  # (B, K, D)
    logits = parts.backbone.token_embedding(hidden, reverse=True)  # (B, K, V)
    return parts.head_bias(logits)
