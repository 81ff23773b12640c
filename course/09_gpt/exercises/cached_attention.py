"""What one new token takes from all tokens so far, and the cache with it in it."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def softmax(x, axis=-1):
    """Probabilities, without an exponential that overflows."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def put_in(cache, new, index):
    """The cache with the new vector of each head at its place."""
    cache = cache.copy()
    cache[:, index] = new
    return cache


def so_far(length, index):
    """True for the new token and those before it."""
    return np.arange(length) <= index


def by_root_of_size(logits, size):
    """Divided by √H."""
    return logits / np.sqrt(size)


def cached_attention(
    query,
    key,
    value,
    keys,
    values,
    index,
    *,
    store=put_in,
    seen=so_far,
    scale=by_root_of_size,
    normalise=softmax,
    pair=lambda keys, values: (keys, values),
    hide=lambda logits, seen: np.where(seen, logits, -np.inf),
    finish=identity,
    give=lambda old, new: new,
):
    """What one new token takes from all tokens so far, and the cache with it in it."""
    new_keys, new_values = store(keys, key, index), store(values, value, index)
    looked_at, taken = pair(new_keys, new_values)  # (N, L, H)
    logits = scale(np.einsum("nh,nlh->nl", query, looked_at), query.shape[-1])
    scores = normalise(hide(logits, seen(logits.shape[1], index)))  # (N, L)
    output = finish(np.einsum("nl,nlh->nh", scores, taken))  # (N, H)
    return output, give(keys, new_keys), give(values, new_values)


def step(heads, size, length, index, scale=1.0, rest="zeros"):
    """A new token at a place of a cache that holds those before it.

    What stands behind the place is zeros, as in a new cache, or what was left there.
    """

    def draw(rng):
        new = [floats(rng, heads, size, scale=scale) for _ in range(3)]
        cache = [floats(rng, heads, length, size) for _ in range(2)]
        if rest == "zeros":
            for part in cache:
                part[:, index:] = 0
        return *new, *cache, index

    return draw


def at_the_front(cache, new, index):
    """At place 0 (wrong)."""
    return put_in(cache, new, 0)


def at_the_end(cache, new, index):
    """At the last place (wrong)."""
    return put_in(cache, new, cache.shape[1] - 1)


def one_late(cache, new, index):
    """One place too far (wrong)."""
    return put_in(cache, new, min(index + 1, cache.shape[1] - 1))


def one_early(cache, new, index):
    """In the place of the token before (wrong)."""
    return put_in(cache, new, max(index - 1, 0))


def pushed(cache, new, index):
    """Everything moves by one, and the new one comes last (wrong)."""
    return np.concatenate([cache[:, 1:], new[:, None]], axis=1)


def added(cache, new, index):
    """Added to what stood at the place (wrong)."""
    return put_in(cache, cache[:, index] + new, index)


wrong = mistakes("cache", section="cache")

EXERCISE = Exercise(
    name="cached_attention",
    section="cache",
    points=5,
    reference=cached_attention,
    cases=(
        Case("middle", step(2, 3, 7, 4)),
        Case("first", step(3, 4, 6, 0)),
        Case("last", step(2, 5, 6, 5)),
        Case("left-over", step(3, 2, 8, 3, rest="noise")),
        Case("one-place", step(2, 3, 1, 0)),
        Case("far-apart", step(3, 4, 7, 3, scale=60, rest="noise")),
        Case("square", step(5, 5, 5, 2, rest="noise"), 1e-4, True),
    ),
    misconceptions=(
        wrong("sees-all-places", seen=lambda length, index: np.arange(length) >= 0),
        wrong("not-itself", seen=lambda length, i: np.arange(length) < max(i, 1)),
        wrong("only-itself", seen=lambda length, index: np.arange(length) == index),
        wrong("one-too-far", seen=lambda length, i: np.arange(length) <= i + 1),
        wrong("only-later", seen=lambda length, index: np.arange(length) >= index),
        wrong("hidden-as-zero", hide=lambda logits, seen: np.where(seen, logits, 0.0)),
        wrong(
            "hidden-after-softmax",
            hide=lambda logits, seen: (logits, seen),
            normalise=lambda pair: np.where(pair[1], softmax(pair[0]), 0.0),
        ),
        wrong("not-stored", store=lambda cache, new, index: cache),
        wrong("at-the-front", store=at_the_front),
        wrong("at-the-end", store=at_the_end),
        wrong("one-late", store=one_late),
        wrong("one-early", store=one_early),
        wrong("pushed", store=pushed),
        wrong("added", store=added),
        wrong("old-cache-returned", give=lambda old, new: old),
        wrong("keys-for-values", pair=lambda keys, values: (keys, keys)),
        wrong("swapped", pair=lambda keys, values: (values, keys)),
        wrong("not-scaled", scale=lambda logits, size: logits),
        wrong("divided-by-size", scale=lambda logits, size: logits / size),
        wrong("multiplied", scale=lambda logits, size: logits * np.sqrt(size)),
        wrong("softmax-over-heads", normalise=lambda x: softmax(x, axis=0)),
        wrong("no-softmax", normalise=lambda x: np.where(np.isfinite(x), x, 0.0)),
        wrong("heads-averaged", finish=lambda x: np.broadcast_to(x.mean(0), x.shape)),
    ),
    accepted={
        "slices": lambda *a: _with_slices(*a),
        "loops": lambda *a: _with_loops(*a),
        "one-hot": lambda *a: _with_one_hot(*a),
        "keras": lambda *a: _with_keras(*a),
    },
)


def _with_slices(query, key, value, keys, values, index):
    keys = np.concatenate([keys[:, :index], key[:, None], keys[:, index + 1 :]], axis=1)
    values = np.concatenate(
        [values[:, :index], value[:, None], values[:, index + 1 :]], axis=1
    )
    past = slice(0, index + 1)
    logits = (keys[:, past] @ query[:, :, None])[..., 0] / query.shape[1] ** 0.5
    return (softmax(logits)[:, None] @ values[:, past])[:, 0], keys, values


def _with_loops(query, key, value, keys, values, index):
    keys, values = keys.copy(), values.copy()
    output = []
    for n in range(len(query)):
        keys[n, index], values[n, index] = key[n], value[n]
        logits = [
            float(query[n] @ keys[n, t]) / query.shape[1] ** 0.5
            for t in range(index + 1)
        ]
        weights = np.exp(np.array(logits) - max(logits))
        weights /= weights.sum()
        output.append(sum(w * values[n, t] for t, w in enumerate(weights)))
    return output, keys, values


def _with_one_hot(query, key, value, keys, values, index):
    place = np.eye(keys.shape[1])[index][:, None]  # (L, 1)
    keys = keys * (1 - place) + place * key[:, None]
    values = values * (1 - place) + place * value[:, None]
    logits = (keys * query[:, None]).sum(-1) / np.sqrt(query.shape[-1])
    logits = np.where(np.arange(keys.shape[1]) > index, -np.inf, logits)
    return (softmax(logits)[..., None] * values).sum(1), keys, values


def _with_keras(query, key, value, keys, values, index):
    import keras

    ops = keras.ops
    keys = ops.slice_update(keys, (0, index, 0), key[:, None])
    values = ops.slice_update(values, (0, index, 0), value[:, None])
    logits = ops.einsum("nh,nlh->nl", query, keys) / query.shape[1] ** 0.5
    logits = ops.where(ops.arange(keys.shape[1]) <= index, logits, -1e9)
    return ops.einsum("nl,nlh->nh", ops.softmax(logits), values), keys, values
