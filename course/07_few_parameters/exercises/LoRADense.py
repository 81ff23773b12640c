"""What the probe returns: how it begins, what it says, or what a step moved."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, keras, mistakes, slope

RATE = 0.3  # of the one step of training that a probe makes


def divided_by_rank(alpha, rank):
    """What the low-rank change is multiplied by."""
    return alpha / rank


def added(x, base, a, b, scale):
    """The dense layer's output, and the change beside it."""
    return base + scale * ((x @ a) @ b)


def lora_dense(
    x,
    kernel,
    bias,
    a,
    b,
    alpha,
    targets,
    what,
    *,
    scale=divided_by_rank,
    combine=added,
    zero=lambda: (False, True),
    alike=lambda: False,
    dense_learns=lambda: (False, False),
    change_learns=lambda: (True, True),
):
    """What the probe returns: how it begins, what it says, or what a step moved."""
    factor = scale(alpha, a.shape[1])

    def output():
        return combine(x, x @ kernel + bias, a, b, factor)

    if what == "start":
        a_is_zero, b_is_zero = zero()
        zeros = np.zeros_like(a) if a_is_zero else a, np.zeros_like(b)
        start = combine(x, x @ kernel + bias, zeros[0], zeros[1], factor)
        starts_as_base = (a_is_zero or b_is_zero) and np.allclose(
            start, x @ kernel + bias
        )
        return np.array([starts_as_base, a_is_zero, b_is_zero, a_is_zero or alike()])
    if what == "output":
        return output()

    def loss():
        return np.mean((output() - targets) ** 2)

    weights = (kernel, bias, a, b)
    learns = (*dense_learns(), *change_learns())
    slopes = [
        slope(loss, weight) if moves else np.zeros_like(weight)
        for weight, moves in zip(weights, learns, strict=True)
    ]
    chosen = slice(0, 2) if what == "dense" else slice(2, 4)
    return tuple(-RATE * gradient for gradient in slopes[chosen])


def probe_lora(answer, x, kernel, bias, a, b, alpha, targets, what):
    """Wrap a dense layer in the learner's, and train it once if that is asked for."""
    import keras

    dense = keras.layers.Dense(kernel.shape[1], name="base")
    dense.build((None, kernel.shape[0]))
    dense.set_weights([kernel, bias])
    layer = answer(dense, a.shape[1], alpha)
    start = keras.ops.convert_to_numpy(layer(x))
    if what == "start":
        as_base = np.allclose(start, x @ kernel + bias, atol=1e-4)
        zero = [not np.any(np.asarray(weight)) for weight in (layer.a, layer.b)]
        first = np.asarray(layer.a)
        return np.array([as_base, *zero, np.all(first == first[:, :1])])
    layer.a.assign(a)
    layer.b.assign(b)
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    if what == "output":
        return keras.ops.convert_to_numpy(model(x))
    model.compile(keras.optimizers.SGD(RATE), loss="mse", run_eagerly=True)
    if model.trainable_variables:
        model.train_on_batch(x, targets)
    before = (kernel, bias) if what == "dense" else (a, b)
    after = dense.get_weights() if what == "dense" else (layer.a, layer.b)
    return tuple(np.asarray(new) - old for new, old in zip(after, before, strict=True))


def lora_inputs(what, size=5, outputs=4, rank=2, alpha=6.0, lead=(3, 2)):
    """Vectors, a dense layer's weights, A and B, a scale and targets."""
    return lambda rng: (
        floats(rng, *lead, size),
        floats(rng, size, outputs, scale=0.6),
        floats(rng, outputs),
        floats(rng, size, rank, scale=0.5),
        floats(rng, rank, outputs, scale=0.5),
        alpha,
        floats(rng, *lead, outputs, scale=2),
        what,
    )


wrong = mistakes("lora", section="lora")

