"""What lesson 06 asks for: right answers, inputs that tell, and known wrong answers.

Each reference is float64 NumPy written in steps; a misconception replaces a step (see
`tlkeras.grading.Exercise`). Axes: N examples, B batch, T length, D size of a vector, C
classes, G settings, S seeds.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from tlkeras.grading import Case, Exercise, Messages, Misconception
from tlkeras.grading.authoring import (
    exceptions_as_they_are,
    floats,
    identity,
    keras,
    slope,
)

MESSAGES = Messages(Path(__file__).parent)


# ── which examples get their labels ───────────────────────────────────────────────────


def first_of_each(labels, per_class):
    """Which of some labels are among the first `per_class` of their class."""
    before = [np.sum(labels[:place] == label) for place, label in enumerate(labels)]
    return np.array(before) < per_class


def chosen(order, keep, labels):
    """The examples that are kept, in the order in which they came."""
    return order[keep]


def class_by_class(order, keep, labels):
    """The examples that are kept, class after class (wrong)."""
    return order[keep][np.argsort(labels[keep], kind="stable")]


def pick_examples(
    labels, order, per_class, *, walk=identity, keep=first_of_each, result=chosen
):
    """Go through the examples in an order, and take the first few of each class."""
    order = walk(order)
    return result(order, keep(labels[order], per_class), labels[order])


def of_rarest(labels, per_class):
    """No class gets more than the rarest has (wrong)."""
    rarest = np.unique(labels, return_counts=True)[1].min()
    return first_of_each(labels, min(per_class, rarest))


def drawing(counts, per_class, interleave=True):
    """Labels with some number of each class, and a random order."""

    def draw(rng):
        labels = np.repeat(np.arange(len(counts)), counts)
        order = rng.permutation(len(labels))
        if interleave:
            labels = rng.permutation(labels)
        return labels, order, per_class

    return draw


def _draw(name, **steps):
    return Misconception(f"draw.{name}", "draw", **steps)


PICK = Exercise(
    name="pick_examples",
    section="draw",
    points=3,
    reference=pick_examples,
    messages=MESSAGES,
    cases=(
        Case("two-classes", drawing((7, 9), 3)),
        Case("uneven", drawing((20, 6, 11), 4)),
        Case("sorted", drawing((9, 9, 9, 9), 2, interleave=False)),
        Case("rare", drawing((12, 2, 8), 5)),
        Case("one-each", drawing((5, 6, 7, 8, 9), 1)),
        Case("all", drawing((4, 3, 6), 9)),  # the very last example counts
        Case("gap", drawing((5, 0, 6, 4), 2)),
    ),
    misconceptions=(
        _draw("order-ignored", walk=np.sort),
        _draw("order-undone", walk=np.argsort),
        _draw("from-the-end", walk=lambda order: order[::-1]),
        _draw("classes-ignored", keep=lambda y, k: np.arange(len(y)) < k * len(set(y))),
        _draw("all-together", keep=lambda y, k: np.arange(len(y)) < k),
        _draw("one-too-many", keep=lambda y, k: first_of_each(y, k + 1)),
        _draw("rarest-limits", keep=of_rarest),
        _draw(
            "rare-class-left-out",
            keep=lambda y, k: first_of_each(y, k) & (np.bincount(y)[y] >= k),
        ),
        _draw("every-kth", keep=lambda y, k: first_of_each(y, 10**6) & _kth(y, k)),
        _draw("what-is-left", keep=lambda y, k: ~first_of_each(y, k)),
        _draw(
            "gap-in-the-classes",
            keep=lambda y, k: first_of_each(y, k) & (y < len(set(y))),
        ),
        _draw("places-instead", result=lambda order, keep, y: np.flatnonzero(keep)),
        _draw("sorted-again", result=lambda order, keep, y: np.sort(order[keep])),
        _draw("class-by-class", result=class_by_class),
        _draw("mask-instead", result=lambda order, keep, y: keep),
    ),
    accepted={
        "counts": lambda y, order, k: _pick_with_counts(y, order, k),
        "class by class": lambda y, order, k: _pick_by_class(y, order, k),
        "one-hot": lambda y, order, k: _pick_with_one_hot(y, order, k),
        "library": lambda y, order, k: _pick_with_list(y, order, k),
        "keras.ops": lambda y, order, k: _pick_with_keras(y, order, k),
    },
)


def _kth(labels, k):
    """Every k-th example of each class."""
    before = [np.sum(labels[:place] == label) for place, label in enumerate(labels)]
    return np.array(before) % k == k - 1


def _pick_with_counts(labels, order, per_class):
    seen: dict[int, int] = {}
    kept = []
    for i in order:
        seen[labels[i]] = seen.get(labels[i], 0) + 1
        if seen[labels[i]] <= per_class:
            kept.append(i)
    return np.array(kept)


def _pick_by_class(labels, order, per_class):
    of_class = [
        np.flatnonzero(labels[order] == c)[:per_class] for c in np.unique(labels)
    ]
    return order[np.sort(np.concatenate(of_class))]


def _pick_with_one_hot(labels, order, per_class):
    one_hot = np.eye(labels.max() + 1)[labels[order]]  # (N, C)
    turn = (np.cumsum(one_hot, axis=0) * one_hot).sum(1)
    return order[turn <= per_class]


def _pick_with_list(labels, order, per_class):
    kept: list[int] = []
    for i in order.tolist():
        if [labels[j] for j in kept].count(labels[i]) < per_class:
            kept.append(i)
    return kept


def _pick_with_keras(labels, order, per_class):
    ops = keras().ops
    y = ops.take(labels, order)
    same = ops.cast(y[:, None] == y[None, :], "int32")
    before = ops.sum(same * ops.tri(len(y), k=-1, dtype="int32"), axis=1)
    return order[ops.convert_to_numpy(before) < per_class]


# ── one vector for a text ─────────────────────────────────────────────────────────────


def as_numbers(mask):
    """1 for a real token, 0 for padding: (B, T, 1)."""
    return mask.astype(bool)[..., None].astype(float)


def sums(vectors, keep):
    """The sum of the vectors that count: (B, D)."""
    return (vectors * keep).sum(1)


def counts(keep):
    """How many count: (B, 1)."""
    return keep.sum(1)


def safely(total, count):
    """A mean, and zero where nothing counts."""
    return total / np.maximum(count, 1)


def mean_vector(
    vectors,
    padding_mask,
    *,
    keep=as_numbers,
    total=sums,
    count=counts,
    divide=safely,
    result=identity,
):
    """The mean of the vectors of real tokens: (B, D)."""
    weights = keep(padding_mask)
    return result(divide(total(vectors, weights), count(weights)))


def pooling(lengths, length, size, kind=bool, scale=1.0):
    """Vectors of texts of some lengths, with something in the padded places too."""

    def draw(rng):
        mask = np.arange(length) < np.array(lengths)[:, None]
        vectors = floats(rng, len(lengths), length, size, scale=scale) - np.float32(1)
        return vectors, mask.astype(kind)

    return draw


def with_holes(rng):
    """Padding at the beginning and in the middle."""
    vectors, mask = pooling((6, 6, 6), 6, 4)(rng)
    mask[0, :2] = mask[1, 2:4] = mask[2, [0, 3, 5]] = False
    return vectors, mask


def unit(x):
    """Vectors of length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def as_many_from_the_first(mask):
    """As many places as there are real tokens, all at the beginning (wrong)."""
    return as_numbers(np.arange(mask.shape[1]) < mask.astype(int).sum(1)[:, None])


