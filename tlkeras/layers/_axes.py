"""Attention over some axes of a grid, computed as attention over one axis.

The axes attended to become one axis of length T, the others join the batch, and
`(B, 5, 6, D)` with `attention_axes=(2,)` is computed as `(B · 5, 6, D)`.
"""

import math

from keras import ops


class GridAxes:
    """Moves between a grid `(B, …, D)` and the sequence `(B′, T, D)` computed on."""

    def __init__(self, rank, attention_axes=None):
        inner = range(1, rank - 1)
        axes = tuple(inner) if attention_axes is None else attention_axes
        self.attended = tuple(axis % rank for axis in axes)
        self.others = tuple(axis for axis in inner if axis not in self.attended)
        if len(set(self.attended)) < len(axes) or not set(self.attended) <= set(inner):
            raise ValueError(
                "attention_axes must name different axes between the batch axis and "
                f"the last one, 1 … {rank - 2}; given {attention_axes}."
            )

    def flatten(self, grid):
        """`(B, …, D)` → `(B′, T, D)`."""
        shape = ops.shape(grid)
        order = (0, *self.others, *self.attended, len(shape) - 1)
        length = math.prod(shape[axis] for axis in self.attended)
        grid = ops.transpose(grid, order)  # (B, others…, attended…, D)
        return ops.reshape(grid, (-1, length, shape[-1]))  # (B′, T, D)

    def flatten_positions(self, mask):
        """A mask of the places of a grid, `(B, …)` → `(B′, T)`."""
        if mask is None:
            return None
        return self.flatten(ops.cast(mask, "bool")[..., None])[..., 0]

    def restore(self, sequence, shape, sizes):
        """`(B′, T, *sizes)` → `(B, …, *sizes)`, where `shape` is that of the grid."""
        order = (0, *self.others, *self.attended)
        moved = tuple(shape[axis] for axis in order)
        grid = ops.reshape(sequence, (*moved, *sizes))  # (B, others…, attended…, …)
        back = tuple(order.index(axis) for axis in range(len(order)))
        tail = range(len(order), len(order) + len(sizes))
        return ops.transpose(grid, (*back, *tail))

    def flatten_mask(self, mask, shape):
        """`(B, others…, attended…, attended keys…)` → `(B′, T, S)`."""
        count = len(self.attended)
        lengths = ops.shape(mask)[-2 * count :]
        lead = ops.shape(mask)[: -2 * count]
        batch = tuple(shape[axis] for axis in (0, *self.others))
        lead = (*lead, *(1,) * (len(batch) - len(lead)))
        pairs = zip(lead, batch, strict=False)
        if len(lead) > len(batch) or any(a not in (1, b) for a, b in pairs):
            raise ValueError(
                "attention_mask must have the batch and the axes that are not attended "
                f"to, {batch}, then those of queries and keys; given {ops.shape(mask)}."
            )
        mask = ops.reshape(mask, (*lead, *lengths))
        mask = ops.broadcast_to(mask, (*batch, *lengths))
        sizes = (math.prod(lengths[:count]), math.prod(lengths[count:]))
        return ops.reshape(mask, (-1, *sizes))  # (B′, T, S)

    def restore_scores(self, scores, query_shape, key_shape):
        """`(B′, N, T, S)` → `(B, others…, N, attended…, attended keys…)`."""
        batch = tuple(query_shape[axis] for axis in (0, *self.others))
        queries = tuple(query_shape[axis] for axis in self.attended)
        keys = tuple(key_shape[axis] for axis in self.attended)
        return ops.reshape(scores, (*batch, scores.shape[1], *queries, *keys))
