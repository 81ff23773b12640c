"""Wrong answers to lesson 04, as a learner would write them: (answer, what is named).

`None`: caught, and nothing is named, for no known mistake has these numbers.
"""

import keras
import numpy as np
import tensorflow as tf


def norm(
    divide=lambda x, epsilon: x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon),
    end=lambda y: y,
):
    """A right layer normalisation, in parts that can go wrong."""

    def layer_norm(x, gain, bias, epsilon=1e-5):
        centred = x - np.average(x, axis=-1)[..., None]
        return end(divide(centred, epsilon) * gain + bias)

    return layer_norm


def floor(x, epsilon):
    return x / np.maximum(np.sqrt((x**2).mean(-1, keepdims=True)), epsilon)


def floor_in_root(x, epsilon):
    return x / np.sqrt(np.maximum((x**2).mean(-1, keepdims=True), epsilon))


def along(axis):
    def layer_norm(x, gain, bias, epsilon=1e-5):
        mean, variance = tf.nn.moments(x, axes=[axis], keepdims=True)
        return (x - mean) / tf.sqrt(variance + epsilon) * gain + bias

    return layer_norm


def unit_vectors(x, epsilon):
    return x / (np.linalg.norm(x, axis=-1, keepdims=True) + epsilon)


def unless_constant(x, epsilon):
    root = np.sqrt((x**2).mean(-1, keepdims=True))
    return np.divide(x, root, out=np.zeros_like(x), where=root > 0)


NORM = {
    "axis=1": (along(1), "norm.axis-one"),
    "axis=0": (along(0), "norm.over-batch"),
    "epsilon as a floor": (norm(floor), None),
    "epsilon as a floor in the root": (norm(floor_in_root), None),
    "no epsilon": (
        norm(lambda x, e: x / (x**2).mean(-1, keepdims=True) ** 0.5),
        "norm.epsilon-forgotten",
    ),
    "no epsilon, unless constant": (norm(unless_constant), None),
    "mean absolute distance": (
        norm(lambda x, e: x / (abs(x).mean(-1, keepdims=True) + e)),
        None,
    ),
    "unit vectors": (
        norm(unit_vectors),
        "norm.sum-of-squares + norm.epsilon-outside-root",
    ),
    "sum of squares": (
        norm(lambda x, e: x / np.sqrt((x**2).sum(-1, keepdims=True) + e)),
        "norm.sum-of-squares",
    ),
    "squeezed": (norm(end=np.squeeze), None),
    "keras rms": (
        lambda x, g, b, e=1e-5: keras.ops.rms_normalization(x, g, epsilon=e) + b,
        "norm.root-mean-square",
    ),
    "keras layer": (
        lambda x, g, b, e=1e-5: keras.layers.LayerNormalization()(x) * g + b,
        None,
    ),
    "torch's std": (
        lambda x, g, b, e=1e-5: (
            (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + e) * g + b
        ),
        "norm.epsilon-outside-root",
    ),
    "epsilon squared": (
        norm(lambda x, e: x / np.sqrt((x**2).mean(-1, keepdims=True) + e**2)),
        None,
    ),
}


def forward(bend, end=lambda y: y):
    def feed_forward(x, kernel_1, bias_1, kernel_2, bias_2):
        hidden = bend(np.einsum("...d,df->...f", x, kernel_1) + bias_1)
        return end(np.einsum("...f,fd->...d", np.asarray(hidden), kernel_2) + bias_2)

    return feed_forward


def relu(x):
    return np.where(x > 0, x, 0)


FORWARD = {
    "keras gelu": (
        forward(lambda x: keras.ops.gelu(x, approximate=False)),
        "feed-forward.gelu",
    ),
    "tf gelu": (forward(tf.nn.gelu), "feed-forward.gelu"),
    "swish": (forward(tf.nn.silu), "feed-forward.swish"),
    "relu6": (forward(tf.nn.relu6), "feed-forward.capped"),
    "leaky": (
        forward(lambda x: np.where(x > 0, x, 0.01 * x)),
        "feed-forward.leaky",
    ),
    "leaky, keras": (forward(keras.ops.leaky_relu), None),
    "elu": (forward(tf.nn.elu), None),
    "clipped at 1": (forward(lambda x: np.clip(x, 0, 1)), None),
    "squared": (forward(lambda x: relu(x) ** 2), None),
    "softmax": (forward(tf.nn.softmax), "feed-forward.softmax"),
    "softplus": (forward(tf.nn.softplus), None),
    "squeezed": (forward(relu, np.squeeze), None),
    "relu at the end too": (forward(relu, relu), "feed-forward.activation-twice"),
    "step": (forward(lambda x: (x > 0).astype(float)), None),
    "one where 0": (forward(lambda x: np.maximum(x, 1)), None),
}


