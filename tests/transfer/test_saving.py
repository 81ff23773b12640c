"""A `.keras` file holds everything that a model is, or is not written."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import Bert, BertClassifier
from tlkeras.transfer import (
    add_adapters,
    add_lora,
    freeze,
    merge_lora,
    problems,
    split_model,
    unfreeze,
)
from tlkeras.transfer._tree import leaves
from tlkeras.transfer.freezing import learning_leaves

TOKENS = np.array([[2, 7, 9, 3, 0]], "int32")
TEXT = {
    "token_ids": TOKENS,
    "segment_ids": 0 * TOKENS,
    "padding_mask": (TOKENS != 0).astype("int32"),
}


def classifier(dropout=0.0):
    bert = Bert(20, 2, 2, 4, 6, dropout=dropout, name="bert")
    return BertClassifier(bert, 3, dropout=dropout)


def dense():
    layers = [keras.layers.Dense(4, name="body"), keras.layers.Dense(4, name="head")]
    return keras.Sequential([keras.Input((4,)), *layers])


def learning(model):
    now = learning_leaves(model)
    return [path.counted for path, leaf in leaves(model) if id(leaf) in now]


@pytest.mark.parametrize(
    ("make", "change", "lost"),
    [
        (classifier, add_adapters, "the adapters"),
        (dense, lambda m: add_adapters(m, layers="body"), "the adapters"),
        (classifier, add_lora, "the LoRA"),
        (dense, lambda m: add_lora(m, layers="body"), "the LoRA"),
        (classifier, lambda m: freeze(m, depth=2), "what is frozen inside"),
        (classifier, lambda m: freeze(m, "bert/"), "what is frozen inside"),
        (classifier, lambda m: freeze(m, "bias$"), "what is frozen inside"),
        (dense, lambda m: freeze(m, "bias$"), "what is frozen inside"),
        (classifier, freeze, "what is frozen inside"),
        (lambda: classifier(0.1), freeze, "the dropout that freeze turned off"),
        (classifier, lambda m: merge_lora(add_lora(m)), "what is frozen inside"),
    ],
)
def test_a_loss_is_refused(make, change, lost, tmp_path):
    model = make()
    change(model)
    path = tmp_path / "model.keras"
    path.write_bytes(b"of before")
    with pytest.raises(ValueError, match=rf"{lost}.* of .*save_delta"):
        model.save(path)
    assert path.read_bytes() == b"of before"
    with pytest.raises(ValueError, match=lost):
        keras.saving.save_model(model, tmp_path / "other.keras")
    model.save_weights(tmp_path / "some.weights.h5")
    assert model.get_config()


@pytest.mark.parametrize("around", ["model", "part"])
def test_a_loss_inside_of_another_model_is_refused(around, tmp_path):
    model = dense()
    add_adapters(model, layers="body")
    inputs = keras.Input((4,))
    other = keras.Model(inputs, 2 * model(inputs))
    if around == "part":
        other, head = split_model(model, "body")
        unfreeze(head)
        head.save(tmp_path / "head.keras")  # nothing is lost of that one
    with pytest.raises(ValueError, match="the adapters"):
        other.save(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (dense, lambda m: freeze(m, "body")),
        (dense, freeze),
        (classifier, lambda m: unfreeze(freeze(m, depth=2))),
        (lambda: classifier(0.1), lambda m: unfreeze(freeze(m))),
        (dense, lambda m: unfreeze(merge_lora(add_lora(m, layers="body")))),
    ],
)
def test_what_is_written_comes_back(make, change, tmp_path):
    model = make()
    change(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = TEXT if isinstance(model, BertClassifier) else np.eye(4, dtype="float32")
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(one(inputs)) for one in (model, loaded)), atol=1e-6
    )
    pooler = [name for name in learning(loaded) if "pooled_dense" in name]
    assert [n for n in learning(loaded) if n not in pooler] == learning(model)
    unfreeze(loaded)
    assert problems(loaded) == []
