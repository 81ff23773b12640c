"""Ways to compute attention, and which of them to take.

All but one give the same numbers; `"linear"` is asked for by name.

Axes: B batch, T query length, S key length, N heads, K key/value heads, G = N / K heads
that share a key, H head size, V value size.
"""

import functools
from typing import Any, NamedTuple

import keras
from keras import ops

from tlkeras.layers._chunked import chunked_attention
from tlkeras.layers._linear import linear_attention
from tlkeras.layers.scaled_dot_product_attention import (
    MASKED,
    at_least_float32,
    scaled_dot_product_attention,
)
from tlkeras.masks import merge_masks, position_mask

# What a layer may be asked for; `choose` also takes others of `WAYS` by itself.
IMPLEMENTATIONS = ("auto", "equation", "chunked", "flash", "linear")

# From this many scores a head on, blocks of them are faster than all at once.
LONG = 512 * 1024


class Visibility(NamedTuple):
    """What each query may see: masks that were given, and rules of order.

    `masks` broadcast to `(B, N, T, S)`. `query_start` is the position of the first
    query among the keys, which is not 0 when decoding with a cache. A bias, which also
    broadcasts so, makes some keys more visible than others.
    """

    masks: tuple = ()
    query_start: Any = 0
    use_causal_mask: bool = False
    sliding_window: int | None = None
    bias: Any = None

    def order(self, query_length, key_positions):
        """What may be seen by position, boolean `(T, C)` for C keys, or `None`."""
        query_positions = self.query_start + ops.arange(query_length)  # (T,)
        return position_mask(
            query_positions, key_positions, self.use_causal_mask, self.sliding_window
        )

    def mask(self, query_length, key_length):
        """One mask `(B, N, T, S)`, with axes of 1 where it does not vary, or `None`."""
        if not self.use_causal_mask and self.sliding_window is None:
            return merge_masks(*self.masks)
        order = self.order(query_length, ops.arange(key_length))  # (T, S)
        return merge_masks(*self.masks, order[None, None])


def choose(
    implementation,
    query,
    key,
    value,
    return_attention_scores=False,
    drops_scores=False,
    flash_attention=None,
    has_bias=False,
):
    """The name in `WAYS` of what an `implementation` means for these heads.

    Only the equation yields scores, can drop some, and adds a bias.
    `flash_attention=False` keeps `"auto"` from a backend's own kernel.
    """
    if implementation != "auto":
        if return_attention_scores and implementation != "equation":
            raise ValueError(
                "return_attention_scores=True needs implementation='equation' or "
                f"'auto'; given {implementation!r}, which never holds the scores."
            )
        if has_bias and implementation != "equation":
            raise ValueError(
                "attention_bias needs implementation='equation' or 'auto'; given "
                f"{implementation!r}, which adds none."
            )
        return implementation
    if return_attention_scores or drops_scores or has_bias:
        return "equation"
    if flash_attention is not False and _has_kernel(query, key, value):
        return "fused"
    query_length, key_length = query.shape[1], key.shape[1]
    if query_length == 1 and keras.backend.backend() == "tensorflow":
        return "single"  # JAX takes 2.5 times as long with it as without
    # JAX gives a symbol for an unknown length, so neither `None` nor that.
    known = isinstance(query_length, int) and isinstance(key_length, int)
    return "chunked" if known and query_length * key_length >= LONG else "equation"


def _has_kernel(query, key, value):
    """Whether the backend has a fused kernel of its own that is faster here."""
    if keras.backend.backend() == "torch":
        return True
    half = keras.backend.standardize_dtype(query.dtype) in ("float16", "bfloat16")
    same_size = key.shape[-1] == value.shape[-1]  # JAX knows no other
    return keras.backend.backend() == "jax" and half and same_size and _on_gpu()


def _heads_first(function):
    """A way to attend that wants its heads before the length, and one key a head."""

    def attend(query, key, value, visible, dropout=None):
        groups = query.shape[2] // key.shape[2]
        if groups > 1:
            key = ops.repeat(key, groups, axis=2)  # (B, S, N, H)
            value = ops.repeat(value, groups, axis=2)  # (B, S, N, V)
        query, key, value = (ops.swapaxes(x, 1, 2) for x in (query, key, value))
        output, scores = function(query, key, value, visible, dropout)  # (B, N, T, V)
        return ops.swapaxes(output, 1, 2), scores  # (B, T, N, V), (B, N, T, S)

    return attend


def _equation(query, key, value, visible, dropout):
    return scaled_dot_product_attention(
        query=query,  # (B, N, T, H)
        key=key,  # (B, N, S, H)
        value=value,  # (B, N, S, V)
        mask=visible.mask(ops.shape(query)[2], ops.shape(key)[2]),
        return_attention_scores=True,
        dropout=dropout,
        bias=visible.bias,
    )


