"""What lesson 04 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Inputs are arrays; where a learner is handed functions,
such as an attention, a probe makes them of the arrays. Axes: B batch, T length, S
length of the memory, D model size, F size of the feed-forward network's hidden layer.
"""

import math
from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras, swap, tensorflow

MESSAGES = Messages(Path(__file__).parent)


# ── layer normalisation ───────────────────────────────────────────────────────────────


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


def _norm(name, **steps):
    return Misconception(f"norm.{name}", "norm", **steps)


LAYER_NORM = Exercise(
    name="layer_norm",
    section="norm",
    points=4,
    reference=layer_norm,
    messages=MESSAGES,
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
        _norm("over-batch", axis=0),
        _norm("over-sequence", axis=-2),
        _norm("axis-one", axis=1),
        _norm("over-sequence-and-vector", axis=(-2, -1)),
        _norm("over-everything", axis=None),
        _norm("not-centred", centre=identity),
        _norm(
            "root-mean-square",
            centre=identity,
            spread=lambda x, axis: (x**2).mean(axis, keepdims=True),
        ),
        _norm("mean-loses-axis", centre=lambda x, axis: x - x.mean(axis)),
        _norm("variance-loses-axis", spread=lambda x, axis: x.var(axis)),
        _norm(
            "divided-by-size-minus-one",
            spread=sample_variance,
        ),
        _norm(
            "sum-of-squares",
            spread=lambda x, axis: (subtract_mean(x, axis) ** 2).sum(
                axis, keepdims=True
            ),
        ),
        _norm(
            "divided-by-variance",
            divide=lambda x, variance, epsilon: x / (variance + epsilon),
        ),
        _norm(
            "multiplied-by-root",
            divide=lambda x, variance, epsilon: x * np.sqrt(variance + epsilon),
        ),
        _norm("not-divided", divide=identity),
        _norm(
            "epsilon-forgotten",
            divide=lambda x, variance, epsilon: x / np.sqrt(variance),
        ),
        _norm(
            "epsilon-outside-root",
            divide=lambda x, variance, epsilon: x / (np.sqrt(variance) + epsilon),
        ),
        _norm(
            "epsilon-not-used",
            divide=lambda x, variance, epsilon: x / np.sqrt(variance + 1e-5),
        ),
        _norm("gain-forgotten", stretch=identity),
        _norm("gain-added", stretch=lambda x, gain, bias: x + gain),
        _norm("bias-forgotten", move=identity),
        _norm("bias-subtracted", move=lambda x, gain, bias: x - bias),
        _norm(
            "bias-before-gain",
            stretch=lambda x, gain, bias: (x + bias) * gain,
            move=identity,
        ),
        _norm(
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


# ── feed-forward ──────────────────────────────────────────────────────────────────────


def affine(x, kernel, bias):
    """A matrix product and a bias."""
    return x @ kernel + bias


def product(x, kernel, bias):
    """Forget the bias."""
    return x @ kernel


def relu(x, *_):
    """Negative numbers become zero."""
    return np.maximum(x, 0)


def feed_forward(
    x,
    kernel_1,
    bias_1,
    kernel_2,
    bias_2,
    *,
    kernels=lambda first, second: (first, second),
    widen=affine,
    bend=relu,
    narrow=affine,
    finish=identity,
):
    """max(0, x W₁ + b₁) W₂ + b₂."""
    kernel_1, kernel_2 = kernels(kernel_1, kernel_2)
    hidden = bend(widen(x, kernel_1, bias_1), bias_1)
    return finish(narrow(hidden, kernel_2, bias_2), x)


def network(*lead, size=4, hidden=7, below=0.0, scale=1.0):
    """Vectors and the weights of a feed-forward network."""
    return lambda rng: (
        floats(rng, *lead, size, scale=scale),
        floats(rng, size, hidden, scale=0.7),
        floats(rng, hidden) - np.float32(below),
        floats(rng, hidden, size, scale=0.7),
        floats(rng, size),
    )


def gelu(x, *_):
    """x times the share of a normal distribution that lies below x."""
    return x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


def gelu_tanh(x, *_):
    """An approximation of `gelu`."""
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def _forward(name, **steps):
    return Misconception(f"feed-forward.{name}", "feed-forward", **steps)


FEED_FORWARD = Exercise(
    name="feed_forward",
    section="feed-forward",
    points=3,
    reference=feed_forward,
    messages=MESSAGES,
    cases=(
        Case("sequence", network(3)),
        Case("batch", network(2, 3)),
        Case("negative", network(2, 5, below=2.0)),
        Case("large", network(1, hidden=9, scale=30.0)),
        Case("square", network(2, 3, size=5, hidden=5), diagnostic=True),
    ),
    misconceptions=(
        _forward("no-activation", bend=identity),
        _forward("activation-last", bend=identity, finish=relu),
        _forward("activation-twice", finish=relu),
        _forward("keeps-negative", bend=lambda x, *_: np.minimum(x, 0)),
        _forward("absolute-value", bend=lambda x, *_: np.abs(x)),
        _forward("leaky", bend=lambda x, *_: np.where(x > 0, x, 0.01 * x)),
        _forward("capped", bend=lambda x, *_: np.clip(x, 0, 6)),
        _forward("softmax", bend=lambda x, *_: softmax(x)),
        _forward("sigmoid", bend=lambda x, *_: 1 / (1 + np.exp(-x))),
        _forward("tanh", bend=lambda x, *_: np.tanh(x)),
        _forward("swish", bend=lambda x, *_: x / (1 + np.exp(-x))),
        _forward("gelu", bend=gelu),
        _forward("gelu-tanh", bend=gelu_tanh),
        _forward("first-bias-forgotten", widen=product),
        _forward("second-bias-forgotten", narrow=product),
        _forward(
            "bias-after-activation",
            widen=product,
            bend=lambda x, bias: relu(x) + bias,
        ),
        _forward("residual-added", finish=lambda output, x: output + x),
        _forward("first-transposed", kernels=lambda first, second: (first.T, second)),
        _forward("second-transposed", kernels=lambda first, second: (first, second.T)),
        _forward("both-transposed", kernels=lambda first, second: (first.T, second.T)),
        _forward("kernels-exchanged", kernels=lambda first, second: (second, first)),
    ),
    accepted={
        "einsum": lambda x, kernel_1, bias_1, kernel_2, bias_2: (
            np.einsum(
                "...f,fd->...d",
                relu(np.einsum("...d,df->...f", x, kernel_1) + bias_1),
                kernel_2,
            )
            + bias_2
        ),
        "where": lambda x, kernel_1, bias_1, kernel_2, bias_2: affine(
            np.where(x @ kernel_1 > -bias_1, x @ kernel_1 + bias_1, 0), kernel_2, bias_2
        ),
        "times a comparison": lambda *a: feed_forward(
            *a, bend=lambda x, _: x * (x > 0)
        ),
        "one position at a time": lambda *a: _forward_in_loops(*a),
        "keras.ops": lambda *a: _forward_with_keras(*a),
        "tensorflow": lambda x, kernel_1, bias_1, kernel_2, bias_2: (
            tensorflow().matmul(
                tensorflow().nn.relu(tensorflow().tensordot(x, kernel_1, 1) + bias_1),
                kernel_2,
            )
            + bias_2
        ),
    },
)


def _forward_in_loops(x, *weights):
    return (
        [_forward_in_loops(row, *weights) for row in x]
        if x.ndim > 1
        else (feed_forward(x, *weights))
    )


def _forward_with_keras(x, kernel_1, bias_1, kernel_2, bias_2):
    ops = keras().ops
    hidden = ops.relu(ops.add(ops.matmul(x, kernel_1), bias_1))
    return ops.add(ops.matmul(hidden, kernel_2), bias_2)


# ── what the probes make of arrays ────────────────────────────────────────────────────


def softmax(x):
    """Positive numbers that sum to one along the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attention_of(kernels):
    """`attend(query, source, mask=None)`, one head, of kernels `(4, D, D)`."""
    of_query, of_key, of_value, of_output = kernels

    def attend(query, source, mask=None):
        query, source = np.asarray(query), np.asarray(source)
        logits = (query @ of_query) @ swap(source @ of_key) / query.shape[-1] ** 0.5
        if mask is not None:
            logits = np.where(_fitting(np.asarray(mask), logits), logits, -1e9)
        return softmax(logits) @ (source @ of_value) @ of_output  # (B, T, D)

    return named("attend", attend)


def _fitting(mask, logits):
    """The mask, if it broadcasts to the logits' shape (B, T, S)."""
    try:
        return np.broadcast_to(mask, logits.shape)
    except ValueError:
        raise ValueError(
            f"attend was given a mask {mask.shape}, which does not broadcast to "
            f"(B, T, S) = {logits.shape}"
        ) from None


def named(name, function):
    """A function under the name by which a learner knows it: exceptions tell it."""
    function.__name__ = function.__qualname__ = name
    return function


def network_of(widen, narrow):
    """`think(x)`, a feed-forward network without biases."""
    return named("think", lambda x: relu(np.asarray(x) @ widen) @ narrow)


def norm_of(gain_and_bias):
    """`norm(x)`, a layer normalisation."""
    return named("norm", lambda x: layer_norm(np.asarray(x), *gain_and_bias))


def norms(rng, count, size):
    """Gains and biases of some normalisations: `(count, 2, D)`."""
    return floats(rng, count, 2, size, scale=0.5) + np.float32([[[1.0], [0.0]]])


# ── residual connections ──────────────────────────────────────────────────────────────


def norm_before(x, part, norm):
    """x + part(norm(x))."""
    return x + part(norm(x))


def norm_after(x, part, norm):
    """norm(x + part(x))."""
    return norm(x + part(x))


def residual_step(
    x,
    widen,
    narrow,
    gain_and_bias,
    normalize_first,
    *,
    before=norm_before,
    after=norm_after,
):
    """A part of a network, added to its own input, normalised before or after."""
    step = before if normalize_first else after
    return step(x, network_of(widen, narrow), norm_of(gain_and_bias))


def probe_residual(answer, x, widen, narrow, gain_and_bias, normalize_first):
    """Hand the learner functions."""
    part, norm = network_of(widen, narrow), norm_of(gain_and_bias)
    return answer(x, named("part", part), norm, normalize_first)


def part_inputs(*lead, normalize_first, size=5, hidden=8):
    """Vectors, the weights of a part and a normalisation, and where it stands."""
    return lambda rng: (
        floats(rng, *lead, size, scale=1.5),
        floats(rng, size, hidden, scale=0.6),
        floats(rng, hidden, size, scale=0.6),
        norms(rng, 1, size)[0],
        normalize_first,
    )


def _residual(name, **steps):
    return Misconception(f"residual.{name}", "residual", **steps)


RESIDUAL_STEP = Exercise(
    name="residual_step",
    section="residual",
    points=3,
    reference=residual_step,
    probe=probe_residual,
    hidden=("widen", "narrow", "gain_and_bias"),
    messages=MESSAGES,
    cases=(
        Case("before", part_inputs(2, 3, normalize_first=True)),
        Case("after", part_inputs(2, 3, normalize_first=False)),
        Case("before-one", part_inputs(4, normalize_first=True)),
        Case("after-one", part_inputs(4, normalize_first=False)),
        Case("one-vector", part_inputs(1, normalize_first=True)),
    ),
    misconceptions=(
        _residual("always-after", before=norm_after),
        _residual("always-before", after=norm_before),
        _residual("exchanged", before=norm_after, after=norm_before),
        _residual(
            "missing",
            before=lambda x, part, norm: part(norm(x)),
            after=lambda x, part, norm: norm(part(x)),
        ),
        _residual("missing-before", before=lambda x, part, norm: part(norm(x))),
        _residual("missing-after", after=lambda x, part, norm: norm(part(x))),
        _residual(
            "from-normalised", before=lambda x, part, norm: norm(x) + part(norm(x))
        ),
        _residual("part-of-raw-input", before=lambda x, part, norm: norm(x) + part(x)),
        _residual("norm-of-part", before=lambda x, part, norm: x + norm(part(x))),
        _residual(
            "part-only-normalised", after=lambda x, part, norm: x + norm(part(x))
        ),
        _residual(
            "each-normalised", after=lambda x, part, norm: norm(x) + norm(part(x))
        ),
        _residual(
            "normalised-twice", after=lambda x, part, norm: norm(x + part(norm(x)))
        ),
        _residual(
            "normalised-again", before=lambda x, part, norm: norm(x + part(norm(x)))
        ),
        _residual(
            "no-norm",
            before=lambda x, part, norm: x + part(x),
            after=lambda x, part, norm: x + part(x),
        ),
    ),
    accepted={
        "if": lambda x, part, norm, first: (
            x + part(norm(x)) if first else norm(x + part(x))
        ),
        "in two lines": lambda *a: _residual_in_two_lines(*a),
        "numpy.add": lambda x, part, norm, first: (
            np.add(part(norm(x)), x) if first else norm(np.add(part(x), x))
        ),
        "keras.ops": lambda *a: _residual_with_keras(*a),
        "float64": lambda x, *a: _residual_in_two_lines(x.astype(np.float64), *a),
    },
)


def _residual_in_two_lines(x, part, norm, normalize_first):
    y = x + part(norm(x) if normalize_first else x)
    return y if normalize_first else norm(y)


def _residual_with_keras(x, part, norm, normalize_first):
    ops = keras().ops
    x = ops.convert_to_tensor(x)
    return ops.add(x, part(norm(x))) if normalize_first else norm(ops.add(x, part(x)))


# ── the encoder block ─────────────────────────────────────────────────────────────────


def hide_keys(mask):
    """(B, S) to (B, 1, S): the same keys for all queries."""
    return mask[:, None, :]


def counted_keys(mask):
    """As many keys from the left as are real, wherever they stand (wrong)."""
    return np.arange(mask.shape[1]) < mask.sum(1)[:, None, None]


def causal(length):
    """(T, T): each position may look at itself and at what came before."""
    return np.tri(length, dtype=bool)


def attend_and_add(x, attend, norm, mask):
    """x + attention of the normalised x to itself."""
    normal = norm(x)
    return x + attend(normal, normal, mask)


def think_and_add(x, think, norm, start=None):
    """x + feed-forward of the normalised x; `start` is what the block was given."""
    return x + think(norm(x))


def read_then_think(x, read, think):
    """One after the other."""
    return think(read(x), x)


def at_real_positions(output, mask):
    """Zeros at padding, where one output is as good as another."""
    if not isinstance(output, list) and not hasattr(output, "shape"):
        return output
    array = np.asarray(output)
    fits = array.ndim == 3 and array.shape[:2] == mask.shape
    return np.where(mask[..., None], array, 0) if fits else output


def encoder_block(
    x,
    padding_mask,
    attention,
    widen,
    narrow,
    gains_and_biases,
    *,
    hide=hide_keys,
    choose=lambda norms: norms,
    read=attend_and_add,
    reflect=think_and_add,
    order=read_then_think,
):
    """Self-attention and a feed-forward network, normalised before."""
    attend, think = attention_of(attention), network_of(widen, narrow)
    norm_1, norm_2 = choose([norm_of(one) for one in gains_and_biases])
    output = order(
        x,
        lambda x: read(x, attend, norm_1, hide(padding_mask)),
        lambda x, start: reflect(x, think, norm_2, start),
    )
    return at_real_positions(output, padding_mask)


def probe_encoder(answer, x, padding_mask, attention, widen, narrow, gains_and_biases):
    """Hand the learner functions; look at what comes out at real positions."""
    parts = attention_of(attention), network_of(widen, narrow)
    output = answer(x, padding_mask, *parts, *map(norm_of, gains_and_biases))
    return at_real_positions(output, padding_mask)


def block_inputs(*lengths, size, width=4, hidden=7, gap=None):
    """Sequences with some lengths, and the weights of an encoder block."""

    def draw(rng):
        mask = np.arange(size) < np.array(lengths)[:, None]
        if gap is not None:
            mask[:, gap] = False
        return (
            floats(rng, len(lengths), size, width, scale=1.5),
            mask,
            floats(rng, 4, width, width, scale=0.8),
            floats(rng, width, hidden, scale=0.6),
            floats(rng, hidden, width, scale=0.6),
            norms(rng, 2, width),
        )

    return draw


def _encoder(name, section="encoder", **steps):
    return Misconception(f"encoder.{name}", section, **steps)


ENCODER_BLOCK = Exercise(
    name="encoder_block",
    section="encoder",
    points=4,
    reference=encoder_block,
    probe=probe_encoder,
    hidden=("attention", "widen", "narrow", "gains_and_biases"),
    messages=MESSAGES,
    cases=(
        Case("full", block_inputs(3, 3, size=3)),
        Case("padding", block_inputs(3, 6, 2, size=6)),
        Case("gap", block_inputs(7, 5, size=7, gap=2)),
        Case("one-token", block_inputs(1, size=1, width=6)),
        Case("square", block_inputs(3, 5, 2, 4, 5, size=5), diagnostic=True),
    ),
    misconceptions=(
        # the mask
        _encoder("mask-not-handed-on", "padding", hide=lambda mask: None),
        _encoder("mask-inverted", "padding", hide=lambda mask: ~hide_keys(mask)),
        _encoder("mask-without-query-axis", "padding", hide=identity),
        _encoder(
            "mask-of-first-sequence", "padding", hide=lambda mask: hide_keys(mask[:1])
        ),
        _encoder("mask-assumed-on-the-right", "padding", hide=counted_keys),
        _encoder(
            "padding-set-to-zero",
            "padding",
            read=lambda x, attend, norm, mask: (
                x + attend(norm(x * swap(mask)), norm(x * swap(mask)), None)
            ),
        ),
        _encoder(
            "causal-as-well",
            hide=lambda mask: hide_keys(mask) & causal(mask.shape[1]),
        ),
        _encoder("causal-instead", hide=lambda mask: causal(mask.shape[1])),
        # the residuals
        _encoder(
            "attention-not-added",
            read=lambda x, attend, norm, mask: attend(norm(x), norm(x), mask),
        ),
        _encoder(
            "feed-forward-not-added",
            reflect=lambda x, think, norm, start: think(norm(x)),
        ),
        _encoder(
            "attention-added-to-normalised",
            read=lambda x, attend, norm, mask: attend_and_add(
                norm(x), attend, identity, mask
            ),
        ),
        _encoder(
            "feed-forward-added-to-normalised",
            reflect=lambda x, think, norm, start: norm(x) + think(norm(x)),
        ),
        _encoder(
            "feed-forward-added-to-input",
            reflect=lambda x, think, norm, start: start + think(norm(x)),
        ),
        # the norms
        _encoder(
            "norm-after",
            "residual",
            read=lambda x, attend, norm, mask: norm(x + attend(x, x, mask)),
            reflect=lambda x, think, norm, start: norm(x + think(x)),
        ),
        _encoder(
            "norm-of-parts",
            "residual",
            read=lambda x, attend, norm, mask: x + norm(attend(x, x, mask)),
            reflect=lambda x, think, norm, start: x + norm(think(x)),
        ),
        _encoder(
            "attention-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(x, x, mask),
        ),
        _encoder(
            "feed-forward-not-normalised",
            reflect=lambda x, think, norm, start: x + think(x),
        ),
        _encoder(
            "query-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(x, norm(x), mask),
        ),
        _encoder(
            "source-not-normalised",
            read=lambda x, attend, norm, mask: x + attend(norm(x), x, mask),
        ),
        _encoder("one-norm", choose=lambda norms: [norms[0], norms[0]]),
        _encoder("norms-exchanged", choose=lambda norms: norms[::-1]),
        # the order
        _encoder(
            "feed-forward-first",
            order=lambda x, read, think: read(think(x, x)),
        ),
        _encoder("in-parallel", order=lambda x, read, think: read(x) + think(x, x) - x),
        _encoder("feed-forward-missing", order=lambda x, read, think: read(x)),
        _encoder(
            "normalised-again",
            reflect=lambda x, think, norm, start: norm(x + think(norm(x))),
        ),
    ),
    accepted={
        "two lines": lambda *a: _encoder_in_two_lines(*a),
        "mask with a head axis taken away": lambda x, mask, *parts: (
            _encoder_in_two_lines(x, mask[:, None, None, :][:, 0, 0], *parts)
        ),
        "full mask": lambda *a: _encoder_with_full_mask(*a),
        "both sides masked": lambda *a: _encoder_with_both_sides(*a),
        "keras.ops": lambda x, *a: _encoder_in_two_lines(
            keras().ops.convert_to_tensor(x), *a
        ),
        "float64": lambda x, *a: _encoder_in_two_lines(x.astype(np.float64), *a),
        "one sequence at a time": lambda x, mask, *parts: [
            _encoder_in_two_lines(one[None], keep[None], *parts)[0].tolist()
            for one, keep in zip(x, mask, strict=True)
        ],
        "padding cut off": lambda *a: _encoder_without_padding(*a),
    },
)


def _encoder_in_two_lines(x, padding_mask, attend, think, norm_1, norm_2):
    x = x + attend(norm_1(x), norm_1(x), padding_mask[:, None, :])
    return x + think(norm_2(x))


def _encoder_with_full_mask(x, padding_mask, attend, think, norm_1, norm_2):
    mask = np.repeat(padding_mask[:, None], x.shape[1], axis=1)  # (B, T, T)
    y = norm_1(x)
    y = np.add(x, attend(query=y, source=y, mask=mask))
    return np.add(y, think(norm_2(y)))


def _encoder_with_both_sides(x, padding_mask, attend, think, norm_1, norm_2):
    mask = padding_mask[:, None, :] & padding_mask[:, :, None]  # (B, T, T)
    x = x + attend(norm_1(x), norm_1(x), mask)
    return x + think(norm_2(x))


def _encoder_without_padding(x, padding_mask, attend, think, norm_1, norm_2):
    output = np.zeros_like(x)
    for b, keep in enumerate(padding_mask):
        y = x[b, keep][None]
        y = y + attend(norm_1(y), norm_1(y), None)
        output[b, keep] = (y + think(norm_2(y)))[0]
    return output


# ── teacher forcing ───────────────────────────────────────────────────────────────────


def start_column(token_ids, start_id):
    """(B, 1): what stands before the first token."""
    return np.full((len(token_ids), 1), start_id)


def behind(start, kept, token_ids):
    """First the start, then the tokens."""
    return np.concatenate([start, kept], axis=1)


def shift_right(
    token_ids,
    start_id,
    *,
    start=start_column,
    keep=lambda token_ids: token_ids[:, :-1],
    join=behind,
):
    """What the decoder reads while it learns to write `token_ids`."""
    return join(start(token_ids, start_id), keep(token_ids), token_ids)


def targets(*lengths, size, start_id):
    """Token ids that end with padding, and the id to begin with."""

    def draw(rng):
        token_ids = rng.integers(20, 90, (len(lengths), size))
        real = np.arange(size) < np.array(lengths)[:, None]
        return np.where(real, token_ids, 0), start_id

    return draw


def _shift(name, **steps):
    return Misconception(f"shift.{name}", "shift", **steps)


SHIFT_RIGHT = Exercise(
    name="shift_right",
    section="shift",
    points=2,
    reference=shift_right,
    messages=MESSAGES,
    cases=(
        Case("full", targets(5, 5, 5, size=5, start_id=1)),
        Case("padding", targets(3, 6, size=6, start_id=9)),
        Case("one-token", targets(1, 1, size=1, start_id=2)),
        Case("one-sequence", targets(4, size=4, start_id=7)),
    ),
    misconceptions=(
        _shift("not-shifted", join=lambda start, kept, ids: ids),
        _shift(
            "left",
            join=lambda start, kept, ids: np.concatenate([ids[:, 1:], start], axis=1),
        ),
        _shift("first-overwritten", keep=lambda ids: ids[:, 1:]),
        _shift("last-kept", keep=identity),
        _shift("rolled", start=lambda ids, start_id: ids[:, -1:]),
        _shift("first-repeated", start=lambda ids, start_id: ids[:, :1]),
        _shift("starts-with-zero", start=lambda ids, start_id: start_column(ids, 0)),
        _shift("starts-with-one", start=lambda ids, start_id: start_column(ids, 1)),
        _shift(
            "last-real-dropped",
            join=lambda start, kept, ids: np.where(
                ids != 0, behind(start, kept, ids), 0
            ),
        ),
        _shift("no-start", join=lambda start, kept, ids: kept),
        _shift("first-dropped", join=lambda start, kept, ids: ids[:, 1:]),
        _shift(
            "by-two",
            join=lambda start, kept, ids: np.concatenate([start, start, kept], axis=1)[
                :, : ids.shape[1]
            ],
        ),
        _shift(
            "along-batch",
            join=lambda start, kept, ids: np.concatenate(
                [np.full_like(ids[:1], start[0, 0]), ids[:-1]]
            ),
        ),
    ),
    accepted={
        "pad": lambda ids, start: np.pad(
            ids[:, :-1], ((0, 0), (1, 0)), constant_values=start
        ),
        "roll and overwrite": lambda ids, start: _roll_and_overwrite(ids, start),
        "lists": lambda ids, start: [[start, *row[:-1]] for row in ids.tolist()],
        "keras.ops": lambda ids, start: keras().ops.concatenate(
            [keras().ops.full_like(ids[:, :1], start), ids[:, :-1]], axis=1
        ),
        "tensorflow": lambda ids, start: tensorflow().pad(
            ids[:, :-1], [[0, 0], [1, 0]], constant_values=start
        ),
    },
)


def _roll_and_overwrite(token_ids, start_id):
    shifted = np.roll(token_ids, 1, axis=1)
    shifted[:, 0] = start_id
    return shifted


# ── the decoder block ─────────────────────────────────────────────────────────────────


def consult_and_add(x, memory, attend, norm, mask):
    """x + attention of the normalised x to the memory."""
    return x + attend(norm(x), memory, mask)


def look_back_consult_think(x, look_back, consult, think):
    """One after the other."""
    return think(consult(look_back(x), x), x)


def decoder_block(
    x,
    memory,
    memory_mask,
    attentions,
    widen,
    narrow,
    gains_and_biases,
    *,
    own_mask=lambda length, memory_mask: causal(length),
    hide=lambda memory_mask, length: hide_keys(memory_mask),
    choose=lambda norms: norms,
    employ=lambda attentions: attentions,
    look_back=attend_and_add,
    consult=consult_and_add,
    reflect=think_and_add,
    order=look_back_consult_think,
):
    """Causal self-attention, attention to the memory, a feed-forward network."""
    attend_self, attend_memory = employ([attention_of(one) for one in attentions])
    think = network_of(widen, narrow)
    norm_1, norm_2, norm_3 = choose([norm_of(one) for one in gains_and_biases])
    length = x.shape[1]
    return order(
        x,
        lambda x: look_back(x, attend_self, norm_1, own_mask(length, memory_mask)),
        lambda x, start: consult(
            x, memory, attend_memory, norm_2, hide(memory_mask, length)
        ),
        lambda x, start: reflect(x, think, norm_3, start),
    )


def probe_decoder(
    answer, x, memory, memory_mask, attentions, widen, narrow, gains_and_biases
):
    """Hand the learner functions."""
    return answer(
        x,
        memory,
        memory_mask,
        *map(attention_of, attentions),
        network_of(widen, narrow),
        *map(norm_of, gains_and_biases),
    )


def decoder_inputs(*lengths, size, target, width=4, hidden=7, gap=None):
    """A target, a memory with some lengths, and the weights of a decoder block."""
    return lambda rng: (
        floats(rng, len(lengths), target, width, scale=1.5),
        floats(rng, len(lengths), size, width, scale=1.5),
        (np.arange(size) < np.array(lengths)[:, None]) & (np.arange(size) != gap),
        floats(rng, 2, 4, width, width, scale=0.8),
        floats(rng, width, hidden, scale=0.6),
        floats(rng, hidden, width, scale=0.6),
        norms(rng, 3, width),
    )


def own_mask_of(keeps):
    """A step that compares positions of query and key."""
    return lambda length, memory_mask: keeps(
        np.arange(length)[:, None], np.arange(length)
    )


def _decoder(name, section="decoder", **steps):
    return Misconception(f"decoder.{name}", section, **steps)


DECODER_BLOCK = Exercise(
    name="decoder_block",
    section="decoder",
    points=4,
    reference=decoder_block,
    probe=probe_decoder,
    hidden=("attentions", "widen", "narrow", "gains_and_biases"),
    messages=MESSAGES,
    cases=(
        Case("full", decoder_inputs(5, 5, size=5, target=3)),
        Case("padding", decoder_inputs(3, 6, 2, size=6, target=5)),
        Case("short", decoder_inputs(1, 3, size=3, target=7)),
        Case("gap", decoder_inputs(5, 3, size=5, target=4, gap=0)),
        Case("one-token", decoder_inputs(2, size=3, target=1)),
        # T = S, and B = T: mistakes that raise elsewhere give numbers here.
        Case("one-length", decoder_inputs(3, 6, size=6, target=6), diagnostic=True),
        Case("square", decoder_inputs(3, 4, 2, 1, size=4, target=4), diagnostic=True),
        Case(
            "as-many-as-target",
            decoder_inputs(3, 4, 2, size=4, target=3),
            diagnostic=True,
        ),
    ),
    misconceptions=(
        # the mask of the target
        _decoder("not-causal", own_mask=lambda length, memory_mask: None),
        _decoder("hides-itself", own_mask=own_mask_of(lambda q, k: k < q)),
        _decoder("one-ahead", own_mask=own_mask_of(lambda q, k: k <= q + 1)),
        _decoder("causal-transposed", own_mask=own_mask_of(lambda q, k: k >= q)),
        _decoder("causal-inverted", own_mask=own_mask_of(lambda q, k: k > q)),
        _decoder("only-itself", own_mask=own_mask_of(lambda q, k: k == q)),
        _decoder(
            "memory-mask-on-target",
            own_mask=lambda length, memory_mask: (
                causal(length) & hide_keys(memory_mask)
            ),
        ),
        # the mask of the memory
        _decoder("memory-mask-forgotten", "padding", hide=lambda mask, length: None),
        _decoder(
            "memory-mask-inverted",
            "padding",
            hide=lambda mask, length: ~hide_keys(mask),
        ),
        _decoder(
            "memory-mask-hides-queries",
            "padding",
            hide=lambda mask, length: mask[:, :, None],
        ),
        _decoder("memory-mask-without-query-axis", "padding", hide=identity),
        _decoder(
            "memory-mask-of-first-sequence",
            "padding",
            hide=lambda mask, length: hide_keys(mask[:1]),
        ),
        _decoder(
            "memory-mask-assumed-on-the-right",
            "padding",
            hide=lambda mask, length: counted_keys(mask),
        ),
        _decoder(
            "memory-causal-as-well",
            hide=lambda mask, length: (
                hide_keys(mask) & np.tri(length, mask.shape[1], dtype=bool)
            ),
        ),
        _decoder(
            "memory-causal-instead",
            hide=lambda mask, length: np.tri(length, mask.shape[1], dtype=bool),
        ),
        _decoder(
            "masks-exchanged",
            own_mask=lambda length, memory_mask: hide_keys(memory_mask),
            hide=lambda mask, length: causal(length),
        ),
        # who looks at what
        _decoder(
            "keys-from-target",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), mask)
            ),
        ),
        _decoder(
            "keys-from-target-without-mask",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), None)
            ),
        ),
        _decoder(
            "causal-attention-twice",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(x), causal(x.shape[1]))
            ),
        ),
        _decoder(
            "queries-from-memory",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(memory, norm(x), mask)
            ),
        ),
        _decoder(
            "memory-looks-at-itself",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(memory, memory, mask)
            ),
        ),
        _decoder(
            "memory-normalised",
            consult=lambda x, memory, attend, norm, mask: (
                x + attend(norm(x), norm(memory), mask)
            ),
        ),
        _decoder("attentions-exchanged", employ=lambda attentions: attentions[::-1]),
        _decoder("one-attention-twice", employ=lambda attentions: [attentions[0]] * 2),
        # the residuals
        _decoder(
            "self-attention-not-added",
            look_back=lambda x, attend, norm, mask: attend(norm(x), norm(x), mask),
        ),
        _decoder(
            "memory-not-added",
            consult=lambda x, memory, attend, norm, mask: attend(norm(x), memory, mask),
        ),
        _decoder(
            "feed-forward-not-added",
            reflect=lambda x, think, norm, start: think(norm(x)),
        ),
        _decoder(
            "added-to-normalised",
            look_back=lambda x, attend, norm, mask: attend_and_add(
                norm(x), attend, identity, mask
            ),
            consult=lambda x, memory, attend, norm, mask: consult_and_add(
                norm(x), memory, attend, identity, mask
            ),
            reflect=lambda x, think, norm, start: norm(x) + think(norm(x)),
        ),
        _decoder(
            "memory-added-to-input",
            order=lambda x, look_back, consult, think: think(
                consult(look_back(x), x) - look_back(x) + x, x
            ),
        ),
        _decoder(
            "feed-forward-added-to-input",
            reflect=lambda x, think, norm, start: start + think(norm(x)),
        ),
        # the norms
        _decoder(
            "norm-of-parts",
            "residual",
            look_back=lambda x, attend, norm, mask: x + norm(attend(x, x, mask)),
            consult=lambda x, memory, attend, norm, mask: (
                x + norm(attend(x, memory, mask))
            ),
            reflect=lambda x, think, norm, start: x + norm(think(x)),
        ),
        _decoder(
            "normalised-again",
            reflect=lambda x, think, norm, start: norm(x + think(norm(x))),
        ),
        _decoder(
            "self-query-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(x, norm(x), mask),
        ),
        _decoder(
            "self-source-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(norm(x), x, mask),
        ),
        _decoder(
            "norm-after",
            "residual",
            look_back=lambda x, attend, norm, mask: norm(x + attend(x, x, mask)),
            consult=lambda x, memory, attend, norm, mask: norm(
                x + attend(x, memory, mask)
            ),
            reflect=lambda x, think, norm, start: norm(x + think(x)),
        ),
        _decoder(
            "self-attention-not-normalised",
            look_back=lambda x, attend, norm, mask: x + attend(x, x, mask),
        ),
        _decoder(
            "query-of-memory-not-normalised",
            consult=lambda x, memory, attend, norm, mask: x + attend(x, memory, mask),
        ),
        _decoder(
            "feed-forward-not-normalised",
            reflect=lambda x, think, norm, start: x + think(x),
        ),
        _decoder("one-norm", choose=lambda norms: [norms[0]] * 3),
        _decoder(
            "last-norms-exchanged", choose=lambda norms: [norms[i] for i in (0, 2, 1)]
        ),
        # the order
        _decoder(
            "memory-first",
            order=lambda x, look_back, consult, think: think(
                look_back(consult(x, x)), x
            ),
        ),
        _decoder(
            "memory-in-parallel",
            order=lambda x, look_back, consult, think: think(
                look_back(x) + consult(x, x) - x, x
            ),
        ),
        _decoder(
            "memory-missing",
            order=lambda x, look_back, consult, think: think(look_back(x), x),
        ),
        _decoder(
            "feed-forward-missing",
            order=lambda x, look_back, consult, think: consult(look_back(x), x),
        ),
    ),
    accepted={
        "three lines": lambda *a: _decoder_in_three_lines(*a),
        "keywords and full masks": lambda *a: _decoder_with_full_masks(*a),
        "tlkeras.masks": lambda *a: _decoder_with_masks(*a),
        "keras.ops": lambda x, *a: _decoder_in_three_lines(
            keras().ops.convert_to_tensor(x), *a
        ),
        "float64": lambda x, memory, *a: _decoder_in_three_lines(
            x.astype(np.float64), memory.astype(np.float64), *a
        ),
        "one sequence at a time": lambda x, memory, mask, *parts: [
            _decoder_in_three_lines(x[b, None], memory[b, None], mask[b, None], *parts)[
                0
            ]
            for b in range(len(x))
        ],
        "one position at a time": lambda *a: _decoder_in_a_loop(*a),
    },
)


