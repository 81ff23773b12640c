"""BertClassifier: pooling, masking, config; transfer tools see its parts."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert, BertClassifier
from tlkeras.transfer import Retrainer, blocks, freeze, unfreeze


def bert(**arguments):
    keras.utils.set_random_seed(0)
    return Bert(30, 2, 2, 8, 12, max_sequence_length=9, **arguments)


def inputs(length=7):
    tokens = np.random.default_rng(0).integers(1, 30, (4, length))
    keep = np.arange(length) < np.array([length, 3, length, 1])[:, None]
    return {"token_ids": tokens, "segment_ids": 0 * tokens, "padding_mask": keep}


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_logits_are_a_linear_head_on_what_is_pooled(pooling):
    model = BertClassifier(bert(), 5, pooling=pooling)
    outputs = {name: numpy(x) for name, x in model.backbone(inputs()).items()}
    vectors, keep = outputs["sequence_output"], inputs()["padding_mask"]
    pooled = {
        "mean": (vectors * keep[..., None]).sum(1) / keep.sum(1, keepdims=True),
        "cls": vectors[:, 0],
        "pooler": outputs["pooled_output"],
    }[pooling]
    kernel, bias = model.head.get_weights()
    np.testing.assert_allclose(
        numpy(model(inputs())), pooled @ kernel + bias, atol=1e-5
    )


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_what_is_hidden_changes_nothing(pooling):
    model = BertClassifier(bert(use_pooler=False), 3, pooling=pooling)
    changed = inputs()
    changed["token_ids"] = np.where(changed["padding_mask"], changed["token_ids"], 29)
    np.testing.assert_allclose(numpy(model(changed)), numpy(model(inputs())), atol=1e-6)


def test_config_and_file(tmp_path):
    model = BertClassifier(bert(), 5, pooling="cls", dropout=0.25, name="reader")
    config = json.loads(json.dumps(model.get_config()))
    assert BertClassifier.from_config(config).get_config() == model.get_config()
    model.save(tmp_path / "reader.keras")
    loaded = keras.saving.load_model(tmp_path / "reader.keras")
    np.testing.assert_array_equal(numpy(loaded(inputs())), numpy(model(inputs())))


def test_blocks_run_from_the_embeddings_to_the_head():
    model = BertClassifier(bert(), 3)
    parts = [[path for path, _ in part] for part in blocks(model)]
    assert any("embedding" in path for path in parts[0])
    assert "head" in parts[-1]
    freeze(model, "bert")
    assert [w.path.split("/")[-2] for w in model.trainable_weights] == ["head"] * 2


def test_a_retrainer_takes_its_inputs():
    model = BertClassifier(bert(), 3, dropout=0.0)
    labels = np.array([0, 1, 2, 1])
    optimizer = keras.optimizers.Adam(1e-3)
    trainer = Retrainer(model, 8, jit_compile=False, optimizer=optimizer)
    assert model.optimizer is optimizer
    trainer.run(inputs(), labels, learning_rate=0.01, steps=30, seed=0)
    assert trainer.accuracy(inputs(), labels) == 1.0
    whole = trainer.logits(inputs())
    np.testing.assert_allclose(trainer.logits(inputs(), 3), whole, atol=1e-6)
    with pytest.raises(ValueError, match="given 4 and 3"):
        trainer.run(inputs(), labels[:3], learning_rate=0.01, steps=1, seed=0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": keras.Sequential()}, r"models\.Bert; given Sequential"),
        ({"num_classes": 0}, "num_classes"),
        ({"pooling": "max"}, "'mean', 'cls', 'pooler'; given 'max'"),
        ({"pooling": "pooler"}, "use_pooler=True"),
        ({"dropout": 1.5}, "dropout"),
    ],
)
def test_wrong_arguments(wrong, message):
    arguments = {"backbone": bert(use_pooler=False), "num_classes": 3, **wrong}
    with pytest.raises(ValueError, match=message):
        BertClassifier(**arguments)


def test_wrong_inputs():
    model = BertClassifier(bert(), 3)
    with pytest.raises(ValueError, match="inputs must be a dictionary of token_ids"):
        model(inputs()["token_ids"])
    with pytest.raises(ValueError, match="max_sequence_length=9"):
        model(inputs(length=10))


@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"])
def test_a_head_on_halves(policy, tmp_path):
    model = BertClassifier(bert(use_pooler=False, dtype=policy), 3)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(inputs(), np.array([0, 1, 2, 1]), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    logits = model.predict(inputs(), verbose=0)
    assert str(logits.dtype) == policy.removeprefix("mixed_")
    model.save(tmp_path / "half.keras")
    loaded = keras.saving.load_model(tmp_path / "half.keras")
    assert loaded.head.dtype_policy.name == policy
    np.testing.assert_array_equal(loaded.predict(inputs(), verbose=0), logits)


def test_unfreeze_leaves_an_idle_pooler_out(recwarn):
    """As the docstring says; a plain `fit` warns of it, and rightly."""
    model = BertClassifier(bert(), 3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for warned in (True, False):
        if not warned:
            unfreeze(model)
        recwarn.clear()
        model.compile("sgd", loss)
        model.fit(inputs(), np.array([0, 1, 2, 1]), verbose=0)
        found = [str(w.message) for w in recwarn if "Gradients" in str(w.message)]
        if keras.backend.backend() == "tensorflow":
            assert bool(found) == warned
        assert not (found and not warned)
