"""The text tower of CLIP: a stack whose last token has read the whole text."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import PositionEmbedding
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders


@keras.saving.register_keras_serializable(package="tlkeras")
class CLIPTextEncoder(EncoderModel):
    """Turn a text into one vector a token, and one for the whole of it.

        x₀ = token + position
        xᵢ = Encoderᵢ(xᵢ₋₁)             (each normalises first)
        sequence = Norm(xₗ),  pooled = sequence[first end]

    No token sees later ones, so only the last one has read all of a text: `pooled` is
    the state of the first token `end_id`. SigLIP's tower has `use_causal_mask=False`
    and no `end_id`: `pooled` is the state at the last position, padding or not, and
    texts are filled up to `max_sequence_length` as they were in its training.

    Masking: what stands behind the first `end_id` is not looked at. Without an `end_id`
    all that is given is text. Axes: B batch, T length, D `hidden_dim`, N heads.

    Args:
        vocabulary_size: number of different tokens.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        end_id: the token that ends a text. Defaults to `None`: the last position does.
        use_causal_mask: whether no token sees later ones. Defaults to `True`.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.
        max_sequence_length: the longest text, in tokens. Defaults to 77.
        activation: of the feed-forward networks; `"quick_gelu"`, `x σ(1.702 x)`, is
            that of OpenAI's CLIP. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: integers `(B, T)`, the tokens, or a dictionary that holds them as
            `token_ids`; a `padding_mask` in it is not needed, and not looked at.
        training: whether dropout is on.
        mask: not used; Keras hands it over.
        return_hidden_states: also return what enters and leaves every encoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `sequence_output` `(B, T, D)`, `pooled_output` `(B, D)`; if asked
        for, `hidden_states`, one more than encoders, each `(B, T, D)` and before the
        last normalisation, and `attention_scores`, one an encoder, each `(B, N, T, T)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: what follows the end, here 2, changes nothing.

    >>> import numpy as np
    >>> model = CLIPTextEncoder(
    ...     30, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16, end_id=2
    ... )
    >>> pooled = model(np.array([[5, 7, 2, 0], [5, 7, 2, 9]]))["pooled_output"]
    >>> tuple(pooled.shape), bool(np.allclose(pooled[0], pooled[1], atol=1e-6))
    ((2, 8), True)

    Reference:
        Radford et al. (2021), arXiv:2103.00020, section 2.4; Zhai et al. (2023),
        arXiv:2303.15343, section 3 (SigLIP).
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        end_id=None,
        use_causal_mask=True,
        dropout=0.0,
        max_sequence_length=77,
        activation="gelu",
        layer_norm_epsilon=1e-5,
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
            ),
            "end_id": _check_end(end_id, vocabulary_size),
            "use_causal_mask": check.flag("use_causal_mask", use_causal_mask),
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace(end_id=end_id, use_causal_mask=use_causal_mask)
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
        parts.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
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
            dtype=dtype,
        )
        parts.layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="layer_norm"
        )

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {"token_ids": keras.Input((None,), dtype="int32", name="token_ids")}
        super().__init__(parts, inputs, arguments, dtype=dtype, **kwargs)

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        tokens = parts.token_embedding(inputs["token_ids"])  # (B, T, D)
        x = parts.embeddings_add((tokens, parts.position_embedding(tokens)))
        x = parts.embeddings_dropout(x, training=training)
        return x, up_to_end(inputs["token_ids"], parts.end_id)

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        x = parts.layer_norm(x)
        pooled = x[:, -1] if padding_mask is None else last_of(x, padding_mask)
        return {"sequence_output": x, "pooled_output": pooled}  # (B, T, D), (B, D)

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return super().compute_output_spec(self.prepare(inputs), **arguments)

    def prepare(self, inputs: Any) -> Any:
        given = inputs if isinstance(inputs, dict) else {"token_ids": inputs}
        if not {"token_ids"} <= set(given) <= {"token_ids", "padding_mask"}:
            raise ValueError(
                "inputs must be token ids, or a dictionary of token_ids and, if "
                f"wanted, padding_mask; given {', '.join(sorted(given))}."
            )
        token_ids = given["token_ids"]
        check.axes("token_ids", token_ids.shape, "B T")
        longest = self._arguments["max_sequence_length"]
        length = token_ids.shape[1]
        if isinstance(length, int) and length > longest:
            raise ValueError(
                f"token_ids must be at most max_sequence_length={longest} long; given "
                f"{length}."
            )
        size = self._arguments["vocabulary_size"]
        check.indices("token_ids", token_ids, size, f"vocabulary_size = {size}")
        return {"token_ids": ops.cast(token_ids, "int32")}


def up_to_end(token_ids, end_id):
    """Whether a token stands at or before the first end, `(B, T)`; `None`: all do."""
    if end_id is None:
        return None
    is_end = ops.cast(ops.equal(token_ids, end_id), "int32")  # (B, T)
    return ops.equal(ops.cumsum(is_end, axis=1) - is_end, 0)


def last_of(x, keep):
    """The state `(B, D)` at the last position that is kept."""
    keep = ops.cast(keep, "int32")  # (B, T): ones, then zeros
    count = ops.sum(keep, axis=1, keepdims=True)
    last = ops.cast(ops.equal(ops.cumsum(keep, axis=1) * keep, count), x.dtype)
    return ops.einsum("bt,btd->bd", last, x)


def _check_end(end_id, vocabulary_size):
    if end_id is None:
        return None
    check.natural_number("end_id", end_id)
    if end_id >= vocabulary_size:
        raise ValueError(
            f"end_id must be below vocabulary_size = {vocabulary_size}; given {end_id}."
        )
    return end_id
