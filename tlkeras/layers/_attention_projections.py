"""The arguments, the projections and the config of `MultiHeadAttention`."""

from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.layers._attention import IMPLEMENTATIONS
from tlkeras.layers._attention_checks import check_shapes
from tlkeras.layers._saved_policy import saved_policy, settle


class Projection(keras.layers.EinsumDense):
    """`EinsumDense`, as fast for a single row as for two.

    XLA on a CPU joins the product of one vector with the reshaping of the kernel, and
    then reads the kernel column by column: four times slower than the product of two
    rows. Decoding a single sequence is made of such products.
    """

    def call(self, inputs, *args, **kwargs):
        if inputs.shape[:2] != (1, 1):
            return super().call(inputs, *args, **kwargs)
        twice = ops.concatenate([inputs, inputs], axis=1)  # (1, 2, …)
        return super().call(twice, *args, **kwargs)[:, :1]

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras asks whether a subclass computes as `EinsumDense` does; this one does.
        return super().quantize(mode, type_check=False, config=config)


def own_config(layer):
    """Arguments that the namesakes in Keras and KerasHub lack, unless left alone.

    So a config that uses none of them makes one of theirs as well.
    """
    heads = layer.num_key_value_heads
    flash = getattr(layer, "flash_attention", None)  # which stands for it
    config = {
        "num_key_value_heads": None if heads == layer.num_heads else heads,
        "rotary": layer.rotary and keras.saving.serialize_keras_object(layer.rotary),
        "implementation": None if flash else layer.implementation,
    }
    return {k: v for k, v in config.items() if v not in (None, "auto")}


class AttentionProjections(keras.layers.Layer):
    """What `MultiHeadAttention` keeps. Private: use its subclass."""

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        sliding_window=None,
        flash_attention=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        use_gate=False,
        seed=None,
        num_key_value_heads=None,
        rotary=None,
        implementation="auto",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = check.positive_integer("num_heads", num_heads)
        self.key_dim = check.positive_integer("key_dim", key_dim)
        value_dim = key_dim if value_dim is None else value_dim
        self.value_dim = check.positive_integer("value_dim", value_dim)
        self.dropout = check.rate("dropout", dropout)
        self.use_bias = check.flag("use_bias", use_bias)
        self._output_shape = output_shape and check.sizes("output_shape", output_shape)
        if attention_axes is not None:
            single = not isinstance(attention_axes, list | tuple)
            axes = (attention_axes,) if single else attention_axes
            attention_axes = tuple(check.integer("attention_axes", a) for a in axes)
        self.attention_axes = attention_axes
        if sliding_window is not None:
            check.positive_integer("sliding_window", sliding_window)
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.use_gate = check.flag("use_gate", use_gate)
        self.seed = None if seed is None else check.integer("seed", seed)
        heads = num_heads if num_key_value_heads is None else num_key_value_heads
        check.positive_integer("num_key_value_heads", heads)
        check.multiple("num_heads", num_heads, "num_key_value_heads", heads)
        self.num_key_value_heads = heads
        self.rotary = rotary
        check.choice("implementation", implementation, IMPLEMENTATIONS)
        self.implementation = implementation
        self._projection_arguments = {
            "kernel_initializer": keras.initializers.get(kernel_initializer),
            "bias_initializer": keras.initializers.get(bias_initializer),
            "kernel_regularizer": keras.regularizers.get(kernel_regularizer),
            "bias_regularizer": keras.regularizers.get(bias_regularizer),
            "activity_regularizer": keras.regularizers.get(activity_regularizer),
            "kernel_constraint": keras.constraints.get(kernel_constraint),
            "bias_constraint": keras.constraints.get(bias_constraint),
        }
        self.supports_masking = True
        self._check_combination()

    def _check_combination(self):
        if self.flash_attention and self.implementation in ("equation", "chunked"):
            raise ValueError(
                "flash_attention=True contradicts implementation="
                f"{self.implementation!r}; give one of them."
            )
        if self.flash_attention:
            self.implementation = "flash"
        if self.dropout and self.implementation in ("chunked", "flash"):
            raise ValueError(
                f"dropout must be 0 when implementation={self.implementation!r}, which "
                f"never holds the scores; given {self.dropout}. Take 'auto'."
            )
        if self.rotary is None:
            return
        if not hasattr(self.rotary, "sequence_axis"):
            raise ValueError(
                f"rotary must be a RotaryEmbedding or None; given {self.rotary!r}."
            )
        if self.rotary.sequence_axis != 1:
            raise ValueError(
                "rotary must have sequence_axis=1, for queries (B, T, N, H); given "
                f"sequence_axis={self.rotary.sequence_axis}."
            )

    # Names as in Keras, so that weight files and `layer.query_dense` stay valid.
    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)

    def build(
        self,
        query_shape: Shape,
        value_shape: Any = None,
        key_shape: Shape | None = None,
    ) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(query_shape, value_shape, key_shape)
        self._features = (query_shape[-1], value_shape[-1], key_shape[-1])
        query_heads = (self.num_heads, self.key_dim)
        key_heads = (self.num_key_value_heads, self.key_dim)
        value_heads = (self.num_key_value_heads, self.value_dim)
        joined = (self.num_heads, self.value_dim)
        project = self._projection
        self._query_dense = project("query", query_shape[-1:], query_heads)
        self._key_dense = project("key", key_shape[-1:], key_heads)
        if self.use_gate:
            self._gate_dense = project("gate", query_shape[-1:], joined, "sigmoid")
        self._value_dense = project("value", value_shape[-1:], value_heads)
        output_shape = self._output_shape or query_shape[-1:]
        self._output_dense = project("attention_output", joined, output_shape)
        self._dropout_layer = keras.layers.Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy
        )
        settle(self)

    def _projection(self, name, input_sizes, output_sizes, activation=None):
        inputs, outputs = "ij"[: len(input_sizes)], "nhuvwxyz"[: len(output_sizes)]
        clones = {
            key: value.clone()
            for key, value in self._projection_arguments.items()
            if isinstance(value, keras.initializers.Initializer)
        }
        layer = Projection(
            f"bt{inputs},{inputs}{outputs}->bt{outputs}",
            output_shape=(None, *output_sizes),
            bias_axes=outputs if self.use_bias else None,
            activation=activation,
            dtype=self.dtype_policy,
            name=name,
            **{**self._projection_arguments, **clones},
        )
        layer.supports_masking = True  # it leaves the length alone
        layer.build((None, None, *input_sizes))
        return layer

    def get_config(self) -> dict[str, Any]:
        serializers = {
            "initializer": keras.initializers.serialize,
            "regularizer": keras.regularizers.serialize,
            "constraint": keras.constraints.serialize,
        }
        return {
            **super().get_config(),
            "dtype": saved_policy(self),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "output_shape": self._output_shape,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            **{
                name: serializers[name.split("_")[-1]](value)
                for name, value in self._projection_arguments.items()
            },
            "use_gate": self.use_gate,
            "seed": self.seed,
            **own_config(self),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        rotary = keras.saving.deserialize_keras_object(config.get("rotary"))
        return cls(**{**config, "rotary": rotary})
