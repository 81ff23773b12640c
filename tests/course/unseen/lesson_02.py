"""Wrong answers to lesson 02, as a learner would write them: (answer, what is named).

`None`: caught, and nothing is named, for no known mistake has these numbers.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


def rows(x):
    """A right softmax along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def pieces(x, n):
    """A right split: (B, N, T, H)."""
    return np.stack(np.split(np.asarray(x), n, axis=-1), axis=1)


def joined(heads):
    """A right merge: (B, T, N·V)."""
    return np.concatenate([heads[:, n] for n in range(heads.shape[1])], axis=-1)


SPLIT = {
    "reshape": (
        lambda x, n: ops.reshape(x, (x.shape[0], n, x.shape[1], -1)),
        "split.reshaped-only",
    ),
    "no swap": (
        lambda x, n: tf.reshape(x, (*x.shape[:2], n, -1)),
        "split.heads-stay-behind",
    ),
    "every n-th": (
        lambda x, n: np.stack([x[..., h::n] for h in range(n)], axis=1),
        "split.dealt-out",
    ),
    "stack in front": (
        lambda x, n: np.stack(np.split(x, n, axis=-1)),
        "split.heads-before-batch",
    ),
    "transposed too far": (
        lambda x, n: ops.transpose(pieces(x, n), (0, 1, 3, 2)),
        "split.size-before-length",
    ),
    "repeated": (
        lambda x, n: np.repeat(x[:, None], n, axis=1),
        "split.every-head-gets-all",
    ),
    "squeezed": (lambda x, n: np.squeeze(pieces(x, n)), None),
    "squeezed in front": (
        lambda x, n: pieces(x, n)[0] if len(x) == 1 else pieces(x, n),
        None,
    ),
    "split along the length": (
        lambda x, n: np.stack(np.array_split(x, n, axis=1)[:1] * n, axis=1),
        None,
    ),
    "one head left alone": (lambda x, n: x if n == 1 else pieces(x, n), None),
    "heads reversed": (lambda x, n: pieces(x, n)[:, ::-1], None),
}

MERGE = {
    "reshape": (
        lambda x: ops.reshape(x, (x.shape[0], x.shape[2], -1)),
        "merge.reshaped-only",
    ),
    "numbers of all heads in turn": (
        lambda x: np.einsum("bntv->btvn", x).reshape(*x[:, 0].shape[:2], -1),
        "merge.interleaved",
    ),
    "mean": (lambda x: ops.mean(x, axis=1), "merge.averaged"),
    "sum": (lambda x: tf.reduce_sum(x, axis=1), "merge.summed"),
    "first": (lambda x: x[:, 0], "merge.first-head"),
    "last": (lambda x: x[:, x.shape[1] - 1], "merge.last-head"),
    "along the tokens": (
        lambda x: np.concatenate(list(x.swapaxes(0, 1)), axis=1),
        "merge.one-after-another",
    ),
    "reversed": (lambda x: joined(x[:, ::-1]), None),
    "squeezed": (lambda x: np.squeeze(joined(x)), None),
    "one sequence without its axis": (
        lambda x: joined(x)[0] if len(x) == 1 else joined(x),
        None,
    ),
    "maximum": (lambda x: x.max(axis=1), None),
}


def one_head(query, key, value, mask=None):
    logits = query @ key.swapaxes(-1, -2) / query.shape[-1] ** 0.5
    return rows(logits if mask is None else np.where(mask, logits, -1e9)) @ value


