"""Attention masks: the only place where they are made and merged.

A mask is boolean and **True means keep**: position `(b, t, s)` of an attention mask
says whether query `t` of sequence `b` may look at key `s`.

Axes: B batch, T query length, S key length.
"""

from typing import Any

import numpy as np
from keras import ops
from keras.src.backend import get_keras_mask  # not public; KerasHub uses it too

from tlkeras import checks as check
from tlkeras.annotations import Tensor

__all__ = [
    "attention_masks",
    "causal_mask",
    "from_torch",
    "implicit_mask",
    "length_mask",
    "merge_masks",
    "padding_mask",
    "place_mask",
    "position_mask",
    "prepend_to_mask",
    "strided_mask",
    "to_torch",
    "without_mask",
]


def _check_axes(name, array, axes):
    check.array(name, array)
    shape = np.shape(array)
    if len(shape) != len(axes.split(", ")):
        raise ValueError(f"{name} must have shape ({axes}); given {tuple(shape)}.")


def padding_mask(token_ids: Tensor, padding_id: int = 0) -> Tensor:
    """True where a token is real, False where it is padding.

    Args:
        token_ids: integers `(B, S)`.
        padding_id: the id that stands for padding. Defaults to 0.

    Returns:
        Boolean `(B, S)`.

    Raises:
        ValueError: `token_ids` are no array of numbers.

    Example:

    >>> np.array(padding_mask(np.array([[5, 2, 0]]))).tolist()
    [[True, True, False]]
    """
    check.array("token_ids", token_ids)
    return ops.not_equal(token_ids, padding_id)


def causal_mask(query_length: int, key_length: int | None = None) -> Tensor:
    """True where a query may look: at its own position and at earlier ones.

    When there are more keys than queries, the queries are the *last* positions, as in
    decoding with a cache.

    Args:
        query_length: T.
        key_length: S. Defaults to T.

    Returns:
        Boolean `(T, S)`; row `t` keeps keys `0 … t + S − T`.

    Raises:
        ValueError: a length is not an integer of at least 0.

    Example:

    >>> np.array(causal_mask(3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> np.array(causal_mask(1, 3)).astype(int).tolist()
    [[1, 1, 1]]

    Reference:
        Vaswani et al. (2017), arXiv:1706.03762, section 3.2.3.
    """
    key_length = query_length if key_length is None else key_length
    check.length("query_length", query_length)
    check.length("key_length", key_length)
    query_positions = ops.arange(query_length) + (key_length - query_length)  # (T,)
    key_positions = ops.arange(key_length)  # (S,)
    return query_positions[:, None] >= key_positions[None, :]  # (T, S)


def position_mask(
    query_positions: Tensor,
    key_positions: Tensor,
    use_causal_mask: bool = False,
    sliding_window: int | None = None,
) -> Tensor | None:
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

    Raises:
        ValueError: `sliding_window` is not a positive integer.

    Example:

    >>> mask = position_mask(np.arange(3), np.arange(3), True, sliding_window=2)
    >>> np.array(mask).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    if not use_causal_mask and sliding_window is None:
        return None
    if sliding_window is not None:
        check.length("sliding_window", sliding_window, 1)
    check.array("query_positions", query_positions)
    check.array("key_positions", key_positions)
    distance = query_positions[:, None] - key_positions[None, :]  # (T, S)
    return merge_masks(
        distance >= 0 if use_causal_mask else None,
        None if sliding_window is None else ops.abs(distance) < sliding_window,
    )


def implicit_mask(tensor: Tensor) -> Tensor | None:
    """The padding mask that Keras attached to a tensor, such as `mask_zero` does.

    Args:
        tensor: the output of a layer.

    Returns:
        Boolean `(B, T)`, or `None` when the tensor carries no mask.

    Example:

    >>> import keras
    >>> embedded = keras.layers.Embedding(9, 4, mask_zero=True)(np.array([[5, 0]]))
    >>> np.array(implicit_mask(embedded)).tolist()
    [[True, False]]
    """
    return get_keras_mask(tensor)


def without_mask(tensor: Tensor) -> Tensor:
    """The same values, without the mask that Keras may have attached to them.

    Args:
        tensor: the output of a layer.

    Returns:
        A tensor of the same shape and values.

    Example:

    >>> import keras
    >>> embedded = keras.layers.Embedding(9, 4, mask_zero=True)(np.array([[5, 0]]))
    >>> implicit_mask(without_mask(embedded)) is None
    True
    """
    return tensor if implicit_mask(tensor) is None else tensor * 1


