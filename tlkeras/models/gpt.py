"""GPT: a stack of decoders that writes a text, each token from those before it."""

import types

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import PositionEmbedding, RotaryEmbedding, TransformerDecoder
from tlkeras.layers._transformer_block import NORMALIZATIONS
from tlkeras.models._decoder_model import DecoderModel
from tlkeras.models._encoder_model import check_sizes

POSITIONS = ("learned", "rotary")


@keras.saving.register_keras_serializable(package="tlkeras")
class GPT(DecoderModel):
    """Turn a text into the logits of what follows each of its tokens.

        x₀ = token + position
        xᵢ = Decoderᵢ(xᵢ₋₁),  which is  y = x + Attention(Norm(x)),  y + FFN(Norm(y))
        logits = Norm(xₗ) Eᵀ

    Unless told otherwise it is a GPT-2: `keras_hub.models.GPT2Backbone` with its tied
    head, under the same arguments and inputs. A Llama is one of

        GPT(…, positions="rotary", normalization="rms", activation="swiglu",
            use_bias=False, num_key_value_heads=…, tie_weights=…)

    Masking: True (or 1) in `padding_mask` means keep, and padding stands to the right
    of a text. No position sees later ones. Axes: B batch, T length, D `hidden_dim`,
    N heads, V vocabulary.

    Args:
        vocabulary_size: V.
        num_layers: decoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        dropout: share set to 0 in training, of embeddings and in each decoder. Defaults
            to 0.1.
        max_sequence_length: the longest text, in tokens. Defaults to 1024.
        num_key_value_heads: a divisor of N; as many heads of keys and values are shared
            by all. Defaults to `None`: N.
        positions: `"learned"`, a vector each, or `"rotary"`, which turns queries and
            keys. Defaults to `"learned"`.
        max_wavelength: of rotary positions, in positions per radian. Defaults to 10000.
        normalization: `"layer"`, or `"rms"`, of the root mean square alone. Defaults to
            `"layer"`.
        activation: of the feed-forward networks; `"swiglu"` has a gate. Defaults to
            `"gelu_tanh"`.
        use_bias: add biases in the decoders. Defaults to `True`.
        tie_weights: the output projection is the transposed embedding of tokens.
            Defaults to `True`.
        layer_norm_epsilon: added to the variance, or to the mean square. Defaults to
            1e-5.
        sliding_window: local attention: see only tokens fewer than this many away.
            Defaults to `None`: all.
        implementation: of the attention, as in `MultiHeadAttention`. `"linear"` needs
            `dropout=0`, and other weights than the softmax. Defaults to `"auto"`.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: integers `(B, T)`, the tokens; or a dictionary of them, `token_ids`,
            and, if wanted, of `padding_mask` `(B, T)`, integers or booleans.
        training: whether dropout is on.
        return_hidden_states: also return what enters and leaves every decoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        Logits `(B, T, V)`. If more is asked for, a dictionary of these `logits`, of
        `hidden_states`, one more than decoders, each `(B, T, D)` (the last one before
        the final norm), and of `attention_scores`, one a decoder, each `(B, N, T, T)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: continue a text, with a cache of keys and values.

    >>> import numpy as np
    >>> from tlkeras.generation import generate
    >>> model = GPT(30, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[5, 7, 9]])
    >>> tuple(model(tokens).shape)
    (1, 3, 30)
    >>> cache = model.initial_cache(tokens, max_length=6)
    >>> tuple(generate(model.step, tokens, 6, cache=cache).shape)
    (1, 6)

    Reference:
        Radford et al. (2019), "Language models are unsupervised multitask learners",
        section 2.3 (GPT-2).
        Touvron et al. (2023), arXiv:2302.13971, section 2.2 (Llama).
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.1,
        max_sequence_length=1024,
        num_key_value_heads=None,
        positions="learned",
        max_wavelength=10000,
        normalization="layer",
        activation="gelu_tanh",
        use_bias=True,
        tie_weights=True,
        layer_norm_epsilon=1e-5,
        sliding_window=None,
        implementation="auto",
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
            "dropout": check.rate("dropout", dropout),
            "num_key_value_heads": num_key_value_heads,
            "positions": check.choice("positions", positions, POSITIONS),
            "max_wavelength": check.positive_number("max_wavelength", max_wavelength),
            "normalization": check.choice(
                "normalization", normalization, tuple(NORMALIZATIONS)
            ),
            "activation": activation,
            "use_bias": check.flag("use_bias", use_bias),
            "tie_weights": check.flag("tie_weights", tie_weights),
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "sliding_window": sliding_window,
            "implementation": implementation,
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        normal = keras.initializers.RandomNormal(stddev=0.02)
        rotary = None
        parts = types.SimpleNamespace(position_embedding=None)
        parts.token_embedding = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            tie_weights=arguments["tie_weights"],
            reverse_dtype=keras.dtype_policies.get(dtype).compute_dtype,
            embeddings_initializer=normal.clone(),
            dtype=dtype,
            name="token_embedding",
        )
        if positions == "learned":
            parts.position_embedding = PositionEmbedding(
                max_sequence_length,
                initializer=normal.clone(),
                dtype=dtype,
                name="position_embedding",
            )
        else:
            rotary = RotaryEmbedding(max_wavelength, dtype=dtype, name="rotary")
        parts.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        parts.decoder_layers = [
            TransformerDecoder(
                intermediate_dim,
                num_heads,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                kernel_initializer=normal.clone(),
                normalize_first=True,
                num_key_value_heads=num_key_value_heads,
                rotary=rotary,
                normalization=normalization,
                use_bias=use_bias,
                sliding_window=sliding_window,
                implementation=implementation,
                dtype=dtype,
                name=f"transformer_layer_{i}",
            )
            for i in range(num_layers)
        ]
        parts.layer_norm = NORMALIZATIONS[normalization](
            epsilon=layer_norm_epsilon, dtype=dtype, name="layer_norm"
        )
        inputs = {"token_ids": keras.Input((None,), dtype="int32")}
        super().__init__(parts, arguments, inputs, dtype=dtype, **kwargs)

    # ── embed ─────────────────────────────────────────────────────────────────────────

    def embed(
        self, token_ids: Tensor, start_index: Tensor = 0, training: bool | None = None
    ) -> Tensor:
        x = self.token_embedding(token_ids)  # (B, T, D)
        x = ops.cast(x, self.compute_dtype)  # float32 where it is quantised
        if self.position_embedding is not None:
            x = x + self.position_embedding(x, start_index=start_index)
        return self.embeddings_dropout(x, training=training)

    # ── read out ──────────────────────────────────────────────────────────────────────

    def read_out(self, x: Tensor) -> Tensor:
        return self.token_embedding(self.layer_norm(x), reverse=True)  # (B, T, V)

    def call(
        self,
        inputs,
        training=None,
        return_hidden_states=False,
        return_attention_scores=False,
    ):
        token_ids, padding_mask = self._read(inputs)
        states: list[Tensor] = []
        scores: dict[str, list] = {"decoder": []}
        logits = self.decode(
            token_ids,
            training=training,
            scores=scores if return_attention_scores else None,
            states=states if return_hidden_states else None,
            decoder_padding_mask=padding_mask,
        )
        outputs = {"logits": logits}
        if return_hidden_states:
            outputs["hidden_states"] = states
        if return_attention_scores:
            outputs["attention_scores"] = scores["decoder"]
        return outputs if len(outputs) > 1 else logits

    def _read(self, inputs):
        """Tokens and padding mask, or `None`, found sound."""
        if not isinstance(inputs, dict):
            inputs = {"token_ids": inputs}
        if not {"token_ids"} <= set(inputs) <= {"token_ids", "padding_mask"}:
            raise ValueError(
                "inputs must be token ids, or a dictionary of token_ids and, if "
                f"wanted, padding_mask; given {sorted(inputs)}."
            )
        token_ids = inputs["token_ids"]
        check.axes("token_ids", token_ids.shape, "B T")
        self._check_length("the length of token_ids", token_ids.shape[1])
        limit = f"vocabulary_size = {self.vocabulary_size}"
        check.indices("token_ids", token_ids, self.vocabulary_size, limit)
        return token_ids, inputs.get("padding_mask")