def without_first(mask):
    """All real tokens but the first place."""
    keep = as_numbers(mask)
    keep[:, 0] = 0
    return keep


def _mean(name, **steps):
    return Misconception(f"mean.{name}", "mean", **steps)


MEAN = Exercise(
    name="mean_vector",
    section="mean",
    points=3,
    reference=mean_vector,
    messages=MESSAGES,
    cases=(
        Case("full", pooling((4, 4), 4, 3)),
        Case("padded", pooling((5, 2, 3), 5, 4)),
        Case("integers", pooling((2, 6, 4), 6, 3, kind=np.int32)),
        Case("holes", with_holes),
        Case("empty", pooling((3, 0), 5, 2)),
        Case("one-text", pooling((1,), 4, 3)),
        Case("square", pooling((3, 1, 2), 3, 3), diagnostic=True),
    ),
    misconceptions=(
        _mean("padding-counted", keep=lambda m: np.ones((*m.shape, 1))),
        _mean("divided-by-length", count=lambda keep: np.full((1, 1), keep.shape[1])),
        _mean("summed", count=lambda keep: np.ones((1, 1))),
        _mean("divided-by-batch", count=lambda keep: keep.sum(keepdims=True)[0]),
        _mean("inverted", keep=lambda m: 1 - as_numbers(m)),
        _mean("beginning", keep=as_many_from_the_first),
        _mean("first-left-out", keep=without_first),
        _mean(
            "first-token",
            keep=lambda m: np.eye(m.shape[1])[0][None, :, None].repeat(len(m), 0),
        ),
        _mean(
            "maximum",
            total=lambda v, keep: np.where(keep.any(1), _largest(v, keep), 0),
            count=lambda keep: np.ones((1, 1)),
        ),
        _mean(
            "maximum-with-zeros",
            total=lambda v, keep: (v * keep).max(1),
            count=lambda keep: np.ones((1, 1)),
        ),
        _mean("divided-by-zero", divide=lambda total, count: total / count),
        _mean("one-too-many", divide=lambda total, count: total / (count + 1)),
        _mean("unit-length", result=unit),
        _mean("sentences-averaged", result=lambda x: x.mean(0)),
        _mean("axis-kept", result=lambda x: x[:, None]),
    ),
    accepted={
        "einsum": lambda v, m: (
            np.einsum("btd,bt->bd", v, m.astype(float))
            / np.maximum(m.sum(1, keepdims=True), 1)
        ),
        "loops": lambda v, m: _mean_with_loops(v, m),
        "np.where": lambda v, m: (
            np.where(m[..., None] != 0, v, 0).sum(1) / m.sum(1).clip(1)[:, None]
        ),
        "np.divide where": lambda v, m: _mean_where(v, m),
        "weights of a softmax": lambda v, m: _mean_by_matrix(v, m),
        "keras.ops": lambda v, m: _mean_with_keras(v, m),
        "tensorflow": lambda v, m: _mean_with_tensorflow(v, m),
    },
)


