"""What lesson 07 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Where an answer is a Keras layer, or acts on some, a probe
builds them with known weights, and trains a step where that tells more. Axes: B batch,
T length, D size of the input, F size of the output, C classes; r is a rank.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import floats, identity, keras, slope, tensorflow

MESSAGES = Messages(Path(__file__).parent)


# ── low rank ──────────────────────────────────────────────────────────────────────────


def largest(places, rank):
    """The first: NumPy sorts singular values from large to small."""
    return places[:rank]


def rows_of(right, chosen):
    """NumPy's third result has a singular vector in each row."""
    return right[chosen]


def low_rank(
    change, rank, *, keep=largest, weigh=identity, vectors=rows_of, finish=identity
):
    """The matrix (D, F) of some rank that is nearest to a change (D, F)."""
    left, values, right = np.linalg.svd(change, full_matrices=False)
    chosen = keep(np.arange(len(values)), rank)
    nearest = (left[:, chosen] * weigh(values[chosen])) @ vectors(right, chosen)
    return finish(nearest, change)


def change_of(rows, columns, rank, values=None):
    """A matrix whose singular values lie well apart, and a rank."""

    def draw(rng):
        size = min(rows, columns)
        left = np.linalg.qr(rng.normal(size=(rows, size)))[0]
        right = np.linalg.qr(rng.normal(size=(columns, size)))[0]
        spread = 5.0 * 0.7 ** np.arange(size) if values is None else np.array(values)
        return ((left * spread) @ right.T).astype(np.float32), rank

    return draw


def _rank(name, **steps):
    return Misconception(f"rank.{name}", "rank", **steps)


LOW_RANK = Exercise(
    name="low_rank",
    section="rank",
    points=3,
    reference=low_rank,
    messages=MESSAGES,
    cases=(
        Case("tall", change_of(7, 5, 2)),
        Case("wide", change_of(4, 9, 3)),
        Case("one", change_of(6, 5, 1)),
        Case("whole", change_of(5, 6, 5)),
        Case("one-row", change_of(1, 6, 1)),
        Case("square", change_of(6, 6, 3), diagnostic=True),
    ),
    misconceptions=(
        _rank("smallest-kept", keep=lambda places, rank: places[-rank:]),
        _rank("one-too-many", keep=lambda places, rank: places[: rank + 1]),
        _rank("one-too-few", keep=lambda places, rank: places[: rank - 1]),
        _rank("only-one", keep=lambda places, rank: places[rank - 1 : rank]),
        _rank("all-kept", keep=lambda places, rank: places),
        _rank("values-forgotten", weigh=np.ones_like),
        _rank("values-squared", weigh=np.square),
        _rank("root-only-once", weigh=np.sqrt),
        _rank(
            "transposed-again",
            vectors=lambda right, chosen: right[:, chosen].T,
        ),
        _rank("what-is-left", finish=lambda nearest, change: change - nearest),
        _rank("transposed", finish=lambda nearest, change: nearest.T),
    ),
    accepted={
        "scaled columns": lambda change, rank: _nearest(change, rank, np.multiply),
        "a diagonal matrix": lambda change, rank: _nearest(
            change, rank, lambda left, values: left @ np.diag(values)
        ),
        "outer products": lambda change, rank: _sum_of_outer_products(change, rank),
        "projected": lambda change, rank: _projected(change, rank),
        "zeros": lambda change, rank: _with_zeros(change, rank),
        "keras.ops": lambda change, rank: _low_rank_with_keras(change, rank),
        "tensorflow": lambda change, rank: _low_rank_with_tensorflow(change, rank),
    },
)


def _nearest(change, rank, scale):
    left, values, right = np.linalg.svd(change)
    return scale(left[:, :rank], values[:rank]) @ right[:rank]


def _sum_of_outer_products(change, rank):
    left, values, right = np.linalg.svd(change)
    return sum(values[i] * np.outer(left[:, i], right[i]) for i in range(rank))


def _projected(change, rank):
    """Onto the eigenvectors of changeᵀ change with the largest eigenvalues."""
    change = change.astype(np.float64)
    vectors = np.linalg.eigh(change.T @ change)[1][:, -rank:]
    return change @ vectors @ vectors.T


