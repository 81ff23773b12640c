"""Chances of classes that are only named, each by several prompts."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes

from ._shared import softmax, unit


def as_logits(images, vectors, scale):
    """Cosines with one vector a class, times the scale: (N, C)."""
    return scale * images @ vectors.T


def zero_shot(
    images,
    texts,
    scale,
    *,
    each=unit,
    merge=lambda texts: texts.mean(axis=1),
    whole=unit,
    compare=as_logits,
    chances=softmax,
):
    """Chances (N, C)."""
    images, texts = np.asarray(images, "float64"), np.asarray(texts, "float64")
    return chances(compare(images, whole(merge(each(texts))), scale))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def named(images, classes, prompts, scale, size=6, uneven=1.0):
    """Pictures of length 1, and texts of other lengths: one of each class is long."""

    def draw(rng):
        middle = floats(rng, classes, 1, size)
        texts = middle + floats(rng, classes, prompts, size, scale=0.9)
        lengths = rng.uniform(0.3, 1.5, (classes, prompts, 1))
        lengths[np.arange(classes), rng.integers(0, prompts, classes)] *= uneven
        texts = (texts * lengths).astype("float32")
        return unit(floats(rng, images, size)).astype("float32"), texts, scale

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def of_each_prompt(change):
    """A table of each picture, class and prompt, made (N, C) by `change`."""

    def compare(images, texts, scale):
        return change(scale * np.einsum("ne,cpe->ncp", images, texts))

    return compare


def shared_among_prompts(logits):
    """One softmax over all prompts of all classes, then summed by class (wrong)."""
    count = len(logits)
    return softmax(logits.reshape(count, -1)).reshape(logits.shape).sum(axis=-1)


def highest(logits):
    """1 for the class with the highest logit, 0 for all others (wrong)."""
    return (logits == logits.max(axis=-1, keepdims=True)) * 1.0


wrong = mistakes("zero-shot", section="zero-shot")
apart = {"merge": identity, "whole": identity}

EXERCISE = Exercise(
    name="zero_shot",
    section="zero-shot",
    points=4,
    reference=zero_shot,
    cases=(
        Case("some", named(4, 3, 5, 6.0)),
        Case("one-picture", named(1, 3, 2, 8.0)),
        Case("one-prompt", named(5, 3, 1, 10.0)),
        Case("two-classes", named(3, 2, 4, 5.0, size=4)),
        Case("one-long", named(4, 3, 5, 6.0, uneven=12.0)),
        Case("many", named(7, 9, 3, 12.0, size=8, uneven=4.0)),
        Case("sure", named(3, 4, 2, 100.0)),
        Case("unsure", named(5, 4, 3, 1.0)),
        Case("square", named(4, 4, 4, 6.0), diagnostic=True),
    ),
    misconceptions=(
        wrong("averaged-first", each=identity),
        wrong("not-unit-afterwards", whole=identity),
        wrong("first-prompt", merge=lambda texts: texts[:, 0]),
        wrong("over-the-classes", merge=lambda texts: texts.mean(axis=0)),
        wrong("best-prompt", **apart, compare=of_each_prompt(lambda x: x.max(axis=-1))),
        wrong(
            "chances-averaged",
            **apart,
            compare=of_each_prompt(lambda x: softmax(x, axis=1).mean(axis=-1)),
            chances=identity,
        ),
        wrong(
            "shared-among-prompts",
            **apart,
            compare=of_each_prompt(shared_among_prompts),
            chances=identity,
        ),
        wrong("no-scale", compare=lambda images, vectors, scale: images @ vectors.T),
        wrong(
            "divided", compare=lambda images, vectors, scale: images @ vectors.T / scale
        ),
        wrong("over-the-pictures", chances=lambda logits: softmax(logits, axis=0)),
        wrong("logits", chances=identity),
        wrong("each-by-itself", chances=lambda x: 1 / (1 + np.exp(-x))),
        wrong("only-the-highest", chances=highest),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "sums": lambda *a: _by_sums(*a),
        "einsum": lambda *a: _by_einsum(*a),
    },
)


def _in_loops(images, texts, scale):
    rows = []
    for image in images.astype("float64"):
        logits = []
        for prompts in texts.astype("float64"):
            vector = sum(x / np.sqrt(x @ x) for x in prompts)
            logits.append(scale * (image @ vector) / np.sqrt(vector @ vector))
        e = np.exp(np.array(logits) - max(logits))
        rows.append(e / sum(e))
    return rows


def _by_sums(images, texts, scale):
    vectors = (texts / np.linalg.norm(texts, axis=2)[..., None]).sum(axis=1)
    vectors /= np.sqrt((vectors**2).sum(axis=1))[:, None]
    logits = scale * (images @ vectors.T).astype("float64")
    return np.exp(logits - np.logaddexp.reduce(logits, axis=1)[:, None])


def _by_einsum(images, texts, scale):
    x = texts.astype("float64")
    x = np.einsum("cpe,cp->ce", x, np.einsum("cpe,cpe->cp", x, x) ** -0.5)
    cosines = np.einsum("ne,ce,c->nc", images, x, np.einsum("ce,ce->c", x, x) ** -0.5)
    e = np.exp(scale * (cosines - cosines.max(axis=1, keepdims=True)))
    return e / e.sum(axis=1, keepdims=True)