def _largest(vectors, keep):
    return np.where(keep > 0, vectors, -1e9).max(1)


def _mean_with_loops(vectors, mask):
    rows = [v[m.astype(bool)] for v, m in zip(vectors, mask, strict=True)]
    return [v.mean(0) if len(v) else np.zeros(vectors.shape[-1]) for v in rows]


def _mean_where(vectors, mask):
    keep = mask.astype("float32")[..., None]
    total, count = (vectors * keep).sum(1), keep.sum(1)
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _mean_by_matrix(vectors, mask):
    shares = mask / np.maximum(mask.sum(1, keepdims=True), 1)  # (B, T)
    return (shares[:, None] @ vectors)[:, 0]


def _mean_with_keras(vectors, mask):
    ops = keras().ops
    keep = ops.cast(mask, "float32")[..., None]
    return ops.sum(vectors * keep, 1) / ops.maximum(ops.sum(keep, 1), 1)


def _mean_with_tensorflow(vectors, mask):
    import tensorflow as tf

    keep = tf.cast(mask, "float32")[..., None]
    return tf.math.divide_no_nan(
        tf.reduce_sum(vectors * keep, 1), tf.reduce_sum(keep, 1)
    )


# ── a frozen body with a head ─────────────────────────────────────────────────────────

RATE, MOMENTUM, EPSILON = 0.2, 0.5, 1e-3  # of the step, and of the normalisation


class Mode(NamedTuple):
    """What an answer lets a body do.

    Args:
        kernel: its matrix learns.
        norm: gain and bias of its normalisation learn.
        batch: in training it normalises by the batch, and updates what it stores.
        drops: in training it drops features.
        listed: all is trainable, whether it moves or not.
        always: it is in training at all times.
    """

    kernel: bool = False
    norm: bool = False
    batch: bool = False
    drops: bool = False
    listed: bool = False
    always: bool = False


class Body:
    """A matrix, a batch normalisation, a dropout of every second feature, a head."""

    def __init__(self, kernel, gain_bias, statistics, head, mode):
        self.weights = {
            "kernel": kernel.copy(),
            "gain_bias": gain_bias.copy(),
            "head": head.copy(),
        }
        self.statistics, self.mode = statistics.copy(), mode

    def __call__(self, x, training):
        """Logits; the stored statistics follow where they are not frozen."""
        training = training or self.mode.always
        if training and self.mode.batch:
            h = x @ self.weights["kernel"]
            batch = np.stack([h.mean(0), h.var(0)])
            self.statistics = MOMENTUM * self.statistics + (1 - MOMENTUM) * batch
            return self.logits(x, training, batch)
        return self.logits(x, training, self.statistics)

    def logits(self, x, training, statistics=None):
        """What comes out; by the batch's own statistics if none are given."""
        h = x @ self.weights["kernel"]
        mean, variance = (h.mean(0), h.var(0)) if statistics is None else statistics
        gain, bias = self.weights["gain_bias"]
        h = (h - mean) / np.sqrt(variance + EPSILON) * gain + bias
        if training and self.mode.drops:
            h = h * half_of(h.shape[-1])
        return h @ self.weights["head"]

    def train(self, x, targets):
        """One step of gradient descent on the squared error."""
        mode, start = self.mode, None if self.mode.batch else self.statistics

        def loss():
            return np.mean((self.logits(x, True, start) - targets) ** 2)

        flags = {"kernel": mode.kernel, "gain_bias": mode.norm, "head": True}
        names = [name for name, learns in flags.items() if learns]
        slopes = {name: slope(loss, self.weights[name]) for name in names}
        self(x, training=True)
        for name in names:
            self.weights[name] -= RATE * slopes[name]

    @property
    def trainable(self):
        """How many numbers the optimizer looks after."""
        flags = (self.mode.kernel, self.mode.norm, True)
        if self.mode.listed:
            flags = (True, True, True)
        sizes = (weight.size for weight in self.weights.values())
        return sum(size for size, learns in zip(sizes, flags, strict=True) if learns)


def half_of(size):
    """A dropout at rate ½ that always drops the same features."""
    return 2.0 * (np.arange(size) % 2)


def joined(inputs):
    """An array, or a dictionary of two, as one array (B, F)."""
    if isinstance(inputs, dict):
        inputs = np.concatenate([inputs["left"], inputs["right"]], axis=1)
    return inputs.astype(np.float64)


def frozen(
    inputs,
    kernel,
    gain_bias,
    statistics,
    head,
    targets,
    *,
    mode=Mode(),  # noqa: B008 (a tuple)
):
    """What a head on a frozen body says and learns in one step.

    Logits at inference and in training, the number of trainable numbers, logits after
    the step, and the body's stored mean and variance.
    """
    x = joined(inputs)
    body = Body(kernel, gain_bias, statistics, head, mode)
    before, training = body(x, training=False), body(x, training=True)
    body.train(x, targets)
    after = body(x, training=False)
    return before, training, np.array(body.trainable), after, body.statistics


