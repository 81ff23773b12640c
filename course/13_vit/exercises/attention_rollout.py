"""How much of each patch reaches the class token: (L, N, T, T) to (P,)."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes

from .swap_head import softmax


def mean_over_heads(scores):
    """(L, N, T, T) to (L, T, T)."""
    return scores.mean(axis=1)


def half_residual(layers):
    """Half of each token stays where it is: ½ A + ½ I."""
    return 0.5 * layers + 0.5 * np.eye(layers.shape[-1])


def last_times_first(layers):
    """A_L · … · A₂ · A₁."""
    product = layers[0]
    for layer in layers[1:]:
        product = layer @ product
    return product


def first_times_last(layers):
    """A₁ · A₂ · … · A_L."""
    return last_times_first(layers[::-1])


def class_row(rollout):
    """What the class token took from each patch."""
    return rollout[0, 1:]


def attention_rollout(
    scores,
    *,
    heads=mean_over_heads,
    residual=half_residual,
    combine=last_times_first,
    read=class_row,
):
    """How much of each patch reaches the class token: (L, N, T, T) to (P,)."""
    return read(combine(residual(heads(scores))))


def score_inputs(layers, heads, tokens, scale=1.5):
    """Attention scores whose rows sum to one, sharp enough to differ."""
    return lambda rng: (
        softmax(floats(rng, layers, heads, tokens, tokens, scale=scale)).astype(
            np.float32
        ),
    )


def normalised(rollout):
    """The class token's row over the patches, made to sum to one."""
    row = class_row(rollout)
    return row / row.sum()


wrong = mistakes("rollout", section="rollout")

EXERCISE = Exercise(
    name="attention_rollout",
    section="rollout",
    points=4,
    reference=attention_rollout,
    cases=(
        Case("three-layers", score_inputs(3, 2, 5), tolerance=1e-5),
        Case("one-layer", score_inputs(1, 3, 7), tolerance=1e-5),
        Case("one-head", score_inputs(3, 1, 4), tolerance=1e-5),
        Case("one-patch", score_inputs(2, 3, 2), tolerance=1e-5),
        Case("deep", score_inputs(6, 4, 10), tolerance=1e-5),
        Case("sharp", score_inputs(4, 3, 6, scale=4), tolerance=1e-5),
    ),
    misconceptions=(
        wrong("no-residual", residual=identity),
        wrong("residual-not-halved", residual=lambda x: 2 * half_residual(x)),
        wrong(
            "residual-once",
            residual=identity,
            combine=lambda x: half_residual(last_times_first(x)),
        ),
        wrong("residual-of-ones", residual=lambda x: 0.5 * x + 0.5 / x.shape[-1]),
        wrong("order-reversed", combine=first_times_last),
        wrong("last-layer-only", combine=lambda x: x[-1]),
        wrong("first-layer-only", combine=lambda x: x[0]),
        wrong("layers-averaged", combine=lambda x: x.mean(axis=0)),
        wrong("layers-summed", combine=lambda x: x.sum(axis=0)),
        wrong("element-by-element", combine=lambda x: x.prod(axis=0)),
        wrong("heads-summed", heads=lambda x: x.sum(axis=1)),
        wrong("first-head-only", heads=lambda x: x[:, 0]),
        wrong("largest-head", heads=lambda x: x.max(axis=1)),
        wrong("column-read", read=lambda x: x[1:, 0]),
        wrong("class-token-included", read=lambda x: x[0]),
        wrong("last-token-read", read=lambda x: x[-1, :-1]),
        wrong("matrix-returned", read=identity),
        wrong("all-tokens-averaged", read=lambda x: x.mean(axis=0)[1:]),
        wrong("normalised", read=normalised),
    ),
    accepted={
        "row by row": lambda scores: _rollout_by_row(scores),
        "multi_dot": lambda scores: _rollout_with_multi_dot(scores),
        "rows made to sum to one": lambda scores: _rollout_normalised(scores),
        "keras.ops": lambda scores: _rollout_with_keras(scores),
        "tensorflow": lambda scores: _rollout_with_tensorflow(scores),
        "from the identity": lambda scores: _rollout_from_identity(scores),
        "float64": lambda scores: attention_rollout(scores.astype(float)),
    },
)


def _rollout_by_row(scores):
    row = np.eye(scores.shape[-1])[0]
    for layer in scores[::-1]:
        row = (row + row @ layer.mean(axis=0)) / 2
    return row[1:]


def _rollout_with_multi_dot(scores):
    layers = half_residual(mean_over_heads(scores))
    if len(layers) == 1:
        return layers[0, 0, 1:]
    return np.linalg.multi_dot(list(layers[::-1]))[0, 1:]


def _rollout_normalised(scores):
    layers = mean_over_heads(scores) + np.eye(scores.shape[-1])
    layers = layers / layers.sum(axis=-1, keepdims=True)
    return class_row(last_times_first(layers))


def _rollout_with_keras(scores):
    ops = keras().ops
    eye = ops.eye(scores.shape[-1])
    rollout = eye
    for layer in scores:
        rollout = ops.matmul((ops.mean(layer, axis=0) + eye) / 2, rollout)
    return rollout[0, 1:]


def _rollout_with_tensorflow(scores):
    import tensorflow as tf

    layers = (tf.reduce_mean(scores, axis=1) + tf.eye(scores.shape[-1])) / 2
    rollout = layers[0]
    for layer in layers[1:]:
        rollout = layer @ rollout
    return rollout[0, 1:]


def _rollout_from_identity(scores):
    rollout = np.eye(scores.shape[-1])
    for layer in scores:
        rollout = 0.5 * rollout + 0.5 * layer.mean(0) @ rollout
    return rollout[0, 1:]
