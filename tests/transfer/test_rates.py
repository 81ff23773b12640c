"""Rates of their own: each weight's step is what its multiplier says."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import discriminative_rates, freeze, layerwise_decay, unfreeze

BACKEND = keras.backend.backend()
RATES = [("head", 1.0), ("encoder_1", 0.5), ("encoder_0/.*bias", 0.0), ("", 0.1)]


def numpy(x):
    return ops.convert_to_numpy(x)


def dense():
    """Layers under the names of `RATES`; small, so that XLA is quick."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((6,))
    for name in ("body", "encoder_0", "encoder_1"):
        x = keras.layers.Dense(5, "tanh", name=name)(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="head")(x))


def steps(model, data, optimizer, xla=False):
    """How far each weight goes in one step."""
    before = {w.path: numpy(w).copy() for w in model.weights}
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=xla and BACKEND != "torch",
        run_eagerly=not xla,
    )
    model.train_on_batch(*data)
    return {w.path: numpy(w) - before[w.path] for w in model.weights}


def wanted(path):
    if path.startswith("head"):
        return 1.0
    if path.startswith("encoder_1"):
        return 0.5
    return 0.0 if path.startswith("encoder_0") and path.endswith("bias") else 0.1


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(0.1),
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.AdamW(0.01, weight_decay=0.3),
        lambda: keras.optimizers.RMSprop(0.01),
        lambda: keras.optimizers.Lion(0.01),
        lambda: keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.02, 3, 0.5)
        ),
    ],
)
def test_each_step_is_multiplied(data, optimizer):
    data = (data[0] / 20, data[1])
    plain = steps(dense(), data, optimizer())
    model = dense()
    taken = discriminative_rates(model, optimizer(), RATES)
    scaled = steps(model, data, taken, xla=True)
    assert set(plain) == set(scaled)
    for path, step in plain.items():
        # Weights are near 1, so a step is known to about 1e-7.
        np.testing.assert_allclose(
            scaled[path], wanted(path) * step, rtol=2e-3, atol=1e-6, err_msg=path
        )
    assert np.abs(plain["encoder_0/bias"]).max() > 1e-4


def test_what_is_kept_from_decaying(make, data):
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.9)
    optimizer.exclude_from_weight_decay(var_names=["gamma"])
    model = make()
    taken = discriminative_rates(model, optimizer, [("", 0.5)])
    for weight in model.weights:
        assert taken._use_weight_decay(weight) == (weight.name != "gamma")


def test_it_comes_back_from_a_file(make, data, tmp_path):
    model = make()
    steps(model, data, discriminative_rates(model, "adam", RATES))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.multipliers == model.optimizer.multipliers
    assert type(loaded.optimizer) is type(model.optimizer)
    before = {w.path: numpy(w).copy() for w in loaded.weights}
    for one in (model, loaded):
        one.train_on_batch(*data)
    for ours, theirs in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_allclose(numpy(ours), numpy(theirs), atol=1e-6)
    still = {w.path for w in loaded.weights if np.all(numpy(w) == before[w.path])}
    assert "encoder_0/self_attention_layer/value/bias" in still
    assert "encoder_0/self_attention_layer/value/kernel" not in still


def test_it_stays_through_freezing(make, data):
    model = make()
    freeze(model, "backbone")
    steps(model, data, discriminative_rates(model, "sgd", RATES))
    unfreeze(model)
    assert model.optimizer.multipliers["encoder_1/feedforward_layer_norm/beta"] == 0.5
    before = {w.path: numpy(w).copy() for w in model.weights}
    model.train_on_batch(*data)
    stayed = {w.path for w in model.weights if np.all(numpy(w) == before[w.path])}
    assert "encoder_0/self_attention_layer/value/bias" in stayed
    assert "encoder_0/self_attention_layer/value/kernel" not in stayed


def test_layerwise_decay(make):
    model = make()
    rates = dict(layerwise_decay(model, 0.5))
    assert rates == {
        "^backbone/tokens_embedding(/|$)": 0.125,
        "^backbone/embedding_norm(/|$)": 0.125,
        "^backbone/encoder_0(/|$)": 0.25,
        "^backbone/encoder_1(/|$)": 0.5,
        "^head(/|$)": 1.0,
    }
    optimizer = discriminative_rates(model, "adam", list(rates.items()))
    assert optimizer.multipliers["encoder_0/feedforward_output_dense/kernel"] == 0.25
    for decay in (0, 1.1, -1):
        with pytest.raises(ValueError, match="decay must be"):
            layerwise_decay(model, decay)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([("nothing", 0.5)], "each pattern of rates must match.*'nothing'"),
        ([("head", -1)], "at least 0; given -1"),
        ([("head", float("nan"))], "at least 0"),
    ],
)
def test_wrong_rates(make, rates, message):
    with pytest.raises(ValueError, match=message):
        discriminative_rates(make(), "adam", rates)


def test_wrong_optimizers(make, data):
    model = make()
    optimizer = keras.optimizers.Adam()
    steps(model, data, optimizer)
    with pytest.raises(ValueError, match="must be a new one"):
        discriminative_rates(model, optimizer, [("", 0.5)])
    once = discriminative_rates(model, "adam", [("", 0.5)])
    with pytest.raises(ValueError, match="rates of its own already"):
        discriminative_rates(model, once, [("", 0.5)])


def test_two_weights_of_one_name():
    def part(name):
        inputs = keras.Input((4,))
        return keras.Model(
            inputs, keras.layers.Dense(4, name="same")(inputs), name=name
        )

    inputs = keras.Input((4,))
    model = keras.Model(inputs, part("b")(part("a")(inputs)))
    discriminative_rates(model, "adam", [("", 0.5)])
    with pytest.raises(ValueError, match="names of their own"):
        discriminative_rates(model, "adam", [("^a/", 0.5)])
