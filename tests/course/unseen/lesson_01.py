"""Wrong answers to lesson 01, as a learner would write them: (answer, what is named).

`None`: caught, and nothing is named, for no known mistake has these numbers.
"""

import keras
import numpy as np
import tensorflow as tf


def rows(x):
    """A right softmax along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def logits(query, key):
    return np.einsum("...th,...sh->...ts", query, key) / query.shape[-1] ** 0.5


def hidden(query, key, mask):
    """Right logits."""
    kept = logits(query, key)
    return kept if mask is None else np.where(mask, kept, -1e9)


def each_row(x):
    return np.apply_along_axis(lambda row: np.exp(row) / np.exp(row).sum(), -1, x)


def in_halves(x):
    x = x.astype("float16")
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def winner_takes_all(x):
    out = np.zeros_like(x)
    np.put_along_axis(out, x.argmax(-1)[..., None], 1, axis=-1)
    return out


SOFTMAX = {
    "row by row": (each_row, "softmax.overflow"),
    "tf.nn.softmax(axis=0)": (
        lambda x: tf.nn.softmax(x, axis=0),
        "softmax.first-axis",
    ),
    "axis=1": (lambda x: tf.nn.softmax(x, axis=1), "softmax.axis-one"),
    "keras sigmoid": (lambda x: keras.ops.sigmoid(x), "softmax.sigmoid"),
    "tf.nn.log_softmax": (lambda x: tf.nn.log_softmax(x), "softmax.log-softmax"),
    "log of softmax": (lambda x: np.log(rows(x)), "softmax.logarithm"),
    "float16": (in_halves, "softmax.half-precision"),
    "argmax": (winner_takes_all, "softmax.hard"),
    "twice": (lambda x: rows(rows(x)), "softmax.twice"),
    "squeezed": (lambda x: np.squeeze(rows(x)), None),
    "length one left alone": (
        lambda x: x if x.shape[-1] == 1 else rows(x),
        None,
    ),
    "absolute values": (lambda x: abs(x) / abs(x).sum(-1, keepdims=True), None),
    "powers of two": (lambda x: 2**x / (2**x).sum(-1, keepdims=True), None),
    "divided by the largest": (
        lambda x: np.exp(x - x.max(-1, keepdims=True)),
        "softmax.not-normalised",
    ),
}


def scaled_last(query, key, value, mask=None):
    raw = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        raw = np.where(mask, raw, -1e9)
    return rows(raw) / np.sqrt(query.shape[-1]) @ value


def always_causal(query, key, value, mask=None):
    raw = logits(query, key)
    back = np.tril(np.ones(raw.shape[-2:], bool))
    raw = np.where(back if mask is None else back & mask, raw, -1e9)
    return rows(raw) @ value


def sigmoid_gates(query, key, value, mask=None):
    return keras.ops.matmul(keras.ops.sigmoid(hidden(query, key, mask)), value)


def log_weights(query, key, value, mask=None):
    return tf.matmul(tf.nn.log_softmax(hidden(query, key, mask)), value)


def softmax_twice(query, key, value, mask=None):
    return rows(rows(hidden(query, key, mask))) @ value


def mask_of_the_first(query, key, value, mask=None):
    if mask is not None and mask.ndim == 3:
        mask = mask[0]
    return rows(hidden(query, key, mask)) @ value


def first_entry_of_the_mask(query, key, value, mask=None):
    raw = logits(query, key)
    if mask is not None:
        raw = np.where(mask[0], raw, -1e9)
    return rows(raw) @ value


def in_half_precision(query, key, value, mask=None):
    query, key, value = (x.astype(np.float16) for x in (query, key, value))
    raw = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    if mask is not None:
        raw = np.where(mask, raw, -1e9)
    return rows(raw) @ value


def nothing_from_nowhere(query, key, value, mask=None):
    raw = logits(query, key)
    if mask is not None:
        raw = np.where(mask, raw, -np.inf)
    return np.nan_to_num(rows(raw)) @ value


def squeezed(query, key, value, mask=None):
    return np.squeeze(rows(hidden(query, key, mask)) @ value)


def every_key_counts_alike(query, key, value, mask=None):
    weights = np.ones((*query.shape[:-1], key.shape[-2])) / key.shape[-2]
    if mask is not None:
        weights = weights * mask / (mask.sum(-1, keepdims=True) + 1e-9)
    return weights @ value


def best_key_only(query, key, value, mask=None):
    best = hidden(query, key, mask).argmax(-1)
    return np.eye(key.shape[-2])[best] @ value


def cosines(query, key, value, mask=None):
    query, key = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (query, key))
    return rows(hidden(query, key, mask)) @ value


def mask_on_values(query, key, value, mask=None):
    if mask is not None and mask.ndim == 3:
        value = value * np.swapaxes(mask, -1, -2)
    return rows(logits(query, key)) @ value


def loops_with_scale_twice(query, key, value, mask=None):
    query, key = query / query.shape[-1] ** 0.5, key / key.shape[-1] ** 0.5
    return np.einsum("...ts,...sv->...tv", rows(hidden_raw(query, key, mask)), value)


def hidden_raw(query, key, mask):
    raw = query @ np.swapaxes(key, -1, -2)
    return raw if mask is None else np.where(mask, raw, -1e9)


ATTENTION = {
    "scaled last": (scaled_last, "attention.scaled-after-softmax"),
    "always causal": (always_causal, "attention.always-causal"),
    "sigmoid": (sigmoid_gates, "attention.sigmoid"),
    "log-softmax": (log_weights, "attention.log-softmax"),
    "softmax twice": (softmax_twice, "attention.softmax-twice"),
    "first sequence's mask": (mask_of_the_first, "attention.mask-of-first-sequence"),
    "mask[0]": (first_entry_of_the_mask, "attention.mask-of-first-row"),
    "float16": (in_half_precision, "attention.half-precision"),
    "NaN to zero": (nothing_from_nowhere, "attention.hidden-row-is-zero"),
    "squeezed": (squeezed, None),
    "even weights": (every_key_counts_alike, None),
    "best key only": (best_key_only, "attention.best-key-only"),
    "cosines": (cosines, None),
    "mask on values": (mask_on_values, None),
    "scaled twice": (loops_with_scale_twice, "attention.scaled-without-root"),
}


def while_shorter(length):
    mask = np.zeros((length, length), bool)
    for t in range(1, length):
        mask[t, :t] = True
    return mask


def counted_to_the_last(length):
    mask = np.zeros((length, length), bool)
    for t in range(length - 1):
        mask[t, : t + 1] = True
    return mask


CAUSAL = {
    "up to t, without t": (while_shorter, "causal.hides-itself"),
    "tri of ones and zeros": (lambda n: np.tri(n), None),
    "triu": (lambda n: np.triu(np.ones((n, n), bool)), "causal.transposed"),
    "True means hide": (
        lambda n: keras.ops.triu(np.ones((n, n), bool), k=1),
        "causal.inverted",
    ),
    "k=1": (lambda n: np.tril(np.ones((n, n), bool), k=1), "causal.one-ahead"),
    "last row forgotten": (counted_to_the_last, None),
    "one row": (lambda n: np.arange(n) < n, None),
    "squeezed": (lambda n: np.squeeze(np.tri(n, dtype=bool)), None),
    "window of 16": (
        lambda n: np.tri(n, dtype=bool) & ~np.tri(n, k=-16, dtype=bool),
        None,
    ),
    "with a batch axis": (lambda n: np.tri(n, dtype=bool)[None], None),
}


def until_the_first_zero(ids):
    mask = np.zeros(ids.shape, bool)
    for b, row in enumerate(ids):
        for t, token in enumerate(row):
            if token == 0:
                break
            mask[b, t] = True
    return mask


def lengths_by_argmax(ids):
    lengths = (ids == 0).argmax(axis=1)
    return np.arange(ids.shape[1]) < lengths[:, None]


def up_to_the_last_token(ids):
    last = ids.shape[1] - (ids[:, ::-1] != 0).argmax(axis=1)
    return np.arange(ids.shape[1]) < last[:, None]


PADDING = {
    "until the first zero": (until_the_first_zero, "padding.stops-at-first-zero"),
    "lengths by argmax": (lengths_by_argmax, "padding.place-of-first-zero"),
    "up to the last token": (up_to_the_last_token, None),
    "smallest id is padding": (lambda ids: ids != ids.min(), None),
    "last id of each row": (lambda ids: ids != ids[:, -1:], None),
    "count": (
        lambda ids: np.arange(ids.shape[1]) < np.count_nonzero(ids, 1)[:, None],
        "padding.assumes-right-side",
    ),
    "special tokens hidden": (lambda ids: ids > 2, None),
    "ones and zeros": (lambda ids: np.where(ids != 0, 1.0, 0.0), None),
    "squeezed": (lambda ids: np.squeeze(ids != 0), None),
    "ids as they are": (lambda ids: ids, None),
    "with a query axis": (lambda ids: (ids != 0)[:, None, :], None),
    "equal": (lambda ids: keras.ops.equal(ids, 0), "padding.inverted"),
    "trimmed": (lambda ids: ids[:, : (ids != 0).sum(1).max()] != 0, None),
}


def together(mask_of):
    """Self-attention under a mask made of ids."""

    def attend(x, ids):
        return rows(hidden(x, x, mask_of(ids))) @ x

    return attend


def back(ids, k=0):
    return np.tri(ids.shape[1], k=k, dtype=bool)


def zeroed(x, ids):
    out = together(lambda ids: back(ids) & (ids != 0)[:, None])(x, ids)
    return out * (ids != 0)[..., None]


def padding_set_to_zero(x, ids):
    x = x * (ids != 0)[..., None]
    return together(back)(x, ids)


TOGETHER = {
    "padding alone": (
        together(lambda ids: (ids != 0)[:, None]),
        "together.padding-only",
    ),
    "both sides": (
        together(lambda ids: back(ids) & (ids != 0)[:, None] & (ids != 0)[..., None]),
        "together.hides-both",
    ),
    "zeroed": (zeroed, "together.padded-outputs-zero"),
    "inputs zeroed": (padding_set_to_zero, "together.padding-set-to-zero"),
    "one ahead": (
        together(lambda ids: back(ids, 1) & (ids != 0)[:, None]),
        "together.one-ahead",
    ),
    "first sentence's padding": (
        together(lambda ids: back(ids) & (ids[:1] != 0)),
        "together.padding-of-first-sequence",
    ),
    "tf or": (
        together(lambda ids: tf.logical_or(back(ids), (ids != 0)[:, None]).numpy()),
        "together.or",
    ),
    "squeezed": (
        lambda x, ids: np.squeeze(
            together(lambda ids: back(ids) & (ids != 0)[:, None])(x, ids)
        ),
        None,
    ),
    "by the batch's size": (
        together(
            lambda ids: np.tri(len(ids), ids.shape[1], dtype=bool) & (ids != 0)[:, None]
        ),
        None,
    ),
    "not scaled": (
        lambda x, ids: (
            rows(
                np.where(
                    back(ids) & (ids != 0)[:, None], x @ x.transpose(0, 2, 1), -1e9
                )
            )
            @ x
        ),
        None,
    ),
}


def cosine(a, b):
    a, b = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
    return a @ b.T


def assigned(images, known, labels, temperature):
    weights, out = (
        rows(cosine(images, known) / temperature),
        np.zeros((len(images), 10)),
    )
    out[:, labels] = weights
    return out


def added_at_once(images, known, labels, temperature):
    weights, out = (
        rows(cosine(images, known) / temperature),
        np.zeros((len(images), 10)),
    )
    out[:, labels] += weights
    return out


def mean_of_each_label(images, known, labels, temperature):
    weights = rows(cosine(images, known) / temperature)
    out = np.zeros((len(images), 10))
    for c in set(labels):
        out[:, c] = weights[:, labels == c].mean(axis=1)
    return out


def voted_then_softmax(images, known, labels, temperature):
    return tf.nn.softmax(
        cosine(images, known) @ np.eye(10, dtype="float32")[labels] / temperature
    )


def largest_only(images, known, labels, temperature):
    return np.eye(10)[labels[cosine(images, known).argmax(axis=1)]]


CLASSIFIER = {
    "out[:, labels] = weights": (assigned, "classifier.repeated-labels-lost"),
    "out[:, labels] += weights": (added_at_once, "classifier.repeated-labels-lost"),
    "mean of each label": (mean_of_each_label, "classifier.labels-averaged"),
    "softmax last": (voted_then_softmax, "classifier.softmax-last"),
    "nearest image": (largest_only, None),
    "as many columns as labels": (
        lambda a, b, labels, t: (
            rows(cosine(a, b) / t) @ np.eye(labels.max() + 1)[labels]
        ),
        None,
    ),
    "squeezed": (
        lambda a, b, labels, t: np.squeeze(rows(cosine(a, b) / t) @ np.eye(10)[labels]),
        None,
    ),
    "scaled as well": (
        lambda a, b, labels, t: (
            rows(cosine(a, b) / np.sqrt(a.shape[1]) / t) @ np.eye(10)[labels]
        ),
        "classifier.scaled-twice",
    ),
    "dot products": (
        lambda a, b, labels, t: rows(a @ b.T / t) @ np.eye(10)[labels],
        "classifier.no-unit-length",
    ),
    "the digit": (
        lambda a, b, labels, t: (rows(cosine(a, b) / t) @ np.eye(10)[labels]).argmax(1),
        None,
    ),
    "distance": (
        lambda a, b, labels, t: (
            rows(-((a[:, None] - b[None]) ** 2).sum(-1) / t) @ np.eye(10)[labels]
        ),
        None,
    ),
    "squared length": (
        lambda a, b, labels, t: (
            rows(
                (a / (a**2).sum(1, keepdims=True))
                @ (b / (b**2).sum(1, keepdims=True)).T
                / t
            )
            @ np.eye(10)[labels]
        ),
        "classifier.squared-length",
    ),
}

ANSWERS = {
    "softmax": SOFTMAX,
    "scaled_dot_product_attention": ATTENTION,
    "causal_mask": CAUSAL,
    "padding_mask": PADDING,
    "causal_self_attention": TOGETHER,
    "attention_classifier": CLASSIFIER,
}
