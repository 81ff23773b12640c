"""Equation 1 of Vaswani et al. (2017)."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor

MASKED = -1e9  # the logit of a masked position: finite, so that no row yields NaN


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    scale: float | None = None,
    return_attention_scores: bool = False,
    dropout: Callable[[Tensor], Tensor] | None = None,
    bias: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    r"""Average the values, weighted by how well each query matches each key.

    `Attention(Q, K, V) = softmax(Q Kᵀ / √H) V`

    Axes: T query length, S key length, H size of a query or key, V size of a value. `…`
    is any number of leading axes (batch, heads), the same for all inputs.

    The softmax is taken in float32 when the inputs are float16 or bfloat16. The scale
    goes to the queries, so that `Q Kᵀ` stays within what a float16 can hold.

    Masking: True means keep. Masked logits become −1e9 before the softmax, so a query
    that may look nowhere attends to every key alike and never yields NaN, as in Keras.
    NaN among the inputs is not looked for, and goes on to the output.

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
        bias: floats that broadcast to `(…, T, S)`, added to `Q Kᵀ / √H`. Defaults to
            `None`.

    Returns:
        The output `(…, T, V)`; with `return_attention_scores=True` a pair of it and the
        attention scores `(…, T, S)`, whose rows sum to 1.

    Raises:
        ValueError: query, key or value are not floats, the shapes of query, key, value
            or mask do not fit together, there is no key, the mask holds floats, `scale`
            is not a finite number or `dropout` not a function.

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
    _check_shapes(query, key, value)
    _check_options(query, key, mask, scale, dropout)
    _check_bias(query, key, bias)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    logits = ops.matmul(query * scale, ops.swapaxes(key, -1, -2))  # (…, T, S)
    logits = at_least_float32(logits)
    if bias is not None:
        logits = logits + ops.cast(bias, logits.dtype)  # (…, T, S)
    if mask is not None:
        logits = ops.where(ops.cast(mask, "bool"), logits, MASKED)
    scores = ops.cast(ops.softmax(logits, axis=-1), value.dtype)  # (…, T, S)
    weights = scores if dropout is None else dropout(scores)  # (…, T, S)
    output = ops.matmul(ops.cast(weights, value.dtype), value)  # (…, T, V)
    return (output, scores) if return_attention_scores else output


def at_least_float32(x):
    """Halves as float32; float32 and float64 as they are."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _check_shapes(query, key, value):
    for name, x in {"query": query, "key": key, "value": value}.items():
        check.floats(name, x, "Embed token ids first.")
        if len(x.shape) < 2:
            raise ValueError(
                f"{name} must have at least two axes, (…, length, size); "
                f"given {tuple(x.shape)}."
            )
        if not _broadcast(query.shape[:-2], x.shape[:-2]):
            raise ValueError(
                f"{name} must have the leading axes of query; given {name} "
                f"{tuple(x.shape)} and query {tuple(query.shape)}."
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
    if key.shape[-2] == 0:
        raise ValueError(
            f"key must not be empty, for queries to look at; given {tuple(key.shape)}."
        )


def _check_options(query, key, mask, scale, dropout):
    if dropout is not None and not callable(dropout):
        raise ValueError(
            "dropout must be a function of the scores, such as "
            f"keras.layers.Dropout(0.1); given {dropout!r}."
        )
    if scale is not None and not hasattr(scale, "dtype"):
        check.number("scale", scale)
    if mask is None:
        return
    mask = mask if hasattr(mask, "dtype") else np.array(mask)
    check.mask_values("mask", mask)
    wanted = (*query.shape[:-1], key.shape[-2])
    fits = all(m in (1, None, w) or w is None for m, w in _last_two(mask.shape, wanted))
    if not fits or not _broadcast(mask.shape[:-2], wanted[:-2]):
        raise ValueError(
            "mask must broadcast to (…, query length, key length) = "
            f"{wanted}; given {tuple(mask.shape)}."
        )


def _check_bias(query, key, bias):
    if bias is None:
        return
    check.floats("bias", bias, "A mask says what may be seen; a bias is added.")
    wanted = (*query.shape[:-1], key.shape[-2])
    fits = all(b in (1, None, w) or w is None for b, w in _last_two(bias.shape, wanted))
    if not fits or not _broadcast(bias.shape[:-2], wanted[:-2]):
        raise ValueError(
            "bias must broadcast to (…, query length, key length) = "
            f"{wanted}; given {tuple(bias.shape)}."
        )


def _last_two(left, right):
    return zip(tuple(left)[-2:][::-1], tuple(right)[-2:][::-1], strict=False)


def _broadcast(left, right):
    pairs = zip(reversed(tuple(left)), reversed(tuple(right)), strict=False)
    return all(None in pair or 1 in pair or pair[0] == pair[1] for pair in pairs)