def probe_frozen(answer, inputs, kernel, gain_bias, statistics, head, targets):
    """Wrap a body, put a head on it, train that once, and see what moved."""
    import keras

    with exceptions_as_they_are():
        backbone = make_backbone(keras, inputs, kernel, gain_bias, statistics)
        places = entrances(keras, inputs)
        layer = keras.layers.Dense(head.shape[1], use_bias=False, name="head")
        layer.build((None, head.shape[0]))
        layer.kernel.assign(head)
        features = answer(backbone)(places)
        if features is None:
            raise TypeError("call returned None; it must return the features")
        model = keras.Model(places, layer(features))

        def says(training):
            return keras.ops.convert_to_numpy(model(inputs, training=training))

        before, training = says(False), says(True)
        model.compile(keras.optimizers.SGD(RATE), loss="mse", run_eagerly=True)
        count = sum(int(np.prod(w.shape)) for w in model.trainable_variables)
        model.train_on_batch(inputs, targets)
        after = says(False)
        norm = backbone.get_layer("norm")
        stored = [norm.moving_mean, norm.moving_variance]
        stored = np.stack([keras.ops.convert_to_numpy(x) for x in stored])
        return before, training, np.array(count), after, stored


def entrances(keras, inputs):
    """Where a model takes what is like `inputs`: one array, or a dictionary."""
    if isinstance(inputs, dict):
        return {k: keras.Input(x.shape[1:], name=k) for k, x in inputs.items()}
    return keras.Input(inputs.shape[1:])


def make_backbone(keras, inputs, kernel, gain_bias, statistics):
    """A matrix, a batch normalisation and a dropout, as a keras.Model."""

    class HalfDropout(keras.layers.Dropout):
        """Drops every second feature, so that what it does can be foretold."""

        def call(self, inputs, training=False):
            if not training or not self.rate:
                return inputs
            return inputs * half_of(inputs.shape[-1]).astype("float32")

    x = places = entrances(keras, inputs)
    if isinstance(places, dict):
        x = keras.layers.Concatenate()([places["left"], places["right"]])
    dense = keras.layers.Dense(kernel.shape[1], use_bias=False, name="matrix")
    norm = keras.layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, name="norm"
    )
    x = HalfDropout(0.5, name="dropout")(norm(dense(x)))
    model = keras.Model(places, x, name="backbone")
    dense.set_weights([kernel])
    norm.set_weights([*gain_bias, *statistics])
    return model


def body_inputs(batch, width, size, classes, dictionary=False):
    """Inputs, the weights of a body and a head, and targets."""

    def draw(rng):
        x = floats(rng, batch, width)
        statistics = [floats(rng, size), rng.uniform(0.5, 2, size).astype("float32")]
        gain_bias = floats(rng, 2, size, scale=0.3) + np.float32([[1.0], [0.0]])
        return (
            {"left": x[:, :2], "right": x[:, 2:]} if dictionary else x,
            floats(rng, width, size, scale=0.8),
            gain_bias,
            np.stack(statistics),
            floats(rng, size, classes),
            floats(rng, batch, classes, scale=3),
        )

    return draw


def _freeze(name, **steps):
    return Misconception(f"freeze.{name}", "freeze", **steps)


FREEZE = Exercise(
    name="Frozen",
    section="freeze",
    points=5,
    reference=frozen,
    probe=probe_frozen,
    hidden=("kernel", "gain_bias", "statistics", "head", "targets"),
    messages=MESSAGES,
    cases=(
        Case("small", body_inputs(6, 3, 4, 2), 1e-3),
        Case("classes", body_inputs(7, 4, 5, 6), 1e-3),
        Case("dictionary", body_inputs(5, 5, 6, 3, dictionary=True), 1e-3),
    ),
    misconceptions=(
        _freeze("dropout-on", mode=Mode(drops=True)),
        _freeze("still-learns", mode=Mode(kernel=True, norm=True)),
        _freeze(
            "nothing-frozen", mode=Mode(kernel=True, norm=True, batch=True, drops=True)
        ),
        _freeze("statistics-move", mode=Mode(batch=True, drops=True)),
        _freeze("statistics-move-only", mode=Mode(batch=True)),
        _freeze("norm-learns", mode=Mode(norm=True)),
        _freeze("kernel-learns", mode=Mode(kernel=True)),
        _freeze("still-listed", mode=Mode(listed=True)),
        _freeze("gradient-stopped", mode=Mode(listed=True, batch=True, drops=True)),
        _freeze("norm-left-out", mode=Mode(norm=True, batch=True, drops=True)),
        _freeze("only-norm-frozen", mode=Mode(kernel=True, drops=True)),
        _freeze("always-training", mode=Mode(drops=True, always=True)),
        _freeze(
            "learns-and-trains",
            mode=Mode(kernel=True, norm=True, batch=True, drops=True, always=True),
        ),
        _freeze("output-dropped", mode=Mode(drops=True, batch=True, always=True)),
    ),
    # Classes are made when they are called: `import keras` is not for this module.
    accepted={
        "the layer's own flag": lambda body: _frozen_layer(body, own_flag=True),
        "layer by layer": lambda body: _frozen_layer(body, layers=True),
        "set at the call": lambda body: _frozen_layer(body, late=True),
        "gradient stopped as well": lambda body: _frozen_layer(body, stop=True),
        "training accepted": lambda body: _frozen_with_argument(body),
        "tlkeras.transfer": lambda body: _frozen_with_ours(body),
    },
)


