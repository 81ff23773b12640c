"""Paths do not depend on how many layers a session made before."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert, BertClassifier
from tlkeras.transfer import (
    add_lora,
    discriminative_rates,
    freeze,
    layerwise_decay,
    load_delta,
    save_delta,
    split_model,
)
from tlkeras.transfer._tree import named_weights, snake_case, walk

X = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
TOKENS = np.array([[2, 7, 9, 3, 0]], "int32")
TEXT = {
    "token_ids": TOKENS,
    "segment_ids": 0 * TOKENS,
    "padding_mask": (TOKENS != 0).astype("int32"),
}


def numpy(x):
    return ops.convert_to_numpy(x)


def bert():
    return Bert(20, num_layers=1, num_heads=2, hidden_dim=4, intermediate_dim=6)


def classifier():
    keras.utils.set_random_seed(0)
    return BertClassifier(bert(), num_classes=3)


def two_berts():
    """Two Berts of one shape in one model, under automatic names, and a head."""
    keras.utils.set_random_seed(0)
    one, other = bert(), bert()
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in TEXT}
    parts = [part(inputs)["pooled_output"] for part in (one, other)]
    both = keras.layers.Concatenate()(parts)
    return keras.Model(inputs, keras.layers.Dense(3)(both)), one, other


class Plain(keras.Model):
    """Layers and a weight without names, in a subclassed model."""

    def __init__(self):
        super().__init__()
        self.first, self.second = keras.layers.Dense(4), keras.layers.Dense(4)

    def build(self, shape):
        self.scale = self.add_weight(shape=(4,))
        self.built = True

    def call(self, inputs):
        return self.second(self.first(inputs)) * self.scale


def plain():
    keras.utils.set_random_seed(0)
    model = Plain()
    model(X)
    return model


def dense():
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4), keras.layers.Dense(4), keras.layers.Dense(4)]
    return keras.Sequential([keras.Input((4,)), *layers])


def numbered(model):
    return [str(path) for path in named_weights(model)]


@pytest.mark.parametrize("make", [classifier, plain, dense, lambda: two_berts()[0]])
def test_a_second_model_counts_anew(make):
    first, second = make(), make()
    assert numbered(first) != numbered(second)
    names = [[path.counted for path in named_weights(one)] for one in (first, second)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    keras.backend.clear_session()
    assert names[0] == [path.counted for path in named_weights(make())]


@pytest.mark.parametrize("make", [classifier, plain, dense, lambda: two_berts()[0]])
def test_a_delta_of_an_earlier_model(make, tmp_path):
    model = make()
    inputs = X if make in (plain, dense) else TEXT
    add_lora(model, rank=1, layers=r"query$|head$|dense(_\d+)?$", seed=0)
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    save_delta(model, tmp_path / "delta")
    other = make()
    before = numpy(other(inputs))
    load_delta(other, tmp_path / "delta")
    np.testing.assert_allclose(numpy(other(inputs)), numpy(model(inputs)), atol=1e-5)
    assert np.abs(numpy(other(inputs)) - before).max() > 1e-2


def test_two_of_one_shape_are_not_mixed_up(tmp_path):
    model, one, other = two_berts()
    freeze(model)
    for part, value in ((one, 1.0), (other, 2.0)):
        part.pooled_dense.bias.assign(4 * [value])
        part.trainable = part.pooled_dense.trainable = True
        part.pooled_dense.bias.trainable = True
    save_delta(model, tmp_path / "delta")
    again, first, second = two_berts()
    load_delta(again, tmp_path / "delta")
    assert numpy(first.pooled_dense.bias)[0] == 1
    assert numpy(second.pooled_dense.bias)[0] == 2


def old_file(path, model):
    """What version 1 wrote: the names of its session."""
    from tlkeras.transfer import delta

    named = {str(name): weight for name, weight in named_weights(model).items()}
    chosen = {name for name in named if name.startswith("head")}
    about = {"version": 1, "base": delta._fingerprint(named, chosen), "lora": {}}
    text = np.frombuffer(json.dumps(about).encode(), dtype="uint8")
    arrays = {name: 1 + numpy(named[name]) for name in chosen}
    with open(path, "wb") as file:
        np.savez(file, **{delta.ABOUT: text, **arrays})


def test_a_file_of_version_1(tmp_path):
    model = classifier()
    old_file(tmp_path / "old", model)
    bias = numpy(model.head.bias).copy()
    load_delta(model, tmp_path / "old")
    np.testing.assert_array_equal(numpy(model.head.bias), bias + 1)
    with pytest.raises(ValueError, match=r"version 1.*numbers that Keras gave"):
        load_delta(classifier(), tmp_path / "old")  # another bert_…


def test_patterns_and_split_model():
    classifier()
    model = classifier()
    assert model.backbone.name != "bert"
    freeze(model, "bert/")
    assert {w.path.split("/")[0] for w in model.trainable_weights} == {"head"}
    model, one, other = two_berts()
    freeze(model, "bert_1/") if other.name != "bert_1" else freeze(model, "^bert/")
    assert not other.trainable_weights
    assert one.trainable_weights
    dense()
    model = dense()
    prefix, head = split_model(model, "dense_1")
    assert prefix.layers[-1] is model.layers[1]
    np.testing.assert_allclose(numpy(head(prefix(X))), numpy(model(X)), atol=1e-6)
    with pytest.raises(ValueError, match="No such layer: nothing"):
        split_model(model, "nothing")


def test_a_nested_model_can_be_cut_off():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inner(inputs)))
    prefix, head = split_model(model, "sequential")
    np.testing.assert_allclose(numpy(head(prefix(X))), numpy(model(X)), atol=1e-6)
    twice = keras.Model(inputs, inner(inner(inputs)))
    with pytest.raises(ValueError, match="is called 2 times"):
        split_model(twice, inner.name)


def test_names_of_now_count_first():
    names = [
        "dense_1",
        "dense_2",
        "dense_3",
    ]  # one's own
    layers = [keras.layers.Dense(4, name=name) for name in names]
    model = keras.Sequential([keras.Input((4,)), *layers])
    freeze(model, "^dense_1$")
    assert [layer.trainable for layer in model.layers] == [False, True, True]


def test_rates_of_numbered_layers():
    dense()
    model = dense()
    rates = layerwise_decay(model, 0.5)
    found = discriminative_rates(model, "sgd", rates).multipliers
    paths = [layer.kernel.path for layer in model.layers]
    assert [found.get(path, 1.0) for path in paths] == [0.25, 0.5, 1.0]


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Dense(2),
        lambda: keras.layers.LSTM(2),
        lambda: keras.layers.Conv2DTranspose(2, 2),
        lambda: keras.layers.MultiHeadAttention(2, 2),
        lambda: bert(),
        lambda: keras.layers.Bidirectional(keras.layers.LSTM(2)),
    ],
)
def test_names_are_those_of_keras(layer):
    keras.backend.clear_session()
    made = layer()
    assert made.name == snake_case(type(made).__name__)


def test_a_word_in_front_of_the_number():
    for _ in range(2):
        layer = keras.layers.Bidirectional(keras.layers.LSTM(2))
        model = keras.Sequential([keras.Input((3, 2)), layer])
    paths = dict(walk(model))
    assert "bidirectional/forward_lstm" in {path.counted for path in paths}
