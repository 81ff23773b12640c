"""(x − mean) / √(variance + ε) · gain + bias, each vector by itself."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes


def subtract_mean(x, axis):
    """Move the numbers along an axis, so that their mean is zero."""
    return x - x.mean(axis, keepdims=True)


def variance(x, axis):
    """The mean squared distance from the mean, kept as an axis."""
    return x.var(axis, keepdims=True)


def sample_variance(x, axis):
    """The variance estimated from a sample: divided by one less (wrong)."""
    spread = variance(x, axis)
    count = np.float64(x.size / spread.size)
    return spread * (count / (count - 1))


def divide_by_root(x, variance, epsilon):
    """Divide by the standard deviation, or by a little more."""
    return x / np.sqrt(variance + epsilon)


def layer_norm(
    x,
    gain,
    bias,
    epsilon=1e-5,
    *,
    axis=-1,
    centre=subtract_mean,
    spread=variance,
    divide=divide_by_root,
    stretch=lambda x, gain, bias: x * gain,
    move=lambda x, gain, bias: x + bias,
):
    """(x − mean) / √(variance + ε) · gain + bias, each vector by itself."""
    normal = divide(centre(x, axis), spread(x, axis), epsilon)
    return move(stretch(normal, gain, bias), gain, bias)


def norm_inputs(*lead, size=6, scale=2.0, epsilon=1e-5):
    """Vectors whose mean is not zero, a gain, a bias and an epsilon."""

    def draw(rng):
        x = floats(rng, *lead, size, scale=scale) + np.float32(2 * scale)
        return x, 1 + floats(rng, size, scale=0.5), floats(rng, size), epsilon

    return draw


def with_constant_vectors(rng):
    """Two vectors whose components are all alike: their variance is zero."""
    x, *others = norm_inputs(2, 4)(rng)
    x[0, 1], x[1, 2] = 4, -8  # sums of these are exact in float32
    return x, *others


wrong = mistakes("norm", section="norm")

EXERCISE = Exercise(
    name="layer_norm",
    section="norm",
    points=4,
    reference=layer_norm,
    cases=(
        Case("sequence", norm_inputs(3)),
        Case("batch", norm_inputs(2, 4)),
        Case("small", norm_inputs(2, 3, scale=0.002)),
        Case("epsilon", norm_inputs(2, 3, epsilon=0.7)),
        Case("constant", with_constant_vectors),
        Case("one-vector", norm_inputs(1)),
        Case("square", norm_inputs(6), diagnostic=True),
        Case("cube", norm_inputs(6, 6, scale=0.004, epsilon=1e-4), diagnostic=True),
    ),
    misconceptions=(
        wrong("over-batch", axis=0),
        wrong("over-sequence", axis=-2),
        wrong("axis-one", axis=1),
        wrong("over-sequence-and-vector", axis=(-2, -1)),
        wrong("over-everything", axis=None),
        wrong("not-centred", centre=identity),
        wrong(
            "root-mean-square",
            centre=identity,
            spread=lambda x, axis: (x**2).mean(axis, keepdims=True),
        ),
        wrong("mean-loses-axis", centre=lambda x, axis: x - x.mean(axis)),
        wrong("variance-loses-axis", spread=lambda x, axis: x.var(axis)),
        wrong("divided-by-size-minus-one", spread=sample_variance),
        wrong(
            "sum-of-squares",
            spread=lambda x, axis: (subtract_mean(x, axis) ** 2).sum(
                axis, keepdims=True
            ),
        ),
        wrong(
            "divided-by-variance",
            divide=lambda x, variance, epsilon: x / (variance + epsilon),
        ),
        wrong(
            "multiplied-by-root",
            divide=lambda x, variance, epsilon: x * np.sqrt(variance + epsilon),
        ),
        wrong("not-divided", divide=identity),
        wrong(
            "epsilon-forgotten",
            divide=lambda x, variance, epsilon: x / np.sqrt(variance),
        ),
        wrong(
            "epsilon-outside-root",
            divide=lambda x, variance, epsilon: x / (np.sqrt(variance) + epsilon),
        ),
        wrong(
            "epsilon-added-last",
            divide=lambda x, variance, epsilon: x / np.sqrt(variance) + epsilon,
        ),
        wrong(
            "epsilon-not-used",
            divide=lambda x, variance, epsilon: x / np.sqrt(variance + 1e-5),
        ),
        wrong("gain-forgotten", stretch=identity),
        wrong("gain-added", stretch=lambda x, gain, bias: x + gain),
        wrong("bias-forgotten", move=identity),
        wrong("bias-subtracted", move=lambda x, gain, bias: x - bias),
        wrong(
            "bias-before-gain",
            stretch=lambda x, gain, bias: (x + bias) * gain,
            move=identity,
        ),
        wrong(
            "gain-and-bias-exchanged",
            stretch=lambda x, gain, bias: x * bias,
            move=lambda x, gain, bias: x + gain,
        ),
    ),
    accepted={
        "mean of squares minus squared mean": lambda *a: _norm_by_moments(*a),
        "standard deviation of both": lambda x, gain, bias, epsilon: (
            gain * (x - x.mean(-1)[..., None]) / (x.var(-1)[..., None] + epsilon) ** 0.5
            + bias
        ),
        "float32": lambda *a: layer_norm(*a).astype(np.float32),
        "lists": lambda *a: layer_norm(*a).tolist(),
        "keras.ops": lambda *a: _norm_with_keras_ops(*a),
        "keras layer": lambda *a: _norm_with_keras_layer(*a),
        "tensorflow": lambda *a: _norm_with_tensorflow(*a),
    },
)


def _norm_by_moments(x, gain, bias, epsilon):
    mean, square = x.mean(-1, keepdims=True), (x**2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(square - mean**2 + epsilon) * gain + bias


def _norm_with_keras_ops(x, gain, bias, epsilon):
    ops = keras().ops
    mean, spread = ops.moments(x, axes=[-1], keepdims=True)
    return (x - mean) * ops.rsqrt(spread + epsilon) * gain + bias


def _norm_with_keras_layer(x, gain, bias, epsilon):
    layer = keras().layers.LayerNormalization(epsilon=epsilon)
    layer.build(x.shape)
    layer.set_weights([gain, bias])
    return layer(x)


def _norm_with_tensorflow(x, gain, bias, epsilon):
    import tensorflow as tf

    mean, spread = tf.nn.moments(x, axes=-1, keepdims=True)
    return tf.nn.batch_normalization(x, mean, spread, bias, gain, epsilon)