def _frozen_layer(body, own_flag=False, layers=False, late=False, stop=False):
    import keras

    class Frozen(keras.layers.Layer):
        def __init__(self, backbone):
            super().__init__()
            self.backbone = backbone
            if own_flag:
                self.trainable = False
            elif layers:
                for layer in backbone.layers:
                    layer.trainable = False
            elif not late:
                self.backbone.trainable = False

        def call(self, inputs):
            if late:
                self.backbone.trainable = False
            features = self.backbone(inputs, training=False)
            return keras.ops.stop_gradient(features) if stop else features

    return Frozen(body)


def _frozen_with_argument(body):
    class Frozen(keras().layers.Layer):
        def __init__(self, backbone):
            super().__init__()
            backbone.trainable = False
            self.backbone = backbone

        def call(self, inputs, training=None):
            return self.backbone(inputs, training=False)

    return Frozen(body)


def _frozen_with_ours(body):
    from tlkeras.transfer import freeze

    return freeze(body)


# ── features remembered ───────────────────────────────────────────────────────────────


def whole_row(row, place, batch):
    """What a row is known by: all its tokens, in order."""
    return tuple(row)


def new_rows(keys, memory):
    """Places of the rows that nobody has computed, each different one once."""
    return [
        place
        for place, key in enumerate(keys)
        if key not in memory and key not in keys[:place]
    ]


def one_call(count):
    """How many calls some rows take."""
    return min(count, 1)


def keep_all(memory, found):
    """Put what was computed into the memory."""
    memory.update(found)


def by_key(keys, memory, found):
    """A vector for each row, in order."""
    return np.stack([memory[key] if key in memory else found[key] for key in keys])


def remembered_features(
    first,
    second,
    kernel,
    other,
    *,
    key=whole_row,
    wanted=new_rows,
    calls=one_call,
    store=keep_all,
    give=by_key,
    renew=dict,
):
    """Features of four batches from one memory, then of the first from another model.

    All of them below each other, and for each batch how many rows were computed, in how
    many calls.
    """
    memory: dict = {}
    features, work = [], []
    for ids, last in readings(first, second):
        memory = renew() if last and renew is dict else memory
        encode = Encoder(other if last else kernel)
        batch = ids.tolist()
        keys = [key(row, place, batch) for place, row in enumerate(batch)]
        places = wanted(keys, memory)
        vectors = encode(ids[places]) if places else ()
        found = {keys[p]: vector for p, vector in zip(places, vectors, strict=True)}
        store(memory, found)
        features.append(give(keys, memory, found))
        work.append((len(places), calls(len(places))))
    return np.concatenate(features), np.array(work)


class Encoder:
    """A frozen model in small: token ids (n, T) to vectors (n, D)."""

    def __init__(self, kernel):
        self.kernel, self.rows, self.calls = kernel, 0, 0

    def __call__(self, token_ids):
        token_ids = np.asarray(token_ids)
        if token_ids.ndim != 2 or token_ids.shape[1] != len(self.kernel):
            raise ValueError(
                f"encode takes token ids of shape (n, {len(self.kernel)}); given "
                f"{token_ids.shape}"
            )
        self.rows += len(token_ids)
        self.calls += bool(len(token_ids))
        return np.sin(token_ids.astype(float) @ self.kernel)  # (n, D)


def readings(first, second):
    """What is read one after another, and whether another model reads it."""
    batches = (first, second, first[::-1].copy(), first)
    return [*((ids, False) for ids in batches), (first, True)]


def probe_remembered(answer, first, second, kernel, other):
    """Call the learner again and again, with one memory, and count the work."""
    memory, features, work = {}, [], []
    for ids, last in readings(first, second):
        memory = {} if last else memory
        encode = Encoder(other if last else kernel)
        given = answer(encode, ids, memory)
        if given is None:
            return None, np.array(work)
        features.append(np.asarray(given))
        work.append((encode.rows, encode.calls))
    return np.concatenate(features), np.array(work)


def rereading(first, second, length=5, size=3):
    """Batches that share rows: `first` and `second` name rows of a small pool.

    Rows 0 and 1 have the same tokens in another order, 2 and 3 the same beginning, 4
    and 5 the same sum, 2 and 6 the same end.
    """

    def draw(rng):
        pool = rng.choice(np.arange(4, 200, 3), (7, length), replace=False)
        pool[1] = pool[0][[-1, *range(1, length - 1), 0]]
        pool[3, : length - 1] = pool[2, : length - 1]
        pool[5] = pool[4] + [1, *[0] * (length - 2), -1]
        pool[6, 1:] = pool[2, 1:]
        kernels = (floats(rng, length, size, scale=0.3) for _ in "ab")
        return pool[list(first)], pool[list(second)], *kernels

    return draw


