"""Queries from `x`, keys and values from `memory`, whose padding is hidden."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats

from ._shared import (
    ALIKE,
    MASKED,
    SHARED,
    SIZES,
    core,
    draw_matrices,
    fill,
    from_tables,
    our_layers,
)
from .multi_head_attention import (
    multi_head,
    with_einsum,
    with_keras_ops,
    with_loop,
    with_tensorflow,
)
from .split_heads import cut


def cross(
    x,
    memory,
    memory_mask,
    query_matrix,
    key_matrix,
    value_matrix,
    output_matrix,
    num_heads,
    *,
    sources=lambda x, memory: (x, memory, memory),
    prepare=lambda memory, mask: memory,
    see=lambda mask: mask[:, None],
    **steps,
):
    """Queries from `x`, keys and values from `memory`, whose padding is hidden."""
    matrices = (query_matrix, key_matrix, value_matrix, output_matrix)
    inputs = sources(x, prepare(memory, memory_mask))
    return core(inputs, matrices, (0, 0, 0, 0), num_heads, see(memory_mask), **steps)


def cross_inputs(padding, sizes=SIZES, **changes):
    """Two sequences, which tokens of the second are real, and four matrices."""
    s = sizes | changes
    s = s | {"key_width": s["value_width"]}

    def draw(rng):
        x = floats(rng, s["batch"], s["queries"], s["width"])
        memory = floats(rng, s["batch"], s["keys"], s["value_width"])
        # What stands at padding is arbitrary: here it is large, so that it shows.
        real = padding(s["batch"], s["keys"])
        memory = np.where(real[..., None], memory, 2 * memory + 1).astype(np.float32)
        return (x, memory, real, *draw_matrices(rng, s), s["heads"])

    return draw


def on_the_right(batch, length):
    """2, 4, 3 … real tokens, then padding."""
    return np.arange(length) < np.array([2, 4, 3, 5])[:batch, None]


def on_the_left(batch, length):
    """Padding first, and a gap in the last sequence."""
    real = on_the_right(batch, length)[:, ::-1].copy()
    real[-1, -2] = False
    return real


def nowhere(batch, length):
    """No padding at all."""
    return np.ones((batch, length), bool)


def zero_padding(memory, mask):
    """Set padding to zero, which hides nothing: a logit of 0 still has weight."""
    return memory * mask[..., None]


def _see(change):
    """A step that makes the mask (B, T, S) from the padding (B, S)."""
    return {"see": change}


CROSS = {
    "self-attention": {"sources": lambda x, memory: (x, x, x)},
    "memory-to-itself": {"sources": lambda x, memory: (memory, memory, memory)},
    "roles-reversed": {"sources": lambda x, memory: (memory, x, x)},
    "values-from-x": {"sources": lambda x, memory: (x, memory, x)},
    "keys-from-x": {"sources": lambda x, memory: (x, x, memory)},
    "padding-zeroed": {"prepare": zero_padding, "hide": lambda logits, mask: logits},
    "padding-ignored": {"hide": lambda logits, mask: logits},
    "padding-inverted": {"hide": lambda logits, mask: fill(logits, ~mask)},
    "padding-multiplied": {"hide": lambda logits, mask: logits * mask},
    "padding-after-softmax": MASKED["mask-after-softmax"],
    "padding-hides-queries": _see(lambda mask: mask[:, :, None]),
    "padding-without-query-axis": _see(lambda mask: mask),
    "padding-of-first-sequence": _see(lambda mask: mask[:1, None]),
    "padding-assumed-on-the-right": _see(
        lambda mask: np.arange(mask.shape[1]) < mask.sum(1)[:, None, None]
    ),
    "padding-of-any-sequence": _see(lambda mask: mask.all(0)[None, None]),
    "causal-as-well": SHARED["always-causal"],
    "softmax-twice": SHARED["softmax-twice"],
    "not-scaled": SHARED["not-scaled"],
    "not-split": SHARED["not-split"],
    "output-forgotten": SHARED["output-forgotten"],
    "not-projected": SHARED["not-projected"],
}

EXERCISE = Exercise(
    name="cross_attention",
    section="cross",
    points=4,
    reference=cross,
    cases=(
        Case("no-padding", cross_inputs(nowhere)),
        Case("right", cross_inputs(on_the_right, batch=4)),
        Case("left", cross_inputs(on_the_left, heads=5)),
        Case("one-token", cross_inputs(on_the_right, batch=1, queries=1)),
        Case("square", cross_inputs(on_the_left, sizes=ALIKE), diagnostic=True),
    ),
    misconceptions=from_tables("cross", "cross", CROSS),
    accepted={
        "einsum": lambda *a: _cross_with(with_einsum, *a),
        "a loop over heads": lambda *a: _cross_with(with_loop, *a),
        "mask of full size": lambda *a: _cross_with_full_mask(*a),
        "keras.ops": lambda *a: _cross_with(with_keras_ops, *a),
        "tensorflow": lambda *a: _cross_with(with_tensorflow, *a),
        "padding taken out": lambda *a: _cross_without_padding(*a),
        "value_mask of a layer": lambda *a: _cross_with_value_mask(*a),
    },
)


def _cross_with(attend, x, memory, memory_mask, *rest):
    return attend(x, memory, memory, *rest, memory_mask[:, None])


def _cross_with_full_mask(x, memory, memory_mask, *rest):
    mask = np.repeat(memory_mask[:, None, :], x.shape[1], axis=1)
    return multi_head(x, memory, memory, *rest, mask)


def _cross_without_padding(x, memory, memory_mask, *rest):
    triples = zip(x, memory, memory_mask, strict=True)
    one = [
        multi_head(a[None], m[None, real], m[None, real], *rest)
        for a, m, real in triples
    ]
    return np.concatenate(one)


def _cross_with_value_mask(x, memory, memory_mask, wq, wk, wv, wo, n):
    layer = our_layers().MultiHeadAttention(
        n, wq.shape[1] // n, wv.shape[1] // n, use_bias=False, output_shape=wo.shape[1]
    )
    layer.build(x.shape, memory.shape)
    layer.query_dense.kernel.assign(cut(wq, n))
    layer.key_dense.kernel.assign(cut(wk, n))
    layer.value_dense.kernel.assign(cut(wv, n))
    layer.output_dense.kernel.assign(wo.reshape(n, -1, wo.shape[1]))
    return layer(query=x, value=memory, value_mask=memory_mask)
