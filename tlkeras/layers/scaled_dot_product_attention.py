"""Equation 1 of Vaswani et al. (2017)."""

import keras
from keras import ops

MASKED = -1e9  # the logit of a masked position: finite, so that no row yields NaN


def scaled_dot_product_attention(
    query,
    key,
    value,
    mask=None,
    scale=None,
    return_attention_scores=False,
    dropout=None,
):
    r"""Average the values, weighted by how well each query matches each key.

    `Attention(Q, K, V) = softmax(Q Kᵀ / √H) V`

    Axes: T query length, S key length, H size of a query or key, V size of a value. `…`
    is any number of leading axes (batch, heads), the same for all inputs.

    The softmax is taken in float32 when the inputs are float16 or bfloat16.

    Masking: True means keep. Masked logits become −1e9 before the softmax, so a query
    that may look nowhere attends to every key alike and never yields NaN, as in Keras.

    Args:
        query: floats `(…, T, H)`.
        key: floats `(…, S, H)`.
        value: floats `(…, S, V)`.
        mask: boolean, or zeros and ones, broadcastable to `(…, T, S)`. Defaults to
            `None`: every query sees every key.
        scale: the factor on the dot products. Defaults to `1 / √H`.
        return_attention_scores: also return the weights. Defaults to `False`.
        dropout: a function applied to the attention scores before they weigh the
            values, such as a `keras.layers.Dropout`. Defaults to `None`.

    Returns:
        The output `(…, T, V)`; with `return_attention_scores=True` a pair of it and the
        attention scores `(…, T, S)`, whose rows sum to 1.

    Raises:
        ValueError: the shapes of query, key, value or mask do not fit together.

    Example:

    >>> import numpy as np
    >>> query, key = np.random.rand(2, 3, 8), np.random.rand(2, 5, 8)
    >>> value = np.random.rand(2, 5, 6)
    >>> tuple(scaled_dot_product_attention(query, key, value).shape)
    (2, 3, 6)

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2.1.
    """
    query, key, value = (ops.convert_to_tensor(x) for x in (query, key, value))
    _check_shapes(query, key, value, mask)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    logits = ops.matmul(query, ops.swapaxes(key, -1, -2)) * scale  # (…, T, S)
    logits = ops.cast(logits, keras.backend.result_type(logits.dtype, "float32"))
    if mask is not None:
        logits = ops.where(ops.cast(mask, "bool"), logits, MASKED)
    scores = ops.cast(ops.softmax(logits, axis=-1), value.dtype)  # (…, T, S)
    weights = scores if dropout is None else dropout(scores)  # (…, T, S)
    output = ops.matmul(weights, value)  # (…, T, V)
    return (output, scores) if return_attention_scores else output


def _check_shapes(query, key, value, mask):
    shapes = {"query": query.shape, "key": key.shape, "value": value.shape}
    for name, shape in shapes.items():
        if len(shape) < 2:
            raise ValueError(
                f"{name} must have at least two axes, (…, length, size); "
                f"given {tuple(shape)}."
            )
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "query and key must have the same last axis, because they are compared by "
            f"dot product; given query {tuple(query.shape)} and key {tuple(key.shape)}."
        )
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(
            "key and value must have the same length (second-to-last axis), one value "
            f"a key; given key {tuple(key.shape)} and value {tuple(value.shape)}."
        )
    if mask is None:
        return
    wanted = (query.shape[-2], key.shape[-2])
    given = tuple(mask.shape)[-2:] if hasattr(mask, "shape") else None
    if given is not None and any(
        m not in (1, None) and w is not None and m != w
        for m, w in zip(reversed(given), reversed(wanted), strict=False)
    ):
        raise ValueError(
            "mask must broadcast to (…, query length, key length) = "
            f"(…, {wanted[0]}, {wanted[1]}); given {tuple(mask.shape)}."
        )