def place_mask(mask: Tensor | None, length: int, index: Tensor) -> Tensor | None:
    """A mask of some positions as one of a longer sequence that keeps all others.

    Args:
        mask: boolean `(B, T)`, or already `(B, S)`, or `None`.
        length: S, at least T.
        index: the position of the first of them in the longer sequence.

    Returns:
        Boolean `(B, S)`, or `None`.

    Raises:
        ValueError: the mask has other axes, or is longer than `length`.

    Example:

    >>> np.array(place_mask(np.array([[False, True]]), 4, 1)).tolist()
    [[True, False, True, True]]
    """
    if mask is None:
        return None
    _check_axes("mask", mask, "B, T")
    if np.shape(mask)[1] == length:
        return mask
    mask = ops.cast(mask, "bool")
    if None not in (mask.shape[1], length) and mask.shape[1] > length:
        raise ValueError(
            f"mask must not be longer than length, {length}; given shape "
            f"{tuple(mask.shape)}."
        )
    keep_all = ops.ones((ops.shape(mask)[0], length), dtype="bool")  # (B, S)
    return ops.slice_update(keep_all, (0, index), mask)


def attention_masks(
    query_mask: Tensor | None = None,
    value_mask: Tensor | None = None,
    key_mask: Tensor | None = None,
    attention_mask: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """Masks of queries and of keys, each with the four axes of attention scores.

    Args:
        query_mask: boolean `(B, T)`.
        value_mask, key_mask: boolean `(B, S)`.
        attention_mask: boolean `(T, S)`, `(B, T, S)` or `(B, N, T, S)`.

    Returns:
        A tuple of those that are given, broadcastable to `(B, N, T, S)`.

    Raises:
        ValueError: a mask of queries or keys has other axes.

    Example:

    >>> keys = np.array([[True, False]])
    >>> [tuple(mask.shape) for mask in attention_masks(keys, keys)]
    [(1, 1, 2, 1), (1, 1, 1, 2)]
    """
    masks = []  # one new axis at a time: LiteRT has no op for two in one slice
    if query_mask is not None:
        _check_axes("query_mask", query_mask, "B, T")
        query_mask = ops.expand_dims(query_mask, -1)  # (B, T, 1)
        masks.append(ops.expand_dims(query_mask, 1))  # (B, 1, T, 1)
    for name, mask in (("value_mask", value_mask), ("key_mask", key_mask)):
        if mask is not None:
            _check_axes(name, mask, "B, S")
            mask = ops.expand_dims(mask, 1)  # (B, 1, S)
            masks.append(ops.expand_dims(mask, 1))  # (B, 1, 1, S)
    if attention_mask is not None:
        check.array("attention_mask", attention_mask)
        while len(np.shape(attention_mask)) < 4:
            attention_mask = ops.expand_dims(attention_mask, -3)  # (·, 1, T, S)
        masks.append(attention_mask)
    return tuple(ops.cast(mask, "bool") for mask in masks)


def merge_masks(*masks: Tensor | None) -> Tensor | None:
    """Keep a position only where every mask keeps it.

    Masks broadcast against each other, so shape them first: a padding mask `(B, S)`
    hides keys as `mask[:, None, :]`. Zeros and ones are read as booleans.

    Args:
        *masks: boolean arrays that broadcast together; `None` stands for "keep all".

    Returns:
        The merged boolean mask, or `None` when every mask is `None`.

    Raises:
        ValueError: the shapes do not broadcast together, or a mask holds other
            numbers than 0 and 1, or floats that are not known yet.

    Example:

    >>> keys = np.array([[True, True, False]])
    >>> np.array(merge_masks(causal_mask(3), keys[:, None, :])).astype(int).tolist()
    [[[1, 0, 0], [1, 1, 0], [1, 1, 0]]]
    """
    merged = None
    for mask in masks:
        if mask is None:
            continue
        check.array("each mask", mask)
        if hasattr(mask, "dtype"):
            check.mask_values("each mask", mask)
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


def length_mask(lengths: Tensor, max_length: int) -> Tensor:
    """True at the first `lengths[b]` positions of row b.

    Args:
        lengths: integers `(B,)`.
        max_length: S.

    Returns:
        Boolean `(B, S)`.

    Raises:
        ValueError: `lengths` are not integers `(B,)`, or `max_length` is no length.

    Example:

    >>> np.array(length_mask([1, 3], 3)).astype(int).tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    _check_axes("lengths", lengths, "B")
    check.length("max_length", max_length)
    lengths = ops.convert_to_tensor(lengths)
    if "int" not in str(lengths.dtype):
        raise ValueError(f"lengths must be integers; given {lengths.dtype}.")
    return ops.arange(max_length, dtype=lengths.dtype) < lengths[:, None]  # (B, S)


def prepend_to_mask(mask: Tensor | None, count: int = 1) -> Tensor | None:
    """Keep `count` more positions, in front of the others.

    Args:
        mask: boolean `(B, S)`, or `None`.
        count: how many positions to add. Defaults to 1.

    Returns:
        Boolean `(B, count + S)`, or `None` when `mask` is `None`.

    Raises:
        ValueError: the mask has other axes, or `count` is below 0.

    Example:

    >>> np.array(prepend_to_mask(np.array([[True, False]]))).tolist()
    [[True, True, False]]
    """
    if mask is None:
        return None
    _check_axes("mask", mask, "B, S")
    check.length("count", count)
    mask = ops.cast(mask, "bool")
    return ops.concatenate([ops.ones_like(mask[:, :1])] * count + [mask], axis=1)


def strided_mask(mask: Tensor | None, stride: int, first: int = 0) -> Tensor | None:
    """The mask of a sequence that is read every `stride` positions.

    Args:
        mask: boolean `(B, S)`, or `None`.
        stride: positions from one reading to the next.
        first: the position that the first reading needs. Defaults to 0.

    Returns:
        Boolean `(B, ⌈(S − first) / stride⌉)`, or `None` when `mask` is `None`.

    Raises:
        ValueError: the mask has other axes, or `stride` is not positive.

    Example:

    >>> np.array(strided_mask(np.array([[1, 1, 1, 0]]), 2)).tolist()
    [[True, True]]
    """
    check.length("stride", stride, 1)
    check.length("first", first)
    if mask is None:
        return None
    _check_axes("mask", mask, "B, S")
    return ops.cast(mask, "bool")[:, first::stride]


def from_torch(mask: Any) -> np.ndarray | None:
    """A mask of `torch.nn.MultiheadAttention` or `torch.nn.Transformer*`, turned round.

    There, True means *hide*, and floats are added to the logits: 0 keeps, −∞ hides.
    (`torch.nn.functional.scaled_dot_product_attention` needs no conversion of boolean
    masks: there True means keep, as here.)

    Args:
        mask: boolean or float array or CPU tensor of any shape, or `None`.

    Returns:
        Boolean NumPy array of the same shape, True means keep; `None` for `None`.

    Raises:
        ValueError: integers, or floats that neither keep nor hide.

    Example:

    >>> from_torch(np.array([False, True])).tolist()
    [True, False]
    >>> from_torch(np.array([0.0, -np.inf])).tolist()
    [True, False]
    """
    if mask is None:
        return None
    check.array("mask", mask)
    mask = np.asarray(mask)
    if mask.dtype == bool:
        return ~mask
    if not np.issubdtype(mask.dtype, np.floating):
        raise ValueError(
            f"mask must be boolean or floats; given {mask.dtype}. Zeros and ones do "
            "not say which of them hides: compare first, as in mask == 1."
        )
    keep, hide = mask == 0, mask <= _HIDDEN
    if not np.all(keep | hide):
        raise ValueError(
            f"mask must hold 0 (keep) or at most {_HIDDEN:g} (hide); given other "
            f"values, such as {mask[~(keep | hide)][0]:g}: a bias, not a mask."
        )
    return keep


def to_torch(mask: Tensor | None, additive: bool = False) -> np.ndarray | None:
    """A mask of this library for `torch.nn.MultiheadAttention` and its relatives.

    Args:
        mask: boolean array of any shape, True means keep, or `None`.
        additive: give floats to add to the logits. Defaults to `False`.

    Returns:
        NumPy array of the same shape: boolean, True means *hide*, or with `additive`
        float32, 0 or −∞. `None` for `None`. Read it with `torch.from_numpy`.

    Raises:
        ValueError: the mask holds floats.

    Example:

    >>> to_torch(np.array([True, False])).tolist()
    [False, True]
    >>> to_torch(np.array([True, False]), additive=True).tolist()
    [0.0, -inf]
    """
    if mask is None:
        return None
    check.array("mask", mask)
    mask = ops.convert_to_numpy(mask)
    if mask.dtype.kind not in "biu":
        raise ValueError(
            "mask must be boolean, or integers 0 and 1, and True means keep; given "
            f"{mask.dtype}. Is it one of PyTorch's already?"
        )
    hide = ~mask.astype(bool)
    return np.where(hide, np.float32(-np.inf), np.float32(0)) if additive else hide


# Hugging Face fills with the dtype's lowest number, others with −1e4 or −1e9.
_HIDDEN = -1e4
