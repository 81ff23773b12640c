"""(B, N, T, S): logits of queries from `start_index` on against keys from 0 on."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from ._shared import our_layers
from .rotate import rotate


def turned(x, start):
    """Heads (B, T, N, H) at positions start, start + 1, …"""
    return rotate(x, start + np.arange(x.shape[1]))


def dot_products(query, key):
    """Every query with every key, head by head: (B, N, T, S)."""
    return np.einsum("btnh,bsnh->bnts", query, key)


def by_root_of_size(logits, query, key):
    """Divide by √H."""
    return logits / np.sqrt(query.shape[-1])


def rotary_logits(
    query,
    key,
    start_index,
    *,
    query_start=identity,
    key_start=lambda start: 0,
    turn_query=turned,
    turn_key=turned,
    compare=dot_products,
    scale=by_root_of_size,
    after=identity,
):
    """(B, N, T, S): logits of queries from `start_index` on against keys from 0 on."""
    q = turn_query(query, query_start(start_index, query, key))
    k = turn_key(key, key_start(start_index))
    return after(scale(compare(q, k), query, key), start_index)


def dot_products_of_reshaped(query, key):
    """Bring the heads forward with `reshape`, which mixes tokens and heads."""
    query, key = (x.reshape(len(x), x.shape[2], -1, x.shape[3]) for x in (query, key))
    return np.einsum("bnth,bnsh->bnts", query, key)


def along_the_heads(x, start):
    """Turn by the number of the head: the layer was given (B, N, T, H)."""
    return np.swapaxes(turned(np.swapaxes(x, 1, 2), start), 1, 2)


def hide_the_future(logits, start):
    """A causal mask, which nobody asked for."""
    queries, keys = logits.shape[-2:]
    return np.where(np.tri(queries, keys, start, dtype=bool), logits, -1e9)


def softmax(x, *_):
    """Weights along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def new_tokens(batch, queries, keys, heads, size, start=None):
    """Queries of new tokens, keys of all tokens, and where the new ones start."""

    def draw(rng):
        query = floats(rng, batch, queries, heads, size)
        key = floats(rng, batch, keys, heads, size)
        return query, key, keys - queries if start is None else start

    return draw


def _logits_with_keras(query, key, start_index):
    ops, turn = keras().ops, our_layers().RotaryEmbedding()
    query = ops.transpose(turn(query, start_index=start_index), (0, 2, 1, 3))
    key = ops.transpose(turn(key), (0, 2, 3, 1))  # (B, N, H, S)
    return ops.matmul(query, key) / query.shape[-1] ** 0.5


def _logits_by_distance(query, key, start_index):
    rows = [
        dot_products(turned(query[:, [t]], start_index + t), turned(key, 0))[:, :, 0]
        for t in range(query.shape[1])
    ]
    return np.stack(rows, axis=2) / np.sqrt(query.shape[-1])


def _logits_with_tensorflow(query, key, start_index):
    import tensorflow as tf

    turn = our_layers().RotaryEmbedding()
    scaled = turn(query, positions=start_index + np.arange(query.shape[1]))
    scaled /= query.shape[-1] ** 0.5
    return tf.einsum("btnh,bsnh->bnts", scaled, turn(key))


def _logits_with_matmul(query, key, start_index):
    query, key = turned(query, start_index), turned(key, 0)
    logits = query.transpose(0, 2, 1, 3) @ key.transpose(0, 2, 3, 1)
    return (logits / query.shape[-1] ** 0.5).astype(np.float32)


wrong = mistakes("cache", section="cache")

EXERCISE = Exercise(
    name="rotary_logits",
    section="cache",
    points=3,
    reference=rotary_logits,
    cases=(
        Case("all-at-once", new_tokens(2, 5, 5, 3, 8)),
        Case("one-new", new_tokens(2, 1, 6, 3, 8)),
        Case("some-new", new_tokens(3, 2, 7, 4, 6)),
        Case("cache-with-room", new_tokens(2, 3, 9, 5, 10, start=4)),
        Case("one-head", new_tokens(1, 1, 4, 1, 6)),
        Case("square", new_tokens(2, 4, 4, 4, 6), diagnostic=True),
        Case("square-start", new_tokens(2, 4, 4, 4, 6, start=3), diagnostic=True),
    ),
    misconceptions=(
        # Shifting both, or the keys alone, gives the numbers of one of these two.
        wrong("start-ignored", query_start=lambda *_: 0),
        wrong("start-negative", query_start=lambda start, *_: -start),
        wrong("start-one-off", query_start=lambda start, *_: start + 1),
        wrong(
            "start-from-lengths",
            query_start=lambda start, query, key: key.shape[1] - query.shape[1],
        ),
        wrong("keys-not-turned", turn_key=identity),
        wrong("queries-not-turned", turn_query=identity),
        wrong("nothing-turned", turn_query=identity, turn_key=identity),
        wrong(
            "one-position-for-all",
            turn_query=lambda x, start: rotate(x, np.full(x.shape[1], start)),
        ),
        wrong("along-heads", turn_query=along_the_heads, turn_key=along_the_heads),
        wrong("not-scaled", scale=lambda logits, query, key: logits),
        wrong(
            "scaled-without-root",
            scale=lambda logits, query, key: logits / query.shape[-1],
        ),
        wrong(
            "scaled-by-all-heads",
            scale=lambda logits, query, key: (
                logits / np.sqrt(query.shape[-1] * query.shape[-2])
            ),
        ),
        wrong("heads-reshaped", compare=dot_products_of_reshaped),
        wrong("heads-with-heads", compare=lambda q, k: q @ np.swapaxes(k, -1, -2)),
        wrong("heads-added", compare=lambda q, k: np.einsum("btnh,bsnh->bts", q, k)),
        wrong("heads-last", compare=lambda q, k: np.einsum("btnh,bsnh->btsn", q, k)),
        wrong("rows-are-keys", compare=lambda q, k: dot_products(k, q)),
        wrong("softmax-taken", after=softmax),
        wrong("future-hidden", after=hide_the_future),
    ),
    accepted={
        "keras.ops": _logits_with_keras,
        "tensorflow": _logits_with_tensorflow,
        "matmul in float32": _logits_with_matmul,
        "query by query": _logits_by_distance,
        "both shifted alike": lambda query, key, start: rotary_logits(
            query, key, start, query_start=lambda s, *_: s + 7, key_start=lambda s: 7
        ),
        "queries at 0, keys behind them": lambda query, key, start: rotary_logits(
            query, key, start, query_start=lambda *_: 0, key_start=lambda s: -s
        ),
        "lists": lambda *a: rotary_logits(*a).tolist(),
    },
)
