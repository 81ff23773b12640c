"""Attention masks: the only place where they are made and merged.

A mask is boolean and **True means keep**: position `(b, t, s)` of an attention mask says
whether query `t` of sequence `b` may look at key `s`.

Axes: B batch, T query length, S key length.
"""

from keras import ops
from keras.src.backend import get_keras_mask  # not public; KerasHub uses it too


def padding_mask(token_ids, padding_id=0):
    """True where a token is real, False where it is padding.

    Args:
        token_ids: integers `(B, S)`.
        padding_id: the id that stands for padding. Defaults to 0.

    Returns:
        Boolean `(B, S)`.
    """
    return ops.not_equal(token_ids, padding_id)


def causal_mask(query_length, key_length=None):
    """True where a query may look: at its own position and at earlier ones.

    When there are more keys than queries, the queries are the *last* positions, as in
    decoding with a cache.

    Args:
        query_length: T.
        key_length: S. Defaults to T.

    Returns:
        Boolean `(T, S)`; row `t` keeps keys `0 … t + S − T`.

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2.3.
    """
    key_length = query_length if key_length is None else key_length
    query_positions = ops.arange(query_length) + (key_length - query_length)  # (T,)
    key_positions = ops.arange(key_length)  # (S,)
    return query_positions[:, None] >= key_positions[None, :]  # (T, S)


def position_mask(
    query_positions, key_positions, use_causal_mask=False, sliding_window=None
):
    """Which positions see each other by the rules of order and distance alone.

    Args:
        query_positions: integers `(T,)`, the place of each query in its sequence.
        key_positions: integers `(S,)`, likewise for the keys.
        use_causal_mask: keep only keys at the query's position or before it.
            Defaults to `False`.
        sliding_window: keep only keys fewer than this many positions away. Defaults
            to `None`: any distance.

    Returns:
        Boolean `(T, S)`, or `None` when neither rule is asked for.
    """
    if not use_causal_mask and sliding_window is None:
        return None
    distance = query_positions[:, None] - key_positions[None, :]  # (T, S)
    return merge_masks(
        distance >= 0 if use_causal_mask else None,
        None if sliding_window is None else ops.abs(distance) < sliding_window,
    )


def implicit_mask(tensor):
    """The padding mask that Keras attached to a tensor, such as `mask_zero` does.

    Args:
        tensor: the output of a layer.

    Returns:
        Boolean `(B, T)`, or `None` when the tensor carries no mask.
    """
    return get_keras_mask(tensor)


def merge_masks(*masks):
    """Keep a position only where every mask keeps it.

    Masks broadcast against each other, so shape them first: a padding mask `(B, S)`
    hides keys as `mask[:, None, :]`. Zeros and ones are read as booleans.

    Args:
        *masks: boolean arrays that broadcast together; `None` stands for "keep all".

    Returns:
        The merged boolean mask, or `None` when every mask is `None`.

    Raises:
        ValueError: the shapes do not broadcast together.
    """
    merged = None
    for mask in masks:
        if mask is None:
            continue
        mask = ops.cast(mask, "bool")
        if merged is None:
            merged = mask
            continue
        if not _broadcastable(merged.shape, mask.shape):
            raise ValueError(
                f"Masks of shape {tuple(merged.shape)} and {tuple(mask.shape)} do not "
                "broadcast together. Give a padding mask (B, S) a query axis first: "
                "mask[:, None, :]."
            )
        merged = ops.logical_and(merged, mask)
    return merged


def _broadcastable(left, right):
    pairs = zip(reversed(left), reversed(right), strict=False)
    return all(a is None or b is None or a == b or 1 in (a, b) for a, b in pairs)
