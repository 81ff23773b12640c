"""Exact attention that never holds the (T, S) scores: a softmax over blocks of keys.

The keys are visited once, C at a time, and each query keeps three running values: the
largest logit so far `m`, the sum `l = Σ exp(logit − m)` and the weighted values
`o = Σ exp(logit − m) v`. A larger logit shrinks the older sums by `exp(m_old − m_new)`;
in the end the output is `o / l`. The backward pass makes each block's scores again from
`m` and `l` instead of storing them, so memory grows with T + S and not with T · S.

Axes: B batch, N heads, T query length, S key length, C length of a block of keys, H
size of a head.

Reference:
    Milakov & Gimelshein (2018), arXiv:1805.02867, section 3 (the running softmax).
    Rabe & Staats (2021), arXiv:2112.05682, section 3 (attention by blocks).
    Dao et al. (2022), arXiv:2205.14135, appendix B.2 (the backward pass).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from tlkeras.layers.scaled_dot_product_attention import MASKED, at_least_float32
from tlkeras.masks import merge_masks


def chunked_attention(query, key, value, masks=(), order=None, block_size=128):
    """Attention of `(B, N, T, H)` to `(B, N, S, H)`, giving `(B, N, T, V)`.

    Args:
        masks: what to keep, each with four axes that broadcast to `(B, N, T, S)`.
        order: a function from the positions `(C,)` of some keys to what may be seen of
            them, boolean `(T, C)`, or to `None`.
        block_size: C. Smaller blocks stay in a processor's cache.
    """
    length = ops.shape(key)[2]  # a tensor where it is not known yet
    if isinstance(length, int):
        block_size = min(block_size, length)
    count = (length + block_size - 1) // block_size
    masks = [_pad(ops.cast(mask, "bool"), 3, count * block_size) for mask in masks]
    blocks = _Blocks(
        length, block_size, count, masks, order or (lambda positions: None)
    )
    scale = query.shape[-1] ** -0.5

    @ops.custom_gradient
    def attention(query, key, value):
        dtypes = [x.dtype for x in (query, key, value)]
        query = query * scale
        key, value = (_pad(x, 2, count * block_size) for x in (key, value))
        largest, total, output = _forward(blocks, query, key, value)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            upstream = ops.cast(upstream, output.dtype)
            gradients = _backward(
                blocks, query, key, value, largest, total, output, upstream
            )
            to_query, to_key, to_value = gradients
            gradients = (
                to_query * scale,
                to_key[:, :, :length],
                to_value[:, :, :length],
            )
            return tuple(ops.cast(g, d) for g, d in zip(gradients, dtypes, strict=True))

        return ops.cast(output, dtypes[2]), gradient

    return attention(query, key, value)


class _Blocks(NamedTuple):
    """How the keys are cut, and what may be seen of them."""

    length: Any
    size: int
    number: Any
    masks: list
    order: Callable[[Any], Any]

    def take(self, index, x, axis=2):
        """Block number `index` of `x`, whose axis of keys may also be 1."""
        if x.shape[axis] == 1:
            return x
        start = [index * self.size if a == axis else 0 for a in range(4)]
        size = [self.size if a == axis else n for a, n in enumerate(ops.shape(x))]
        return ops.slice(x, start, size)

    def logits(self, index, query, key):
        """Logits `(B, N, T, C)` and mask of a block; keys beyond the end get −∞."""
        positions = index * self.size + ops.arange(self.size)  # (C,)
        masks = [self.take(index, mask, axis=3) for mask in self.masks]
        mask = merge_masks(*masks, self.order(positions))
        logits = _matmul(query, ops.swapaxes(key, -1, -2))  # (B, N, T, C)
        if mask is not None:
            logits = ops.where(mask, logits, MASKED)
        known = isinstance(self.length, int)
        if not known or self.number * self.size > self.length:
            logits = ops.where(positions < self.length, logits, -math.inf)
        return logits, mask


def _forward(blocks, query, key, value):
    def step(index, running):
        largest, total, output = running
        logits, _ = blocks.logits(index, query, blocks.take(index, key))
        larger = ops.maximum(largest, ops.max(logits, axis=-1, keepdims=True))
        shrink = ops.exp(largest - larger)  # (B, N, T, 1)
        weights = ops.exp(logits - larger)  # (B, N, T, C)
        total = total * shrink + ops.sum(weights, axis=-1, keepdims=True)
        weights = ops.cast(weights, value.dtype)
        output = output * shrink + _matmul(weights, blocks.take(index, value))
        return larger, total, output

    zeros = _matmul(query[..., :1], value[:, :, :1]) * 0  # (B, N, T, V)
    start = (zeros[..., :1] - math.inf, zeros[..., :1], zeros)
    largest, total, output = ops.fori_loop(0, blocks.number, step, start)
    return largest, total, output / total


def _backward(blocks, query, key, value, largest, total, output, upstream):
    expected = ops.sum(output * upstream, axis=-1, keepdims=True)  # (B, N, T, 1)
    upstream = ops.cast(upstream, value.dtype)

    def step(index, gradients):
        to_query, to_key, to_value = gradients
        key_block, value_block = blocks.take(index, key), blocks.take(index, value)
        logits, mask = blocks.logits(index, query, key_block)
        scores = ops.exp(logits - largest) / total  # (B, N, T, C)
        to_scores = _matmul(upstream, ops.swapaxes(value_block, -1, -2))  # (B, N, T, C)
        to_logits = scores * (to_scores - expected)
        if mask is not None:
            to_logits = ops.where(mask, to_logits, 0.0)
        to_logits = ops.cast(to_logits, query.dtype)
        scores = ops.cast(scores, value.dtype)
        start = (0, 0, index * blocks.size, 0)
        return (
            to_query + _matmul(to_logits, key_block),
            ops.slice_update(to_key, start, _transposed_matmul(to_logits, query)),
            ops.slice_update(to_value, start, _transposed_matmul(scores, upstream)),
        )

    start = tuple(at_least_float32(ops.zeros_like(x)) for x in (query, key, value))
    return ops.fori_loop(0, blocks.number, step, start)


def _matmul(left, right):
    return at_least_float32(ops.matmul(left, right))


def _transposed_matmul(left, right):
    return _matmul(ops.swapaxes(left, -1, -2), right)


def _pad(x, axis, length):
    given = ops.shape(x)[axis]
    known = isinstance(given, int) and isinstance(length, int)
    if x.shape[axis] == 1 or (known and given == length):
        return x
    shape = list(ops.shape(x))
    shape[axis] = length - given
    return ops.concatenate([x, ops.zeros(shape, x.dtype)], axis)  # of any length
