"""Outputs before and after one step of training with the squared error."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, keras, mistakes, slope

RATE = 0.2  # of the one step of training that a probe makes


def softmax(x):
    """Positive numbers that sum to one along the last axis."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def as_asked(frozen):
    """Which of first layer, second layer and head learn."""
    return (0.0, 0.0, 1.0) if frozen else (1.0, 1.0, 1.0)


def new_head(old, head):
    """The new head alone, on what the old one read."""
    return (head,)


def outputs(images, weights, answer):
    """Linear layers one after another, and perhaps something after the last."""
    x = images.reshape(len(images), -1)
    for weight in weights:
        x = x @ weight
    return answer(x)


def swapped(
    images,
    first,
    second,
    old,
    head,
    targets,
    frozen,
    *,
    learns=as_asked,
    heads=new_head,
    answer=identity,
):
    """Outputs before and after one step of training with the squared error."""
    weights = [first, second, *heads(old, head)]
    rates = learns(frozen)
    rates = (*rates[:2], *[rates[1]] * (len(weights) - 3), rates[2])
    before = outputs(images, weights, answer)

    def loss():
        return np.mean((outputs(images, weights, answer) - targets) ** 2)

    slopes = [
        slope(loss, weight) if rate else 0.0
        for weight, rate in zip(weights, rates, strict=True)
    ]
    after = [w - RATE * s for w, s in zip(weights, slopes, strict=True)]
    return before, outputs(images, after, answer)


def probe_swap(answer, images, first, second, old, head, targets, frozen):
    """Hand over a classifier and a head; see what comes back, and train it once."""
    import keras

    def dense(kernel, size):
        layer = keras.layers.Dense(kernel.shape[1], use_bias=False)
        layer.build((None, size))
        layer.kernel.assign(kernel)
        return layer

    backbone = [dense(first, first.shape[0]), dense(second, second.shape[0])]
    classifier = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Flatten(),
            *backbone,
            dense(old, old.shape[0]),
        ]
    )
    model = answer(classifier, dense(head, head.shape[0]), frozen)
    before = keras.ops.convert_to_numpy(model(images))
    model.compile(keras.optimizers.SGD(RATE), loss="mse", run_eagerly=True)
    if model.trainable_variables:
        model.train_on_batch(images, targets)
    return before, keras.ops.convert_to_numpy(model(images))


def swap_inputs(frozen, classes=4, old_classes=3):
    """Images, kernels, targets of the new task, and whether to freeze."""
    return lambda rng: (
        floats(rng, 5, 2, 3, 1),
        floats(rng, 6, 8, scale=0.5),
        floats(rng, 8, 7, scale=0.5),
        floats(rng, 7, old_classes, scale=0.5),
        floats(rng, 7, classes, scale=0.5),
        floats(rng, 5, classes, scale=3),
        frozen,
    )


wrong = mistakes("head", section="head")


def when_frozen(*learning):
    """These learn when the backbone should be frozen; everything does otherwise."""
    return lambda frozen: learning if frozen else (1.0, 1.0, 1.0)


EXERCISE = Exercise(
    name="swap_head",
    section="head",
    points=4,
    reference=swapped,
    probe=probe_swap,
    cases=(
        Case("frozen", swap_inputs(True)),
        Case("thawed", swap_inputs(False)),
        Case("many-classes", swap_inputs(True, classes=9)),
        # An old head as wide as what it reads, or as the new one: more mistakes fit.
        Case("wide-old-head", swap_inputs(True, old_classes=7), diagnostic=True),
        Case("wide-old-head-thawed", swap_inputs(False, 4, 7), diagnostic=True),
        Case("as-many-classes", swap_inputs(True, 4, 4), diagnostic=True),
    ),
    misconceptions=(
        wrong("nothing-frozen", learns=lambda frozen: (1.0, 1.0, 1.0)),
        wrong("always-frozen", learns=lambda frozen: (0.0, 0.0, 1.0)),
        wrong("inverted", learns=lambda frozen: as_asked(not frozen)),
        wrong("everything-frozen", learns=when_frozen(0.0, 0.0, 0.0)),
        wrong("head-frozen-instead", learns=when_frozen(1.0, 1.0, 0.0)),
        wrong("only-first-layer-frozen", learns=when_frozen(0.0, 1.0, 1.0)),
        wrong("only-last-layer-frozen", learns=when_frozen(1.0, 0.0, 1.0)),
        wrong("old-head-kept", heads=lambda old, head: (old,)),
        wrong("on-top-of-the-old", heads=lambda old, head: (old, head)),
        wrong("probabilities", answer=softmax),
    ),
    accepted={
        "functional": lambda m, head, frozen: _swap_functional(m, head, frozen),
        "layer by layer": lambda m, head, frozen: _swap_layers(m, head, frozen),
        "pop and add": lambda m, head, frozen: _swap_popped(m, head, frozen),
        "tlkeras.transfer": lambda m, head, frozen: _swap_with_ours(m, head, frozen),
        "a copy": lambda m, head, frozen: _swap_copy(m, head, frozen),
    },
)


def _swap_functional(classifier, head, frozen):
    import keras

    backbone = keras.Model(classifier.inputs, classifier.layers[-2].output)
    backbone.trainable = not frozen
    inputs = keras.Input(backbone.input_shape[1:])
    return keras.Model(inputs, head(backbone(inputs, training=False)))


def _swap_layers(classifier, head, frozen):
    for layer in classifier.layers[:-1]:
        layer.trainable = not frozen
    return keras().Sequential([*classifier.layers[:-1], head])


def _swap_popped(classifier, head, frozen):
    classifier.pop()
    for layer in classifier.layers:
        layer.trainable = not frozen
    classifier.add(head)
    return classifier


def _swap_with_ours(classifier, head, frozen):
    from tlkeras.transfer import freeze

    kept = classifier.layers[:-1]
    import keras

    model = keras.Sequential([keras.Input(classifier.input_shape[1:]), *kept, head])
    names = [layer.name for layer in kept if layer.weights]
    return freeze(model, [f"^{name}/" for name in names]) if frozen else model


def _swap_copy(classifier, head, frozen):
    import keras

    copy = keras.models.clone_model(classifier)
    copy.set_weights(classifier.get_weights())
    return _swap_functional(copy, head, frozen)
