"""BERT: a stack of encoders that reads a text in both directions at once."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras.layers import PositionEmbedding, TransformerEncoder
from tlkeras.layers import _input_checks as check
from tlkeras.layers._saved_policy import saved_policy, settle
from tlkeras.models._arguments import refuse_unknown

INPUTS = ("token_ids", "segment_ids", "padding_mask")
EXTRAS = ("return_hidden_states", "return_attention_scores")
SIZES = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "max_sequence_length",
    "num_segments",
)


@keras.saving.register_keras_serializable(package="tlkeras")
class Bert(keras.Model):
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
        refuse_unknown(Bert, kwargs)
        arguments = {
            "vocabulary_size": vocabulary_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "hidden_dim": hidden_dim,
            "intermediate_dim": intermediate_dim,
            "dropout": check.rate("dropout", dropout),
            "max_sequence_length": max_sequence_length,
            "num_segments": num_segments,
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "use_pooler": bool(use_pooler),
        }
        for name in SIZES:
            check.positive_integer(name, arguments[name])
        check.multiple("hidden_dim", hidden_dim, "num_heads", num_heads)

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace()  # torch takes no layers before super().__init__
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
        parts.transformer_layers = [
            TransformerEncoder(
                intermediate_dim,
                num_heads,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                kernel_initializer=normal.clone(),
                dtype=dtype,
                name=f"transformer_layer_{i}",
            )
            for i in range(num_layers)
        ]
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
        super().__init__(
            inputs=inputs, outputs=_forward(parts, **inputs), dtype=dtype, **kwargs
        )
        self.dtype_policy = dtype  # a functional model does not take it
        for name, part in vars(parts).items():
            setattr(self, name, part)
        self._arguments = arguments
        settle(self)

    def call(
        self,
        inputs,
        training=None,
        mask=None,
        return_hidden_states=False,
        return_attention_scores=False,
    ):
        self._check_inputs(inputs)
        if not (return_hidden_states or return_attention_scores):
            return super().call(inputs, training=training, mask=mask)
        states: list | None = [] if return_hidden_states else None
        scores: list | None = [] if return_attention_scores else None
        ids = {name: ops.cast(inputs[name], "int32") for name in INPUTS}
        outputs = _forward(self, **ids, training=training, into=states, scores=scores)
        if return_hidden_states:
            outputs["hidden_states"] = states
        if return_attention_scores:
            outputs["attention_scores"] = scores
        return outputs

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        if any(arguments.get(name) for name in EXTRAS):  # not what was traced once
            return keras.Operation.compute_output_spec(self, inputs, **arguments)
        return super().compute_output_spec(inputs)

    def _check_inputs(self, inputs):
        if not isinstance(inputs, dict) or set(inputs) != set(INPUTS):
            given = (
                sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
            )
            raise ValueError(
                f"inputs must be a dictionary of {', '.join(INPUTS)}; given {given}."
            )
        length = inputs["token_ids"].shape[-1]
        if length is not None and length > self.position_embedding.sequence_length:
            raise ValueError(
                "token_ids must be at most max_sequence_length="
                f"{self.position_embedding.sequence_length} long; given {length}."
            )

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        arguments = dict(self._arguments)
        if not isinstance(arguments["activation"], str):
            arguments["activation"] = keras.activations.serialize(
                arguments["activation"]
            )
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": saved_policy(self),
            **arguments,
        }


def _forward(
    parts,
    token_ids,
    segment_ids,
    padding_mask,
    training=None,
    into=None,
    scores=None,
):
    """The outputs of the layers in `parts`; lists `into` and `scores` take more."""
    tokens = parts.token_embedding(token_ids)  # (B, T, D)
    positions = parts.position_embedding(tokens)  # (B, T, D)
    segments = parts.segment_embedding(segment_ids)  # (B, T, D)
    x = parts.embeddings_add((tokens, positions, segments))
    x = parts.embeddings_layer_norm(x)
    x = parts.embeddings_dropout(x, training=training)
    states = [x]
    for layer in parts.transformer_layers:
        wanted = {"padding_mask": padding_mask, "training": training}
        if scores is None:
            x = layer(x, **wanted)  # (B, T, D)
        else:
            x, one = layer(x, return_attention_scores=True, **wanted)
            scores.append(one)  # (B, N, T, T)
        states.append(x)
    if into is not None:
        into.extend(states)
    outputs = {"sequence_output": x}
    if parts.pooled_dense is not None:
        outputs["pooled_output"] = parts.pooled_dense(x[:, 0])  # (B, D)
    return outputs
