"""What several exercises of this lesson use."""

import numpy as np

from tlkeras.grading import Misconception
from tlkeras.grading.authoring import floats, identity, swap

from .merge_heads import merge, side_by_side
from .split_heads import comb, heads_forward, reshaped_only, split


def softmax(x, axis=-1):
    """Positive numbers that sum to one along an axis."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def log_softmax(x):
    """Its logarithm."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def causal_softmax(x):
    """Hide what comes after the query, whether it was asked for or not."""
    return softmax(np.where(np.tri(*x.shape[-2:], dtype=bool), x, -1e9))


def each_its_own(query, key, value):
    """What goes through the query, key and value matrices."""
    return query, key, value


def in_order(query, key, value):
    """Which matrices make the queries, keys and values: the right ones."""
    return query, key, value


def dot_products(query, key):
    """Every query with every key, in each head: (B, N, T, S)."""
    return query @ swap(key)


def by_root_of(size):
    """A step that divides the logits by √size(heads of the query, the query)."""
    return lambda logits, heads, query: logits / np.sqrt(size(heads, query))


by_root_of_head_size = by_root_of(lambda heads, query: heads.shape[-1])


def fill(logits, mask):
    """Replace hidden logits by a number that the exponential turns into 0."""
    return np.where(mask, logits, -1e9)


def average(scores, value, query):
    """Weighted averages of the values of each head: (B, N, T, V)."""
    return scores @ value


def core(
    inputs,
    kernels,
    biases,
    num_heads,
    mask,
    *,
    route=each_its_own,
    choose=in_order,
    project=lambda x, kernel, bias: x @ kernel + bias,
    pieces=split,
    compare=dot_products,
    scale=by_root_of_head_size,
    spread=lambda mask: mask[:, None],
    hide=fill,
    normalise=softmax,
    after=identity,
    combine=average,
    join=merge,
    finish=lambda joined, kernel, bias: joined @ kernel + bias,
):
    """Concat(head₁ … head_N) Wᴼ, the steps of every exercise below."""
    makers = choose(*zip(kernels[:3], biases[:3], strict=True))
    triple = zip(route(*inputs), makers, strict=True)
    query, key, value = (
        pieces(project(x, *maker), num_heads)  # (B, N, T, H), (B, N, S, H or V)
        for x, maker in triple
    )
    logits = scale(compare(query, key), query, inputs[0])  # (B, N, T, S)
    if mask is None:
        scores = normalise(logits)
    else:
        mask = spread(mask)  # (B, 1, T, S)
        scores = after(normalise(hide(logits, mask)), mask)
    heads = combine(scores, value, query)  # (B, N, T, V)
    return finish(join(heads), kernels[3], biases[3])


# Lengths that all differ, and lengths that are all alike where that tells more.
SIZES = {
    "batch": 2,
    "queries": 7,
    "keys": 5,
    "heads": 3,
    "size": 4,
    "value_size": 2,
    "width": 9,
    "key_width": 10,
    "value_width": 13,
    "output": 11,
}
ALIKE = SIZES | {
    "batch": 2,
    "queries": 6,
    "keys": 6,
    "heads": 2,
    "size": 3,
    "value_size": 3,
    "width": 6,
    "key_width": 6,
    "value_width": 6,
    "output": 6,
}


def draw_matrices(rng, s):
    """Four matrices that leave the size of what they multiply about as it is."""
    shapes = (
        (s["width"], s["heads"] * s["size"]),
        (s["key_width"], s["heads"] * s["size"]),
        (s["value_width"], s["heads"] * s["value_size"]),
        (s["heads"] * s["value_size"], s["output"]),
    )
    return tuple(floats(rng, *shape, scale=1.4 / shape[0] ** 0.5) for shape in shapes)


def draw_mask(rng, s):
    """Hide some keys, others for each query and sequence; each query keeps two."""
    mask = rng.random((s["batch"], s["queries"], s["keys"])) < 0.5
    mask[..., 0] = np.arange(s["queries"]) % 2 == 0
    mask[..., -1] = ~mask[..., 0]
    mask[..., 1] = True
    return mask


