"""Ways to compute one attention, and which to take.

Axes: B batch, T query length, S key length, N heads, K key/value heads, H head size.
"""

import keras
from keras import ops

from tlkeras.layers.scaled_dot_product_attention import scaled_dot_product_attention
from tlkeras.masks import merge_masks, position_mask

IMPLEMENTATIONS = ("auto", "equation", "chunked", "flash")


def attend(
    query,
    key,
    value,
    masks=(),
    query_start=0,
    use_causal_mask=False,
    sliding_window=None,
    dropout=None,
    return_attention_scores=False,
    implementation="equation",
):
    """Attention of `(B, T, N, H)` to `(B, S, K, H)`: output and scores, or `None`.

    Args:
        masks: what to keep; each broadcastable to `(B, N, T, S)`, or `None`.
        query_start: the position of the first query among the keys.
        dropout: a function applied to the scores.
    """
    query_length, key_length = query.shape[1], key.shape[1]
    order = position_mask(
        query_start + ops.arange(query_length),
        ops.arange(key_length),
        use_causal_mask,
        sliding_window,
    )  # (T, S)
    groups = query.shape[2] // key.shape[2]
    key = ops.repeat(key, groups, axis=2) if groups > 1 else key  # (B, S, N, H)
    value = ops.repeat(value, groups, axis=2) if groups > 1 else value  # (B, S, N, V)
    output, scores = scaled_dot_product_attention(
        query=ops.swapaxes(query, 1, 2),  # (B, N, T, H)
        key=ops.swapaxes(key, 1, 2),  # (B, N, S, H)
        value=ops.swapaxes(value, 1, 2),  # (B, N, S, V)
        mask=merge_masks(*masks, order),
        dropout=dropout,
        return_attention_scores=True,
    )
    return ops.swapaxes(output, 1, 2), scores  # (B, T, N, V), (B, N, T, S)