def step(before, after=lambda x, part, norm: norm(x + part(x))):
    return lambda x, part, norm, first: (before if first else after)(x, part, norm)


def right(x, part, norm):
    return x + part(norm(x))


def twice(x, part, norm):
    return x + part(norm(x)) + part(norm(x))


def in_place(x, part, norm, first):
    y = part(norm(x)) if first else part(x)
    x += y
    return x if first else norm(x)


STEP = {
    "both norms": (
        step(lambda x, part, norm: norm(x + part(norm(x)))),
        "residual.normalised-again",
    ),
    "added twice": (step(twice), None),
    "x twice": (step(lambda x, part, norm: 2 * x + part(norm(x))), None),
    "part of part": (step(lambda x, part, norm: x + part(part(norm(x)))), None),
    "subtracted": (step(lambda x, part, norm: x - part(norm(x))), None),
    "averaged": (step(lambda x, part, norm: (x + part(norm(x))) / 2), None),
    "multiplied": (step(lambda x, part, norm: x * part(norm(x))), None),
    "in place": (in_place, None),
    "normalised residual": (
        step(lambda x, part, norm: norm(x) + part(norm(x))),
        "residual.from-normalised",
    ),
    "after: sum of norms": (
        step(right, lambda x, part, norm: norm(x) + norm(part(x))),
        "residual.each-normalised",
    ),
    "always before": (step(right, right), "residual.always-before"),
    "squeezed": (
        lambda x, part, norm, first: np.squeeze(step(right)(x, part, norm, first)),
        None,
    ),
    "norm twice": (step(lambda x, part, norm: x + part(norm(norm(x)))), None),
}


def encoder(mask_of=lambda mask: mask[:, None], end=lambda y, mask: y):
    def block(x, mask, attend, think, norm_1, norm_2):
        y = norm_1(x)
        x = np.add(x, attend(query=y, source=y, mask=mask_of(mask)))
        return end(np.add(x, think(norm_2(x))), mask)

    return block


def dropped(x, mask, attend, think, norm_1, norm_2):
    """Cut the batch to the length of its first sequence."""
    size = mask[0].sum()
    y = encoder()(x[:, :size], mask[:, :size], attend, think, norm_1, norm_2)
    return np.concatenate([y, x[:, size:]], axis=1)


def zeros_instead(x, mask, attend, think, norm_1, norm_2):
    y = norm_1(x * mask[..., None])
    x = x + attend(y, y)
    return x + think(norm_2(x))


def zeros_after_norm(x, mask, attend, think, norm_1, norm_2):
    y = norm_1(x) * mask[..., None]
    x = x + attend(y, y)
    return x + think(norm_2(x))


def think_of_attention(x, mask, attend, think, norm_1, norm_2):
    y = attend(norm_1(x), norm_1(x), mask[:, None])
    return x + think(norm_2(y))


ENCODER = {
    "mask[0]": (encoder(lambda mask: mask[0]), "encoder.mask-of-first-sequence"),
    "~mask": (encoder(lambda mask: ~mask[:, None]), "encoder.mask-inverted"),
    "one position more": (
        encoder(lambda mask: (mask | np.roll(mask, 1, axis=1))[:, None]),
        None,
    ),
    "last position always": (
        encoder(
            lambda mask: (mask | (np.arange(mask.shape[1]) == mask.shape[1] - 1))[
                :, None
            ]
        ),
        None,
    ),
    "count from the left": (
        encoder(lambda mask: np.arange(mask.shape[1]) < mask.sum(1)[:, None, None]),
        "encoder.mask-assumed-on-the-right",
    ),
    "rows": (encoder(lambda mask: mask[..., None]), "encoder.mask-not-handed-on"),
    "cut to the first": (dropped, None),
    "zeros for a mask": (zeros_instead, "encoder.padding-set-to-zero"),
    "zeros after the norm": (zeros_after_norm, None),
    "attention not carried on": (
        think_of_attention,
        "encoder.attention-not-added + encoder.feed-forward-added-to-input",
    ),
    "squeezed": (encoder(end=lambda y, mask: np.squeeze(y)), None),
    "one sequence without its axis": (
        encoder(end=lambda y, mask: y[0] if len(y) == 1 else y),
        None,
    ),
    "normalised at the end": (
        lambda x, mask, attend, think, norm_1, norm_2: norm_2(
            encoder()(x, mask, attend, think, norm_1, norm_2)
        ),
        "encoder.normalised-again",
    ),
}


def moved(token_ids, start):
    out = np.zeros_like(token_ids)
    for b, row in enumerate(token_ids):
        for t in range(1, len(row)):
            out[b, t] = row[t - 1]
    return out


