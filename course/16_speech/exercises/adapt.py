"""The rate of each training and how far each part moved in it; then the logits."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, slope

PARTS = ("projection", "positions", "block", "head")
LEARNED = (True, False, True, True)  # what learns; positions are fixed from the start
HEAD = (False, False, False, True)
ALL = (True, True, True, True)


def in_two_steps(head_rate, body_rate):
    """The head alone, then everything that learned before: rates and parts."""
    return [(head_rate, HEAD), (body_rate, LEARNED)]


def over_real(x, mask):
    """The mean of real tokens: (B, D)."""
    keep = mask.astype(float)[..., None]
    return (x * keep).sum(1) / keep.sum(1)


def logits_of(features, mask, weights, pool, answer):
    """What a small encoder and a head make of some recordings: (B, C)."""
    x = features @ weights["projection"] + weights["positions"]  # (B, T, D)
    x = np.tanh(x @ weights["block"])
    return answer(pool(x, mask) @ weights["head"])


def adapt(
    features,
    mask,
    projection,
    positions,
    block,
    head,
    targets,
    head_rate,
    body_rate,
    *,
    stages=in_two_steps,
    pool=over_real,
    answer=identity,
):
    """The rate of each training and how far each part moved in it; then the logits."""
    values = (projection, positions, block, head)
    weights = {name: x.copy() for name, x in zip(PARTS, values, strict=True)}

    def loss():
        said = logits_of(features, mask, weights, pool, answer)
        return np.mean((said - targets) ** 2)

    rows = []
    for rate, learns in stages(head_rate, body_rate):
        names = [name for name, on in zip(PARTS, learns, strict=True) if on]
        slopes = {name: slope(loss, weights[name]) for name in names}
        for name in names:
            weights[name] = weights[name] - rate * slopes[name]
        moved = {name: rate * np.linalg.norm(slopes[name]) for name in names}
        rows.append([rate, *(moved.get(name, 0.0) for name in PARTS)])
    return np.array(rows), logits_of(features, mask, weights, pool, answer)


def probe_adapt(
    answer,
    features,
    mask,
    projection,
    positions,
    block,
    head,
    targets,
    head_rate,
    body_rate,
):
    """Hand over a small encoder, a head and a way to train; write down what moves."""
    import keras

    inputs = {"features": features, "padding_mask": mask}
    encoder = small_encoder(keras, inputs, projection, positions, block)
    new = keras.layers.Dense(head.shape[1], use_bias=False, name="head")
    new.build((None, head.shape[0]))
    new.kernel.assign(head)
    watched = [*(encoder.get_layer(name) for name in PARTS[:3]), new]
    rows = []

    def values():
        weights = (layer.weights[0] for layer in watched)
        return [keras.ops.convert_to_numpy(weight) for weight in weights]

    def train(model, learning_rate):
        before = values()
        model.compile(keras.optimizers.SGD(learning_rate), loss="mse", run_eagerly=True)
        if model.trainable_variables:
            model.train_on_batch(inputs, targets)
        pairs = zip(values(), before, strict=True)
        moved = (float(np.linalg.norm(now - then)) for now, then in pairs)
        rows.append([float(learning_rate), *moved])

    model = answer(encoder, new, train, head_rate, body_rate)
    if model is None:
        raise TypeError("adapt returned None; it must return the model")
    logits = keras.ops.convert_to_numpy(model(inputs))
    return np.array(rows).reshape(-1, 1 + len(PARTS)), logits


def small_encoder(keras, inputs, projection, positions, block):
    """A matrix, fixed positions, another matrix, and a mean over real tokens."""
    length, mels = inputs["features"].shape[1:]
    places = {
        "features": keras.Input((length, mels), name="features"),
        "padding_mask": keras.Input((length,), dtype="bool", name="padding_mask"),
    }
    size = projection.shape[1]

    class Positions(keras.layers.Layer):
        """Adds a table that does not learn."""

        def build(self, shape):
            self.table = self.add_weight(shape=positions.shape, name="table")

        def call(self, x):
            return x + self.table

    class MaskedMean(keras.layers.Layer):
        """The mean of real tokens."""

        def call(self, x, keep):
            keep = keras.ops.cast(keep, "float32")[..., None]
            return keras.ops.sum(x * keep, 1) / keras.ops.sum(keep, 1)

    dense = keras.layers.Dense(size, use_bias=False, name="projection")
    table = Positions(name="positions")
    mix = keras.layers.Dense(
        block.shape[1], use_bias=False, activation="tanh", name="block"
    )
    x = mix(table(dense(places["features"])))
    pooled = MaskedMean(name="pooled")(x, places["padding_mask"])
    outputs = {"sequence_output": x, "pooled_output": pooled}
    encoder = keras.Model(places, outputs, name="encoder")
    for layer, value in ((dense, projection), (table, positions), (mix, block)):
        layer.set_weights([value])
    table.trainable = False
    return encoder


def recordings(batch, length, mels, size, classes):
    """Features, masks, weights of a small encoder and a head, targets, two rates."""

    def draw(rng):
        lengths = np.resize([length - 1, 2, length], batch)
        return (
            floats(rng, batch, length, mels) + np.float32(0.5),
            np.arange(length) < lengths[:, None],
            floats(rng, mels, size, scale=0.5),
            floats(rng, length, size, scale=0.5),
            floats(rng, size, size, scale=0.5),
            floats(rng, size, classes, scale=0.5),
            floats(rng, batch, classes, scale=3),
            float(np.round(rng.uniform(0.4, 0.6), 3)),
            float(np.round(rng.uniform(0.1, 0.2), 3)),
        )

    return draw


wrong = mistakes("adapt", section="transfer")


def _stages(name, stages):
    return wrong(name, stages=stages)


BODY = (True, False, True, False)
LAST = (False, False, True, True)

EXERCISE = Exercise(
    name="adapt",
    section="transfer",
    points=3,
    reference=adapt,
    probe=probe_adapt,
    hidden=("projection", "positions", "block", "head", "targets"),
    cases=(
        Case("few", recordings(4, 5, 3, 4, 2)),
        Case("classes", recordings(5, 4, 2, 3, 6)),
        Case("square", recordings(4, 4, 4, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        _stages("never-frozen", lambda head, body: [(head, LEARNED), (body, LEARNED)]),
        _stages("never-thawed", lambda head, body: [(head, HEAD), (body, HEAD)]),
        _stages("head-alone", lambda head, body: [(head, HEAD)]),
        _stages("all-at-once", lambda head, body: [(body, LEARNED)]),
        _stages("all-at-once-and-fast", lambda head, body: [(head, LEARNED)]),
        _stages("body-first", lambda head, body: [(body, LEARNED), (head, HEAD)]),
        _stages("rates-exchanged", lambda head, body: [(body, HEAD), (head, LEARNED)]),
        _stages("one-rate", lambda head, body: [(head, HEAD), (head, LEARNED)]),
        _stages("one-slow-rate", lambda head, body: [(body, HEAD), (body, LEARNED)]),
        _stages("positions-thawed", lambda head, body: [(head, HEAD), (body, ALL)]),
        _stages("positions-always", lambda head, body: [(head, ALL), (body, ALL)]),
        _stages("head-frozen-later", lambda head, body: [(head, HEAD), (body, BODY)]),
        _stages("inverted", lambda head, body: [(head, LEARNED), (body, HEAD)]),
        _stages("wrong-part-first", lambda head, body: [(head, BODY), (body, LEARNED)]),
        _stages("last-block-alone", lambda head, body: [(head, HEAD), (body, LAST)]),
        _stages("not-trained", lambda head, body: []),
        wrong("first-token", pool=lambda x, mask: x[:, 0]),
        wrong("last-token", pool=lambda x, mask: x[:, -1]),
        wrong("padding-counted", pool=lambda x, mask: x.mean(1)),
        wrong("probabilities", answer=lambda x: _softmax(x)),
    ),
    accepted={
        "the encoder called": lambda *x: _adapt_called(*x),
        "layer by layer": lambda *x: _adapt_by_layers(*x),
        "weights": lambda *x: _adapt_by_weights(*x),
        "remembered flags": lambda *x: _adapt_with_flags(*x),
        "tlkeras.transfer": lambda *x: _adapt_with_ours(*x),
    },
)


def _softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _with_head(encoder, head):
    return keras().Model(encoder.input, head(encoder.output["pooled_output"]))


def _adapt_called(encoder, head, train, head_rate, body_rate):
    model = keras().Model(encoder.input, head(encoder(encoder.input)["pooled_output"]))
    encoder.trainable = False
    train(model, head_rate)
    encoder.trainable = True
    encoder.get_layer("positions").trainable = False
    train(model, body_rate)
    return model


def _adapt_by_layers(encoder, head, train, head_rate, body_rate):
    model = _with_head(encoder, head)
    learned = [layer for layer in encoder.layers if layer.trainable]
    for layer in learned:
        layer.trainable = False
    train(model, head_rate)
    for layer in learned:
        layer.trainable = True
    train(model, body_rate)
    return model


def _adapt_by_weights(encoder, head, train, head_rate, body_rate):
    learned = list(encoder.trainable_weights)
    model = _with_head(encoder, head)
    for weight in learned:
        weight.trainable = False
    train(model, head_rate)
    for weight in learned:
        weight.trainable = True
    train(model, body_rate)
    return model


def _adapt_with_flags(encoder, head, train, head_rate, body_rate):
    flags = [(layer, layer.trainable) for layer in encoder.layers]
    encoder.trainable = False
    model = _with_head(encoder, head)
    train(model, head_rate)
    encoder.trainable = True
    for layer, flag in flags:
        layer.trainable = flag
    train(model, body_rate)
    return model


def _adapt_with_ours(encoder, head, train, head_rate, body_rate):
    from tlkeras.transfer import freeze, unfreeze

    model = _with_head(encoder, head)
    patterns = ("^projection", "^block")
    train(freeze(model, patterns), head_rate)
    train(unfreeze(model, patterns), body_rate)
    return model
