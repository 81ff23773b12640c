"""What a head on a frozen body says and learns in one step."""

from typing import NamedTuple

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import (
    exceptions_as_they_are,
    floats,
    keras,
    mistakes,
    slope,
)

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
        given = model_inputs(keras, inputs)
        layer = keras.layers.Dense(head.shape[1], use_bias=False, name="head")
        layer.build((None, head.shape[0]))
        layer.kernel.assign(head)
        features = answer(backbone)(given)
        if features is None:
            raise TypeError("call returned None; it must return the features")
        model = keras.Model(given, layer(features))

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


def model_inputs(keras, inputs):
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

    x = given = model_inputs(keras, inputs)
    if isinstance(given, dict):
        x = keras.layers.Concatenate()([given["left"], given["right"]])
    dense = keras.layers.Dense(kernel.shape[1], use_bias=False, name="matrix")
    norm = keras.layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, name="norm"
    )
    x = HalfDropout(0.5, name="dropout")(norm(dense(x)))
    model = keras.Model(given, x, name="backbone")
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


wrong = mistakes("freeze", section="freeze")

EXERCISE = Exercise(
    name="Frozen",
    section="freeze",
    points=4,
    reference=frozen,
    probe=probe_frozen,
    hidden=("kernel", "gain_bias", "statistics", "head", "targets"),
    cases=(
        Case("small", body_inputs(6, 3, 4, 2), 1e-3),
        Case("classes", body_inputs(7, 4, 5, 6), 1e-3),
        Case("dictionary", body_inputs(5, 5, 6, 3, dictionary=True), 1e-3),
    ),
    misconceptions=(
        wrong("dropout-on", mode=Mode(drops=True)),
        wrong("still-learns", mode=Mode(kernel=True, norm=True)),
        wrong(
            "nothing-frozen", mode=Mode(kernel=True, norm=True, batch=True, drops=True)
        ),
        wrong("statistics-move", mode=Mode(batch=True, drops=True)),
        wrong("statistics-move-only", mode=Mode(batch=True)),
        wrong("norm-learns", mode=Mode(norm=True)),
        wrong("kernel-learns", mode=Mode(kernel=True)),
        wrong("still-listed", mode=Mode(listed=True)),
        wrong("gradient-stopped", mode=Mode(listed=True, batch=True, drops=True)),
        wrong("norm-left-out", mode=Mode(norm=True, batch=True, drops=True)),
        wrong("only-norm-frozen", mode=Mode(kernel=True, drops=True)),
        wrong("always-training", mode=Mode(drops=True, always=True)),
        wrong(
            "learns-and-trains",
            mode=Mode(kernel=True, norm=True, batch=True, drops=True, always=True),
        ),
        wrong("output-dropped", mode=Mode(drops=True, batch=True, always=True)),
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
