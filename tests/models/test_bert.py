"""Bert: what it promises beyond agreeing with others."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert

ARGUMENTS = {
    "vocabulary_size": 30,
    "num_layers": 3,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 12,
    "dropout": 0.2,
    "max_sequence_length": 9,
    "num_segments": 3,
    "activation": "gelu_tanh",
    "layer_norm_epsilon": 1e-6,
    "use_pooler": True,
}


def inputs(length=7):
    tokens = np.random.default_rng(0).integers(1, 30, (4, length))
    keep = np.arange(length) < np.array([length, 3, length, 1])[:, None]
    return {"token_ids": tokens, "segment_ids": tokens % 3, "padding_mask": keep}


@pytest.fixture(scope="module")
def model():
    return Bert(**ARGUMENTS)


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def test_config_says_every_argument_and_makes_the_model_again(model, tmp_path):
    config = json.loads(json.dumps(model.get_config()))
    assert {name: config[name] for name in ARGUMENTS} == ARGUMENTS
    assert Bert.from_config(config).get_config() == model.get_config()
    model.save(tmp_path / "bert.keras")
    loaded = keras.saving.load_model(tmp_path / "bert.keras")
    for name, value in numpy(model(inputs())).items():
        np.testing.assert_array_equal(numpy(loaded(inputs())[name]), value)


def test_on_request(model):
    plain = numpy(model(inputs()))
    full = numpy(
        model(inputs(), return_hidden_states=True, return_attention_scores=True)
    )
    assert set(plain) == {"sequence_output", "pooled_output"}
    np.testing.assert_allclose(
        full["sequence_output"], plain["sequence_output"], atol=1e-6
    )
    np.testing.assert_array_equal(full["hidden_states"][-1], full["sequence_output"])
    assert [x.shape for x in full["hidden_states"]] == [(4, 7, 8)] * 4
    assert [x.shape for x in full["attention_scores"]] == [(4, 2, 7, 7)] * 3
    for scores in full["attention_scores"]:
        np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
        assert not scores[1, :, :, 3:].any()  # hidden keys


def test_on_request_in_a_graph(model):
    symbols = {name: keras.Input((None,), dtype="int32") for name in inputs()}
    outputs = model(symbols, return_attention_scores=True)
    graph = keras.Model(symbols, outputs["attention_scores"][0])
    wanted = model(inputs(), return_attention_scores=True)["attention_scores"][0]
    np.testing.assert_allclose(
        graph.predict(inputs(), verbose=0), numpy(wanted), atol=1e-5
    )


def test_what_is_hidden_changes_nothing(model):
    before = inputs()
    after = {
        **before,
        "token_ids": np.where(before["padding_mask"], before["token_ids"], 5),
    }
    after["token_ids"][~before["padding_mask"]] = 17
    left, right = (numpy(model(x)["sequence_output"]) for x in (before, after))
    keep = before["padding_mask"]
    np.testing.assert_allclose(left[keep], right[keep], atol=1e-6)
    assert np.abs(left - right)[~keep].max() > 1e-3


def test_dropout_only_in_training(model):
    once, again = (numpy(model(inputs())["sequence_output"]) for _ in "ab")
    np.testing.assert_array_equal(once, again)
    trained = numpy(model(inputs(), training=True)["sequence_output"])
    assert np.abs(trained - once).max() > 1e-2


def test_every_weight_learns(model):
    outputs = model.output
    head = keras.layers.Dense(1)(
        ops.concatenate(
            [outputs["pooled_output"], ops.mean(outputs["sequence_output"], 1)], -1
        )
    )
    whole = keras.Model(model.input, head)
    before = [numpy(w) for w in model.weights]
    whole.compile(keras.optimizers.Adam(0.1), loss="mse", jit_compile=True)
    whole.fit(inputs(), np.arange(4.0), epochs=1, verbose=0)
    still = [
        w.path
        for w, old in zip(model.weights, before, strict=True)
        if not np.any(numpy(w) != old)
    ]
    assert still == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 9}, "hidden_dim must be a multiple of num_heads"),
        ({"num_layers": 0}, "num_layers must be a positive integer; given 0"),
        ({"vocabulary_size": 2.5}, "vocabulary_size"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        Bert(**{**ARGUMENTS, **changes})


def test_wrong_inputs(model):
    with pytest.raises(ValueError, match="max_sequence_length=9 long; given 10"):
        model(inputs(length=10))
    with pytest.raises(ValueError, match="segment_ids"):
        model({"token_ids": inputs()["token_ids"]})
