"""Causal linear attention with running sums."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

LIBRARY = ("tlkeras.layers",)


def so_far(x):
    """Sums of all up to each position, itself included."""
    return np.cumsum(x, axis=0)


def outer(keys, values):
    """Of each position the key times the value: (T, H, V)."""
    return keys[:, :, None] * values[:, None, :]


def dot_total(query, keys):
    """The weights of each query, added up: (T, 1)."""
    return (query * keys).sum(axis=-1, keepdims=True)


def divide(output, total):
    """So that the weights of each query sum to 1."""
    return output / total


def linear_attention(query, key, value, *, running=so_far, running_keys=so_far,
                     total=dot_total, normalise=divide):  # fmt: skip
    """Positive features (T, H) twice and values (T, V) to (T, V)."""
    memory = running(outer(key, value))  # (T, H, V)
    output = np.einsum("th,thv->tv", query, memory)
    return normalise(output, total(query, running_keys(key)))


def text(length, size, value_size, scale=1.0):
    """Features are positive, as `elu(x) + 1` gives them."""

    def draw(rng):
        query, key = (floats(rng, length, size, scale=scale) for _ in range(2))
        features = [
            np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (query, key)
        ]
        return *features, floats(rng, length, value_size)

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def everything(x):
    """The sum over the whole text, at each position (wrong)."""
    return np.broadcast_to(x.sum(axis=0), x.shape)


def before(x):
    """Sums of what stands before, itself left out (wrong)."""
    return np.cumsum(x, axis=0) - x


def backwards(x):
    """Sums from each position to the end (wrong)."""
    return np.cumsum(x[::-1], axis=0)[::-1]


def alone(x):
    """No sum: each position by itself (wrong)."""
    return x


wrong = mistakes("linear", section="linear")

EXERCISE = Exercise(
    name="linear_attention",
    section="linear",
    points=4,
    reference=linear_attention,
    forbidden=LIBRARY,
    cases=(
        Case("text", text(7, 4, 3)),
        Case("long-text", text(40, 3, 5)),
        Case("strong-features", text(9, 5, 2, scale=3.0)),
        Case("one-feature", text(6, 1, 3)),
        Case("one-token", text(1, 4, 3)),
        Case("two-tokens", text(2, 3, 4)),
        Case("square", text(5, 5, 5), diagnostic=True),
    ),
    misconceptions=(
        wrong("sees-the-future", running=everything, running_keys=everything),
        wrong("memory-of-the-future", running=everything),
        wrong("normaliser-of-the-future", running_keys=everything),
        wrong("own-left-out", running=before, running_keys=before),
        wrong("own-value-left-out", running=before),
        wrong("own-key-left-out", running_keys=before),
        wrong("backwards", running=backwards, running_keys=backwards),
        wrong("nothing-remembered", running=alone, running_keys=alone),
        wrong("keys-not-summed", running_keys=alone),
        wrong("not-normalised", normalise=lambda output, total: output),
        wrong(
            "mean-of-tokens",
            total=lambda query, keys: 1.0 + np.arange(len(query))[:, None],
        ),
        wrong("sum-of-keys", total=lambda query, keys: keys.sum(-1, keepdims=True)),
        wrong("sum-of-query", total=lambda query, keys: query.sum(-1, keepdims=True)),
    ),
    accepted={
        "loop": lambda query, key, value: _loop(query, key, value),
        "triangle": lambda query, key, value: _triangle(query, key, value),
        "ones": lambda query, key, value: _ones(query, key, value),
        "blocks": lambda query, key, value: _blocks(query, key, value),
    },
)


def _loop(query, key, value):
    memory = np.zeros((key.shape[1], value.shape[1]))
    total = np.zeros(key.shape[1])
    rows = []
    for q, k, v in zip(query, key, value, strict=True):
        memory, total = memory + np.outer(k, v), total + k
        rows.append(q @ memory / (q @ total))
    return np.array(rows)


def _triangle(query, key, value):
    weights = np.tril(query @ key.T)
    return weights / weights.sum(axis=1, keepdims=True) @ value


def _ones(query, key, value):
    value = np.concatenate([value, np.ones((len(value), 1))], axis=1)
    memory = np.cumsum(np.einsum("th,tv->thv", key, value), axis=0)
    sums = np.einsum("th,thv->tv", query, memory)
    return sums[:, :-1] / sums[:, -1:]


def _blocks(query, key, value, size=4):
    memory, rows = np.zeros((key.shape[1], value.shape[1] + 1)), []
    value = np.concatenate([value, np.ones((len(value), 1))], axis=1)
    for start in range(0, len(query), size):
        q, k, v = (x[start : start + size] for x in (query, key, value))
        sums = np.tril(q @ k.T) @ v + q @ memory
        rows.append(sums[:, :-1] / sums[:, -1:])
        memory = memory + k.T @ v
    return np.concatenate(rows)
