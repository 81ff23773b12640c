"""Classifier over every kind of encoder; BertClassifier and SpeechClassifier are it."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import (
    Bert,
    BertClassifier,
    Classifier,
    SpeechClassifier,
    SpeechEncoder,
    ViT,
)
from tlkeras.transfer import Retrainer, blocks

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}


def vit(**arguments):
    keras.utils.set_random_seed(0)
    return ViT((8, 12, 3), 4, **{**SIZES, **arguments})


def bert(**arguments):
    keras.utils.set_random_seed(0)
    return Bert(30, **SIZES, **arguments)


def speech():
    keras.utils.set_random_seed(0)
    return SpeechEncoder(**SIZES, num_mels=20)


def images(count=4):
    return np.random.default_rng(0).random((count, 8, 12, 3)).astype("float32")


def text():
    tokens = np.random.default_rng(0).integers(1, 30, (4, 7))
    keep = np.arange(7) < np.array([[7], [3], [7], [1]])
    return {"token_ids": tokens, "segment_ids": 0 * tokens, "padding_mask": keep}


def waveform():
    x = np.random.default_rng(0).normal(size=(2, 4000)).astype("float32")
    return {"waveform": x, "padding_mask": np.arange(4000) < np.array([[4000], [900]])}


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("use_class_token", [True, False])
def test_the_head_of_an_image_is_linear_on_what_the_vit_pooled(use_class_token):
    model = Classifier(vit(use_class_token=use_class_token), 5)
    vectors = numpy(model.backbone(images())["sequence_output"])
    pooled = vectors[:, 0] if use_class_token else vectors.mean(axis=1)
    kernel, bias = model.head.get_weights()
    np.testing.assert_allclose(
        numpy(model(images())), pooled @ kernel + bias, atol=1e-5
    )


@pytest.mark.parametrize(
    ("named", "general", "inputs"),
    [
        (
            lambda: BertClassifier(bert(), 3),
            lambda: Classifier(bert(), 3, pooling="mean"),
            text,
        ),
        (
            lambda: SpeechClassifier(speech(), 3),
            lambda: Classifier(speech(), 3),
            waveform,
        ),
    ],
    ids=["text", "speech"],
)
def test_the_named_ones_are_the_general_one(named, general, inputs):
    keras.utils.set_random_seed(1)
    one, other = named(), general()
    assert [w.path for w in one.weights] == [w.path for w in other.weights]
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(numpy(one(inputs())), numpy(other(inputs())))


def test_it_learns_images():
    model = Classifier(vit(), 2, dropout=0.0)
    bright = images(6) * np.array([0.1, 1] * 3, "float32")[:, None, None, None]
    labels = np.array([0, 1] * 3)
    trainer = Retrainer(model, batch_size=8, jit_compile=False)
    trainer.run(bright, labels, learning_rate=1e-2, steps=30, seed=0)
    assert trainer.accuracy(bright, labels) == 1.0
    assert "head" in [path for path, _ in blocks(model)[-1]]


def test_files_and_presets_keep_the_head(tmp_path):
    model = Classifier(vit(num_registers=2), 5, dropout=0.25, name="seer")
    expected = numpy(model(images()))
    model.save(tmp_path / "seer.keras")
    loaded = keras.saving.load_model(tmp_path / "seer.keras")
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(numpy(loaded(images())), expected)
    save_to_preset(model, tmp_path / "preset")
    np.testing.assert_array_equal(
        numpy(from_preset(tmp_path / "preset")(images())), expected
    )


# What an earlier version wrote, when each of the two was a model of its own.
EARLIER = {
    BertClassifier: {"num_classes": 3, "pooling": "cls", "dropout": 0.2},
    SpeechClassifier: {"num_classes": 3, "dropout": 0.2},
}


@pytest.mark.parametrize("kind", EARLIER)
def test_a_config_of_an_earlier_version(kind):
    backbone = bert() if kind is BertClassifier else speech()
    config = {
        "name": "reader",
        "trainable": True,
        "dtype": keras.dtype_policies.serialize(keras.dtype_policies.get("float32")),
        "backbone": keras.saving.serialize_keras_object(backbone),
        **EARLIER[kind],
    }
    model = keras.saving.deserialize_keras_object(
        {
            "module": f"tlkeras.models.{kind.__module__.split('.')[-1]}",
            "class_name": kind.__name__,
            "registered_name": f"tlkeras>{kind.__name__}",
            "config": config,
        }
    )
    assert type(model) is kind
    assert model.get_config() == config


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backbone": keras.Sequential()}, "such as Bert, ViT or .*; given Sequential"),
        ({"num_classes": 0}, "num_classes must be a positive integer"),
        ({"pooling": "max"}, "'mean', 'cls', 'pooler'; given 'max'"),
        ({"pooling": "mean"}, "pooling must be 'pooler' for a ViT.*given 'mean'"),
        ({"dropout": 1.5}, "dropout"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        Classifier(**{"backbone": vit(), "num_classes": 3, **wrong})


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"images must have shape \(batch, 8, 12, 3\)"):
        Classifier(vit(), 3)(images()[:, :4])