def _with_zeros(change, rank):
    left, values, right = np.linalg.svd(change, full_matrices=False)
    values[rank:] = 0
    return (left * values) @ right


def _low_rank_with_keras(change, rank):
    ops = keras().ops
    left, values, right = ops.svd(change, full_matrices=False)
    return ops.matmul(left[:, :rank] * values[:rank], right[:rank])


def _low_rank_with_tensorflow(change, rank):
    import tensorflow as tf

    values, left, right = tf.linalg.svd(change)  # right: a vector in each column
    product = tf.linalg.diag(values[:rank]) @ tf.transpose(right[:, :rank])
    return left[:, :rank] @ product


# ── a layer with LoRA ─────────────────────────────────────────────────────────────────

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


def _lora(name, section="lora", **steps):
    return Misconception(f"lora.{name}", section, **steps)


LORA_DENSE = Exercise(
    name="LoRADense",
    section="lora",
    points=5,
    reference=lora_dense,
    probe=probe_lora,
    hidden=("kernel", "bias", "a", "b", "targets", "what"),
    messages=MESSAGES,
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
        _lora("not-scaled", scale=lambda alpha, rank: 1.0),
        _lora("not-divided-by-rank", scale=lambda alpha, rank: alpha),
        _lora("divided-by-alpha", scale=lambda alpha, rank: rank / alpha),
        _lora("alpha-forgotten", scale=lambda alpha, rank: 1 / rank),
        _lora("divided-by-root", scale=lambda alpha, rank: alpha / np.sqrt(rank)),
        _lora("both-zero", "start", zero=lambda: (True, True)),
        _lora("none-zero", "start", zero=lambda: (False, False)),
        _lora("zero-is-a", "start", zero=lambda: (True, False)),
        _lora("a-all-alike", "start", alike=lambda: True),
        _lora("nothing-frozen", dense_learns=lambda: (True, True)),
        _lora("bias-learns", dense_learns=lambda: (False, True)),
        _lora("kernel-learns", dense_learns=lambda: (True, False)),
        _lora("everything-frozen", change_learns=lambda: (False, False)),
        _lora("only-b-learns", change_learns=lambda: (False, True)),
        _lora("only-a-learns", change_learns=lambda: (True, False)),
        _lora(
            "base-forgotten",
            combine=lambda x, base, a, b, scale: scale * ((x @ a) @ b),
        ),
        _lora(
            "subtracted",
            combine=lambda x, base, a, b, scale: base - scale * ((x @ a) @ b),
        ),
        _lora(
            "of-the-output",
            combine=lambda x, base, a, b, scale: base + scale * ((base @ a) @ b),
        ),
        _lora(
            "bent-between",
            combine=lambda x, base, a, b, scale: (
                base + scale * (np.maximum(x @ a, 0) @ b)
            ),
        ),
        _lora(
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


# ── merging ───────────────────────────────────────────────────────────────────────────


def merge(
    kernel,
    a,
    b,
    alpha,
    *,
    rank_of=lambda a, b: b.shape[0],
    scale=divided_by_rank,
    product=lambda a, b: a @ b,
    combine=lambda kernel, change: kernel + change,
):
    """The kernel that does alone what kernel, A and B did together."""
    return combine(kernel, scale(alpha, rank_of(a, b)) * product(a, b))


def merge_inputs(*lead, outputs, rank, alpha):
    """A kernel, A, B and alpha."""
    return lambda rng: (
        floats(rng, *lead, outputs),
        floats(rng, *lead, rank),
        floats(rng, rank, outputs),
        alpha,
    )


def _merge(name, **steps):
    return Misconception(f"merge.{name}", "merge", **steps)


MERGE = Exercise(
    name="merge",
    section="merge",
    points=2,
    reference=merge,
    messages=MESSAGES,
    cases=(
        Case("dense", merge_inputs(7, outputs=5, rank=2, alpha=6.0)),
        Case("rank-1", merge_inputs(4, outputs=6, rank=1, alpha=0.5)),
        Case("heads", merge_inputs(7, 3, outputs=4, rank=2, alpha=5.0)),
        Case("square", merge_inputs(4, outputs=4, rank=4, alpha=6.0), diagnostic=True),
    ),
    misconceptions=(
        _merge("not-scaled", scale=lambda alpha, rank: 1.0),
        _merge("not-divided-by-rank", scale=lambda alpha, rank: alpha),
        _merge("divided-by-alpha", scale=lambda alpha, rank: rank / alpha),
        _merge("alpha-forgotten", scale=lambda alpha, rank: 1 / rank),
        _merge("divided-by-root", scale=lambda alpha, rank: alpha / np.sqrt(rank)),
        _merge("rank-is-size", rank_of=lambda a, b: a.shape[0]),
        _merge("rank-is-outputs", rank_of=lambda a, b: b.shape[-1]),
        _merge("rank-from-second-axis", rank_of=lambda a, b: a.shape[1]),
        _merge("b-before-a", product=lambda a, b: b @ a),
        _merge("change-alone", combine=lambda kernel, change: change),
        _merge("subtracted", combine=lambda kernel, change: kernel - change),
        _merge("multiplied", combine=lambda kernel, change: kernel * change),
    ),
    accepted={
        "einsum": lambda kernel, a, b, alpha: (
            kernel + np.einsum("...r,rf->...f", a, b) * (alpha / a.shape[-1])
        ),
        "tensordot": lambda kernel, a, b, alpha: (
            np.tensordot(alpha * a, b, 1) / len(b) + kernel
        ),
        "outer products": lambda kernel, a, b, alpha: (
            kernel + sum(alpha / len(b) * a[..., i, None] * b[i] for i in range(len(b)))
        ),
        "in a copy": lambda kernel, a, b, alpha: _merge_in_a_copy(kernel, a, b, alpha),
        "keras.ops": lambda kernel, a, b, alpha: keras().ops.add(
            kernel, alpha / b.shape[0] * keras().ops.matmul(a, b)
        ),
        "tensorflow": lambda kernel, a, b, alpha: (
            kernel + alpha / len(b) * tensorflow().tensordot(a, b, 1)
        ),
    },
)


def _merge_in_a_copy(kernel, a, b, alpha):
    merged = kernel.copy()
    merged += (a / len(b)) @ (alpha * b)
    return merged


# ── rates by layer ────────────────────────────────────────────────────────────────────


def falling(decay, number):
    """Multipliers from input to output: 1 for the last, decay for the one below …"""
    return decay ** np.arange(number - 1, -1, -1.0)


def halves(arrays):
    """Kernels and gradients, as two lists."""
    middle = len(arrays) // 2
    return list(arrays[:middle]), list(arrays[middle:])


def layerwise_step(
    learning_rate,
    decay,
    *arrays,
    multipliers=falling,
    step=lambda kernel, gradient, rate, multiplier: kernel - rate * gradient,
    rates=lambda learning_rate, multipliers: learning_rate * multipliers,
):
    """One step of gradient descent, slower the nearer a layer is to the input."""
    kernels, gradients = halves(arrays)
    factors = multipliers(decay, len(kernels))
    return tuple(
        step(kernel, gradient, rates(learning_rate, factor), factor)
        for kernel, gradient, factor in zip(kernels, gradients, factors, strict=True)
    )


def probe_step(answer, learning_rate, decay, *arrays):
    """Hand over two lists."""
    kernels, gradients = halves(arrays)
    return answer(kernels, gradients, learning_rate, decay)


def step_inputs(*sizes, learning_rate, decay):
    """The last layer's rate, a decay, kernels from input to output, gradients."""

    def draw(rng):
        shapes = list(pairwise(sizes))
        kernels = [floats(rng, *shape) for shape in shapes]
        gradients = [floats(rng, *shape, scale=2) for shape in shapes]
        return learning_rate, decay, *kernels, *gradients

    return draw


def _rate(name, **steps):
    return Misconception(f"rates.{name}", "rates", **steps)


RATES = Exercise(
    name="layerwise_step",
    probe=probe_step,
    hidden=("arrays", "multipliers", "step", "rates"),
    section="rates",
    points=3,
    reference=layerwise_step,
    messages=MESSAGES,
    cases=(
        Case("three", step_inputs(3, 5, 4, 2, learning_rate=0.5, decay=0.7)),
        Case("five", step_inputs(2, 3, 4, 3, 5, 2, learning_rate=0.8, decay=0.4)),
        Case("one", step_inputs(4, 3, learning_rate=0.3, decay=0.5)),
        Case("no-decay", step_inputs(4, 3, 5, learning_rate=0.2, decay=1.0)),
    ),
    misconceptions=(
        _rate("from-the-input", multipliers=lambda d, n: d ** np.arange(float(n))),
        _rate("last-decayed-too", multipliers=lambda d, n: d ** np.arange(n, 0, -1.0)),
        _rate("not-decayed", multipliers=lambda d, n: np.ones(n)),
        _rate(
            "all-below-alike",
            multipliers=lambda d, n: np.where(np.arange(n) == n - 1, 1.0, d),
        ),
        _rate(
            "linear",
            multipliers=lambda d, n: 1 - (1 - d) * np.arange(n - 1, -1, -1.0),
        ),
        _rate(
            "growing",
            multipliers=lambda d, n: (1 / d) ** np.arange(n - 1, -1, -1.0),
        ),
        _rate(
            "divided-by-depth",
            multipliers=lambda d, n: d / np.arange(n, 0, -1.0),
        ),
        _rate("squared", multipliers=lambda d, n: d ** (2 * np.arange(n - 1, -1, -1))),
        _rate(
            "one-rate-for-the-last-alone",
            multipliers=lambda d, n: (np.arange(n) == n - 1) * 1.0,
        ),
        _rate(
            "uphill",
            step=lambda kernel, gradient, rate, factor: kernel + rate * gradient,
        ),
        _rate(
            "gradient-alone",
            step=lambda kernel, gradient, rate, factor: rate * gradient,
        ),
        _rate(
            "step-alone",
            step=lambda kernel, gradient, rate, factor: -rate * gradient,
        ),
        _rate(
            "kernel-shrunk",
            step=lambda kernel, gradient, rate, factor: (
                factor * kernel - rate * gradient
            ),
        ),
        _rate(
            "result-shrunk",
            step=lambda kernel, gradient, rate, factor: (
                factor * (kernel - rate * gradient)
            ),
        ),
        _rate("base-rate-forgotten", rates=lambda learning_rate, factor: factor),
        _rate(
            "rate-to-the-power",
            rates=lambda learning_rate, factor: learning_rate ** (1 / factor),
        ),
    ),
    accepted={
        "from the end": lambda *a: _step_from_the_end(*a),
        "list": lambda kernels, gradients, rate, decay: [
            k - rate * decay ** (len(kernels) - 1 - i) * g
            for i, (k, g) in enumerate(zip(kernels, gradients, strict=True))
        ],
        "recursive": lambda *a: _step_recursive(*a),
        "in copies": lambda *a: _step_in_copies(*a),
        "keras.ops": lambda kernels, gradients, rate, decay: [
            keras().ops.subtract(k, rate * decay**depth * g)
            for depth, k, g in zip(
                reversed(range(len(kernels))), kernels, gradients, strict=True
            )
        ],
        "tensorflow": lambda kernels, gradients, rate, decay: [
            tensorflow().constant(k) - rate * decay ** (len(kernels) - 1 - i) * g
            for i, (k, g) in enumerate(zip(kernels, gradients, strict=True))
        ],
    },
)


def _step_from_the_end(kernels, gradients, learning_rate, decay):
    result = []
    for kernel, gradient in zip(kernels[::-1], gradients[::-1], strict=True):
        result.insert(0, kernel - learning_rate * gradient)
        learning_rate = learning_rate * decay
    return result


def _step_recursive(kernels, gradients, learning_rate, decay):
    if not kernels:
        return ()
    below = _step_recursive(kernels[:-1], gradients[:-1], learning_rate * decay, decay)
    return (*below, kernels[-1] - learning_rate * gradients[-1])


def _step_in_copies(kernels, gradients, learning_rate, decay):
    kernels = [kernel.copy() for kernel in kernels]
    for depth in range(len(kernels)):
        kernels[-1 - depth] -= learning_rate * decay**depth * gradients[-1 - depth]
    return kernels


# ── gradual unfreezing ────────────────────────────────────────────────────────────────


def one_more(epoch, every):
    """How many blocks learn: the last alone at first, one more `every` epochs."""
    return 1 + epoch // every


def thaw(
    number,
    every,
    epochs,
    *,
    count=one_more,
    which=lambda places, count: places >= len(places) - count,
):
    """Which blocks learn in each epoch: booleans (epochs, blocks)."""
    places = np.arange(number)
    return np.array([which(places, count(epoch, every)) for epoch in range(epochs)])


def probe_thaw(answer, number, every, epochs):
    """Blocks of a model, from input to output; which of them learn in each epoch."""
    import keras

    blocks = [keras.layers.Dense(3 + i % 2, name=f"block_{i}") for i in range(number)]
    model = keras.Sequential([keras.Input((3,)), *blocks])
    rows = []
    for epoch in range(epochs):
        answer(list(blocks), epoch, every)
        learning = {id(weight) for weight in model.trainable_weights}
        rows.append([id(block.kernel) in learning for block in blocks])
    return np.array(rows)


def thaw_inputs(number, every, epochs):
    """How many blocks there are, epochs between two changes, epochs in all."""
    return lambda rng: (number, every, epochs)


def _thaw(name, **steps):
    return Misconception(f"thaw.{name}", "thaw", **steps)


THAW = Exercise(
    name="thaw",
    section="thaw",
    points=3,
    reference=thaw,
    probe=probe_thaw,
    messages=MESSAGES,
    forbidden=("tlkeras.transfer.GradualUnfreezing", "tlkeras.transfer.unfreeze"),
    cases=(
        Case("each-epoch", thaw_inputs(5, 1, 4)),
        Case("every-third", thaw_inputs(4, 3, 8)),
        Case("longer", thaw_inputs(3, 2, 9)),
        Case("two-blocks", thaw_inputs(2, 4, 6)),
        Case("one-block", thaw_inputs(1, 2, 5)),
    ),
    misconceptions=(
        _thaw("from-the-input", which=lambda places, count: places < count),
        _thaw(
            "one-at-a-time",
            which=lambda places, count: places == len(places) - count,
        ),
        _thaw(
            "one-at-a-time-first-stays",
            which=lambda places, count: places == max(0, len(places) - count),
        ),
        _thaw(
            "one-at-a-time-none-left",  # an IndexError when all have had their turn
            which=lambda places, count: places == places[-count],
        ),
        _thaw(
            "one-at-a-time-again",
            which=lambda places, count: (
                places == places[-1 - (count - 1) % len(places)]
            ),
        ),
        _thaw(
            "inverted",
            which=lambda places, count: places < len(places) - count,
        ),
        _thaw("never-frozen", which=lambda places, count: places >= 0),
        _thaw("never-unfrozen", count=lambda epoch, every: 1),
        _thaw("nothing-at-first", count=lambda epoch, every: epoch // every),
        _thaw("two-at-first", count=lambda epoch, every: 2 + epoch // every),
        _thaw("every-ignored", count=lambda epoch, every: 1 + epoch),
        _thaw("every-is-a-number", count=lambda epoch, every: 1 + epoch * every),
        _thaw("rounded-up", count=lambda epoch, every: 1 + -(-epoch // every)),
        _thaw("an-epoch-too-soon", count=lambda epoch, every: 1 + (epoch + 1) // every),
        _thaw(
            "an-epoch-too-late",
            count=lambda epoch, every: max(1, -(-epoch // every)),
        ),
        _thaw(
            "all-at-once",
            count=lambda epoch, every: 1 if epoch < every else 1_000,
        ),
        _thaw(
            "slice-of-none",
            count=lambda epoch, every: epoch // every or 1_000,
        ),
    ),
    accepted={
        "a loop": lambda blocks, epoch, every: _thaw_by_number(blocks, epoch, every),
        "a slice": lambda blocks, epoch, every: _thaw_by_slice(blocks, epoch, every),
        "from the end": lambda blocks, epoch, every: _thaw_from_the_end(
            blocks, epoch, every
        ),
        "returns the blocks": lambda blocks, epoch, every: [
            setattr(b, "trainable", len(blocks) - i <= 1 + epoch // every) or b
            for i, b in enumerate(blocks)
        ],
    },
)


def _thaw_by_number(blocks, epoch, every):
    for i, block in enumerate(blocks):
        block.trainable = i >= len(blocks) - 1 - epoch // every


def _thaw_by_slice(blocks, epoch, every):
    for block in blocks:
        block.trainable = False
    for block in blocks[-(1 + int(epoch / every)) :]:
        block.trainable = True


def _thaw_from_the_end(blocks, epoch, every):
    for depth, block in enumerate(reversed(blocks)):
        block.trainable = depth * every <= epoch


# ── distillation ──────────────────────────────────────────────────────────────────────


def log_softmax(x, axis=-1):
    """Logarithms of probabilities, without an exponential that overflows."""
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def softened(logits, temperature):
    """Logits that are nearer to each other."""
    return logits / temperature


def divergence(teacher, student):
    """KL(teacher ‖ student) of log probabilities: (B, C) to (B,)."""
    return (np.exp(teacher) * (teacher - student)).sum(-1)


def distillation_loss(
    teacher_logits,
    student_logits,
    temperature,
    *,
    of_teacher=softened,
    of_student=softened,
    logs=log_softmax,
    distance=divergence,
    mean=np.mean,
    rescale=lambda loss, temperature: temperature**2 * loss,
):
    """T² · KL(teacher ‖ student), both softened, on average over the batch."""
    teacher = logs(of_teacher(teacher_logits, temperature))
    student = logs(of_student(student_logits, temperature))
    return rescale(mean(distance(teacher, student)), temperature)


def opinions(batch, classes, temperature, scale=2.0):
    """Logits of a teacher and a student, and a temperature."""
    return lambda rng: (
        floats(rng, batch, classes, scale=scale),
        floats(rng, batch, classes, scale=scale),
        temperature,
    )


def one_opinion(rng):
    """A student that says what the teacher says, but for a constant a row."""
    teacher = floats(rng, 4, 6, scale=2)
    return teacher, teacher + floats(rng, 4, 1), 3.0


def nearly_one_opinion(rng):
    """A student that differs little from a teacher."""
    teacher = floats(rng, 3, 5, scale=2)
    return teacher, teacher + floats(rng, 3, 5, scale=0.3), 4.0


def far_from_zero(rng):
    """Logits around 2000 that differ little: exp alone is infinite."""
    teacher, student, temperature = opinions(3, 6, 2.0)(rng)
    return teacher + np.float32(2000), student + np.float32(2000), temperature


def of_probabilities(change):
    """A distance between probabilities, for steps that are handed their logarithms."""
    return lambda teacher, student: change(np.exp(teacher), np.exp(student))


def _distil(name, section="distil", **steps):
    return Misconception(f"distil.{name}", section, **steps)


DISTIL = Exercise(
    name="distillation_loss",
    section="distil",
    points=4,
    reference=distillation_loss,
    messages=MESSAGES,
    cases=(
        Case("two", opinions(4, 5, 2.0)),
        Case("one", opinions(3, 7, 1.0)),
        Case("five", opinions(6, 4, 5.0)),
        Case("same", one_opinion),
        Case("nearly-same", nearly_one_opinion),
        Case("far-from-zero", far_from_zero, tolerance=1e-3),
        Case("sure", opinions(9, 5, 2.0, scale=900.0)),
        Case("square", opinions(5, 5, 3.0), diagnostic=True),
    ),
    misconceptions=(
        _distil("not-rescaled", rescale=identity),
        _distil("rescaled-once", rescale=lambda loss, t: t * loss),
        _distil("rescaled-the-other-way", rescale=lambda loss, t: loss / t**2),
        _distil("teacher-not-softened", of_teacher=identity),
        _distil("student-not-softened", of_student=identity),
        _distil(
            "sharpened",
            of_teacher=lambda logits, t: logits * t,
            of_student=lambda logits, t: logits * t,
        ),
        _distil(
            "probabilities-divided",
            of_teacher=identity,
            of_student=identity,
            distance=lambda teacher, student: divergence(teacher, student),
            rescale=lambda loss, t: loss * t,
        ),
        _distil(
            "reversed", distance=lambda teacher, student: divergence(student, teacher)
        ),
        _distil(
            "cross-entropy",
            distance=lambda teacher, student: -(np.exp(teacher) * student).sum(-1),
        ),
        _distil(
            "labels-of-the-teacher",
            distance=lambda teacher, student: (
                -np.take_along_axis(student, teacher.argmax(-1)[:, None], -1)[:, 0]
            ),
        ),
        _distil(
            "squared-probabilities",
            distance=of_probabilities(lambda p, q: ((p - q) ** 2).sum(-1)),
        ),
        _distil(
            "squared-logits",
            logs=identity,
            distance=lambda teacher, student: ((teacher - student) ** 2).sum(-1),
        ),
        _distil(
            "not-weighted",
            distance=lambda teacher, student: (teacher - student).sum(-1),
        ),
        _distil(
            "sign",
            distance=lambda teacher, student: -divergence(teacher, student),
        ),
        _distil(
            "mean-over-classes",
            distance=lambda teacher, student: (
                np.exp(teacher) * (teacher - student)
            ).mean(-1),
        ),
        _distil("summed", mean=np.sum),
        _distil("each-example", mean=identity),
        _distil("softmax-over-batch", logs=lambda x: log_softmax(x, axis=0)),
        _distil(
            "overflow",
            "distil",
            logs=lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ),
        _distil("log-of-zero", logs=lambda x: np.log(np.exp(log_softmax(x)))),
        _distil(
            "clipped",
            logs=lambda x: np.log(np.maximum(np.exp(log_softmax(x)), 1e-7)),
        ),
        _distil("tiny-added", logs=lambda x: np.log(np.exp(log_softmax(x)) + 1e-9)),
    ),
    accepted={
        "cross-entropy minus entropy": lambda *a: _distil_by_entropies(*a),
        "loops": lambda *a: _distil_in_loops(*a),
        "keras.ops": lambda *a: _distil_with_keras(*a),
        "tensorflow": lambda *a: _distil_with_tensorflow(*a),
        "library": lambda teacher, student, t: keras().ops.mean(
            _transfer().distillation_loss(teacher, student, t)
        ),
        "float64": lambda teacher, student, t: distillation_loss(
            teacher.astype(np.float64), student.astype(np.float64), t
        ),
    },
)


def _distil_by_entropies(teacher, student, temperature):
    teacher, student = log_softmax(teacher / temperature), student / temperature
    p = np.exp(teacher)
    surprise = -(p * log_softmax(student)).sum(-1)
    entropy = -(p * teacher).sum(-1)
    return temperature**2 * (surprise - entropy).sum() / len(student)


def _distil_in_loops(teacher, student, temperature):
    total = 0.0
    for one, other in zip(teacher, student, strict=True):
        one, other = log_softmax(one / temperature), log_softmax(other / temperature)
        total += sum(np.exp(p) * (p - q) for p, q in zip(one, other, strict=True))
    return total / len(teacher) * temperature**2


def _distil_with_keras(teacher, student, temperature):
    ops = keras().ops
    teacher = ops.log_softmax(teacher / temperature, axis=-1)
    gap = teacher - ops.log_softmax(student / temperature, axis=-1)
    return ops.mean(ops.sum(ops.exp(teacher) * gap, axis=-1)) * temperature**2


def _distil_with_tensorflow(teacher, student, temperature):
    import tensorflow as tf

    p = tf.nn.softmax(teacher / temperature)
    surprise = tf.nn.softmax_cross_entropy_with_logits(p, student / temperature)
    entropy = tf.nn.softmax_cross_entropy_with_logits(p, teacher / temperature)
    return temperature**2 * tf.reduce_mean(surprise - entropy)


def _transfer():
    import tlkeras.transfer

    return tlkeras.transfer


EXERCISES = (LOW_RANK, LORA_DENSE, MERGE, RATES, THAW, DISTIL)