def _memory(name, **steps):
    return Misconception(f"memory.{name}", "memory", **steps)


def everything(keys, memory):
    """All rows, known or not."""
    return list(range(len(keys)))


MEMORY = Exercise(
    name="remembered_features",
    section="memory",
    points=4,
    reference=remembered_features,
    probe=probe_remembered,
    hidden=("kernel", "other"),
    messages=MESSAGES,
    cases=(
        Case("apart", rereading((0, 2, 4), (1, 3, 5, 6))),
        Case("shared", rereading((4, 0, 2), (2, 1, 4, 3))),
        Case("twice", rereading((0, 2, 0, 4, 2), (5, 4, 1, 5, 6))),
        Case("short", rereading((5, 1), (3, 5, 0), length=3, size=4)),
        Case("single", rereading((3,), (2,))),
    ),
    misconceptions=(
        _memory("place-as-key", key=lambda row, place, batch: place),
        _memory("place-and-row", key=lambda row, place, batch: (place, *row)),
        _memory("batch-as-key", key=lambda row, place, batch: f"{place} of {batch}"),
        _memory(
            "first-batch",
            key=lambda row, place, batch: place,
            wanted=lambda keys, memory: [] if memory else everything(keys, memory),
            give=lambda keys, memory, found: np.stack([*memory.values()]),
        ),
        _memory("order-ignored", key=lambda row, place, batch: tuple(sorted(row))),
        _memory("beginning-as-key", key=lambda row, place, batch: tuple(row[:2])),
        _memory("end-as-key", key=lambda row, place, batch: tuple(row[-2:])),
        _memory("sum-as-key", key=lambda row, place, batch: sum(row)),
        _memory("never-looked-up", wanted=everything),
        _memory("never-stored", store=lambda memory, found: None),
        _memory(
            "twice-in-a-batch",
            wanted=lambda keys, memory: [
                place for place, key in enumerate(keys) if key not in memory
            ],
        ),
        _memory(
            "all-if-any-is-new",
            wanted=lambda keys, memory: (
                everything(keys, memory) if any(k not in memory for k in keys) else []
            ),
        ),
        _memory(
            "distinct-if-any-is-new",
            wanted=lambda keys, memory: (
                new_rows(keys, {}) if any(k not in memory for k in keys) else []
            ),
        ),
        _memory("one-by-one", calls=lambda count: count),
        _memory(
            "order-lost",
            give=lambda keys, memory, found: by_key(
                sorted(keys, key=lambda k: k in found), memory, found
            ),
        ),
        _memory(
            "whole-memory",
            give=lambda keys, memory, found: np.stack(
                [*memory.values(), *found.values()]
            )[: max(len(memory), len(found))],
        ),
        _memory(
            "doubles-dropped",
            give=lambda keys, memory, found: by_key(dict.fromkeys(keys), memory, found),
        ),
        _memory(
            "newest-only",
            give=lambda keys, memory, found: by_key(found or keys, memory, found),
        ),
        _memory("another-models", renew=lambda: None),
    ),
    accepted={
        "bytes": lambda e, ids, memory: _remember_bytes(e, ids, memory),
        "np.unique": lambda e, ids, memory: _remember_unique(e, ids, memory),
        "text": lambda e, ids, memory: _remember_text(e, ids, memory),
        "list of vectors": lambda e, ids, memory: list(_remember_bytes(e, ids, memory)),
        "keras": lambda e, ids, memory: keras().ops.convert_to_tensor(
            _remember_unique(e, ids, memory)
        ),
    },
)


def _remember_bytes(encode, token_ids, memory):
    keys = [row.tobytes() for row in token_ids]
    new = {k: row for k, row in zip(keys, token_ids, strict=True) if k not in memory}
    if new:
        memory.update(zip(new, encode(np.stack(list(new.values()))), strict=True))
    return np.stack([memory[key] for key in keys])


def _remember_unique(encode, token_ids, memory):
    rows, inverse = np.unique(token_ids, axis=0, return_inverse=True)
    keys = [tuple(row) for row in rows.tolist()]
    new = [i for i, key in enumerate(keys) if key not in memory]
    vectors = encode(rows[new])  # perhaps of no rows at all
    for i, vector in zip(new, vectors, strict=True):
        memory[keys[i]] = vector
    return np.array([memory[key] for key in keys])[inverse.ravel()]


def _remember_text(encode, token_ids, memory):
    missing = {}
    for row in token_ids.tolist():
        if str(row) not in memory:
            missing[str(row)] = row
    if missing:
        for key, vector in zip(missing, encode(list(missing.values())), strict=True):
            memory[key] = vector
    return [memory[str(row)] for row in token_ids.tolist()]


# ── an honest choice ──────────────────────────────────────────────────────────────────


def means(scores):
    """What each setting gives on average: (G,)."""
    return scores.mean(1)


def honest_score(
    validation,
    test,
    *,
    look=lambda validation, test: validation,
    rate=means,
    best=np.argmax,
    report=lambda validation, test, place: test[place],
):
    """Test scores (S,) of the setting that is best on validation."""
    place = best(rate(look(validation, test)))
    return report(validation, test, place)


