"""Features computed once: equal to computed ones, and checked before they are used."""

import json
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import cached_features, freeze, split_model
from tlkeras.transfer import caching as module


def numpy(x):
    return ops.convert_to_numpy(x)


def classifier(dropout=0.5, seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, "tanh", name="body"),
            keras.layers.Dropout(dropout, name="drop"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(3, name="head"),
        ]
    )


X = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("int32")


@pytest.fixture
def counted(monkeypatch):
    """How often features were computed."""
    calls = []
    real = module._compute
    monkeypatch.setattr(
        module, "_compute", lambda *args: calls.append(1) or real(*args)
    )
    return calls


def test_a_model_in_two():
    model = classifier()
    prefix, head = split_model(model, "norm")
    np.testing.assert_allclose(numpy(head(prefix(X))), numpy(model(X)), atol=1e-6)
    assert head.layers[-1] is model.layers[-1]
    inputs = keras.Input((4,))
    wide = keras.layers.Dense(5, name="wide")(inputs)
    both = keras.layers.Concatenate(name="both")([wide, inputs])
    branched = keras.Model(inputs, keras.layers.Dense(2, name="end")(both))
    with pytest.raises(ValueError, match="need nothing but the output of 'wide'"):
        split_model(branched, "wide")
    prefix, head = split_model(branched, ["both"])
    np.testing.assert_allclose(numpy(head(prefix(X))), numpy(branched(X)), atol=1e-6)
    with pytest.raises(ValueError, match="nothing"):
        split_model(model, "nothing")


def test_cached_equals_computed_and_is_computed_once(tmp_path, counted):
    prefix, _ = split_model(classifier(), "norm")
    first = cached_features(prefix, X, tmp_path, batch_size=7)
    np.testing.assert_allclose(first, numpy(prefix(X)), atol=1e-6)
    again = cached_features(prefix, X, tmp_path, batch_size=30)
    np.testing.assert_array_equal(again, first)
    assert len(counted) == 1
    freeze(prefix)  # what learns makes no difference to the features
    cached_features(prefix, X, tmp_path)
    assert len(counted) == 1


def test_a_head_learns_the_same_on_cached_features(tmp_path):
    models = [classifier() for _ in "ab"]
    for model in models:
        freeze(model, ["body", "drop", "norm"])
    whole, cached = models
    prefix, head = split_model(cached, "norm")
    features = cached_features(prefix, X, tmp_path, batch_size=8)
    for model, inputs in ((whole, X), (head, np.asarray(features))):
        model.compile(
            keras.optimizers.Adam(0.05),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            run_eagerly=True,
        )
        model.fit(inputs, Y, epochs=3, batch_size=10, shuffle=False, verbose=0)
    np.testing.assert_allclose(numpy(cached(X)), numpy(whole(X)), atol=1e-5)
    assert np.abs(numpy(cached(X)) - numpy(classifier()(X))).max() > 1e-2


def test_other_weights_inputs_or_settings_are_other_features(tmp_path, counted):
    prefix, _ = split_model(classifier(), "norm")
    cached_features(prefix, X, tmp_path)
    cached_features(prefix, X[::-1], tmp_path)
    weight = prefix.get_layer("body").kernel
    weight.assign(weight + 1e-6)
    cached_features(prefix, X, tmp_path)
    prefix.get_layer("body").activation = keras.activations.relu
    changed = cached_features(keras.models.clone_model(prefix), X, tmp_path)
    assert changed.shape == (30, 6)
    assert len(counted) == 4


def test_another_precision_is_another_cache(tmp_path, counted):
    """A model's own config need not say it: that of `Bert` does not."""

    class Plain(keras.Model):
        def __init__(self, dtype):
            inputs = keras.Input((4,))
            dense = keras.layers.Dense(6, "tanh", name="body", dtype=dtype)
            super().__init__(inputs, dense(inputs), name="plain")

        def get_config(self):
            return {}

    models = [Plain(dtype) for dtype in ("float32", "mixed_bfloat16")]
    models[1].set_weights(models[0].get_weights())
    exact, rough = (cached_features(model, X, tmp_path) for model in models)
    assert len(counted) == 2
    assert {exact.dtype, rough.dtype} == {np.dtype("float32")}
    assert 1e-4 < np.abs(exact - rough).max() < 0.1


def test_a_rate_that_matters_is_another_cache(tmp_path, counted):
    class Slower(keras.layers.Layer):
        def __init__(self, rate, **kwargs):
            super().__init__(**kwargs)
            self.rate = rate

        def call(self, inputs):
            return inputs / self.rate

        def get_config(self):
            return {**super().get_config(), "rate": self.rate}

    for rate in (2, 4):
        model = keras.Sequential([keras.Input((4,)), Slower(rate, name="slower")])
        found = cached_features(model, X, tmp_path)
        np.testing.assert_allclose(found, X / rate, rtol=1e-6)
    assert len(counted) == 2


DAMAGES = ["bit", "middle", "cut", "gone", "empty", "manifest", "list", "kind"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_computed_again(tmp_path, counted, damage):
    prefix, _ = split_model(classifier(), "norm")
    first = np.array(cached_features(prefix, X, tmp_path))
    (folder,) = tmp_path.iterdir()
    path = folder / "0.npy"
    data = bytearray(path.read_bytes())
    manifest = folder / "manifest.json"
    if damage in ("bit", "middle"):
        data[-3 if damage == "bit" else len(data) // 2] ^= 4
        path.write_bytes(data)
    elif damage in ("cut", "empty"):
        path.write_bytes(data[:-10] if damage == "cut" else b"")
    elif damage == "gone":
        path.unlink()
    else:
        texts = {
            "manifest": '{"kind"',
            "list": "[]",
            "kind": manifest.read_text().replace("array", "list"),
        }
        manifest.write_text(texts[damage])
    with pytest.warns(UserWarning, match="is damaged"):
        again = cached_features(prefix, X, tmp_path)
    np.testing.assert_array_equal(again, first)
    assert len(counted) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        cached_features(prefix, X, tmp_path)
    assert len(counted) == 2


def test_an_interrupted_computation_leaves_nothing(tmp_path, monkeypatch):
    prefix, _ = split_model(classifier(), "norm")
    monkeypatch.setattr(json, "dumps", None)
    with pytest.raises(TypeError):
        cached_features(prefix, X, tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    assert cached_features(prefix, X, tmp_path).shape == (30, 6)


def test_dictionaries_and_lists(tmp_path):
    inputs = {name: keras.Input((4,), name=name) for name in "ab"}
    total = keras.layers.Add()(list(inputs.values()))
    model = keras.Model(inputs, {"sum": total, "a": inputs["a"]})
    data = {"a": X, "b": 2 * X}
    for _ in range(2):
        found = cached_features(model, data, tmp_path, batch_size=8)
        np.testing.assert_allclose(found["sum"], 3 * X, rtol=1e-6)
        np.testing.assert_array_equal(found["a"], X)
    several = keras.Model(inputs, [total, inputs["b"]])
    for _ in range(2):
        left, right = cached_features(several, data, tmp_path)
        np.testing.assert_allclose(left, 3 * X, rtol=1e-6)
        np.testing.assert_array_equal(right, 2 * X)
    with pytest.raises(ValueError, match=r"as many rows each; given \[29, 30\]"):
        cached_features(model, {"a": X, "b": X[1:]}, tmp_path)
