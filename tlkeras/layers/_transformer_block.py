"""What `TransformerEncoder` and `TransformerDecoder` are both made of."""

from typing import Any, Self

import keras

from tlkeras import checks as check
from tlkeras.layers._output_spec import traced_output_spec
from tlkeras.layers._saved_policy import saved_policy
from tlkeras.layers.feed_forward import (
    faster_equivalent,
    gate_of,
    get_activation,
    serialize_activation,
)
from tlkeras.layers.multi_head_attention import MultiHeadAttention, own_config

NORMALIZATIONS = {
    "layer": keras.layers.LayerNormalization,
    "rms": keras.layers.RMSNormalization,
}


class TransformerBlock(keras.layers.Layer):
    """The arguments, parts and config of one block. Private: use its subclasses."""

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        dropout=0,
        activation="relu",
        layer_norm_epsilon=1e-05,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        normalize_first=False,
        num_key_value_heads=None,
        rotary=None,
        implementation="auto",
        normalization="layer",
        use_bias=True,
        key_dim=None,
        sliding_window=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_dim = check.positive_integer(
            "intermediate_dim", intermediate_dim
        )
        self.num_heads = check.positive_integer("num_heads", num_heads)
        self.dropout = check.rate("dropout", dropout)
        self.activation = get_activation(activation, gated=True)
        self.layer_norm_epsilon = check.positive_number(
            "layer_norm_epsilon", layer_norm_epsilon
        )
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.normalize_first = check.flag("normalize_first", normalize_first)
        self.num_key_value_heads = num_key_value_heads
        self.rotary = rotary
        self.implementation = implementation
        self.normalization = check.choice(
            "normalization", normalization, tuple(NORMALIZATIONS)
        )
        self.use_bias = check.flag("use_bias", use_bias)
        if key_dim is not None:
            check.positive_integer("key_dim", key_dim)
        self.key_dim = key_dim
        self.sliding_window = sliding_window
        own = {"rotary": rotary, "sliding_window": sliding_window}
        self._make_attention(key_dim=2, **own)  # raises now, not later
        self.supports_masking = True

    def _attention(self, name, query_shape, value_shape, **arguments):
        hidden_dim = query_shape[-1]
        key_dim = self.key_dim
        if key_dim is None:
            check.multiple("hidden_dim", hidden_dim, "num_heads", self.num_heads)
            key_dim = hidden_dim // self.num_heads
        layer = self._make_attention(key_dim=key_dim, name=name, **arguments)
        layer.build(query_shape, value_shape)
        return layer

    def _make_attention(self, key_dim, **arguments):
        return MultiHeadAttention(
            num_heads=self.num_heads,
            key_dim=key_dim,
            dropout=self.dropout,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            num_key_value_heads=self.num_key_value_heads,
            implementation=self.implementation,
            dtype=self.dtype_policy,
            **arguments,
        )

    def _make_feed_forward(self, hidden_dim):
        gate = gate_of(self.activation)
        wide = self.intermediate_dim
        self._feedforward_gate_dense = None
        if gate:
            self._feedforward_gate_dense = self._dense(
                "feedforward_gate_dense", hidden_dim, wide, gate
            )
        self._feedforward_intermediate_dense = self._dense(
            "feedforward_intermediate_dense",
            hidden_dim,
            wide,
            None if gate else self.activation,
        )
        self._feedforward_output_dense = self._dense(
            "feedforward_output_dense", wide, hidden_dim
        )

    def _dense(self, name, input_dim, units, activation=None):
        layer = keras.layers.Dense(
            units,
            activation=faster_equivalent(activation),
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, None, input_dim))
        return layer

    def _layer_norm(self, name, shape):
        layer = NORMALIZATIONS[self.normalization](
            epsilon=self.layer_norm_epsilon, dtype=self.dtype_policy, name=name
        )
        layer.build(shape)
        return layer

    def _dropout(self, name):
        return keras.layers.Dropout(self.dropout, dtype=self.dtype_policy, name=name)

    def _enter(self, part, x):
        """What a part reads: `x`, normalised if that comes first."""
        return getattr(self, f"_{part}_layer_norm")(x) if self.normalize_first else x

    def _leave(self, part, x, y, training):
        """`x + y`, with what the part made of `x`; normalised if that comes last."""
        x = x + getattr(self, f"_{part}_dropout")(y, training=training)
        return x if self.normalize_first else getattr(self, f"_{part}_layer_norm")(x)

    def _attend(self, layer, return_attention_scores=False, cache=None, **arguments):
        """Call an attention layer: output, scores and cache, `None` where absent."""
        results = layer(
            return_attention_scores=return_attention_scores, cache=cache, **arguments
        )
        output, *others = results if isinstance(results, tuple) else (results,)
        scores = others[0] if return_attention_scores else None
        return output, scores, None if cache is None else others[-1]

    def _feed_forward(self, inputs):
        hidden = self._feedforward_intermediate_dense(inputs)  # (B, T, F)
        if self._feedforward_gate_dense is not None:
            hidden = self._feedforward_gate_dense(inputs) * hidden  # (B, T, F)
        return self._feedforward_output_dense(hidden)  # (B, T, D)

    def compute_output_spec(self, *inputs: Any, **arguments: Any) -> Any:
        return traced_output_spec(self, *inputs, **arguments)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dtype": saved_policy(self),
            "intermediate_dim": self.intermediate_dim,
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "activation": serialize_activation(self.activation),
            "layer_norm_epsilon": self.layer_norm_epsilon,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "normalize_first": self.normalize_first,
            **own_config(self),
            **self._config_of_llama(),
        }

    def _config_of_llama(self):
        """What KerasHub's blocks lack, where it is set: see `own_config`."""
        config = {}
        if self.normalization != "layer":
            config["normalization"] = self.normalization
        if not self.use_bias:
            config["use_bias"] = False
        if self.key_dim is not None:
            config["key_dim"] = self.key_dim
        if self.sliding_window is not None:
            config["sliding_window"] = self.sliding_window
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        rotary = keras.saving.deserialize_keras_object(config.get("rotary"))
        return cls(**{**config, "rotary": rotary})