def attention(
    weigh=rows,
    after=lambda heads, size: heads,
    mask_of=lambda mask, length, keys: mask,
    hidden=-1e9,
    scale=True,
    order=lambda q, k, v: (q, k, v),
    end=lambda output: output,
):
    """Multi-head attention by a loop over heads, with something gone wrong."""

    def attend(query, key, value, wq, wk, wv, wo, n, mask=None):
        q, k, v = query @ wq, key @ wk, value @ wv
        size, width, outputs = q.shape[-1] // n, v.shape[-1] // n, []
        mask = mask_of(mask, q.shape[1], k.shape[1])
        for h in range(n):
            a, b = (x[..., h * size : (h + 1) * size] for x in (q, k))
            logits = np.einsum("bth,bsh->bts", a, b)
            logits = logits / size**0.5 if scale else logits
            if mask is not None:
                logits = np.where(mask, logits, hidden)
            weights = weigh(logits)
            outputs.append(after(weights @ v[..., h * width : (h + 1) * width], size))
        return end(np.concatenate(outputs, axis=-1) @ wo)

    return attend


def causal_too(mask, length, keys):
    back = np.tri(length, keys, dtype=bool)
    return back if mask is None else back & mask


def forgetful(query, key, value, wq, wk, wv, wo, n, mask=None):
    """Learner's loop that overwrites its result."""
    for a, b, c in zip(*(np.split(w, n, axis=1) for w in (wq, wk, wv)), strict=True):
        head = one_head(query @ a, key @ b, value @ c, mask)
    return np.concatenate([head] * n, axis=-1) @ wo


def half(query, key, value, *rest):
    arrays = [x.astype("float16") for x in (query, key, value, *rest[:4])]
    return attention()(*arrays, *rest[4:])


def mask_one_axis_short(query, key, value, wq, wk, wv, wo, n, mask=None):
    q, k, v = pieces(query @ wq, n), pieces(key @ wk, n), pieces(value @ wv, n)
    return joined(one_head(q, k, v, mask)) @ wo


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


HEADS = {
    "scaled last": (
        attention(scale=False, after=lambda heads, size: heads / size**0.5),
        "heads.scaled-after-softmax",
    ),
    "always causal": (attention(mask_of=causal_too), "heads.always-causal"),
    "softmax twice": (attention(lambda x: rows(rows(x))), "heads.softmax-twice"),
    "sigmoid": (attention(sigmoid), "heads.sigmoid"),
    "log-softmax": (
        attention(lambda x: tf.nn.log_softmax(x).numpy()),
        "heads.log-softmax",
    ),
    "mask[0]": (
        attention(mask_of=lambda mask, *_: None if mask is None else mask[0]),
        "heads.mask-of-first-sequence",
    ),
    "infinity": (attention(hidden=-np.inf), "heads.mask-minus-infinity"),
    "nothing from nowhere": (
        attention(lambda x: np.nan_to_num(rows(x)), hidden=-np.inf),
        "heads.hidden-row-is-zero",
    ),
    "hidden is 0": (attention(hidden=0.0), "heads.mask-multiplied"),
    "overwritten": (forgetful, None),
    "squeezed": (attention(end=np.squeeze), None),
    "float16": (half, None),
    "no axis for heads": (mask_one_axis_short, "heads.mask-without-head-axis"),
    "not scaled": (attention(scale=False), "heads.not-scaled"),
}


def layer(attend):
    """A class as the learner writes it, around attention of projected inputs."""

    class MultiHead(keras.layers.Layer):
        def __init__(self, num_heads, query, key, value, output):
            super().__init__()
            self.num_heads = num_heads
            self.query_dense, self.key_dense = query, key
            self.value_dense, self.output_dense = value, output

        def call(self, query, value, attention_mask=None):
            return attend(self, query, value, attention_mask)

    return MultiHead


