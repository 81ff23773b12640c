"""Exact attention by tiles of queries and keys, which never holds the (T, S) scores.

A tile of A queries visits the keys C at a time, and each query keeps three running
values: the largest logit so far `m`, the sum `l = Σ exp(logit − m)` and the weighted
values `o = Σ exp(logit − m) v`. A larger logit shrinks the older sums by
`exp(m_old − m_new)`; in the end the output is `o / l`. The backward pass makes each
tile's scores again from `m` and `l` instead of storing them, so memory grows with T + S
and not with T · S. Tiles that the rules of order hide are not visited: with a window of
W, time grows with T · W.

Axes: B batch, N heads, T query length, S key length, A queries of a tile, C keys of a
tile, G heads of a tile, H size of a head, V size of a value.

Reference:
    Milakov & Gimelshein (2018), arXiv:1805.02867, section 3 (the running softmax).
    Rabe & Staats (2021), arXiv:2112.05682, section 3 (attention by blocks).
    Dao et al. (2022), arXiv:2205.14135, appendix B.2 (the backward pass).
"""

import functools
import math
import os
from typing import NamedTuple

import keras
from keras import ops

from tlkeras.layers.scaled_dot_product_attention import MASKED, at_least_float32
from tlkeras.masks import merge_masks, position_mask

# A and C: a tile of scores and what it is made of stay in a processor's cache.
TILE = (512, 256)
# Where a length is not known, all tiles have the same size and the last is padded.
TILE_OF_UNKNOWN = (128, 128)