EXERCISE = Exercise(
    name="LoRADense",
    section="lora",
    points=5,
    reference=lora_dense,
    probe=probe_lora,
    hidden=("kernel", "bias", "a", "b", "targets", "what"),
    forbidden=("keras.layers.Dense.enable_lora",),
    cases=(
        Case("start", lora_inputs("start")),
        Case("output", lora_inputs("output")),
        Case("rank-3", lora_inputs("output", size=7, rank=3, alpha=1.5, lead=(4,))),
        Case("dense-moves", lora_inputs("dense"), tolerance=1e-3),
        Case("change-moves", lora_inputs("change"), tolerance=1e-3),
        # As many outputs as inputs: a change of the output instead of the input fits.
        Case("square", lora_inputs("output", outputs=5), diagnostic=True),
        Case("square-rank", lora_inputs("output", 5, 5, rank=5), diagnostic=True),
        Case("square-moves", lora_inputs("change", outputs=5), 1e-3, diagnostic=True),
    ),
    misconceptions=(
        wrong("not-scaled", scale=lambda alpha, rank: 1.0),
        wrong("not-divided-by-rank", scale=lambda alpha, rank: alpha),
        wrong("divided-by-alpha", scale=lambda alpha, rank: rank / alpha),
        wrong("alpha-forgotten", scale=lambda alpha, rank: 1 / rank),
        wrong("divided-by-root", scale=lambda alpha, rank: alpha / np.sqrt(rank)),
        wrong("both-zero", "start", zero=lambda: (True, True)),
        wrong("none-zero", "start", zero=lambda: (False, False)),
        wrong("zero-is-a", "start", zero=lambda: (True, False)),
        wrong("a-all-alike", "start", alike=lambda: True),
        wrong("nothing-frozen", dense_learns=lambda: (True, True)),
        wrong("bias-learns", dense_learns=lambda: (False, True)),
        wrong("kernel-learns", dense_learns=lambda: (True, False)),
        wrong("everything-frozen", change_learns=lambda: (False, False)),
        wrong("only-b-learns", change_learns=lambda: (False, True)),
        wrong("only-a-learns", change_learns=lambda: (True, False)),
        wrong(
            "base-forgotten", combine=lambda x, base, a, b, scale: scale * ((x @ a) @ b)
        ),
        wrong(
            "subtracted",
            combine=lambda x, base, a, b, scale: base - scale * ((x @ a) @ b),
        ),
        wrong(
            "of-the-output",
            combine=lambda x, base, a, b, scale: base + scale * ((base @ a) @ b),
        ),
        wrong(
            "bent-between",
            combine=lambda x, base, a, b, scale: (
                base + scale * (np.maximum(x @ a, 0) @ b)
            ),
        ),
        wrong(
            "b-before-a",
            combine=lambda x, base, a, b, scale: base + scale * ((x @ b) @ a),
        ),
    ),
    accepted={
        "base and change": lambda *a: _lora_layer(_beside)(*a),
        "one kernel": lambda *a: _lora_layer(_as_one_kernel)(*a),
        "einsum": lambda *a: _lora_layer(_by_einsum)(*a),
        "tensorflow": lambda *a: _lora_layer(_by_tensorflow)(*a),
        "weights made in build": lambda *a: _lora_layer(_beside, late=True)(*a),
        "keras.Variable": lambda *a: _lora_layer(_beside, variables=True)(*a),
        "weights frozen one by one": lambda *a: _lora_layer(
            _beside, freeze=_freeze_weights
        )(*a),
    },
)


def _freeze_weights(dense):
    for weight in dense.weights:
        weight.trainable = False


def _freeze_layer(dense):
    dense.trainable = False


def _lora_layer(combine, late=False, variables=False, freeze=_freeze_layer):
    """A class like the stub's, made in one of several ways."""
    import keras

    class Variant(keras.layers.Layer):
        def __init__(self, dense, rank, alpha):
            super().__init__()
            freeze(dense)
            self.dense, self.rank, self.scale = dense, rank, alpha / rank
            if not late:
                self.make()

        def build(self, input_shape):
            if late:
                self.make()

        def make(self):
            size, outputs = self.dense.kernel.shape
            shapes = (size, self.rank), (self.rank, outputs)
            if variables:
                first = keras.random.normal(shapes[0], stddev=0.02)
                self.a = keras.Variable(first)
                self.b = keras.Variable(np.zeros(shapes[1], "float32"))
            else:
                self.a = self.add_weight(shape=shapes[0], initializer="normal")
                self.b = self.add_weight(shape=shapes[1], initializer="zeros")

        def call(self, x):
            return combine(self, x)

    return Variant


def _beside(layer, x):
    ops = keras().ops
    change = ops.matmul(ops.matmul(x, layer.a), layer.b)
    return layer.dense(x) + layer.scale * change


def _as_one_kernel(layer, x):
    ops = keras().ops
    kernel = layer.dense.kernel + layer.scale * ops.matmul(layer.a, layer.b)
    return ops.matmul(x, kernel) + layer.dense.bias


def _by_einsum(layer, x):
    ops = keras().ops
    return layer.dense(x) + ops.einsum(
        "...d,dr,rf->...f", x, layer.a * layer.scale, layer.b
    )


def _by_tensorflow(layer, x):
    import tensorflow as tf

    return layer.dense(x) + tf.tensordot(x @ layer.a, layer.b, 1) * layer.scale