def with_ops(weigh=ops.softmax, numbers=ops.convert_to_tensor, end=lambda x: x):
    """A right layer, in parts that can be replaced by NumPy."""

    def heads_of(x, n):
        batch, length, width = ops.shape(x)
        return ops.swapaxes(ops.reshape(x, (batch, length, n, width // n)), 1, 2)

    def attend(self, query, value, mask):
        dense = self.query_dense(query), self.key_dense(value), self.value_dense(value)
        q, k, v = (heads_of(numbers(x), self.num_heads) for x in dense)
        logits = ops.matmul(q, ops.swapaxes(k, -1, -2)) / q.shape[-1] ** 0.5
        if mask is not None:
            logits = ops.where(mask[:, None], logits, -1e9)
        heads = ops.swapaxes(ops.matmul(weigh(logits), v), 1, 2)
        batch, length, n, size = ops.shape(heads)
        return end(self.output_dense(ops.reshape(heads, (batch, length, n * size))))

    return attend


def numpy_inside(self, query, value, mask):
    q, k, v = (
        pieces(x, self.num_heads)
        for x in (
            self.query_dense(query),
            self.key_dense(value),
            self.value_dense(value),
        )
    )
    heads = one_head(q, k, v, None if mask is None else np.asarray(mask)[:, None])
    return self.output_dense(joined(heads))


def matrices_by_hand(self, query, value, mask):
    """`get_weights` gives arrays of NumPy: nothing can be learned by them."""
    dense = self.query_dense, self.key_dense, self.value_dense, self.output_dense
    (wq, bq), (wk, bk), (wv, bv), (wo, bo) = (one.get_weights() for one in dense)
    q, k, v = (
        with_n(x @ w + b, self.num_heads)
        for x, w, b in ((query, wq, bq), (value, wk, bk), (value, wv, bv))
    )
    logits = ops.matmul(q, ops.swapaxes(k, -1, -2)) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = ops.where(mask[:, None], logits, -1e9)
    heads = ops.swapaxes(ops.matmul(ops.softmax(logits), v), 1, 2)
    batch, length = ops.shape(heads)[:2]
    return ops.reshape(heads, (batch, length, wv.shape[1])) @ wo + bo


def with_n(x, n):
    batch, length, width = ops.shape(x)
    return ops.swapaxes(ops.reshape(x, (batch, length, n, width // n)), 1, 2)


LAYER = {
    "NumPy inside": (layer(numpy_inside), "layer.numpy-inside"),
    "NumPy softmax": (
        layer(with_ops(lambda x: rows(np.asarray(x)))),
        "layer.numpy-scores",
    ),
    "x.numpy()": (layer(with_ops(numbers=lambda x: x.numpy())), "layer.numpy-inside"),
    "NumPy at the end": (layer(with_ops(end=np.asarray)), "layer.numpy-at-the-end"),
    "get_weights": (layer(matrices_by_hand), "layer.numpy-at-the-end"),
    "softmax over queries": (
        layer(with_ops(lambda x: ops.softmax(x, axis=-2))),
        "layer.softmax-over-queries",
    ),
    "sigmoid": (layer(with_ops(ops.sigmoid)), "layer.sigmoid"),
    "softmax twice": (
        layer(with_ops(lambda x: ops.softmax(ops.softmax(x)))),
        "layer.softmax-twice",
    ),
    "log-softmax": (layer(with_ops(ops.log_softmax)), "layer.log-softmax"),
    "squeezed": (layer(with_ops(end=lambda x: ops.squeeze(x))), None),
    "gradient stopped": (layer(with_ops(ops.stop_gradient)), None),
    "mask ignored": (
        layer(lambda self, query, value, mask: with_ops()(self, query, value, None)),
        "layer.mask-ignored",
    ),
    "sources exchanged": (
        layer(lambda self, query, value, mask: with_ops()(self, value, query, None)),
        "layer.roles-reversed + layer.mask-ignored",
    ),
}


def cross(change_mask=lambda mask: mask[:, None], sources=lambda x, m: (m, m), **steps):
    """Cross-attention by a loop, with something gone wrong."""

    def attend(x, memory, memory_mask, *rest):
        key, value = sources(x, memory)
        return attention(**steps)(x, key, value, *rest, change_mask(memory_mask))

    return attend


def dropped(x, memory, mask, *rest):
    """Keep only the columns where no sequence has padding."""
    memory = memory[:, mask.all(0)]
    return attention()(x, memory, memory, *rest)


CROSS = {
    "no mask": (cross(lambda mask: None), "cross.padding-ignored"),
    "True means hide": (cross(lambda mask: ~mask[:, None]), "cross.padding-inverted"),
    "queries hidden": (
        cross(lambda mask: mask[..., None]),
        "cross.padding-hides-queries",
    ),
    "first sequence": (cross(lambda mask: mask[0]), "cross.padding-of-first-sequence"),
    "right-hand side": (
        cross(
            lambda mask: np.arange(mask.shape[1]) < mask.sum(1)[:, None, None],
        ),
        "cross.padding-assumed-on-the-right",
    ),
    "one key too many": (
        cross(lambda mask: (mask | np.roll(mask, 1, axis=1))[:, None]),
        None,
    ),
    "last key always seen": (
        cross(
            lambda mask: (mask | (np.arange(mask.shape[1]) == mask.shape[1] - 1))[
                :, None
            ]
        ),
        None,
    ),
    "values from x": (cross(sources=lambda x, m: (m, x)), "cross.values-from-x"),
    "causal": (cross(mask_of=causal_too), "cross.causal-as-well"),
    "softmax twice": (cross(weigh=lambda x: rows(rows(x))), "cross.softmax-twice"),
    "not scaled": (cross(scale=False), "cross.not-scaled"),
    "squeezed": (cross(end=np.squeeze), None),
    "columns dropped": (dropped, "cross.padding-of-any-sequence"),
    "hidden is 0": (cross(hidden=0.0), "cross.padding-multiplied"),
}


def grouped(key_of, value_of=None, end=lambda heads: heads, weigh=rows):
    """A loop over query heads, each with the key head that `key_of` says."""
    value_of = value_of or key_of

    def attend(query, key, value):
        n, k = query.shape[1], key.shape[1]
        heads = []
        for h in range(n):
            a, b = key_of(h, n, k), value_of(h, n, k)
            logits = query[:, h] @ key[:, a].swapaxes(1, 2) / query.shape[-1] ** 0.5
            heads.append(weigh(logits) @ value[:, b])
        return end(np.stack(heads, axis=1))

    return attend


def right(h, n, k):
    return h * k // n


GROUPED = {
    "h % k": (grouped(lambda h, n, k: h % k), "grouped.round-and-round"),
    "h // k": (grouped(lambda h, n, k: min(h // k, k - 1)), None),
    "rounded up": (grouped(lambda h, n, k: min(-(-h * k // n), k - 1)), None),
    "first": (grouped(lambda h, n, k: 0), "grouped.first-head-for-all"),
    "from the end": (
        grouped(lambda h, n, k: k - 1 - right(h, n, k)),
        "grouped.reversed",
    ),
    "np.tile": (
        grouped(right, lambda h, n, k: h % k),
        "grouped.values-round-and-round",
    ),
    "squeezed": (grouped(right, end=np.squeeze), None),
    "softmax over queries": (
        grouped(right, weigh=lambda x: np.asarray(tf.nn.softmax(x, axis=1))),
        "grouped.softmax-over-queries",
    ),
    "softmax twice": (
        grouped(right, weigh=lambda x: rows(rows(x))),
        "grouped.softmax-twice",
    ),
    "causal": (
        grouped(right, weigh=lambda x: rows(np.where(np.tri(*x.shape[1:]), x, -1e9))),
        "grouped.causal",
    ),
    "one head for each": (
        lambda q, k, v: one_head(q, *(ops.repeat(x, 1, axis=1) for x in (k, v))),
        None,
    ),
    "merged": (
        lambda q, k, v: joined(grouped(right)(q, k, v)),
        "grouped.outputs-joined",
    ),
    "mean of the group": (
        lambda q, k, v: (
            grouped(right)(q, k, v)
            .reshape(len(q), k.shape[1], -1, q.shape[2], v.shape[3])
            .mean(axis=2)
        ),
        "grouped.outputs-averaged",
    ),
}

ANSWERS = {
    "split_heads": SPLIT,
    "merge_heads": MERGE,
    "multi_head_attention": HEADS,
    "MultiHead": LAYER,
    "cross_attention": CROSS,
    "grouped_query_attention": GROUPED,
}
