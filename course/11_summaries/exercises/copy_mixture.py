"""The mixture of a pointer-generator: what is written, what is copied."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def softmax(x, axis=-1):
    """exp(x) / Σ exp(x)."""
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def softmax_of_all(x):
    """One distribution over all positions and words."""
    return softmax(x.ravel()).reshape(x.shape)


def one_maximum(x):
    """The largest logit of the table subtracted: other rows may vanish."""
    powers = np.exp(x - x.max())
    return powers / powers.sum(axis=-1, keepdims=True)


def added(attention, source_ids, size):
    """Attention of places that hold one token, summed: (T, V)."""
    copied = np.zeros((len(attention), size))
    for place, token in enumerate(source_ids):
        copied[:, token] += attention[:, place]
    return copied


def last_stays(attention, source_ids, size):
    """A later place overwrites an earlier one of its token."""
    copied = np.zeros((len(attention), size))
    for place, token in enumerate(source_ids):
        copied[:, token] = attention[:, place]
    return copied


def first_stays(attention, source_ids, size):
    """The first place of a token alone."""
    copied = np.zeros((len(attention), size))
    for place, token in reversed(list(enumerate(source_ids))):
        copied[:, token] = attention[:, place]
    return copied


def largest(attention, source_ids, size):
    """The most attended place of a token alone."""
    copied = np.zeros((len(attention), size))
    for place, token in enumerate(source_ids):
        copied[:, token] = np.maximum(copied[:, token], attention[:, place])
    return copied


def averaged(attention, source_ids, size):
    """The mean over the places of a token."""
    times = np.bincount(source_ids, minlength=size)
    return added(attention, source_ids, size) / np.maximum(times, 1)


def pointed(attention, source_ids, size):
    """All of it to the token that is attended most."""
    copied = np.zeros((len(attention), size))
    copied[np.arange(len(attention)), source_ids[attention.argmax(axis=1)]] = 1
    return copied


def mixed(g, written, copied):
    """Shares of two distributions."""
    return g * written + (1 - g) * copied


def copy_mixture(
    logits,
    gate,
    attention,
    source_ids,
    *,
    spread=added,
    written=softmax,
    attend=identity,
    mix=mixed,
    last=identity,
):
    """P(w) of each target position: (T, V)."""
    logits = np.asarray(logits, dtype="float64")
    gate = np.asarray(gate, dtype="float64")[:, None]  # (T, 1)
    attention = attend(np.asarray(attention, dtype="float64"))  # (T, S)
    copied = spread(attention, source_ids, logits.shape[1])  # (T, V)
    return last(mix(gate, written(logits), copied))


def drawn(targets, source, size, tokens=None, gates=None):
    """Logits, gates and attention, for source tokens that may stand there again."""

    def draw(rng):
        few = rng.permutation(size)[: tokens or size]
        source_ids = few[rng.integers(len(few), size=source)]
        gate = rng.uniform(0.1, 0.9, targets) if gates is None else np.array(gates)
        attention = softmax(floats(rng, targets, source, scale=1.5))
        logits = floats(rng, targets, size, scale=2)
        return logits, gate.astype("float32"), attention.astype("float32"), source_ids

    return draw


def different(rng):
    """No token twice."""
    logits, gate, attention, _ = drawn(3, 5, 11)(rng)
    return logits, gate, attention, rng.permutation(11)[:5]


def padded(rng):
    """Padding at the end of the source, which nobody looks at."""
    logits, gate, attention, source_ids = drawn(2, 7, 9, 4)(rng)
    attention[:, 5:], source_ids[5:] = 0, 0
    return logits, gate, attention / attention.sum(1, keepdims=True), source_ids


def one_place(rng):
    """All attention at one place."""
    logits, gate, attention, source_ids = drawn(4, 6, 8, 3)(rng)
    attention = np.eye(6, dtype="float32")[rng.integers(6, size=4)]
    return logits, gate, attention, source_ids


def large(rng):
    """Logits whose powers overflow, on another level at each position."""
    logits, *others = drawn(3, 6, 10, 4)(rng)
    return logits + np.float32([[0], [1000], [2000]]), *others


wrong = mistakes("copy", section="copy")

EXERCISE = Exercise(
    name="copy_mixture",
    section="copy",
    points=5,
    reference=copy_mixture,
    cases=(
        Case("different", different),
        Case("repeated", drawn(3, 8, 12, 4)),
        Case("one-token", drawn(2, 5, 9, 1)),
        Case("padded", padded),
        Case("one-place", one_place),
        Case("only-written", drawn(3, 6, 10, 4, (1.0, 1.0, 1.0))),
        Case("only-copied", drawn(3, 6, 10, 4, (0.0, 0.0, 0.0))),
        Case("one-step", drawn(1, 7, 13, 5)),
        Case("long-source", drawn(2, 17, 9, 6)),
        Case("large", large),
    ),
    misconceptions=(
        wrong("last-stays", spread=last_stays),
        wrong("first-stays", spread=first_stays),
        wrong("largest", spread=largest),
        wrong("averaged", spread=averaged),
        wrong("pointed", spread=pointed),
        wrong("gate-inverted", mix=lambda g, w, c: (1 - g) * w + g * c),
        wrong("gate-for-both", mix=lambda g, w, c: g * (w + c)),
        wrong("copy-not-weighted", mix=lambda g, w, c: g * w + c),
        wrong("written-not-weighted", mix=lambda g, w, c: w + (1 - g) * c),
        wrong("multiplied", mix=lambda g, w, c: w**g * c ** (1 - g)),
        wrong("gate-unused", mix=lambda g, w, c: (w + c) / 2),
        wrong("gate-left-out", mix=lambda g, w, c: w + c),
        wrong("hard-switch", mix=lambda g, w, c: np.where(g > 0.5, w, c)),
        wrong("logits-mixed", written=identity, last=softmax),
        wrong("logits-as-they-are", written=identity),
        wrong("softmax-after", written=softmax, last=softmax),
        wrong("softmax-of-attention", attend=softmax),
        wrong("softmax-of-all", written=softmax_of_all),
        wrong("one-maximum", written=one_maximum),
        wrong("softmax-over-steps", written=lambda x: softmax(x, axis=0)),
        wrong(
            "not-safe", written=lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)
        ),
        wrong("logarithms", last=lambda p: np.log(p)),
    ),
    accepted={
        "one-hot rows": lambda *a: _mixture_with_one_hot(*a),
        "np.add.at": lambda *a: _mixture_added_at(*a),
        "bincount": lambda *a: _mixture_counted(*a),
        "tensorflow": lambda *a: _mixture_with_tensorflow(*a),
    },
)


def _mixture_with_one_hot(logits, gate, attention, source_ids):
    rows = np.eye(logits.shape[1], dtype="float32")[source_ids]  # (S, V)
    return gate[:, None] * softmax(logits) + (1 - gate[:, None]) * (attention @ rows)


def _mixture_added_at(logits, gate, attention, source_ids):
    p = gate[:, None] * softmax(logits)
    np.add.at(p.T, source_ids, ((1 - gate)[:, None] * attention).T)
    return p


def _mixture_counted(logits, gate, attention, source_ids):
    size = logits.shape[1]
    return [
        g * softmax(z) + (1 - g) * np.bincount(source_ids, weights=a, minlength=size)
        for z, g, a in zip(logits, gate, attention, strict=True)
    ]


def _mixture_with_tensorflow(logits, gate, attention, source_ids):
    import tensorflow as tf

    one_hot = tf.one_hot(source_ids, logits.shape[1])
    g = gate[:, None]
    return g * tf.nn.softmax(logits) + (1 - g) * tf.matmul(attention, one_hot)