def each_seed_its_own(scores, test):
    """The setting of each seed by itself (wrong)."""
    return test[scores.argmax(0), np.arange(test.shape[1])]


def settings_and_seeds(settings, seeds, all_differ=False, best=None):
    """Scores for which every wrong way to choose would choose something else.

    With `all_differ` no two of the wrong ways choose alike, either. `best` is the place
    of the best setting, if that matters.
    """

    def draw(rng):
        while True:
            validation = rng.uniform(0.4, 0.9, (settings, seeds)).astype("float32")
            test = rng.uniform(0.3, 0.8, (settings, seeds)).astype("float32")
            ranked = np.sort(validation.mean(1))
            apart = ranked[-1] - ranked[-2] > 0.005
            right, *wrong = choices(validation, test)
            enough = len(set(wrong)) == len(wrong) if all_differ else True
            enough = enough and best in (None, right)
            if apart and enough and right not in wrong and varied(validation):
                return validation, test

    return draw


def varied(validation):
    """Whether the best setting is not the same for every seed."""
    return len(set(validation.argmax(0))) > 1


def choices(validation, test):
    """The setting that is chosen by the mean, and those by wrong ways to choose."""
    return [
        validation.mean(1).argmax(),
        test.mean(1).argmax(),
        (validation + test).mean(1).argmax(),
        validation.max(1).argmax(),
        validation.min(1).argmax(),
        validation[:, 0].argmax(),
        np.median(validation, axis=1).argmax(),
        validation.mean(1).argmin(),
    ]


def _choice(name, **steps):
    return Misconception(f"choice.{name}", "choice", **steps)


CHOICE = Exercise(
    name="honest_score",
    section="choice",
    points=2,
    reference=honest_score,
    messages=MESSAGES,
    cases=(
        Case("five", settings_and_seeds(6, 5)),
        Case("three", settings_and_seeds(5, 3)),
        Case("many", settings_and_seeds(24, 4, all_differ=True)),
        Case("many-seeds", settings_and_seeds(24, 7, all_differ=True)),
        Case("more", settings_and_seeds(30, 5, all_differ=True)),
        Case("best-first", settings_and_seeds(5, 4, best=0)),
        Case("best-last", settings_and_seeds(5, 4, best=4)),
        Case("square", settings_and_seeds(6, 6), diagnostic=True),
    ),
    misconceptions=(
        _choice("by-test", look=lambda validation, test: test),
        _choice(
            "validation-reported",
            report=lambda validation, test, place: validation[place],
        ),
        _choice(
            "each-seed-its-own",
            report=lambda validation, test, place: each_seed_its_own(validation, test),
        ),
        _choice(
            "each-seeds-best-test",
            report=lambda validation, test, place: test.max(0),
        ),
        _choice("luckiest-run", rate=lambda scores: scores.max(1)),
        _choice("first-seed", rate=lambda scores: scores[:, 0]),
        _choice("worst-run", rate=lambda scores: scores.min(1)),
        _choice("median", rate=lambda scores: np.median(scores, axis=1)),
        _choice("worst", best=np.argmin),
        _choice("both", look=lambda validation, test: validation + test),
        _choice("setting-instead", report=lambda validation, test, place: place),
        _choice("averaged", report=lambda validation, test, place: test[place].mean()),
        _choice("all-settings", report=lambda validation, test, place: test.mean(0)),
    ),
    accepted={
        "sum": lambda v, t: t[np.argmax(v.sum(axis=1))],
        "sorted": lambda v, t: t[np.argsort(v.mean(1))[-1]],
        "max": lambda v, t: max(
            zip(v.tolist(), t.tolist(), strict=True), key=lambda row: sum(row[0])
        )[1],
        "loop": lambda v, t: _choice_with_loop(v, t),
        "keras.ops": lambda v, t: keras().ops.take(
            t, keras().ops.argmax(keras().ops.mean(v, axis=1)), axis=0
        ),
    },
)


def _choice_with_loop(validation, test):
    best, kept = -1.0, test[0]
    for mine, score in zip(validation, test, strict=True):
        if mine.mean() > best:
            best, kept = mine.mean(), score
    return kept


# ── a gain with its interval ──────────────────────────────────────────────────────────


def subtract(scores, baseline):
    """How much better, seed by seed: (K, S)."""
    return scores - baseline


def spread(gains):
    """The standard deviation that they are estimated to have: (K,)."""
    return gains.std(1, ddof=1)


def of_mean(spread, seeds):
    """The standard deviation of a mean."""
    return spread / np.sqrt(seeds)


def by_student(seeds):
    """How many of these a 95 % interval reaches to either side."""
    return student.ppf(0.975, seeds - 1)


def paired_gain(
    scores,
    baseline,
    *,
    gains=subtract,
    centre=lambda gains: gains.mean(1),
    deviation=lambda gains, scores, baseline: spread(gains),
    error=of_mean,
    factor=by_student,
):
    """Mean gain (K,) and half of its 95 % interval (K,)."""
    found = gains(scores, baseline)
    seeds = scores.shape[1]
    deviations = deviation(found, scores, baseline)
    return centre(found), factor(seeds) * error(deviations, seeds)


