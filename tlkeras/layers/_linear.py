"""Linear attention: a product of features in place of the exponential.

With `φ(x) = elu(x) + 1` the weight of a key is `φ(q) · φ(k)`, and because the product
is linear in `φ(q)` the sum over the keys can be taken first:

    output = φ(q) Σ φ(k) vᵀ / φ(q) Σ φ(k)

Time grows with T + S. These are other numbers than those of the softmax: a model that
was trained with one needs fine-tuning for the other.

Axes: B batch, N heads, T query length, S key length, M blocks of C positions, H head
size, V value size.

Reference:
    Katharopoulos et al. (2020), arXiv:2006.16236, sections 3.2 and 3.3 (causal).
    Hua et al. (2022), arXiv:2202.10447, section 3.3 (causal, by blocks).
"""

import numpy as np
from keras import ops

from tlkeras.layers.scaled_dot_product_attention import at_least_float32

BLOCK = 128  # C: inside a block the scores are computed, before it a sum is enough


def linear_attention(query, key, value, masks=(), order=None, causal=False):
    """Attend `(B, N, T, H)` to `(B, N, S, H)`, giving `(B, N, T, V)`.

    What sees nothing attends to all keys alike, as everywhere.

    Args:
        masks: what to keep, `(·, ·, T, 1)` or `(·, ·, 1, S)`: of queries or of keys.
        order: boolean `(T, S)`, where it is not the causal order of T = S positions.
        causal: whether position t sees positions up to t only; then T = S.
    """
    dtype = value.dtype
    query, key = (at_least_float32(ops.elu(x) + 1) for x in (query, key))  # φ
    value = at_least_float32(value)
    mean = ops.mean(value, axis=2, keepdims=True)  # (B, N, 1, V)
    rows, columns = _sorted(masks)
    for mask in columns:
        key = key * ops.cast(ops.swapaxes(mask, 2, 3), key.dtype)  # (B, N, S, H)
    ones = ops.ones_like(value[..., :1])
    value = ops.concatenate([value, ones], axis=-1)  # (B, N, S, V + 1)
    if order is not None:
        weights = ops.matmul(query, ops.swapaxes(key, 2, 3))  # (B, N, T, S)
        sums = ops.matmul(weights * ops.cast(order, weights.dtype), value)
    elif causal:
        sums = _running(query, key, value)
    else:
        memory = ops.matmul(ops.swapaxes(key, 2, 3), value)  # (B, N, H, V + 1)
        sums = ops.matmul(query, memory)
    total = sums[..., -1:]  # (B, N, T, 1)
    sees = total > 0
    for mask in rows:
        sees = ops.logical_and(sees, mask)
    output = sums[..., :-1] / ops.where(sees, total, 1.0)
    return ops.cast(ops.where(sees, output, mean), dtype)  # (B, N, T, V)


def _running(query, key, value):
    """Sums `(B, N, T, V + 1)` over the keys so far, C positions at a time."""
    batch, heads, length = ops.shape(query)[:3]
    count = -(-length // BLOCK)
    query, key, value = (_blocks(x, count) for x in (query, key, value))
    per_block = ops.matmul(ops.swapaxes(key, 3, 4), value)  # (B, N, M, H, V + 1)
    before = ops.cumsum(per_block, axis=2) - per_block
    weights = ops.matmul(query, ops.swapaxes(key, 3, 4))  # (B, N, M, C, C)
    past = ops.convert_to_tensor(np.tri(weights.shape[-1], dtype="float32"))
    weights = weights * past
    sums = ops.matmul(weights, value) + ops.matmul(query, before)
    sums = ops.reshape(sums, (batch, heads, -1, sums.shape[-1]))
    return sums[:, :, :length]


def _blocks(x, count):
    """`(B, N, T, ·)` as `(B, N, M, C, ·)`, with zeros after the end."""
    batch, heads, length, size = ops.shape(x)
    block = min(BLOCK, length)
    x = ops.pad(x, ((0, 0), (0, 0), (0, count * block - length), (0, 0)))
    return ops.reshape(x, (batch, heads, count, block, size))


def _sorted(masks):
    """Masks of queries and masks of keys."""
    rows, columns = [], []
    for mask in masks:
        if mask.shape[2] == 1:
            columns.append(mask)
        elif mask.shape[3] == 1:
            rows.append(mask)
        else:
            raise ValueError(
                "attention_mask must be the same for all queries when "
                "implementation='linear', which sums over the keys once; given shape "
                f"{tuple(mask.shape)}. Take masks of keys and use_causal_mask=True."
            )
    return rows, columns
