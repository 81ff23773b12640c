"""SpeechClassifier: pooling, waveform or features, config, presets."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import SpeechClassifier, SpeechEncoder
from tlkeras.transfer import Retrainer


def encoder(**arguments):
    keras.utils.set_random_seed(0)
    settings = {"sample_rate": 8000, "num_mels": 17, "fft_length": 256}
    return SpeechEncoder(2, 2, 8, 12, frame_step=80, **settings, **arguments)


@pytest.fixture(scope="module")
def model():
    return SpeechClassifier(encoder(normalize_features=True), 5, dropout=0.3)


def inputs():
    rng = np.random.default_rng(0)
    waveform = (0.1 * rng.normal(size=(4, 4000))).astype("float32")
    keep = np.arange(4000) < np.array([4000, 1000, 2500, 800])[:, None]
    return {"waveform": waveform, "padding_mask": keep}


def numpy(x):
    return ops.convert_to_numpy(x)


def test_logits_are_a_linear_head_on_what_is_pooled(model):
    pooled = numpy(model.backbone(inputs())["pooled_output"])
    kernel, bias = model.head.get_weights()
    found = numpy(model(inputs()))
    np.testing.assert_allclose(found, pooled @ kernel + bias, atol=1e-5)
    features = model.backbone.features(**inputs())
    np.testing.assert_allclose(numpy(model(features)), found, atol=1e-5)


def test_a_preset_keeps_the_head(model, tmp_path):
    save_to_preset(model, tmp_path)
    copy = from_preset(tmp_path)
    np.testing.assert_array_equal(numpy(copy(inputs())), numpy(model(inputs())))
    assert copy.get_config() == model.get_config()
    assert not copy.backbone.position_embedding.trainable


def test_it_learns_from_features():
    model = SpeechClassifier(encoder(normalize_features=True), 2, dropout=0.0)
    time = np.arange(4000) / 8000
    tones = [np.sin(2 * np.pi * f * time) for f in (300, 310, 2000, 2100)]
    features = {
        name: numpy(x)
        for name, x in model.backbone.features(np.array(tones, "float32")).items()
    }
    trainer = Retrainer(model, batch_size=8, jit_compile=False)
    labels = np.array([0, 0, 1, 1])
    trainer.run(features, labels, learning_rate=3e-2, steps=30, seed=0)
    assert trainer.accuracy(features, labels) == 1.0


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"SpeechEncoder; given Dense"):
        SpeechClassifier(keras.layers.Dense(3), 5)
    with pytest.raises(ValueError, match="num_classes must be a positive integer"):
        SpeechClassifier(encoder(), 0)
    with pytest.raises(ValueError, match="dropout"):
        SpeechClassifier(encoder(), 2, dropout=1)
    with pytest.raises(ValueError, match="must be a dictionary of waveform"):
        SpeechClassifier(encoder(), 2)({"sound": np.zeros((1, 4000), "float32")})