def _chunked(query, key, value, visible, dropout):
    masks, *rules, _ = visible
    return chunked_attention(query, key, value, masks, *rules), None


def _linear(query, key, value, visible, dropout):
    length, key_length = query.shape[2], key.shape[2]
    running = isinstance(length, int) and length == key_length
    running = running and _is_zero(visible.query_start)
    order = None
    if visible.use_causal_mask and not running:
        order = visible.order(ops.shape(query)[2], ops.arange(ops.shape(key)[2]))
    causal = visible.use_causal_mask
    return linear_attention(query, key, value, visible.masks, order, causal), None


def _flash(query, key, value, visible, dropout=None):
    if keras.backend.backend() not in ("jax", "torch"):
        raise ValueError(
            "implementation='flash' needs the JAX or PyTorch backend; given "
            f"{keras.backend.backend()!r}. Take 'chunked', which is exact as well."
        )
    return _fused(query, key, value, visible, flash_attention=True)


def _fused(query, key, value, visible, dropout=None, flash_attention=None):
    """The backend's own kernel, or what it takes instead unless it must be flash."""
    simple = not visible.masks and visible.sliding_window is None
    causal = simple and visible.use_causal_mask and _is_zero(visible.query_start)
    mask = None if causal else visible.mask(ops.shape(query)[1], ops.shape(key)[1])
    if mask is not None and keras.backend.standardize_dtype(query.dtype) == "float16":
        # No float16 is large enough for Keras to hide a key from a query that sees
        # none; without the query, all its keys are alike.
        sees = ops.any(mask, axis=-1, keepdims=True)  # (B, N, T, 1)
        query = ops.where(ops.swapaxes(sees, 1, 2), query, ops.zeros_like(query))
    output = ops.dot_product_attention(
        query, key, value, mask=mask, is_causal=causal, flash_attention=flash_attention
    )
    return output, None  # (B, T, N, V)


def _single(query, key, value, visible, dropout=None):
    """One query a head, as in decoding: sums of products read a cache where it lies.

    With TensorFlow matrix products would first copy all of it into another order of
    axes. They also sum in float32, as here; a sum of halves would lose what it adds.
    """
    dtype = value.dtype
    query, key, value = (at_least_float32(x) for x in (query, key, value))
    length, groups, size = ops.shape(key)[1:]
    query = ops.reshape(query, (-1, 1, groups, query.shape[2] // groups, size))
    products = query * key[:, :, :, None]  # (B, S, K, G, H)
    logits = _last_axis_sum(products) * size**-0.5  # (B, S, K, G)
    mask = visible.mask(1, length)  # (B, N, 1, S)
    if mask is not None:
        shape = ops.shape(logits)
        logits = ops.reshape(logits, (*shape[:2], -1))  # (B, S, N)
        logits = ops.where(ops.swapaxes(mask[:, :, 0], 1, 2), logits, MASKED)
        logits = ops.reshape(logits, shape)  # (B, S, K, G)
    scores = ops.softmax(logits, axis=1)[..., None]  # (B, S, K, G, 1)
    output = ops.sum(scores * value[:, :, :, None], axis=1)  # (B, K, G, V)
    output = ops.reshape(output, (-1, 1, groups * output.shape[2], value.shape[-1]))
    return ops.cast(output, dtype), None  # (B, 1, N, V)


def _last_axis_sum(x):
    """The same as `ops.sum(x, axis=-1)`, from products that need not be written first.

    On a processor TensorFlow's XLA joins them with a product with ones; for a sum it
    would write them all, then add 32 at a time. A GPU's own sum needs no such help.
    """
    if keras.backend.backend() != "tensorflow" or _on_gpu():
        return ops.sum(x, axis=-1)
    return ops.tensordot(x, ops.ones(x.shape[-1:], x.dtype), axes=1)


# Each attends `(B, T, N, H)` to `(B, S, K, H)` and returns the output `(B, T, N, V)`,
# and the scores `(B, N, T, S)` or `None`. Only the equation looks at `dropout`, a
# function of the scores.
WAYS = {
    "equation": _heads_first(_equation),
    "chunked": _heads_first(_chunked),
    "linear": _heads_first(_linear),
    "flash": _flash,
    "fused": _fused,
    "single": _single,
}


def _is_zero(index):
    return isinstance(index, int) and index == 0


@functools.cache
def _on_gpu():
    # Asked for "gpu", JAX raises where there is none; the default devices are safe.
    return keras.distribution.list_devices()[0].startswith(("gpu", "cuda", "rocm"))
