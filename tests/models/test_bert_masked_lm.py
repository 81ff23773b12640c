"""BertMaskedLM: its head in NumPy, the tied table, positions, config, training."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert, BertMaskedLM

VOCABULARY = 30


def model(**arguments):
    keras.utils.set_random_seed(0)
    arguments = {"use_pooler": False, "dropout": 0.0, **arguments}
    made = BertMaskedLM(Bert(VOCABULARY, 2, 2, 8, 12, **arguments))
    rng = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return made


def inputs(length=7):
    tokens = np.random.default_rng(0).integers(1, VOCABULARY, (4, length))
    keep = np.arange(length) < np.array([length, 3, length, 1])[:, None]
    return {"token_ids": tokens, "segment_ids": 0 * tokens, "padding_mask": keep}


def numpy(x):
    return ops.convert_to_numpy(x)


def test_the_head_is_its_equation():
    made = model(activation="relu", layer_norm_epsilon=0.1)
    x = numpy(made.backbone(inputs())["sequence_output"]).astype("float64")
    table = numpy(made.backbone.token_embedding.embeddings)
    kernel, bias, gamma, beta, output = (numpy(w) for w in made.weights[-5:])
    hidden = np.maximum(x @ kernel + bias, 0)
    hidden -= hidden.mean(-1, keepdims=True)
    hidden /= np.sqrt((hidden**2).mean(-1, keepdims=True) + 0.1)
    expected = (hidden * gamma + beta) @ table.T + output
    found = numpy(made(inputs()))
    assert found.shape == (4, 7, VOCABULARY)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_positions_are_rows_of_the_whole():
    made = model()
    positions = np.array([[0, 6], [2, 2], [5, 1], [0, 0]])
    whole = numpy(made(inputs()))
    expected = np.take_along_axis(whole, positions[..., None], axis=1)
    found = numpy(made(inputs(), positions=positions))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    symbolic = made(made.input, positions=keras.Input((3,), dtype="int32"))
    assert symbolic.shape[1:] == (3, VOCABULARY)
    assert symbolic.dtype == "float32"


def test_what_is_padded_changes_nothing_elsewhere():
    keep = inputs()["padding_mask"]
    changed = {**inputs(), "token_ids": np.where(keep, inputs()["token_ids"], 29)}
    made = model()
    before, after = numpy(made(inputs())), numpy(made(changed))
    np.testing.assert_allclose(after[keep], before[keep], atol=1e-5)
    assert np.abs(after[~keep] - before[~keep]).max() > 0.01


def test_a_step_moves_every_weight():
    made = model()
    made.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = made.get_weights()
    made.train_on_batch(inputs(), inputs()["token_ids"])
    for weight, old in zip(made.weights, before, strict=True):
        assert np.abs(numpy(weight) - old).max() > 0, weight.path


def test_one_table_for_both_ways():
    made = model()
    tables = [w for w in made.weights if VOCABULARY in w.shape and len(w.shape) == 2]
    assert [w.path for w in tables] == ["token_embedding/embeddings"]


def test_config_and_file(tmp_path):
    made = model(activation="silu")
    config = json.loads(json.dumps(made.get_config()))
    assert BertMaskedLM.from_config(config).get_config() == made.get_config()
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(inputs())), numpy(made(inputs())))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32"])
def test_it_computes_as_the_backbone_does(policy):
    made = model(dtype=policy)
    dtype = "bfloat16" if policy == "mixed_bfloat16" else "float32"
    assert keras.backend.standardize_dtype(made(inputs()).dtype) == dtype
    assert {w.dtype for w in made.weights} == {"float32"}


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"models\.Bert; given Sequential"):
        BertMaskedLM(keras.Sequential())
    with pytest.raises(ValueError, match=r"shape \(B, K\); given \(4,\)"):
        model()(inputs(), positions=np.zeros(4, "int32"))
    with pytest.raises(ValueError, match="max_sequence_length=5"):
        model(max_sequence_length=5)(inputs())
