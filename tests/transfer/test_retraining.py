"""Retrainer: runs that share a model and nothing else."""

import keras
import numpy as np
import pytest

from tlkeras import transfer
from tlkeras.transfer import Retrainer, _steps


@pytest.fixture(scope="module")
def trainer():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2)]
    return Retrainer(keras.Sequential(layers), batch_size=8)


@pytest.fixture(scope="module")
def data():
    inputs = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    return inputs, (inputs[:, 0] > inputs[:, 1]).astype(int)


def test_it_learns(trainer, data):
    trainer.run(*data, learning_rate=0.05, steps=60, seed=0)
    assert trainer.accuracy(*data) > 0.9


def test_a_run_leaves_nothing_for_the_next(trainer, data):
    trainer.run(*data, learning_rate=0.05, steps=5, seed=1)
    first = trainer.model.get_weights()
    trainer.run(*data, learning_rate=0.5, steps=7, seed=2)
    trainer.run(*data, learning_rate=0.05, steps=5, seed=1)
    for before, after in zip(first, trainer.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_dropout_is_seeded_as_well(data):
    layers = [
        keras.Input((3,)),
        keras.layers.Dense(8, "tanh"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(2),
    ]
    trainer = Retrainer(keras.Sequential(layers), batch_size=50, jit_compile=False)
    found = []
    for seed in (1, 2, 1):
        batch = [x[:1] for x in data]  # every batch is this: only dropout differs
        trainer.run(*batch, learning_rate=0.05, steps=4, seed=seed)
        found.append(trainer.model.get_weights()[0])
    np.testing.assert_array_equal(found[2], found[0])
    assert np.abs(found[1] - found[0]).max() > 1e-4


def test_it_starts_from_the_weights_given(trainer, data):
    wanted = [np.full_like(w, 0.25) for w in trainer.first_weights]
    trainer.run(*data, learning_rate=0.1, steps=0, seed=0, weights=wanted)
    for weight, value in zip(trainer.model.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(weight, value)
    trainer.run(*data, learning_rate=0.1, steps=0, seed=0)
    for weight, value in zip(
        trainer.model.get_weights(), trainer.first_weights, strict=True
    ):
        np.testing.assert_array_equal(weight, value)


def test_what_is_frozen_stays(data):
    body = keras.layers.Dense(8, "tanh")
    model = keras.Sequential([keras.Input((3,)), body, keras.layers.Dense(2)])
    body.trainable = False
    trainer = Retrainer(model)
    before = model.get_weights()
    trainer.run(*data, learning_rate=0.1, steps=3, seed=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[2] - after[2]).max() > 1e-3


class Counted(keras.Model):
    """Counts how often its step runs as Python: compiled, only while it is traced."""

    python_steps = 0

    def train_step(self, data):
        self.python_steps += 1
        return super().train_step(data)


def test_an_eager_model_is_not_compiled_and_learns_the_same(data):
    found = {}
    for eager in (False, True):
        keras.utils.set_random_seed(0)
        x = keras.Input((3,))
        hidden = keras.layers.Dense(8, "tanh")(x)
        model = Counted(x, keras.layers.Dense(2)(hidden))
        trainer = Retrainer(model, jit_compile=False)
        model.run_eagerly = eager
        trainer.run(*data, learning_rate=0.05, steps=30, seed=0)
        found[eager] = model.get_weights()
    assert model.python_steps == 30
    for compiled, eager in zip(*found.values(), strict=True):
        np.testing.assert_allclose(compiled, eager, atol=1e-5)


def test_wrong_inputs(trainer, data):
    with pytest.raises(ValueError, match="as many, and at least one; given 50 and 49"):
        trainer.run(data[0], data[1][1:], learning_rate=0.1, steps=1, seed=0)
    with pytest.raises(ValueError, match="given 0 and 0"):
        trainer.run(data[0][:0], data[1][:0], learning_rate=0.1, steps=1, seed=0)


@pytest.mark.parametrize("steps", [1, 7, 25, 60])
def test_steps_in_one_call_are_those_taken_one_by_one(data, steps):
    found = []
    for one_by_one in (False, True):
        keras.utils.set_random_seed(0)
        body = [keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.3, seed=1)]
        model = keras.Sequential([keras.Input((3,)), *body, keras.layers.Dense(2)])
        trainer = Retrainer(model, batch_size=8, jit_compile=False)
        if one_by_one:
            trainer._take_steps = lambda x, m=model: _steps._one_by_one(m, x)
        trainer.run(*data, learning_rate=0.05, steps=steps, seed=0)
        found.append(model.get_weights())
    for together, single in zip(*found, strict=True):
        np.testing.assert_allclose(together, single, atol=1e-6)


def test_logits_are_those_of_the_model_for_any_number_of_examples(trainer, data):
    for count in (50, 7, 13):
        np.testing.assert_allclose(
            trainer.logits(data[0][:count], batch_size=20),
            trainer.model(data[0][:count], training=False),
            atol=1e-6,
        )


def test_logits_follow_new_weights_and_changed_layers(data):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.Dense(8, "tanh", name="hidden")]
    trainer = Retrainer(keras.Sequential([*layers, keras.layers.Dense(2)]))
    before = trainer.logits(data[0])
    trainer.model.set_weights([2 * w for w in trainer.first_weights])
    doubled = trainer.logits(data[0])
    assert np.abs(doubled - before).max() > 0.1
    transfer.add_lora(trainer.model, rank=2, layers="hidden", seed=0)
    for weight in trainer.model.trainable_weights:
        weight.assign(keras.ops.ones(weight.shape))
    expected = keras.ops.convert_to_numpy(trainer.model(data[0], training=False))
    assert np.abs(expected - doubled).max() > 0.1
    np.testing.assert_allclose(trainer.logits(data[0]), expected, atol=1e-5)


def test_a_loss_of_your_own(data):
    inputs = data[0]
    wanted = np.stack([inputs.sum(axis=1), -inputs.sum(axis=1)], axis=1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    trainer = Retrainer(model, weight_decay=0, jit_compile=False, loss="mse")
    trainer.run(inputs, wanted, learning_rate=0.1, steps=400, seed=0)
    np.testing.assert_allclose(trainer.logits(inputs), wanted, atol=0.05)
