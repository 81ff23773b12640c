"""SpeechCTC: frames of padding, the loss it is trained with, and learning."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.ctc import CTCLoss, ctc_loss, greedy_decode
from tlkeras.models import SpeechCTC, SpeechEncoder


def encoder():
    keras.utils.set_random_seed(0)
    settings = {"sample_rate": 8000, "num_mels": 17, "fft_length": 256}
    return SpeechEncoder(1, 2, 16, 24, frame_step=80, **settings)


@pytest.fixture(scope="module")
def model():
    return SpeechCTC(encoder(), vocabulary_size=4, dropout=0.0)


LENGTHS = np.array([[4000], [1000], [2520]])
LABELS = np.array([[1, 1, 2], [3, 0, 0], [2, 3, 0]])


def inputs():
    rng = np.random.default_rng(0)
    waveform = (0.1 * rng.normal(size=(3, 4000))).astype("float32")
    return {"waveform": waveform, "padding_mask": np.arange(4000) < LENGTHS}


def numpy(x):
    return ops.convert_to_numpy(x)


def test_real_frames_are_a_linear_head_and_padding_is_blank(model):
    found = numpy(model(inputs()))
    sequence, keep = map(numpy, model.backbone.read(inputs()))
    kernel, bias = model.head.get_weights()
    assert keep.sum(axis=1).tolist() == [25, 6, 16]  # 50, 12 and 31 frames, halved
    real = (sequence @ kernel + bias)[keep]
    np.testing.assert_allclose(found[keep], real, atol=1e-5)
    assert np.all(found[~keep] == np.float32([0, -1e9, -1e9, -1e9]))


def test_the_loss_is_that_of_each_recording_alone(model):
    together = numpy(ctc_loss(LABELS, model(inputs())))
    batch = inputs()
    for row, length in enumerate(LENGTHS[:, 0]):
        alone = model({"waveform": batch["waveform"][row : row + 1, :length]})
        loss = numpy(ctc_loss(LABELS[row : row + 1], alone))
        np.testing.assert_allclose(loss, together[row : row + 1], rtol=1e-4)


def test_it_learns_two_tones_in_order(tmp_path):
    model = SpeechCTC(encoder(), vocabulary_size=3, dropout=0.0)
    time = np.arange(800) / 8000
    low, high = (np.sin(2 * np.pi * pitch * time) for pitch in (300, 2500))
    quiet = np.zeros(800)
    sounds = [low, quiet, high, quiet], [high, quiet, low, low], [low, quiet, low, high]
    waveform = np.stack([np.concatenate(x) for x in sounds]).astype("float32")
    labels = np.array([[1, 2, 0], [2, 1, 0], [1, 1, 2]])
    features = {x: numpy(y) for x, y in model.backbone.features(waveform).items()}
    model.compile(keras.optimizers.Adam(1e-2), loss=CTCLoss(), jit_compile=False)
    history = model.fit(features, labels, epochs=60, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]
    assert greedy_decode(model(features)) == [[1, 2], [2, 1], [1, 1, 2]]
    save_to_preset(model, tmp_path / "preset")
    model.save(tmp_path / "model.keras")
    copies = (
        from_preset(tmp_path / "preset"),
        keras.saving.load_model(tmp_path / "model.keras"),
    )
    for copy in copies:
        np.testing.assert_array_equal(numpy(copy(features)), numpy(model(features)))
    assert isinstance(copies[1].loss, CTCLoss)


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"SpeechEncoder; given Dense"):
        SpeechCTC(keras.layers.Dense(3), 5)
    with pytest.raises(ValueError, match="vocabulary_size must be an integer of at le"):
        SpeechCTC(encoder(), 1)
