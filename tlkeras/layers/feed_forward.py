"""What a Transformer does at each position by itself."""

import keras

from tlkeras.layers import _input_checks as check


@keras.saving.register_keras_serializable(package="tlkeras")
def gelu_tanh(x):
    """`0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`, GELU as GPT-2 computes it."""
    return keras.activations.gelu(x, approximate=True)


def get_activation(activation):
    """A function from a name: `"gelu_tanh"`, or any that Keras knows."""
    return keras.activations.get(gelu_tanh if activation == "gelu_tanh" else activation)


@keras.saving.register_keras_serializable(package="tlkeras")
class FeedForward(keras.layers.Layer):
    r"""Widen every position's vector, bend it, and bring it back to its size.

    `FFN(x) = φ(x W₁ + b₁) W₂ + b₂`, or with a gate, `activation="swiglu"`:
    `FFN(x) = (swish(x Wᵍ + bᵍ) ⊙ (x W₁ + b₁)) W₂ + b₂`.

    Axes: B batch, D model size, F `intermediate_dim`. Masking: passed on.

    Args:
        intermediate_dim: F. A gate adds a third matrix; 2/3 of the usual F keeps the
            number of weights.
        activation: φ: `"relu"`, `"gelu"` (exact), `"gelu_tanh"` (its approximation),
            another name that Keras knows, a function, or `"swiglu"`. Defaults to
            `"relu"`.
        dropout: share of the hidden layer set to 0 in training. Defaults to 0.
        use_bias: add the biases. Defaults to `True`.
        kernel_initializer: of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: of the biases. Defaults to `"zeros"`.

    Call arguments:
        inputs: floats `(B, …, D)`.
        training: whether dropout is on.

    Returns:
        Floats `(B, …, D)`.

    Raises:
        ValueError: an argument is out of range, or the inputs have one axis only.

    Example:

    >>> import numpy as np
    >>> layer = FeedForward(intermediate_dim=32, activation="swiglu")
    >>> tuple(layer(np.random.rand(2, 5, 8)).shape)
    (2, 5, 8)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.3.
        Hendrycks & Gimpel (2016), arXiv:1606.08415, section 2 (GELU).
        Shazeer (2020), arXiv:2002.05202, section 2 (SwiGLU).
    """

    def __init__(
        self,
        intermediate_dim,
        activation="relu",
        dropout=0.0,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_dim = check.positive_integer(
            "intermediate_dim", intermediate_dim
        )
        gated = activation == "swiglu"
        self.activation = activation if gated else get_activation(activation)
        self.dropout = check.rate("dropout", dropout)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                "inputs must have the axes (batch, …, features), the last one known; "
                f"given shape {tuple(input_shape)}."
            )
        hidden_dim, wide = input_shape[-1], self.intermediate_dim
        gated = self.activation == "swiglu"
        self.gate_dense = (
            self._dense("gate", hidden_dim, wide, "silu") if gated else None
        )
        self.intermediate_dense = self._dense(
            "intermediate", hidden_dim, wide, None if gated else self.activation
        )
        self.output_dense = self._dense("output", wide, hidden_dim)
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)

    def _dense(self, name, input_dim, units, activation=None):
        layer = keras.layers.Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            bias_initializer=self.bias_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        layer.build((None, input_dim))
        return layer

    def call(self, inputs, training=None):
        hidden = self.intermediate_dense(inputs)  # (B, …, F)
        if self.gate_dense is not None:
            hidden = self.gate_dense(inputs) * hidden  # (B, …, F)
        hidden = self.dropout_layer(hidden, training=training)
        return self.output_dense(hidden)  # (B, …, D)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        activation = self.activation
        if activation != "swiglu":
            activation = keras.activations.serialize(activation)
        return {
            **super().get_config(),
            "intermediate_dim": self.intermediate_dim,
            "activation": activation,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
