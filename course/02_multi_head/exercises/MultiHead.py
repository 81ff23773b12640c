"""What `MultiHead.call` returns: keys and values both come from `value`."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import exceptions_as_they_are, floats, identity, keras

from ._shared import (
    ALIKE,
    MASKED,
    SHARED,
    SIZES,
    core,
    draw_mask,
    draw_matrices,
    from_tables,
    our_layers,
)
from .split_heads import split_with_keras


def layer_call(
    query,
    value,
    query_dense_matrix,
    query_dense_bias,
    key_dense_matrix,
    key_dense_bias,
    value_dense_matrix,
    value_dense_bias,
    output_dense_matrix,
    output_dense_bias,
    num_heads,
    use,
    attention_mask=None,
    *,
    trace=lambda: None,
    learn=identity,
    **steps,
):
    """What `MultiHead.call` returns: keys and values both come from `value`.

    `use` is "arrays", "model" or "gradients". With the last, the answer is which of
    the four matrices have a gradient: those that change the output when they change.
    A card lists the inputs by these names, so they speak as the learner's stub does.
    """
    if use == "model":
        trace()
    kernels = (
        query_dense_matrix,
        key_dense_matrix,
        value_dense_matrix,
        output_dense_matrix,
    )
    biases = (query_dense_bias, key_dense_bias, value_dense_bias, output_dense_bias)
    inputs = (query, value, value)

    def output(*kernels):
        return core(inputs, kernels, biases, num_heads, attention_mask, **steps)

    if use != "gradients":
        return output(*kernels)
    others = [
        output(*(k * 1.1 + 0.1 if j == i else k for j, k in enumerate(kernels)))
        for i in range(4)
    ]
    return learn(np.array([not np.allclose(output(*kernels), o) for o in others]))


def build_and_call(answer, query, value, *weights_and_settings):
    """Build the learner's class from ready-made Dense layers, and call it."""
    weights, settings = weights_and_settings[:8], weights_and_settings[8:]
    num_heads, use, *mask = settings
    dense = [_dense(*weights[i : i + 2]) for i in range(0, 8, 2)]
    given = [query, value, *mask]
    with exceptions_as_they_are():
        layer = answer(num_heads, *dense)
        if use == "arrays":
            return _call(layer, *given)
        if use == "gradients":
            return _has_gradient(dense, lambda: _call(layer, *given))
        model_inputs = [_model_input(x) for x in given]
        return keras().Model(model_inputs, _call(layer, *model_inputs))(given)


def _call(layer, query, value, mask=None):
    return layer(query, value, attention_mask=mask)


def _has_gradient(dense, call):
    """Which of the matrices can learn from what the layer returns: booleans (4,)."""
    import tensorflow

    with tensorflow.GradientTape() as tape:
        loss = tensorflow.reduce_sum(tensorflow.square(call()))
    gradients = tape.gradient(loss, [one.kernel.value for one in dense])
    return np.array([g is not None and bool(np.any(g)) for g in gradients])


def _model_input(x):
    """A model's input like `x`; batch size and lengths are not known beforehand."""
    shape = (None, None) if x.dtype == bool else (None, x.shape[-1])
    return keras().Input(shape, dtype=str(x.dtype))


def _dense(kernel, bias):
    layer = keras().layers.Dense(kernel.shape[1])
    layer.build((None, kernel.shape[0]))
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    return layer


def layer_inputs(use="arrays", mask=None, sizes=SIZES, **changes):
    """Two sequences, four kernels with biases, how it is used, perhaps a mask."""
    s = sizes | changes
    s = s | {"key_width": s["value_width"]}

    def draw(rng):
        query = floats(rng, s["batch"], s["queries"], s["width"])
        value = floats(rng, s["batch"], s["keys"], s["value_width"])
        kernels = draw_matrices(rng, s)
        biases = [floats(rng, kernel.shape[1], scale=0.5) for kernel in kernels]
        weights = [x for pair in zip(kernels, biases, strict=True) for x in pair]
        rest = () if mask is None else (mask(rng, s),)
        return (query, value, *weights, s["heads"], use, *rest)

    return draw


def only_arrays():
    """NumPy cannot compute with the placeholders that a model is built from."""
    raise TypeError("a placeholder has no numbers")


def through_numpy(*learns):
    """An array of NumPy remembers no gradient: which matrices still have one."""
    return {"trace": only_arrays, "learn": lambda moved: moved & np.array(learns)}


NUMPY = {
    "numpy-inside": through_numpy(False, False, False, True),
    "numpy-scores": through_numpy(False, False, True, True),
    "numpy-at-the-end": through_numpy(False, False, False, False),
}
NO_BIAS = {
    "bias-forgotten": {
        "project": lambda x, kernel, bias: x @ kernel,
        "finish": lambda joined, kernel, bias: joined @ kernel,
    }
}

