"""Attention of N query heads to K key and value heads, N / K to each."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, swap, tensorflow

from ._shared import (
    SHARED,
    by_root_of_head_size,
    from_tables,
    one_head,
    our_layers,
    softmax,
)
from .merge_heads import merge


def each_in_turn(heads, groups):
    """Each key head for `groups` query heads that follow each other: 0 0 1 1 2 2."""
    return np.repeat(heads, groups, axis=1)


def round_and_round(heads, groups):
    """All key heads, then all again: 0 1 2 0 1 2 (wrong)."""
    return np.tile(heads, (1, groups, 1, 1))


def grouped(
    query,
    key,
    value,
    *,
    share=each_in_turn,
    share_values=each_in_turn,
    prepare=identity,
    scale=by_root_of_head_size,
    normalise=softmax,
    finish=lambda heads, key, groups: heads,
):
    """Attention of N query heads to K key and value heads, N / K to each."""
    groups = query.shape[1] // key.shape[1]
    query = prepare(query, groups)
    logits = query @ swap(share(key, groups))  # (B, N, T, S)
    scores = normalise(scale(logits, query, query))
    return finish(scores @ share_values(value, groups), key, groups)


def grouped_inputs(*sizes):
    """Heads that are already split: N queries, K keys and values."""
    batch, query_heads, heads, queries, keys, size, value_size = sizes
    return lambda rng: (
        floats(rng, batch, query_heads, queries, size, scale=1.3),
        floats(rng, batch, heads, keys, size, scale=1.3),
        floats(rng, batch, heads, keys, value_size),
    )


def both(share):
    """The same sharing for keys and values."""
    return {"share": share, "share_values": share}


def head_of(index):
    """A sharing in which all query heads get one and the same head."""
    return lambda heads, groups: heads[:, [index] * (groups * heads.shape[1])]


def mean_of_groups(x, groups):
    """The mean of each group of heads: (B, K, T, H)."""
    return x.reshape(x.shape[0], -1, groups, *x.shape[2:]).mean(2)


def no_sharing(x, groups):
    """Leave the K heads as they are."""
    return x


EXERCISE = Exercise(
    name="grouped_query_attention",
    section="grouped",
    points=3,
    reference=grouped,
    cases=(
        Case("six-for-two", grouped_inputs(2, 6, 2, 4, 5, 3, 7)),
        Case("six-for-three", grouped_inputs(3, 6, 3, 5, 4, 8, 2)),
        Case("one-for-all", grouped_inputs(2, 4, 1, 3, 5, 6, 7)),
        Case("own", grouped_inputs(2, 3, 3, 4, 5, 6, 2)),
        Case("one-token", grouped_inputs(1, 4, 2, 1, 5, 3, 7)),
        Case("square", grouped_inputs(2, 4, 2, 4, 4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        *from_tables(
            "grouped",
            "grouped",
            {
                "round-and-round": both(round_and_round),
                "keys-round-and-round": {"share": round_and_round},
                "values-round-and-round": {"share_values": round_and_round},
                "first-head-for-all": both(head_of(0)),
                "last-head-for-all": both(head_of(-1)),
                "heads-averaged": both(
                    lambda x, groups: np.repeat(
                        x.mean(1, keepdims=True), groups * x.shape[1], axis=1
                    )
                ),
                "reversed": both(
                    lambda x, groups: np.repeat(x[:, ::-1], groups, axis=1)
                ),
                "queries-averaged": {"prepare": mean_of_groups, **both(no_sharing)},
                "outputs-averaged": {
                    "finish": lambda heads, key, groups: mean_of_groups(heads, groups)
                },
                "outputs-in-groups": {
                    "finish": lambda heads, key, groups: heads.reshape(
                        heads.shape[0], -1, groups, *heads.shape[2:]
                    )
                },
                "outputs-joined": {"finish": lambda heads, key, groups: merge(heads)},
                "not-scaled": SHARED["not-scaled"],
                "scaled-without-root": SHARED["scaled-without-root"],
                "scaled-by-number-of-heads": SHARED["scaled-by-number-of-heads"],
                "softmax-over-queries": SHARED["softmax-over-queries"],
                "softmax-over-heads": SHARED["softmax-over-heads"],
                "softmax-twice": SHARED["softmax-twice"],
                "causal": SHARED["always-causal"],
            },
        ),
    ),
    accepted={
        "repeat": lambda q, k, v: _attend_heads(
            q, *(np.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v))
        ),
        "take": lambda q, k, v: _attend_heads(
            q,
            *(
                x[:, np.arange(q.shape[1]) // (q.shape[1] // k.shape[1])]
                for x in (k, v)
            ),
        ),
        "five axes": lambda q, k, v: _grouped_with_five_axes(q, k, v),
        "a loop over groups": lambda q, k, v: _grouped_with_loop(q, k, v),
        "a loop over heads": lambda q, k, v: np.stack(
            [
                one_head(
                    q[:, n], *(x[:, n * k.shape[1] // q.shape[1]] for x in (k, v)), None
                )
                for n in range(q.shape[1])
            ],
            axis=1,
        ),
        "einsum": lambda q, k, v: _grouped_with_einsum(q, k, v),
        "keras.ops": lambda q, k, v: our_layers().scaled_dot_product_attention(
            q,
            *(keras().ops.repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v)),
        ),
        "tensorflow": lambda q, k, v: our_layers().scaled_dot_product_attention(
            q,
            *(tensorflow().repeat(x, q.shape[1] // k.shape[1], axis=1) for x in (k, v)),
        ),
    },
)


def _attend_heads(query, key, value):
    return one_head(query, key, value, None)


def _grouped_with_five_axes(query, key, value):
    grouped_query = query.reshape(*key.shape[:2], -1, *query.shape[2:])
    heads = _attend_heads(grouped_query, key[:, :, None], value[:, :, None])
    return heads.reshape(*query.shape[:3], -1)


def _grouped_with_loop(query, key, value):
    groups = np.split(query, key.shape[1], axis=1)
    heads = [_attend_heads(q, key[:, [k]], value[:, [k]]) for k, q in enumerate(groups)]
    return np.concatenate(heads, axis=1)


def _grouped_with_einsum(query, key, value):
    query = query.reshape(*key.shape[:2], -1, *query.shape[2:])
    logits = np.einsum("bkgth,bksh->bkgts", query, key) / query.shape[-1] ** 0.5
    heads = np.einsum("bkgts,bksv->bkgtv", softmax(logits), value)
    return heads.reshape(len(query), -1, *heads.shape[3:])
