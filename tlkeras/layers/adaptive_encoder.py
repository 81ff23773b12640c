"""One layer of an encoder that something else steers: a time, a class, a text."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.layers._transformer_block import TransformerBlock
from tlkeras.masks import without_mask


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """What was normalised, stretched and moved as a condition says.

    `(1 + scale) ⊙ x + shift`: a condition of zeros changes nothing.

    Args:
        x: floats `(B, T, D)`.
        shift: floats `(B, 1, D)`.
        scale: floats `(B, 1, D)`.

    Returns:
        Floats `(B, T, D)`.

    Example:

    >>> import numpy as np
    >>> modulate(np.array([[[2.0, 4.0]]]), shift=1.0, scale=0.5).tolist()
    [[[4.0, 7.0]]]

    Reference:
        Perez et al. (2017), arXiv:1709.07871, section 2.
    """
    return (1 + scale) * x + shift


@keras.saving.register_keras_serializable(package="tlkeras")
class AdaptiveTransformerEncoder(TransformerBlock):
    """Self-attention and a feed-forward network, both steered by a condition c.

        shift, scale, gate, shift', scale', gate' = W SiLU(c) + b
        x ← x + gate ⊙ Attention((1 + scale) ⊙ Norm(x) + shift)
        x ← x + gate' ⊙ FFN((1 + scale') ⊙ Norm(x) + shift')

    The normalisation has no weights of its own (adaLN), and W and b begin as zeros
    (adaLN-zero): the gates are closed at first, and the layer gives back its input. So
    attention and feed-forward network get no gradient until the gates have moved.

    Axes: B batch, T length, D model size, E size of the condition, N heads. Masking:
    True means keep. A `padding_mask` hides keys and replaces the mask that Keras
    attached to the inputs; an `attention_mask` is merged with either.

    Args:
        intermediate_dim: size of the feed-forward network's hidden layer.
        num_heads: N, a divisor of D.
        dropout: share set to 0 in training, of attention scores and of what each of the
            two parts adds. Defaults to 0.
        activation: of the hidden layer, as in `TransformerEncoder`. Defaults to
            `"gelu_tanh"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-6.
        kernel_initializer: of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: of the biases. Defaults to `"zeros"`.
        modulation_initializer: of W. Defaults to `"zeros"`; b always begins as zeros.
        num_key_value_heads, rotary, implementation: of the attention, as in
            `MultiHeadAttention`.
        key_dim: size of a head. Defaults to `None`: D / N.

    Call arguments:
        inputs: floats `(B, T, D)`.
        condition: floats `(B, E)`.
        padding_mask: boolean `(B, T)`.
        attention_mask: boolean `(B, T, T)`, `(T, T)` or `(B, N, T, T)`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        `(B, T, D)`, or a pair of it and the attention scores `(B, N, T, T)`.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example: at first nothing happens, whatever the condition.

    >>> import numpy as np
    >>> layer = AdaptiveTransformerEncoder(intermediate_dim=32, num_heads=2)
    >>> x, condition = np.random.rand(3, 5, 8), np.random.rand(3, 4)
    >>> bool(np.allclose(layer(x, condition), x))
    True

    Reference:
        Peebles & Xie (2022), arXiv:2212.09748, section 3.2 (adaLN-zero).
    """

    def __init__(
        self,
        intermediate_dim,
        num_heads,
        dropout=0,
        activation="gelu_tanh",
        layer_norm_epsilon=1e-6,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        modulation_initializer="zeros",
        num_key_value_heads=None,
        rotary=None,
        implementation="auto",
        key_dim=None,
        **kwargs,
    ):
        super().__init__(
            intermediate_dim,
            num_heads,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            normalize_first=True,
            num_key_value_heads=num_key_value_heads,
            rotary=rotary,
            implementation=implementation,
            key_dim=key_dim,
            **kwargs,
        )
        self.modulation_initializer = keras.initializers.get(modulation_initializer)

    def build(self, inputs_shape: Shape, condition_shape: Shape) -> None:
        self._check_shapes(inputs_shape, condition_shape)
        self._hidden_dim, self._condition_dim = inputs_shape[-1], condition_shape[-1]
        self._make_modulation(inputs_shape[-1], condition_shape)
        self._self_attention_layer = self._attention(
            "self_attention_layer", inputs_shape, inputs_shape, rotary=self.rotary
        )
        self._self_attention_layer_norm = self._layer_norm(
            "self_attention_layer_norm", inputs_shape
        )
        self._self_attention_dropout = self._dropout("self_attention_dropout")
        self._feedforward_layer_norm = self._layer_norm(
            "feedforward_layer_norm", inputs_shape
        )
        self._make_feed_forward(inputs_shape[-1])
        self._feedforward_dropout = self._dropout("feedforward_dropout")
        set_part_policies(self)

    def _make_modulation(self, hidden_dim, condition_shape):
        self._modulation = keras.layers.Dense(
            6 * hidden_dim,
            kernel_initializer=self.modulation_initializer.clone(),
            dtype=self.dtype_policy,
            name="modulation",
        )
        self._modulation.build(condition_shape)

    def _layer_norm(self, name, shape):
        return plain_layer_norm(self.layer_norm_epsilon, self.dtype_policy, name)

    def _check_shapes(self, inputs_shape, condition_shape, *built):
        check.axes("inputs", inputs_shape, "B T D")
        check.not_empty("inputs", inputs_shape)
        check.axes("condition", condition_shape, "B E")
        check.not_empty("condition", condition_shape)
        for name, shape, size in zip(
            ("inputs", "condition"),
            (inputs_shape, condition_shape),
            built or (None, None),
            strict=True,
        ):
            check.features(name, shape, size)
        count, wanted = condition_shape[0], inputs_shape[0]
        if None not in (count, wanted) and count != wanted:
            raise ValueError(
                f"condition must have one row for each of the {wanted} inputs; given "
                f"shape {tuple(condition_shape)}."
            )

    def call(
        self,
        inputs,
        condition,
        padding_mask=None,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
    ):
        self._check_shapes(
            inputs.shape, condition.shape, self._hidden_dim, self._condition_dim
        )
        check.values("inputs", inputs, "Embed token ids first.")
        check.values("condition", condition, "Embed labels first.")
        check.keep_mask("padding_mask", padding_mask, inputs.shape[:2])
        x = inputs if padding_mask is None else without_mask(inputs)  # (B, T, D)
        steering = self._modulation(ops.silu(condition))[:, None]  # (B, 1, 6 D)
        shift, scale, gate, *others = ops.split(steering, 6, axis=-1)  # each (B, 1, D)

        y = modulate(self._enter("self_attention", x), shift, scale)
        y, scores, _ = self._attend(
            self._self_attention_layer,
            query=y,
            value=y,
            value_mask=padding_mask,
            attention_mask=attention_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        x = self._leave("self_attention", x, gate * y, training)  # (B, T, D)

        shift, scale, gate = others
        y = modulate(self._enter("feedforward", x), shift, scale)
        y = self._feed_forward(y)
        x = self._leave("feedforward", x, gate * y, training)  # (B, T, D)
        return (x, scores) if return_attention_scores else x

    def compute_output_shape(
        self, inputs_shape: Shape, condition_shape: Shape
    ) -> Shape:
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["normalize_first"]  # always
        initializer = keras.initializers.serialize(self.modulation_initializer)
        return {**config, "modulation_initializer": initializer}


def plain_layer_norm(epsilon, dtype, name):
    """A layer normalisation without weights of its own."""
    layer = keras.layers.LayerNormalization(
        epsilon=epsilon, center=False, scale=False, dtype=dtype, name=name
    )
    layer.build((None, None, 1))
    return layer
