"""Class probabilities (T, 10): attention from new images to known ones."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import identity, mistakes

from ._shared import ATTENTIONS
from .scaled_dot_product_attention import attention
from .softmax import softmax


def unit_length(x):
    """Divide each row by its length, so that a dot product is a cosine."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def one_hot(labels):
    """(S,) digits as (S, 10) rows with a single 1."""
    return np.eye(10)[labels]


def classifier(
    images,
    known_images,
    known_labels,
    temperature,
    *,
    lengths=unit_length,
    known_lengths=unit_length,
    cool=lambda cosines, temperature, size: cosines / temperature,
    normalise=softmax,
    values=one_hot,
    finish=identity,
):
    """Class probabilities (T, 10): attention from new images to known ones."""
    cosines = lengths(images) @ known_lengths(known_images).T
    logits = cool(cosines, temperature, images.shape[-1])
    return finish(normalise(logits) @ values(known_labels))


def squared_length(x):
    """Divide each row by the square of its length."""
    return x / (x**2).sum(-1, keepdims=True)


def last_of_each(labels):
    """One-hot rows in which only the last image of each label has its 1."""
    last = [label not in labels[s + 1 :] for s, label in enumerate(labels)]
    return one_hot(labels) * np.array(last)[:, None]


def digits(images, known, temperature):
    """Bright and dark images, and labels that do not come in order."""

    def draw(rng):
        def pictures(count):
            brightness = rng.uniform(0.5, 3, (count, 1))
            return (brightness * rng.random((count, 16))).astype(np.float32)

        labels = rng.permutation(np.arange(known) % 10)
        return pictures(images), pictures(known), labels, temperature

    return draw


wrong = mistakes("classifier", section="classifier")

EXERCISE = Exercise(
    name="attention_classifier",
    section="classifier",
    points=4,
    reference=classifier,
    forbidden=ATTENTIONS,
    cases=(
        Case("warm", digits(3, 20, 0.5)),
        Case("cool", digits(4, 30, 0.05), tolerance=1e-3),
        Case("few", digits(6, 4, 0.2)),
        Case("one-image", digits(1, 12, 0.3)),
    ),
    misconceptions=(
        wrong("no-unit-length", lengths=identity, known_lengths=identity),
        wrong("images-not-unit", lengths=identity),
        wrong("known-not-unit", known_lengths=identity),
        wrong(
            "length-over-batch",
            lengths=lambda x: x / np.linalg.norm(x),
            known_lengths=lambda x: x / np.linalg.norm(x),
        ),
        wrong("squared-length", lengths=squared_length, known_lengths=squared_length),
        wrong(
            "temperature-multiplied", cool=lambda x, temperature, size: x * temperature
        ),
        wrong("temperature-ignored", cool=lambda x, *_: x),
        wrong(
            "scaled-twice",
            cool=lambda x, temperature, size: x / temperature / np.sqrt(size),
        ),
        wrong("scaled-not-cooled", cool=lambda x, temperature, size: x / np.sqrt(size)),
        wrong("softmax-over-images", normalise=lambda x: softmax(x, axis=0)),
        wrong("no-softmax", normalise=identity),
        wrong("softmax-last", normalise=identity, finish=softmax),
        wrong("repeated-labels-lost", values=last_of_each),
        wrong(
            "labels-averaged",
            values=lambda labels: (
                one_hot(labels) / np.maximum(one_hot(labels).sum(0), 1)
            ),
        ),
        wrong("averages-label-numbers", values=lambda labels: labels),
        wrong("scores-returned", values=lambda labels: np.eye(len(labels))),
    ),
    accepted={
        "scaled attention, undone": lambda a, b, labels, t: attention(
            unit_length(a) * np.sqrt(a.shape[-1]) / t, unit_length(b), one_hot(labels)
        ),
        "einsum": lambda a, b, labels, t: (
            softmax(np.einsum("th,sh->ts", unit_length(a), unit_length(b)) / t)
            @ one_hot(labels)
        ),
        "sums over labels": lambda a, b, labels, t: np.stack(
            [
                np.where(
                    labels == c, softmax(unit_length(a) @ unit_length(b).T / t), 0
                ).sum(-1)
                for c in range(10)
            ],
            axis=-1,
        ),
        "keras": lambda a, b, labels, t: _classifier_with_keras(a, b, labels, t),
    },
)


def _classifier_with_keras(images, known_images, known_labels, temperature):
    import keras

    cosines = keras.ops.matmul(
        keras.ops.normalize(images),
        keras.ops.transpose(keras.ops.normalize(known_images)),
    )
    return keras.ops.matmul(
        keras.ops.softmax(cosines / temperature), keras.ops.one_hot(known_labels, 10)
    )
