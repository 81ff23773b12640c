"""What was compiled before a change is compiled anew, whoever compiled it."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import (
    Distiller,
    Retrainer,
    add_adapters,
    add_lora,
    freeze,
    load_delta,
    merge_lora,
    save_delta,
    split_model,
    unfreeze,
)
from tlkeras.transfer._tree import named_weights

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3
LAYERS = "body|head"


def numpy(x):
    return ops.convert_to_numpy(x)


def layers(dropout=0.0):
    return [
        keras.layers.Dense(5, "tanh", name="body"),
        keras.layers.Dropout(dropout, seed=0, name="dropout"),
        keras.layers.Dense(3, name="head"),
    ]


def functional():
    x = inputs = keras.Input((4,))
    for layer in layers():
        x = layer(x)
    return keras.Model(inputs, x)


def nested():
    inputs = keras.Input((4,))
    return keras.Model(inputs, functional()(inputs))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.body, self.dropout, self.head = layers()

    def call(self, inputs):
        return self.head(self.dropout(self.body(inputs)))


def subclassed():
    model = Subclassed()
    model(X)
    return model


def sequential():
    return keras.Sequential([keras.Input((4,)), *layers()])


def seeded(kind):
    keras.utils.set_random_seed(0)
    return kind()


def compiled(model):
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model


def nudge(model):
    """Move what learns, so that a low-rank change or an adapter is no longer 0."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.5, weight.shape))


def with_lora(model, *_):
    nudge(add_lora(model, rank=2, layers=LAYERS, seed=0))


def with_adapters(model, *_):
    nudge(add_adapters(model, size=2, layers=LAYERS))


def with_delta(model, kind, folder):
    other = seeded(kind)
    with_lora(other)
    save_delta(other, folder / "delta.npz")
    load_delta(model, folder / "delta.npz")


def merged(model, *_):
    merge_lora(model)


def nothing(model):
    pass


CHANGES = {
    "add_lora": (nothing, with_lora),
    "merge_lora": (with_lora, merged),
    "add_adapters": (nothing, with_adapters),
    "load_delta": (nothing, with_delta),
}


def loss(logits):
    exp = np.exp(logits)
    return float(-np.log(exp[np.arange(8), Y] / exp.sum(1)).mean())


@pytest.mark.parametrize(
    ("name", "kind", "is_compiled"),
    [
        *((name, nested, flag) for name in CHANGES for flag in (False, True)),
        *(("add_lora", kind, False) for kind in (functional, subclassed, sequential)),
    ],
)
def test_predict_and_evaluate(name, kind, is_compiled, tmp_path):
    before, change = CHANGES[name]
    model = seeded(kind)
    before(model)
    if is_compiled:
        compiled(model).evaluate(X, Y, verbose=0)
    old = model.predict(X, verbose=0)
    change(model, kind, tmp_path)
    new = numpy(model(X))
    assert (np.abs(new - old).max() > 0.05) == (name != "merge_lora")
    np.testing.assert_allclose(model.predict(X, verbose=0), new, atol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(X), new, atol=1e-5)
    if not is_compiled:
        compiled(model)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(loss(new), abs=1e-5)


def moved(model, train):
    old = {name: numpy(w).copy() for name, w in named_weights(model).items()}
    train()
    now = named_weights(model)
    return {str(name) for name in old if np.any(numpy(now[name]) != old[name])}


def frozen(model, *_):
    freeze(model, "body")


def thawed(model, *_):
    unfreeze(model)


@pytest.mark.parametrize(
    ("before", "change"),
    [*CHANGES.values(), (nothing, frozen), (lambda m: freeze(m, "body"), thawed)],
    ids=[*CHANGES, "freeze", "unfreeze"],
)
def test_fit_trains_what_is_trainable_then(before, change, tmp_path):
    model = seeded(nested)
    before(model)
    compiled(model).fit(X, Y, verbose=0)
    if change is with_delta:
        # what the file was saved from has not been trained
        model.set_weights(seeded(nested).get_weights())
    change(model, nested, tmp_path)
    wanted = {id(w) for w in model.trainable_weights}
    wanted = {str(n) for n, w in named_weights(model).items() if id(w) in wanted}
    assert moved(model, lambda: model.fit(X, Y, verbose=0)) == wanted
    assert (change is merged) == (not wanted)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("where", ["inside", "around", "beside"])
def test_models_that_share_layers(name, where, tmp_path):
    before, change = CHANGES[name]
    model = seeded(nested)
    before(model)
    if where == "inside":
        other = model.layers[-1]
    elif where == "around":
        inputs = keras.Input((4,))
        other = keras.Model(inputs, 2 * model(inputs))
    else:
        other, _ = split_model(model.layers[-1], "body")
    old = other.predict(X, verbose=0)
    change(model, nested, tmp_path)
    new = numpy(other(X))
    assert (np.abs(new - old).max() > 0.05) == (name != "merge_lora")
    np.testing.assert_allclose(other.predict(X, verbose=0), new, atol=1e-5)


def test_an_optimizer_of_a_model_around_learns_of_it():
    model = seeded(functional)
    inputs = keras.Input((4,))
    outer = compiled(keras.Model(inputs, model(inputs)))
    outer.fit(X, Y, verbose=0)
    freeze(model, "body")
    train = {"verbose": 0}
    names = moved(outer, lambda: outer.fit(X, Y, **train))
    assert {name.split("/", 1)[1] for name in names} == {"head/kernel", "head/bias"}


def test_the_optimizer_stays_where_nothing_else_learns():
    model = compiled(seeded(functional))
    model.fit(X, Y, verbose=0)
    optimizer = model.optimizer
    unfreeze(model)
    assert model.optimizer is optimizer


def test_a_distiller_around():
    student, teacher = seeded(functional), seeded(nested)
    model = compiled(Distiller(student, teacher))
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    with_lora(student)
    np.testing.assert_allclose(
        model.predict(X, verbose=0), numpy(student(X)), atol=1e-5
    )
    names = moved(student, lambda: model.fit(X, Y, verbose=0))
    assert names
    assert all("lora_kernel" in name for name in names)


def test_a_retrainer_made_before():
    model = seeded(functional)
    trainer = Retrainer(model, batch_size=4, jit_compile=False)
    trainer.run(X, Y, learning_rate=0.1, steps=2, seed=0)
    freeze(model, "body")
    first = trainer.first_weights
    trainer.run(X, Y, learning_rate=0.1, steps=2, seed=0)
    same = [
        bool(np.all(numpy(w) == old))
        for w, old in zip(model.weights, first, strict=True)
        if w.path.startswith(("body", "head"))
    ]
    assert same == [True, True, False, False]
    add_lora(model, rank=1, layers="body")
    with pytest.raises(ValueError, match="Make a new Retrainer"):
        trainer.run(X, Y, learning_rate=0.1, steps=2, seed=0)


def test_text_that_was_generated_before():
    model = seeded(functional)
    model.generate_function = lambda: "compiled before"  # as KerasHub keeps it
    with_lora(model)
    assert model.generate_function is None