EXERCISE = Exercise(
    name="MultiHead",
    section="layer",
    points=3,
    reference=layer_call,
    probe=build_and_call,
    cases=(
        Case("call", layer_inputs()),
        Case("mask", layer_inputs(mask=draw_mask)),
        Case("model", layer_inputs("model", batch=4)),
        Case("model-mask", layer_inputs("model", mask=draw_mask, batch=4)),
        # The largest: whatever fails elsewhere too is shown there.
        Case("gradients", layer_inputs("gradients", batch=6)),
        Case("square", layer_inputs(sizes=ALIKE), diagnostic=True),
        Case("square-mask", layer_inputs(mask=draw_mask, sizes=ALIKE), diagnostic=True),
    ),
    misconceptions=from_tables(
        "layer",
        "layer",
        SHARED,
        MASKED,
        NO_BIAS,
        NUMPY,
        without=(
            "hidden-row-is-zero",
            "query-key-swapped",
            "mask-minus-infinity",
            "mask-added",
            "scaled-by-number-of-heads",
            "scaled-by-length",
            "softmax-over-everything",
            "no-softmax",
            "merged-interleaved",
            "averaged-projections",
            "key-and-value-matrix-swapped",
        ),
    ),
    accepted={
        "tlkeras.layers": lambda *a: _layer_of(_by_library)(*a),
        "ops": lambda *a: _layer_of(_by_ops)(*a),
        "einsum": lambda *a: _layer_of(_by_einsum)(*a),
        "a loop over heads": lambda *a: _layer_of(_by_loop)(*a),
        "ops.dot_product_attention": lambda *a: _layer_of(_by_keras)(*a),
        "tensorflow": lambda *a: _layer_of(_by_tensorflow)(*a),
        "heads folded into the batch": lambda *a: _layer_of(_by_folding)(*a),
    },
)


def _layer_of(attend):
    """A class like the stub's, whose call is `attend(query, key, value, n, mask)`."""

    class Variant(keras().layers.Layer):
        def __init__(self, num_heads, query, key, value, output):
            super().__init__()
            self.num_heads = num_heads
            self.dense = [query, key, value, output]

        def call(self, query, value, attention_mask=None):
            project_query, project_key, project_value, output = self.dense
            q, k, v = project_query(query), project_key(value), project_value(value)
            return output(attend(q, k, v, self.num_heads, attention_mask))

    return Variant


def _joined_with_keras(heads):
    ops = keras().ops
    batch, count, length, size = ops.shape(heads)
    return ops.reshape(ops.swapaxes(heads, 1, 2), (batch, length, count * size))


def _by_library(query, key, value, n, mask):
    heads = our_layers().scaled_dot_product_attention(
        query=split_with_keras(query, n),
        key=split_with_keras(key, n),
        value=split_with_keras(value, n),
        mask=None if mask is None else mask[:, None],
    )
    return _joined_with_keras(heads)


def _by_ops(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (split_with_keras(x, n) for x in (query, key, value))
    logits = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / ops.sqrt(q.shape[-1] * 1.0)
    if mask is not None:
        logits += (1.0 - ops.cast(ops.expand_dims(mask, 1), "float32")) * -1e9
    return _joined_with_keras(ops.matmul(ops.softmax(logits), v))


def _by_einsum(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.reshape(x, (*ops.shape(x)[:2], n, x.shape[-1] // n))
        for x in (query, key, value)
    )
    logits = ops.einsum("btnh,bsnh->bnts", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        logits = ops.where(mask[:, None], logits, -1e9)
    heads = ops.einsum("bnts,bsnv->btnv", ops.softmax(logits), v)
    return ops.reshape(heads, (*ops.shape(query)[:2], value.shape[-1]))


def _by_loop(query, key, value, n, mask):
    ops = keras().ops
    pieces = (ops.split(x, n, axis=-1) for x in (query, key, value))
    attend = our_layers().scaled_dot_product_attention
    heads = [attend(*one, mask=mask) for one in zip(*pieces, strict=True)]
    return ops.concatenate(heads, axis=-1)


def _by_keras(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.reshape(x, (*ops.shape(x)[:2], n, x.shape[-1] // n))
        for x in (query, key, value)
    )
    room = k.shape[-1] - v.shape[-1]  # the function wants values as large as keys
    v = ops.pad(v, [(0, 0)] * 3 + [(0, room)])
    mask = None if mask is None else mask[:, None]
    heads = ops.dot_product_attention(q, k, v, mask=mask)[..., : k.shape[-1] - room]
    return ops.reshape(heads, (*ops.shape(query)[:2], value.shape[-1]))


def _by_tensorflow(query, key, value, n, mask):
    import tensorflow as tf

    q, k, v = (tf.stack(tf.split(x, n, axis=-1), axis=1) for x in (query, key, value))
    logits = tf.matmul(q, k, transpose_b=True) / q.shape[-1] ** 0.5
    if mask is not None:
        logits = tf.where(tf.cast(mask, tf.bool)[:, None], logits, -1e9)
    return tf.concat(tf.unstack(tf.nn.softmax(logits) @ v, axis=1, num=n), axis=-1)


def _by_folding(query, key, value, n, mask):
    ops = keras().ops
    q, k, v = (
        ops.concatenate(ops.split(x, n, axis=-1), axis=0) for x in (query, key, value)
    )  # (N·B, T, H)
    mask = None if mask is None else ops.tile(mask, (n, 1, 1))
    heads = our_layers().scaled_dot_product_attention(q, k, v, mask=mask)
    return ops.concatenate(ops.split(heads, n, axis=0), axis=-1)