def two_curves(counts, seeds, baseline=0.5):
    """Scores that rise and fall together from seed to seed, as they do in practice."""

    def draw(rng):
        luck = rng.normal(0, 0.05, (counts, seeds))
        own = rng.normal(0, 0.03, (2, counts, seeds))
        scores = np.float32(0.6 + luck + own[0] + 0.1 * rng.random((counts, 1)))
        return scores, np.float32(baseline + luck + own[1])

    return draw


def _gain(name, section="gain", **steps):
    return Misconception(f"gain.{name}", section, **steps)


GAIN = Exercise(
    name="paired_gain",
    section="gain",
    points=3,
    reference=paired_gain,
    messages=MESSAGES,
    cases=(
        Case("five", two_curves(3, 5), 1e-5),
        Case("three", two_curves(2, 3), 1e-5),
        Case("many", two_curves(4, 12), 1e-5),
        Case("worse", two_curves(3, 4, baseline=0.8), 1e-5),
        Case("about-equal", two_curves(4, 8, baseline=0.65), 1e-5),
        Case("two-seeds", two_curves(1, 2), 1e-5),
        Case("square", two_curves(4, 4), 1e-5, diagnostic=True),
    ),
    misconceptions=(
        _gain("sign", gains=lambda scores, baseline: baseline - scores),
        _gain("absolute", gains=lambda scores, baseline: np.abs(scores - baseline)),
        _gain("relative", gains=lambda scores, baseline: scores / baseline - 1),
        _gain("baseline-ignored", gains=lambda scores, baseline: scores),
        _gain(
            "best-baseline",
            gains=lambda scores, baseline: scores - baseline.max(1, keepdims=True),
        ),
        _gain("median", centre=lambda gains: np.median(gains, axis=1)),
        _gain("best-seed", centre=lambda gains: gains.max(1)),
        _gain(
            "not-paired",
            deviation=lambda gains, scores, baseline: np.hypot(
                spread(scores), spread(baseline)
            ),
        ),
        _gain(
            "spread-of-scores",
            deviation=lambda gains, scores, baseline: spread(scores),
        ),
        _gain(
            "divided-by-n",
            deviation=lambda gains, scores, baseline: gains.std(1),
        ),
        _gain(
            "variance",
            deviation=lambda gains, scores, baseline: spread(gains) ** 2,
        ),
        _gain("root-forgotten", error=lambda spread, seeds: spread / seeds),
        _gain("of-one-run", error=lambda spread, seeds: spread),
        _gain("normal", factor=lambda seeds: 1.959964),
        _gain("two", factor=lambda seeds: 2.0),
        _gain("one-sided", factor=lambda seeds: student.ppf(0.95, seeds - 1)),
        _gain("degrees", factor=lambda seeds: student.ppf(0.975, seeds)),
        _gain("no-factor", factor=lambda seeds: 1.0),
        _gain("whole-width", factor=lambda seeds: 2 * by_student(seeds)),
    ),
    accepted={
        "scipy.stats.sem": lambda s, b: _gain_with_sem(s, b),
        "ttest_rel": lambda s, b: _gain_with_test(s, b),
        "tlkeras.transfer": lambda s, b: _gain_with_ours(s, b),
        "statistics": lambda s, b: _gain_by_hand(s, b),
        "one-sided the other way": lambda s, b: _gain_with_isf(s, b),
    },
)


def _gain_with_sem(scores, baseline):
    from scipy import stats

    gains = scores.astype(float) - baseline
    factor = stats.t.ppf(0.975, df=gains.shape[1] - 1)
    return gains.mean(axis=1), factor * stats.sem(gains, axis=1)


def _gain_with_test(scores, baseline):
    from scipy import stats

    found = stats.ttest_rel(scores.astype(float), baseline.astype(float), axis=1)
    interval = found.confidence_interval(0.95)
    return (interval.low + interval.high) / 2, (interval.high - interval.low) / 2


def _gain_with_ours(scores, baseline):
    from tlkeras.transfer import estimate

    found = [estimate(row) for row in scores.astype(float) - baseline]
    return [e.mean for e in found], [e.half_width for e in found]


def _gain_by_hand(scores, baseline):
    import statistics

    from scipy import stats

    rows = [
        [float(x) - float(y) for x, y in pairs]
        for pairs in (
            zip(s, b, strict=True) for s, b in zip(scores, baseline, strict=True)
        )
    ]
    count = len(rows[0])
    reach = stats.t.ppf(0.975, count - 1) / count**0.5
    return (
        [statistics.fmean(row) for row in rows],
        [reach * statistics.stdev(row) for row in rows],
    )


def _gain_with_isf(scores, baseline):
    from scipy.stats import t

    gains = scores.astype(float) - baseline
    seeds = gains.shape[-1]
    error = np.sqrt(gains.var(-1, ddof=1) / seeds)
    return gains.mean(-1), t.isf(0.025, seeds - 1) * error


EXERCISES = (PICK, MEAN, FREEZE, MEMORY, CHOICE, GAIN)