# Mistakes of projecting, splitting, attending and joining that every exercise shares.
SHARED = {
    "key-from-query": {"route": lambda q, k, v: (q, q, v)},
    "value-from-query": {"route": lambda q, k, v: (q, k, q)},
    "roles-reversed": {"route": lambda q, k, v: (k, q, q)},
    "query-and-key-matrix-swapped": {"choose": lambda q, k, v: (k, q, v)},
    "key-and-value-matrix-swapped": {"choose": lambda q, k, v: (q, v, k)},
    "value-by-key-matrix": {"choose": lambda q, k, v: (q, k, k)},
    "not-projected": {"project": lambda x, kernel, bias: x},
    "reshaped-only": {
        "pieces": lambda x, n: split(x, n, arrange=reshaped_only),
    },
    "dealt-out": {"pieces": lambda x, n: split(x, n, pieces=comb)},
    "not-split": {"pieces": lambda x, n: x[:, None]},
    "query-key-swapped": {"compare": lambda q, k: k @ swap(q)},
    "not-scaled": {"scale": lambda logits, heads, query: logits},
    "scaled-without-root": {
        "scale": lambda logits, heads, query: logits / heads.shape[-1]
    },
    "scaled-by-all-heads": {"scale": by_root_of(lambda h, q: h.shape[1] * h.shape[-1])},
    "scaled-by-input-width": {"scale": by_root_of(lambda h, q: q.shape[-1])},
    "scaled-by-number-of-heads": {"scale": by_root_of(lambda h, q: h.shape[1])},
    "scaled-by-length": {"scale": by_root_of(lambda h, q: h.shape[2])},
    "scaled-after-softmax": {
        "scale": lambda logits, heads, query: logits,
        "combine": lambda scores, value, query: (
            scores @ value / np.sqrt(query.shape[-1])
        ),
    },
    "softmax-over-queries": {"normalise": lambda x: softmax(x, axis=-2)},
    "softmax-over-heads": {"normalise": lambda x: softmax(x, axis=1)},
    "softmax-over-everything": {"normalise": lambda x: softmax(x, axis=None)},
    "no-softmax": {"normalise": identity},
    "softmax-twice": {"normalise": lambda x: softmax(softmax(x))},
    "log-softmax": {"normalise": log_softmax},
    "sigmoid": {"normalise": lambda x: 1 / (1 + np.exp(-x))},
    "always-causal": {"normalise": causal_softmax},
    "merged-by-reshape": {"join": lambda x: merge(x, arrange=reshaped_only)},
    "merged-interleaved": {"join": lambda x: side_by_side(swap(heads_forward(x)))},
    "output-forgotten": {"finish": lambda joined, kernel, bias: joined},
    "averaged-projections": {
        "join": lambda x: merge(x) / x.shape[1],
    },
    "averaged": {"join": lambda x: x.mean(1), "finish": lambda x, kernel, bias: x},
}
MASKED = {
    "mask-ignored": {"hide": lambda logits, mask: logits},
    "mask-inverted": {"hide": lambda logits, mask: fill(logits, ~mask)},
    "mask-multiplied": {"hide": lambda logits, mask: logits * mask},
    "mask-added": {"hide": lambda logits, mask: logits + mask},
    "mask-minus-infinity": {
        "hide": lambda logits, mask: np.where(mask, logits, -np.inf)
    },
    "hidden-row-is-zero": {
        "hide": lambda logits, mask: np.where(mask, logits, -np.inf),
        "normalise": lambda logits: np.nan_to_num(softmax(logits)),
    },
    "mask-of-first-sequence": {"spread": lambda mask: mask[:1, None]},
    "mask-after-softmax": {
        "hide": lambda logits, mask: logits,
        "after": lambda scores, mask: scores * mask,
    },
    "mask-transposed": {"spread": lambda mask: swap(mask)[:, None]},
    "mask-without-head-axis": {"spread": lambda mask: mask},
}
SECTIONS = {
    "reshaped-only": "reshape",
    "merged-by-reshape": "reshape",
    "dealt-out": "split",
    "merged-interleaved": "split",
}


def from_tables(prefix, section, *tables, without=()):
    """Misconceptions `prefix.name` from tables of steps."""
    return tuple(
        Misconception(f"{prefix}.{name}", SECTIONS.get(name, section), **steps)
        for table in tables
        for name, steps in table.items()
        if name not in without
    )


def one_head(query, key, value, mask):
    """Attention of one head, by hand."""
    logits = query @ swap(key) / np.sqrt(query.shape[-1])
    logits = logits if mask is None else np.where(mask, logits, -1e9)
    return softmax(logits) @ value


def our_layers():
    """`tlkeras.layers`, loaded on first use."""
    from tlkeras import layers

    return layers
