"""The logits of each image with each text: cosines times a learned scale."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, mistakes, swap

from ._shared import unit

MOST = 100


def both_unit(images, texts):
    """Images and texts of length 1."""
    return unit(images), unit(texts)


def limited(log_scale):
    """eˢ, 100 at most."""
    return min(np.exp(log_scale), MOST)


def compare(
    images,
    texts,
    log_scale,
    *,
    normalise=both_unit,
    similar=lambda images, texts: images @ texts.T,
    scale=limited,
    apply=lambda cosines, scale: scale * cosines,
    after=lambda logits: logits,
):
    """Logits (B, C)."""
    images, texts = normalise(
        np.asarray(images, "float64"), np.asarray(texts, "float64")
    )
    return after(apply(similar(images, texts), scale(log_scale)))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def pairs(images, texts, log_scale, size=6, length=2.0):
    """Vectors of many lengths."""

    def draw(rng):
        lengths = rng.uniform(0.5, 2.0, (images + texts, 1)).astype("float32") * length
        x = lengths * floats(rng, images + texts, size)
        return x[:images], x[images:], log_scale

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def unlimited(log_scale):
    """eˢ, however large (wrong)."""
    return np.exp(log_scale)


def by_distance(images, texts):
    """Minus the distance (wrong)."""
    return -np.linalg.norm(images[:, None] - texts[None], axis=-1)


wrong = mistakes("compare", section="towers")

EXERCISE = Exercise(
    name="compare",
    section="towers",
    points=4,
    reference=compare,
    cases=(
        Case("some", pairs(5, 3, 1.5)),
        Case("one", pairs(1, 1, 1.0)),
        Case("one-image", pairs(1, 4, 2.0, size=3)),
        Case("long", pairs(4, 6, 2.7, length=20.0)),
        Case("short", pairs(3, 5, 2.0, length=0.02)),
        Case("scale-below-one", pairs(4, 2, -1.2)),
        Case("scale-just-100", pairs(3, 4, float(np.log(100)))),
        Case("scale-too-large", pairs(4, 5, 6.5)),
        Case("square", pairs(5, 5, 1.2), diagnostic=True),
    ),
    misconceptions=(
        wrong("not-normalised", normalise=lambda a, b: (a, b)),
        wrong("only-images", normalise=lambda a, b: (unit(a), b)),
        wrong("only-texts", normalise=lambda a, b: (a, unit(b))),
        wrong("over-the-batch", normalise=lambda a, b: (unit(a, 0), unit(b, 0))),
        wrong("of-the-table", normalise=lambda a, b: (unit(a, None), unit(b, None))),
        wrong(
            "squared-length",
            normalise=lambda a, b: tuple(
                x / (x * x).sum(axis=1, keepdims=True) for x in (a, b)
            ),
        ),
        wrong(
            "sum-of-sizes",
            normalise=lambda a, b: tuple(
                x / np.abs(x).sum(axis=1, keepdims=True) for x in (a, b)
            ),
        ),
        wrong("distance", similar=by_distance),
        wrong("no-exponential", scale=lambda s: min(s, MOST)),
        wrong("not-limited", scale=unlimited),
        wrong(
            "logits-limited",
            scale=unlimited,
            after=lambda logits: np.clip(logits, -MOST, MOST),
        ),
        wrong(
            "logits-limited-above",
            scale=unlimited,
            after=lambda logits: np.minimum(logits, MOST),
        ),
        wrong("never-below-one", scale=lambda s: np.clip(np.exp(s), 1, MOST)),
        wrong("no-scale", apply=lambda cosines, scale: cosines),
        wrong("divided", apply=lambda cosines, scale: cosines / scale),
        wrong("added", apply=lambda cosines, scale: cosines + scale),
        wrong("turned", after=swap),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "einsum": lambda *a: _by_einsum(*a),
        "lengths afterwards": lambda *a: _lengths_after(*a),
    },
)


def _in_loops(images, texts, log_scale):
    scale = np.exp(log_scale) if log_scale < np.log(100) else 100
    found = np.zeros((len(images), len(texts)))
    for i, a in enumerate(images.astype("float64")):
        for j, b in enumerate(texts.astype("float64")):
            found[i, j] = scale * (a @ b) / np.sqrt((a @ a) * (b @ b))
    return found


def _by_einsum(images, texts, log_scale):
    scale = np.exp(np.minimum(log_scale, np.log(100.0)))
    one = images / np.sqrt(np.einsum("be,be->b", images, images))[:, None]
    other = texts / np.sqrt(np.einsum("ce,ce->c", texts, texts))[:, None]
    return np.einsum("be,ce->bc", scale * one, other)


def _lengths_after(images, texts, log_scale):
    lengths = np.outer(*(np.linalg.norm(x, axis=1) for x in (images, texts)))
    return np.clip(np.exp(log_scale), None, 100) * (images @ texts.T) / lengths
