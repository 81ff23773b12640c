"""Several attentions side by side, each in its own subspace."""

import keras
from keras import ops

from tlkeras.layers._attention import IMPLEMENTATIONS, attend
from tlkeras.layers._checks import (
    check_choice,
    check_divides,
    check_mask,
    check_positive,
    check_rate,
    check_sequence,
)


class MultiHeadAttention(keras.layers.Layer):
    """TODO"""

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
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim or key_dim
        self.dropout = dropout
        self.use_bias = use_bias
        self._output_shape = output_shape
        self.num_key_value_heads = num_key_value_heads or num_heads
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        groups = self.num_key_value_heads
        heads = (self.num_heads, self.key_dim)
        self._query_dense = self._projection("query", query_shape, heads)
        self._key_dense = self._projection("key", key_shape, (groups, self.key_dim))
        self._value_dense = self._projection(
            "value", value_shape, (groups, self.value_dim)
        )
        joined_shape = (*query_shape[:-1], self.num_heads, self.value_dim)
        self._output_dense = self._projection(
            "attention_output", joined_shape, query_shape[-1:]
        )
        self._dropout_layer = keras.layers.Dropout(self.dropout)

    def _projection(self, name, input_shape, sizes):
        inputs = "btdh"[: len(input_shape)]
        outputs = "xyz"[: len(sizes)]
        equation = f"{inputs},{inputs[2:]}{outputs}->bt{outputs}"
        layer = keras.layers.EinsumDense(
            equation,
            output_shape=(None, *sizes),
            bias_axes=outputs if self.use_bias else None,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build(input_shape)
        return layer

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=None,
        use_causal_mask=False,
        cache=None,
        cache_update_index=None,
    ):
        key = value if key is None else key
        query = self._query_dense(query)  # (B, T, N, H)
        if cache is None or cache_update_index is not None:
            key = self._key_dense(key)  # (B, S, K, H)
            value = self._value_dense(value)  # (B, S, K, V)
        if cache is not None:
            if cache_update_index is not None:
                update = ops.stack([key, value], axis=1)  # (B, 2, S, K, H)
                cache = ops.slice_update(cache, (0, 0, cache_update_index, 0, 0), update)
            key, value = cache[:, 0], cache[:, 1]  # (B, S, K, H)
        if attention_mask is not None and len(attention_mask.shape) == 3:
            attention_mask = attention_mask[:, None]
        output, scores = attend(
            query,
            key,
            value,
            masks=[attention_mask],
            query_start=0 if cache_update_index is None else cache_update_index,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
        )
        output = self._output_dense(output)  # (B, T, D)
        results = [output]
        if return_attention_scores:
            results.append(scores)
        if cache is not None:
            results.append(cache)
        return results[0] if len(results) == 1 else tuple(results)