def chunked_attention(
    query,
    key,
    value,
    masks=(),
    query_start=0,
    use_causal_mask=False,
    sliding_window=None,
    tile=None,
    heads=None,
):
    """Attention of `(B, N, T, H)` to `(B, N, S, H)`, giving `(B, N, T, V)`.

    Args:
        masks: what to keep, each with four axes that broadcast to `(B, N, T, S)`.
        query_start, use_causal_mask, sliding_window: as in `Visibility`.
        tile: at most A queries and C keys.
        heads: how many heads of an example share a tile, a divisor of N; 0 for all
            heads of the batch, and all queries unless there is a window or a `tile`.
            Defaults on a CPU under XLA to one for one thread and at most two a thread
            for more, which is fastest there, and to 0 elsewhere.
    """
    heads = _heads_of_tile(query.shape[1]) if heads is None else heads
    all_queries = not heads and tile is None and sliding_window is None
    lengths = ops.shape(query)[2], ops.shape(key)[2]  # tensors where not known yet
    limits = zip(lengths, tile or TILE, tile or TILE_OF_UNKNOWN, strict=True)
    sizes = [_even(*limit) for limit in limits]  # A and C
    if all_queries:
        sizes[0] = lengths[0]
    counts = tuple(-(-n // size) for n, size in zip(lengths, sizes, strict=True))
    padded = counts[0] * sizes[0], counts[1] * sizes[1]
    masks = [ops.cast(mask, "bool") for mask in masks]
    masks = [_pad(_pad(mask, 2, padded[0]), 3, padded[1]) for mask in masks]
    batch, size = ops.shape(query)[0], query.shape[3]
    groups = batch, query.shape[1] // heads if heads else 1
    rules = (query_start, use_causal_mask, sliding_window)
    tiles = _Tiles(groups, heads, lengths, sizes, counts, masks, rules)

    @ops.custom_gradient
    def attention(query, key, value):
        dtypes = [x.dtype for x in (query, key, value)]
        query = _pad(query * size**-0.5, 2, padded[0])
        key, value = (_pad(x, 2, padded[1]) for x in (key, value))
        mean = _mean(value, lengths[1]) if tiles.hides else None  # (B, N, 1, V)
        largest, total, output = _forward(tiles, query, key, value)
        blind = largest <= MASKED  # (B, N, T, 1): what sees nothing sees all alike
        if tiles.hides:
            output = ops.where(blind, mean, output)

        def gradient(*args, upstream=None):
            upstream = args[-1] if upstream is None else upstream
            upstream = _pad(ops.cast(upstream, output.dtype), 2, padded[0])
            to_mean = 0.0
            if tiles.hides:
                unseen = ops.where(blind, upstream, ops.zeros_like(upstream))
                to_mean = _mean(unseen, lengths[1])  # (B, N, 1, V)
                upstream = upstream - unseen
            to_query, to_key, to_value = _backward(
                tiles, query, key, value, largest, total, output, upstream
            )
            gradients = (
                to_query[:, :, : lengths[0]] * size**-0.5,
                to_key[:, :, : lengths[1]],
                to_value[:, :, : lengths[1]] + to_mean,
            )
            return tuple(ops.cast(g, d) for g, d in zip(gradients, dtypes, strict=True))

        return ops.cast(output[:, :, : lengths[0]], dtypes[2]), gradient

    return attention(query, key, value)


class _Tiles(NamedTuple):
    """How queries and keys are cut, and what may be seen of the keys."""

    groups: tuple
    heads: int
    lengths: tuple
    sizes: list
    counts: tuple
    masks: list
    rules: tuple

    @property
    def number(self):
        """How many tiles of queries there are, over all groups of heads."""
        return self.counts[0] * (self.groups[0] * self.groups[1] if self.heads else 1)

    @property
    def hides(self):
        return bool(self.masks) or self.rules[1] or self.rules[2] is not None

    def place(self, index):
        """Example, group of heads and tile of queries of one of all tiles."""
        group, tile = index // self.counts[0], index % self.counts[0]
        return group // self.groups[1], group % self.groups[1], tile

    def span(self, place):
        """The first tile of keys that a tile of queries may see, and the one after."""
        query_start, causal, window = self.rules
        queries, keys = self.sizes
        first = query_start + place[2] * queries
        last, start, stop = first + queries - 1, 0, self.counts[1]
        if window is not None:
            start = _largest(0, (first - window + 1) // keys)
        if causal or window is not None:
            last = last if causal else last + window - 1
            stop = _smallest(stop, last // keys + 1)
        return start, stop

    def _where(self, x, place, starts):
        """Start and shape of a tile of `(B, N, ·, ·)`; an axis of 1 stays whole."""
        sizes = (None, None, *starts)
        if self.heads:
            sizes = ((place[0], 1), (place[1] * self.heads, self.heads), *starts)
        whole = [size is None or n == 1 for n, size in zip(x.shape, sizes, strict=True)]
        axes = list(zip(whole, ops.shape(x), sizes, strict=True))
        start = [0 if all_of_it else size[0] for all_of_it, _, size in axes]
        return start, [n if all_of_it else size[1] for all_of_it, n, size in axes]

    def take(self, x, place, *starts):
        """A tile of `x`: `(·, ·)` of one head, `(G, ·, ·)` or `(B, N, ·, ·)`."""
        tile = ops.slice(x, *self._where(x, place, starts))
        if not self.heads:
            return tile
        return tile[0, 0] if self.heads == 1 else tile[0]

    def put(self, x, place, starts, tile):
        """`x` with a tile replaced."""
        tile = ops.reshape(tile, (*[1] * (4 - len(tile.shape)), *ops.shape(tile)))
        return ops.slice_update(x, self._where(x, place, starts)[0], tile)

    def queries(self, place):
        return (place[2] * self.sizes[0], self.sizes[0])

    def keys(self, index):
        return (index * self.sizes[1], self.sizes[1])

    def logits(self, place, index, query, key):
        """Logits `(…, A, C)` and mask of a tile; keys beyond the end get −∞."""
        key_positions = index * self.sizes[1] + ops.arange(self.sizes[1])  # (C,)
        query_start, *rules = self.rules
        query_positions = place[2] * self.sizes[0] + ops.arange(self.sizes[0])  # (A,)
        order = position_mask(query_start + query_positions, key_positions, *rules)
        parts = (self.queries(place), self.keys(index))
        masks = [self.take(mask, place, *parts) for mask in self.masks]
        mask = merge_masks(*masks, order)
        logits = _matmul(query, ops.swapaxes(key, -1, -2))  # (…, A, C)
        if mask is not None:
            logits = ops.where(mask, logits, MASKED)
        known = isinstance(self.lengths[1], int)
        if not known or self.counts[1] * self.sizes[1] > self.lengths[1]:
            logits = ops.where(key_positions < self.lengths[1], logits, -math.inf)
        return logits, mask


def _forward(tiles, query, key, value):
    every = (0, value.shape[3])

    def tile(number, results):
        place = tiles.place(number)
        part = tiles.queries(place)
        queries = tiles.take(query, place, part, (0, query.shape[3]))  # (…, A, H)

        def step(index, running):
            largest, total, output = running
            keys = tiles.take(key, place, tiles.keys(index), (0, key.shape[3]))
            values = tiles.take(value, place, tiles.keys(index), every)
            logits, _ = tiles.logits(place, index, queries, keys)
            larger = ops.maximum(largest, ops.max(logits, axis=-1, keepdims=True))
            shrink = ops.exp(largest - larger)  # (…, A, 1)
            weights = ops.exp(logits - larger)  # (…, A, C)
            total = total * shrink + ops.sum(weights, axis=-1, keepdims=True)
            weights = ops.cast(weights, value.dtype)
            return larger, total, output * shrink + _matmul(weights, values)

        start = [tiles.take(x, place, part, (0, x.shape[3])) for x in results]
        largest, total, output = ops.fori_loop(*tiles.span(place), step, tuple(start))
        if tiles.hides:  # a tile that sees nothing has visited nothing
            total = ops.where(total > 0, total, 1.0)
        done = (largest, total, output / total)
        return tuple(
            tiles.put(x, place, (part, (0, x.shape[3])), y)
            for x, y in zip(results, done, strict=True)
        )

    one = at_least_float32(ops.zeros_like(query[..., :1]))  # (B, N, T, 1)
    start = (one - math.inf, one, ops.repeat(one, value.shape[3], axis=-1))
    return ops.fori_loop(0, tiles.number, tile, start)


def _backward(tiles, query, key, value, largest, total, output, upstream):
    expected = ops.sum(output * upstream, axis=-1, keepdims=True)  # (B, N, T, 1)
    upstream = ops.cast(upstream, value.dtype)
    given = (query, largest, total, expected, upstream)

    def tile(number, gradients):
        place = tiles.place(number)
        part = tiles.queries(place)
        queries, peak, sums, mean, above = (
            tiles.take(x, place, part, (0, x.shape[3])) for x in given
        )

        def step(index, gradients):
            to_queries, to_key, to_value = gradients
            where = (tiles.keys(index), (0, key.shape[3]))
            where_values = (where[0], (0, value.shape[3]))
            keys = tiles.take(key, place, *where)
            values = tiles.take(value, place, *where_values)
            logits, mask = tiles.logits(place, index, queries, keys)
            scores = ops.exp(logits - peak) / sums  # (…, A, C)
            to_scores = _matmul(above, ops.swapaxes(values, -1, -2))  # (…, A, C)
            to_logits = scores * (to_scores - mean)
            if mask is not None:
                to_logits = ops.where(mask, to_logits, 0.0)
            to_logits = ops.cast(to_logits, query.dtype)
            scores = ops.cast(scores, value.dtype)
            more = _transposed_matmul(to_logits, queries)
            to_key = tiles.put(
                to_key, place, where, tiles.take(to_key, place, *where) + more
            )
            more = _transposed_matmul(scores, above)
            old = tiles.take(to_value, place, *where_values)
            to_value = tiles.put(to_value, place, where_values, old + more)
            return to_queries + _matmul(to_logits, keys), to_key, to_value

        to_query, to_key, to_value = gradients
        where = (part, (0, query.shape[3]))
        start = (tiles.take(to_query, place, *where), to_key, to_value)
        to_queries, to_key, to_value = ops.fori_loop(*tiles.span(place), step, start)
        return tiles.put(to_query, place, where, to_queries), to_key, to_value

    start = tuple(at_least_float32(ops.zeros_like(x)) for x in (query, key, value))
    return ops.fori_loop(0, tiles.number, tile, start)


def _mean(value, length):
    """The sum along the third axis of `(B, N, ·, V)`, by a length."""
    total = ops.sum(at_least_float32(value), axis=2, keepdims=True)  # (B, N, 1, V)
    return total / ops.cast(length, total.dtype)


def _matmul(left, right):
    return at_least_float32(ops.matmul(left, right))


def _transposed_matmul(left, right):
    return _matmul(ops.swapaxes(left, -1, -2), right)


def _even(length, most, unknown):
    """The size of tiles that cut a length evenly, into as few as can be."""
    if not isinstance(length, int):
        return unknown
    return -(-length // -(-length // most))


def _largest(left, right):
    known = isinstance(left, int) and isinstance(right, int)
    return max(left, right) if known else ops.maximum(left, right)


def _smallest(left, right):
    known = isinstance(left, int) and isinstance(right, int)
    return min(left, right) if known else ops.minimum(left, right)


def _pad(x, axis, length):
    given = ops.shape(x)[axis]
    known = isinstance(given, int) and isinstance(length, int)
    if x.shape[axis] == 1 or (known and given == length):
        return x
    shape = list(ops.shape(x))
    shape[axis] = length - given
    return ops.concatenate([x, ops.zeros(shape, x.dtype)], axis)  # of any length


def _heads_of_tile(heads):
    """How many heads a tile holds: a divisor of them all, or 0 for the whole batch."""
    threads = _threads()
    most = threads if threads < 2 else 2 * threads
    return max((n for n in range(1, most + 1) if heads % n == 0), default=0)


@functools.cache
def _threads():
    """How many threads share a tile; 0 where it is not cut by heads."""
    backend = keras.backend.backend()
    if backend == "torch":  # each tile is some calls of Python
        return 0
    if not keras.distribution.list_devices()[0].startswith("cpu"):
        return 0
    threads = 0
    if backend == "tensorflow":
        import tensorflow as tf

        threads = tf.config.threading.get_intra_op_parallelism_threads()
        threads = threads or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    if hasattr(os, "sched_getaffinity"):
        return threads or len(os.sched_getaffinity(0))
    return threads or os.cpu_count() or 1