def _decoder_in_three_lines(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    mask = np.tril(np.ones((x.shape[1], x.shape[1])))
    x = x + attend_self(norm_1(x), norm_1(x), mask)
    x = x + attend_memory(norm_2(x), memory, memory_mask[:, None])
    return x + think(norm_3(x))


def _decoder_with_full_masks(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    (batch, length, _), source = x.shape, memory.shape[1]
    back = np.broadcast_to(
        ~np.triu(np.ones((length, length), bool), 1), (batch, length, length)
    )
    real = np.broadcast_to(memory_mask[:, None], (batch, length, source))
    normal = norm_1(x)
    x = attend_self(query=normal, source=normal, mask=back) + x
    x = attend_memory(query=norm_2(x), source=memory, mask=real) + x
    return think(norm_3(x)) + x


def _decoder_with_masks(x, memory, memory_mask, *parts):
    attend_self, attend_memory, think, norm_1, norm_2, norm_3 = parts
    masks = _masks()
    x = x + attend_self(norm_1(x), norm_1(x), masks.causal_mask(x.shape[1]))
    real = masks.merge_masks(memory_mask[:, None, :])
    x = x + attend_memory(norm_2(x), memory, real)
    return x + think(norm_3(x))


def _decoder_in_a_loop(x, memory, memory_mask, *parts):
    attend_self, attend_memory, think, norm_1, norm_2, norm_3 = parts
    normal, outputs = norm_1(x), []
    for t in range(x.shape[1]):
        y = x[:, t : t + 1] + attend_self(normal[:, t : t + 1], normal[:, : t + 1])
        y = y + attend_memory(norm_2(y), memory, memory_mask[:, None])
        outputs.append(y + think(norm_3(y)))
    return np.concatenate(outputs, axis=1)


def _masks():
    import tlkeras.masks

    return tlkeras.masks


EXERCISES = (
    LAYER_NORM,
    FEED_FORWARD,
    RESIDUAL_STEP,
    ENCODER_BLOCK,
    SHIFT_RIGHT,
    DECODER_BLOCK,
)
