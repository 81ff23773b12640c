"""One layer of an encoder: attention to the whole sequence, then a dense network."""

import keras

from tlkeras import checks as check
from tlkeras.annotations import Shape
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.layers._transformer_block import TransformerBlock
from tlkeras.masks import without_mask


@keras.saving.register_keras_serializable(package="tlkeras")
class TransformerEncoder(TransformerBlock):
    """Self-attention and a feed-forward network, each added to its own input.

    `x ← Norm(x + Attention(x, x, x))`, then `x ← Norm(x + FFN(x))`; with
    `normalize_first=True` it is `x ← x + Attention(Norm(x), …)` and so on.

    A drop-in for `keras_hub.layers.TransformerEncoder`: same arguments, weights and
    output. Axes: B batch, T length, D model size, N heads.

    Masking: True means keep. A `padding_mask` hides keys and replaces the mask that
    Keras attached to the inputs; an `attention_mask` is merged with either.

    Args:
        intermediate_dim: size of the feed-forward network's hidden layer.
        num_heads: N, a divisor of D.
        dropout: share set to 0 in training, of attention scores and of what each of the
            two parts adds. Defaults to 0.
        activation: of the hidden layer, a name or function. Defaults to `"relu"`.
            `"gelu"` is the exact one, `"gelu_tanh"` its approximation; `"swiglu"` and
            `"geglu"` have a gate, as in `FeedForward`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        kernel_initializer: of the kernels. Defaults to `"glorot_uniform"`.
        bias_initializer: of the biases. Defaults to `"zeros"`.
        normalize_first: normalise what enters each part instead of what leaves it.
            Defaults to `False`.
        num_key_value_heads, rotary, implementation: of the attention, as in
            `MultiHeadAttention`.
        normalization: `"layer"`, or `"rms"`, which only divides by the root of the mean
            square. Defaults to `"layer"`.
        use_bias: add the biases of attention and feed-forward network. Defaults to
            `True`.
        key_dim: size of a head. Defaults to `None`: D / N.
        sliding_window: see only positions fewer than this many away. Defaults to
            `None`: all.

    Call arguments:
        inputs: floats `(B, T, D)`.
        padding_mask: boolean `(B, T)`.
        attention_mask: boolean `(B, T, T)`, `(T, T)` or `(B, N, T, T)`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.
        attention_bias: floats `(N, T, T)` or `(B, N, T, T)`, added to the logits.
        use_causal_mask: also hide what comes later. Defaults to `False`.

    Returns:
        `(B, T, D)`, or a pair of it and the attention scores `(B, N, T, T)`.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> layer = TransformerEncoder(intermediate_dim=32, num_heads=2)
    >>> tuple(layer(np.random.rand(3, 5, 8)).shape)
    (3, 5, 8)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.1.
        Xiong et al. (2020), arXiv:2002.04745, section 3 (where to normalise).
        Zhang & Sennrich (2019), arXiv:1910.07467, section 4 (RMS).
    """

    def build(self, inputs_shape: Shape) -> None:
        check.axes("inputs", inputs_shape, "B T D")
        check.not_empty("inputs", inputs_shape)
        check.features("inputs", inputs_shape)
        self._hidden_dim = inputs_shape[-1]
        self._self_attention_layer = self._attention(
            "self_attention_layer",
            inputs_shape,
            inputs_shape,
            rotary=self.rotary,
            sliding_window=self.sliding_window,
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

    def call(
        self,
        inputs,
        padding_mask=None,
        attention_mask=None,
        training=None,
        return_attention_scores=False,
        attention_bias=None,
        use_causal_mask=False,
    ):
        check.axes("inputs", inputs.shape, "B T D")
        check.not_empty("inputs", inputs.shape)
        check.features("inputs", inputs.shape, self._hidden_dim)
        check.values("inputs", inputs, "Embed token ids first.")
        check.keep_mask("padding_mask", padding_mask, inputs.shape[:2])
        x = inputs if padding_mask is None else without_mask(inputs)  # (B, T, D)

        y = self._enter("self_attention", x)
        y, scores, _ = self._attend(
            self._self_attention_layer,
            query=y,
            value=y,
            value_mask=padding_mask,
            attention_mask=attention_mask,
            attention_bias=attention_bias,
            use_causal_mask=use_causal_mask,
            return_attention_scores=return_attention_scores,
            training=training,
        )
        x = self._leave("self_attention", x, y, training)  # (B, T, D)

        y = self._feed_forward(self._enter("feedforward", x))
        x = self._leave("feedforward", x, y, training)  # (B, T, D)
        return (x, scores) if return_attention_scores else x

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        return inputs_shape
