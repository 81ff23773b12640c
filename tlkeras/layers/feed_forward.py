"""What a Transformer does at each position by itself."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._saved_policy import saved_policy, set_part_policies


@keras.saving.register_keras_serializable(package="tlkeras")
def gelu_tanh(x: Tensor) -> Tensor:
    """GELU by its approximation, as GPT-2 computes it.

    `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`. The exact one is `"gelu"`.

    Args:
        x: floats of any shape.

    Returns:
        Floats of the same shape.

    Example:

    >>> import numpy as np
    >>> np.array(gelu_tanh(np.array([-1.0, 0.0, 1.0]))).round(3).tolist()
    [-0.159, 0.0, 0.841]

    Reference:
        Hendrycks & Gimpel (2016), arXiv:1606.08415, section 2.
    """
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="tlkeras")
def quick_gelu(x):
    """`x σ(1.702 x)`: the rougher approximation of GELU that CLIP was trained with.

    Reference: Hendrycks & Gimpel (2016), arXiv:1606.08415, section 2.
    """
    return x * ops.sigmoid(1.702 * x)


@keras.saving.register_keras_serializable(package="tlkeras")
def exact_gelu(x):
    """`0.5 x (1 + erf(x √½))`: Keras's GELU, by a product where that divides by √2.

    XLA on a CPU carries the division out, which is 4 % of the time of a small ViT.
    """
    if keras.backend.backend() != "tensorflow":
        return keras.activations.gelu(x)
    return 0.5 * x * (1 + ops.erf(x * 0.5**0.5))


def faster_equivalent(activation):
    """The same function, written so that it is computed faster, where there is one."""
    return exact_gelu if activation is keras.activations.gelu else activation


# What bends the gate, where a name means a product of two: Shazeer (2020), section 2.
GATES = {"swiglu": "silu", "geglu": gelu_tanh}


NAMED = {"gelu_tanh": gelu_tanh, "quick_gelu": quick_gelu}


def gate_of(activation):
    """What bends the gate of an activation that has one, or `None`."""
    return GATES.get(activation) if isinstance(activation, str) else None


def get_activation(activation, gated=False):
    """A function from a name: `"gelu_tanh"`, `"quick_gelu"`, or any that Keras knows.

    `"swiglu"` and `"geglu"`, which are no functions of one input, stay names; `gated`
    says whether who asks has a gate.
    """
    has_gate = gate_of(activation) is not None
    if has_gate and gated:
        return activation
    try:
        own = NAMED.get(activation) if isinstance(activation, str) else None
        return keras.activations.get(own or activation)
    except ValueError as error:
        advice = " It needs a gate, as FeedForward has." if has_gate else ""
        raise ValueError(
            "activation must be 'gelu_tanh', a name that Keras knows or a function; "
            f"given {activation!r}.{advice}"
        ) from error


def serialize_activation(activation):
    """The name that makes it again, or what Keras writes of a function."""
    if gate_of(activation) is not None:
        return activation
    return keras.activations.serialize(activation)


@keras.saving.register_keras_serializable(package="tlkeras")
class FeedForward(keras.layers.Layer):
    r"""Widen every position's vector, bend it, and bring it back to its size.

    `FFN(x) = φ(x W₁ + b₁) W₂ + b₂`, or with a gate, `activation="swiglu"`:
    `FFN(x) = (swish(x Wᵍ + bᵍ) ⊙ (x W₁ + b₁)) W₂ + b₂`; `"geglu"` has `gelu_tanh` in
    place of swish, as T5 computes it.

    Axes: B batch, D model size, F `intermediate_dim`. Masking: passed on.

    Args:
        intermediate_dim: F. A gate adds a third matrix; 2/3 of the usual F keeps the
            number of weights.
        activation: φ: `"relu"`, `"gelu"` (exact), `"gelu_tanh"` (its approximation),
            another name that Keras knows, a function, `"swiglu"` or `"geglu"`.
            Defaults to `"relu"`.
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
        ValueError: an argument is out of range, or the inputs have one axis only, are
            empty, or are not finite floats.

    Example:

    >>> import numpy as np
    >>> layer = FeedForward(intermediate_dim=32, activation="swiglu")
    >>> tuple(layer(np.random.rand(2, 5, 8)).shape)
    (2, 5, 8)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.3.
        Hendrycks & Gimpel (2016), arXiv:1606.08415, section 2 (GELU).
        Shazeer (2020), arXiv:2002.05202, section 2 (SwiGLU, GEGLU).
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
        self.activation = get_activation(activation, gated=True)
        self.dropout = check.rate("dropout", dropout)
        self.use_bias = check.flag("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                "inputs must have the axes (batch, …, features), the last one known; "
                f"given shape {tuple(input_shape)}."
            )
        check.not_empty("inputs", input_shape)
        self._hidden_dim = input_shape[-1]
        hidden_dim, wide = input_shape[-1], self.intermediate_dim
        gate = gate_of(self.activation)
        self.gate_dense = gate and self._dense("gate", hidden_dim, wide, gate)
        self.intermediate_dense = self._dense(
            "intermediate",
            hidden_dim,
            wide,
            None if gate else faster_equivalent(self.activation),
        )
        self.output_dense = self._dense("output", wide, hidden_dim)
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy)
        set_part_policies(self)

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
        check.not_empty("inputs", inputs.shape)
        check.features("inputs", inputs.shape, self._hidden_dim)
        check.values("inputs", inputs, "Embed token ids first.")
        hidden = self.intermediate_dense(inputs)  # (B, …, F)
        if self.gate_dense is not None:
            hidden = self.gate_dense(inputs) * hidden  # (B, …, F)
        hidden = self.dropout_layer(hidden, training=training)
        return self.output_dense(hidden)  # (B, …, D)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dtype": saved_policy(self),
            "intermediate_dim": self.intermediate_dim,
            "activation": serialize_activation(self.activation),
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