def last_real_dropped(token_ids, start):
    """Take the last token that is not padding out, then put the start in front."""
    rows = []
    for row in token_ids.tolist():
        real = [token for token in row if token]
        rows.append([start, *real[:-1], *[0] * (len(row) - len(real))])
    return rows


SHIFT = {
    "zeros in front": (moved, "shift.starts-with-zero"),
    "last real token dropped": (last_real_dropped, "shift.last-real-dropped"),
    "rolled": (lambda ids, start: np.roll(ids, 1, axis=1), "shift.rolled"),
    "tf.roll, left": (
        lambda ids, start: tf.concat([ids[:, 1:], np.full((len(ids), 1), start)], 1),
        "shift.left",
    ),
    "whole row kept": (
        lambda ids, start: np.pad(ids, ((0, 0), (1, 0)), constant_values=start),
        "shift.last-kept",
    ),
    "one token left alone": (
        lambda ids, start: (
            ids
            if ids.shape[1] == 1
            else np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=start)
        ),
        None,
    ),
    "start is 1": (
        lambda ids, start: np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=1),
        "shift.starts-with-one",
    ),
    "squeezed": (
        lambda ids, start: np.squeeze(
            np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=start)
        ),
        None,
    ),
    "one sequence without its axis": (
        lambda ids, start: np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=start)[
            0 if len(ids) == 1 else slice(None)
        ],
        None,
    ),
    "in place": (
        lambda ids, start: np.concatenate([ids[:, :0], ids], axis=1, out=ids),
        "shift.not-shifted",
    ),
    "padding where padding was": (
        lambda ids, start: (
            np.pad(ids[:, :-1], ((0, 0), (1, 0)), constant_values=start) * (ids != 0)
        ),
        "shift.last-real-dropped",
    ),
    "the batch shifted": (
        lambda ids, start: np.vstack([np.full((1, ids.shape[1]), start), ids[:-1]]),
        "shift.along-batch",
    ),
}


def decoder(
    own=lambda t, s, mask: np.tri(t, dtype=bool),
    seen=lambda t, s, mask: mask[:, None],
    memory_of=lambda x, memory, norm: memory,
    end=lambda y: y,
):
    def block(x, memory, mask, attend_self, attend_memory, think, n1, n2, n3):
        t, s = x.shape[1], memory.shape[1]
        y = n1(x)
        x = x + attend_self(query=y, source=y, mask=own(t, s, mask))
        x = x + attend_memory(n2(x), memory_of(x, memory, n2), seen(t, s, mask))
        return end(x + think(n3(x)))

    return block


def residual_from_start(x, memory, mask, attend_self, attend_memory, think, *norms):
    a = attend_self(norms[0](x), norms[0](x), np.tri(x.shape[1]))
    b = attend_memory(norms[1](a), memory, mask[:, None])
    return x + a + b + think(norms[2](b))


DECODER = {
    "first sequence's memory": (
        decoder(seen=lambda t, s, mask: mask[:1, None]),
        "decoder.memory-mask-of-first-sequence",
    ),
    "memory counted": (
        decoder(seen=lambda t, s, mask: np.arange(s) < mask.sum(1)[:, None, None]),
        "decoder.memory-mask-assumed-on-the-right",
    ),
    "memory normalised": (
        decoder(memory_of=lambda x, memory, norm: norm(memory)),
        "decoder.memory-normalised",
    ),
    "one behind": (
        decoder(own=lambda t, s, mask: np.tri(t, k=-1, dtype=bool)),
        "decoder.hides-itself",
    ),
    "two ahead": (decoder(own=lambda t, s, mask: np.tri(t, k=2, dtype=bool)), None),
    "float mask, upper": (
        decoder(own=lambda t, s, mask: np.triu(np.ones((t, t)))),
        "decoder.causal-transposed",
    ),
    "last row open": (
        decoder(own=lambda t, s, mask: np.tri(t) + (np.arange(t) == 0)[:, None]),
        None,
    ),
    "one key too many": (
        decoder(seen=lambda t, s, mask: (mask | np.roll(mask, 1, axis=1))[:, None]),
        None,
    ),
    "memory windowed": (
        decoder(seen=lambda t, s, mask: mask[:, None] & np.eye(t, s, dtype=bool)),
        None,
    ),
    "chain without sums": (residual_from_start, None),
    "squeezed": (decoder(end=np.squeeze), None),
    "one target without its axis": (
        decoder(end=lambda y: y[:, 0] if y.shape[1] == 1 else y),
        None,
    ),
    "no memory mask": (
        decoder(seen=lambda *_: None),
        "decoder.memory-mask-forgotten",
    ),
}

ANSWERS = {
    "layer_norm": NORM,
    "feed_forward": FORWARD,
    "residual_step": STEP,
    "encoder_block": ENCODER,
    "shift_right": SHIFT,
    "decoder_block": DECODER,
}
