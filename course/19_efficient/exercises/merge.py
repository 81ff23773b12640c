"""Attention to all keys, of attention to some and attention to the others."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes

LIBRARY = ("tlkeras.layers", "keras.ops.dot_product_attention")


def larger(first, second):
    """The largest logit of both."""
    return np.maximum(first, second)


def shrink(old, new):
    """What older sums are multiplied by; 1 where both are the same, −∞ too."""
    return np.exp(np.where(old == new, 0.0, old - new))


def shrunk_sum(first, second, by_first, by_second):
    """Both sums, on one scale."""
    return first * by_first + second * by_second


def merge(first, second, *, largest=larger, factor=shrink, totals=shrunk_sum,
          outputs=shrunk_sum):  # fmt: skip
    """Largest logit (T,), total (T,) and output (T, V) of all keys."""
    (m1, l1, o1), (m2, l2, o2) = first, second
    m = largest(m1, m2)
    a, b = factor(m1, m), factor(m2, m)
    return m, totals(l1, l2, a, b), outputs(o1, o2, a[:, None], b[:, None])


# ── inputs ────────────────────────────────────────────────────────────────────────────


def part(logits, values):
    """What attention to some keys leaves: `(T, C)` and `(C, V)`."""
    m = logits.max(axis=1) if logits.shape[1] else np.full(len(logits), -np.inf)
    weights = np.exp(logits - m[:, None])
    parts = (m, weights.sum(axis=1), weights @ values)
    return tuple(x.astype(np.float32) for x in parts)


def two(queries, sizes, value_size, scale=1.0, shift=0.0, turned=False):
    """Parts of two blocks of keys; logits of the second are larger by `shift`."""

    def draw(rng):
        parts = []
        for size, more in zip(sizes, (0.0, shift), strict=True):
            logits = floats(rng, queries, size, scale=scale) + np.float32(more)
            parts.append(part(logits, floats(rng, size, value_size)))
        return tuple(parts[::-1] if turned else parts)

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def ones(old, new):
    """Nothing is rescaled (wrong)."""
    return np.ones_like(old)


def plain(old, new):
    """As in `shrink`, but −∞ less −∞ is no number."""
    return np.exp(old - new)


def turned(old, new):
    """The exponent is turned round (wrong)."""
    return 1 / shrink(old, new)


def not_exponential(old, new):
    """The ratio of the logits (wrong)."""
    return old / new


def plain_sum(first, second, by_first, by_second):
    """Sums on two scales (wrong)."""
    return first + second


def first_shrunk(first, second, by_first, by_second):
    """Only the first is rescaled (wrong)."""
    return first * by_first + second


def crossed(first, second, by_first, by_second):
    """Each gets the factor of the other (wrong)."""
    return first * by_second + second * by_first


def mean(first, second, by_first, by_second):
    """The mean of both (wrong)."""
    return (first * by_first + second * by_second) / 2


wrong = mistakes("merge", section="merge")

EXERCISE = Exercise(
    name="merge",
    section="merge",
    points=4,
    reference=merge,
    forbidden=LIBRARY,
    cases=(
        Case("two-blocks", two(5, (7, 4), 3)),
        Case("second-larger", two(6, (3, 8), 4, shift=4.0)),
        Case("first-larger", two(6, (8, 3), 4, shift=4.0, turned=True)),
        Case("large-logits", two(4, (6, 5), 2, scale=150.0)),
        Case("far-below", two(4, (2, 500), 3, shift=-300.0)),
        Case("empty-block", two(5, (6, 0), 3)),
        Case("empty-first", two(5, (6, 0), 3, turned=True)),
        Case("one-key", two(3, (1, 1), 5)),
    ),
    misconceptions=(
        wrong("not-rescaled", factor=ones),
        wrong("exponent-turned", factor=turned),
        wrong("ratio-of-logits", factor=not_exponential),
        wrong("largest-of-first", largest=lambda first, second: first),
        wrong("largest-of-second", largest=lambda first, second: second),
        wrong("smallest", largest=np.minimum, factor=plain),
        wrong("largest-added", largest=lambda first, second: first + second),
        wrong("totals-not-rescaled", totals=plain_sum),
        wrong("outputs-not-rescaled", outputs=plain_sum),
        wrong("only-first-rescaled", totals=first_shrunk, outputs=first_shrunk),
        wrong("factors-crossed", totals=crossed, outputs=crossed),
        wrong("mean-of-outputs", outputs=mean),
        wrong("mean-of-both", totals=mean, outputs=mean),
    ),
    accepted={
        "loop": lambda first, second: _loop(first, second),
        "logaddexp": lambda first, second: _logaddexp(first, second),
        "stacked": lambda first, second: _stacked(first, second),
    },
)


def _loop(first, second):
    rows = []
    for (m1, l1, o1), (m2, l2, o2) in zip(
        zip(*first, strict=True), zip(*second, strict=True), strict=True
    ):
        m = max(m1, m2)
        a, b = np.exp(m1 - m), np.exp(m2 - m)
        rows.append((m, l1 * a + l2 * b, o1 * a + o2 * b))
    return tuple(np.array(x) for x in zip(*rows, strict=True))


def _logaddexp(first, second):
    m = np.maximum(first[0], second[0])
    with np.errstate(divide="ignore"):
        logs = [np.log(np.float64(part[1])) + part[0] for part in (first, second)]
    total = np.exp(np.logaddexp(*logs) - m)
    outputs = [part[2] * np.exp(part[0] - m)[:, None] for part in (first, second)]
    return m, total, outputs[0] + outputs[1]


def _stacked(first, second):
    m, total, output = (np.stack(x) for x in zip(first, second, strict=True))
    factor = np.exp(m - m.max(axis=0))
    return (
        m.max(axis=0),
        (total * factor).sum(axis=0),
        np.einsum("ptv,pt->tv", output, factor),
    )
