"""SpeechEncoder: what it promises beyond agreeing with others."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import SpeechEncoder
from tlkeras.models.speech_encoder import whisper_sinusoids

ARGUMENTS = {
    "num_layers": 2,
    "num_heads": 3,
    "hidden_dim": 12,
    "intermediate_dim": 20,
    "strides": (2, 2),
    "max_sequence_length": 30,
    "positions": "learned",
    "normalize_features": True,
    "dropout": 0.2,
    "activation": "gelu_tanh",
    "layer_norm_epsilon": 1e-6,
    "sample_rate": 8000,
    "num_mels": 17,
    "fft_length": 256,
    "frame_step": 80,
    "window_length": 200,
    "min_frequency": 60.0,
    "max_frequency": 3800.0,
    "mel_scale": "htk",
    "mel_norm": None,
    "scaling": "log",
    "min_power": 1e-6,
}
SAMPLES = 4000  # half a second: 50 frames, 13 tokens
TOKENS = 13


def waveform(samples=SAMPLES, count=4):
    rng = np.random.default_rng(0)
    return (0.1 * rng.normal(size=(count, samples))).astype("float32")


def keep(lengths=(4000, 2000, 3210, 800)):
    return np.arange(SAMPLES) < np.array(lengths)[:, None]


@pytest.fixture(scope="module")
def model():
    return SpeechEncoder(**ARGUMENTS)


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def test_config_says_every_argument_and_makes_the_model_again(model, tmp_path):
    config = json.loads(json.dumps(model.get_config()))
    found = {name: config[name] for name in ARGUMENTS}
    assert found == json.loads(json.dumps(ARGUMENTS))
    assert SpeechEncoder.from_config(config).get_config() == model.get_config()
    model.save(tmp_path / "speech.keras")
    loaded = keras.saving.load_model(tmp_path / "speech.keras")
    inputs = {"waveform": waveform(), "padding_mask": keep()}
    for name, value in numpy(model(inputs)).items():
        np.testing.assert_array_equal(numpy(loaded(inputs)[name]), value)


def test_a_waveform_and_its_features_give_the_same(model):
    features = model.features(waveform(), keep())
    assert features["features"].shape == (4, 50, 17)
    assert numpy(features["padding_mask"]).sum(1).tolist() == [50, 25, 40, 10]
    one = numpy(model({"waveform": waveform(), "padding_mask": keep()}))
    other = numpy(model(features))
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, atol=1e-6)


def test_no_mask_means_that_all_is_real(model):
    everything = np.ones((4, SAMPLES), bool)
    one = numpy(model({"waveform": waveform()}))
    other = numpy(model({"waveform": waveform(), "padding_mask": everything}))
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, atol=1e-6)


def test_what_is_masked_changes_nothing(model):
    changed = np.where(keep(), waveform(), 7.0).astype("float32")
    outputs = [
        numpy(model({"waveform": x, "padding_mask": keep()}))
        for x in (waveform(), changed)
    ]
    np.testing.assert_allclose(*[o["pooled_output"] for o in outputs], atol=1e-6)
    features = numpy(model.features(waveform(), keep()))
    spoilt = np.where(features["padding_mask"][..., None], features["features"], -5.0)
    one, other = numpy(model(features)), numpy(model({**features, "features": spoilt}))
    real = np.arange(TOKENS) < np.array([13, 7, 10, 3])[:, None]
    np.testing.assert_allclose(
        one["sequence_output"][real], other["sequence_output"][real], atol=1e-6
    )
    np.testing.assert_allclose(one["pooled_output"], other["pooled_output"], atol=1e-6)


def test_a_padded_row_of_features_gives_what_the_row_alone_gives(model):
    features = numpy(model.features(waveform(), keep()))
    whole = numpy(model(features)["pooled_output"])
    for row, frames in enumerate((50, 25, 40, 10)):
        alone = model({"features": features["features"][row : row + 1, :frames]})
        np.testing.assert_allclose(
            numpy(alone["pooled_output"])[0], whole[row], atol=1e-5
        )


def test_pooled_is_the_mean_over_real_tokens(model):
    outputs = numpy(model({"waveform": waveform(), "padding_mask": keep()}))
    for row, tokens in enumerate((13, 7, 10, 3)):
        wanted = outputs["sequence_output"][row, :tokens].mean(0)
        np.testing.assert_allclose(outputs["pooled_output"][row], wanted, atol=1e-5)


def test_loudness_is_normalised_away():
    settings = {**ARGUMENTS, "min_power": 1e-12}
    model = SpeechEncoder(**settings)
    quiet, loud = (
        numpy(model.features(x)["features"])
        for x in (0.1 * waveform(), 10 * waveform())
    )
    np.testing.assert_allclose(quiet, loud, atol=1e-3)
    np.testing.assert_allclose(quiet.mean((1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(quiet.std((1, 2)), 1, atol=1e-2)
    plain = SpeechEncoder(**{**settings, "normalize_features": False})
    features = numpy(plain.features(waveform())["features"])
    assert np.abs(features.mean((1, 2))).min() > 1


def test_on_request(model):
    inputs = model.features(waveform(), keep())
    plain = numpy(model(inputs))
    full = numpy(model(inputs, return_hidden_states=True, return_attention_scores=True))
    assert set(plain) == {"sequence_output", "pooled_output"}
    np.testing.assert_allclose(
        full["sequence_output"], plain["sequence_output"], atol=1e-5
    )
    assert [x.shape for x in full["hidden_states"]] == [(4, TOKENS, 12)] * 3
    assert [x.shape for x in full["attention_scores"]] == [(4, 3, TOKENS, TOKENS)] * 2
    for scores in full["attention_scores"]:
        np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
        np.testing.assert_array_equal(scores[1, :, :, 7:], 0)  # hidden keys
    last = numpy(model.layer_norm(full["hidden_states"][-1]))
    np.testing.assert_allclose(last, full["sequence_output"], atol=1e-5)


def test_on_request_and_from_the_waveform_in_a_graph(model):
    symbol = keras.Input((SAMPLES,), name="waveform")
    outputs = model({"waveform": symbol}, return_attention_scores=True)
    graph = keras.Model(symbol, outputs["attention_scores"][1])
    wanted = model({"waveform": waveform()}, return_attention_scores=True)
    np.testing.assert_allclose(
        graph.predict(waveform(), verbose=0),
        numpy(wanted["attention_scores"][1]),
        atol=1e-5,
    )


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_every_weight_learns_that_may(positions):
    model = SpeechEncoder(**{**ARGUMENTS, "positions": positions})
    outputs = model.output
    head = keras.layers.Dense(1)(
        ops.concatenate(
            [outputs["pooled_output"], ops.mean(outputs["sequence_output"], 1)], -1
        )
    )
    whole = keras.Model(model.input, head)
    whole.compile(keras.optimizers.Adam(0.1), loss="mse", jit_compile=True)
    before = [numpy(w) for w in model.weights]
    inputs = numpy(model.features(waveform(), keep()))
    whole.fit(inputs, np.arange(4.0), epochs=1, verbose=0)
    still = {
        w.path
        for w, old in zip(model.weights, before, strict=True)
        if np.array_equal(numpy(w), old)
    }
    fixed = {"position_embedding/embeddings"} if positions == "sinusoidal" else set()
    assert {path for path in still if not path.endswith("key/bias")} == fixed


def test_half_precision_is_near(model):
    half = SpeechEncoder(**ARGUMENTS, dtype="mixed_float16")
    half.set_weights(model.get_weights())
    inputs = {"waveform": waveform(), "padding_mask": keep()}
    one, other = numpy(half(inputs)), numpy(model(inputs))
    assert one["pooled_output"].dtype == "float16"
    for name, value in other.items():
        np.testing.assert_allclose(one[name], value, atol=0.02)


def test_sinusoids_are_whispers():
    table = whisper_sinusoids(7, 8)
    frequency = np.exp(-np.log(10000) / 3 * np.arange(4))
    np.testing.assert_allclose(table[5, :4], np.sin(5 * frequency), atol=1e-6)
    np.testing.assert_allclose(table[5, 4:], np.cos(5 * frequency), atol=1e-6)
    model = SpeechEncoder(1, 2, 8, 8, positions="sinusoidal", max_sequence_length=7)
    np.testing.assert_allclose(
        numpy(model.position_embedding.position_embeddings), table, atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 10}, "hidden_dim must be a multiple of num_heads"),
        ({"num_layers": 0}, "num_layers must be a positive integer; given 0"),
        ({"max_sequence_length": 1.5}, "max_sequence_length"),
        ({"positions": "rotary"}, "positions must be .*given 'rotary'"),
        ({"normalize_features": "no"}, "normalize_features must be True or False"),
        ({"num_mels": 300}, "num_mels must leave every triangle"),
        ({"max_frequency": 5000.0}, "max_frequency"),
        ({"strides": (2, 0)}, "strides"),
        ({"dropout": 1.0}, "dropout"),
        (
            {"hidden_dim": 9, "positions": "sinusoidal"},
            "hidden_dim must be even and at least 4",
        ),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        SpeechEncoder(**{**ARGUMENTS, **changes})


def test_wrong_inputs(model):
    features = numpy(model.features(waveform()))["features"]
    for inputs, message in (
        (waveform(), "must be a dictionary of waveform or features"),
        ({"audio": waveform()}, "given audio"),
        ({"waveform": waveform(), "features": features}, "given features, waveform"),
        ({"features": features[..., :5]}, "features must have 17 mels"),
        ({"features": features[0]}, "features"),
        ({"features": (100 * features).astype("int32")}, "floats"),
        ({"waveform": (100 * waveform()).astype("int16")}, "Scale 16-bit samples"),
        ({"waveform": waveform(100)}, "at least 129 samples"),
        ({"waveform": waveform(12000)}, "150 frames, which become 38"),
        ({"waveform": waveform(), "padding_mask": keep()[:, :9]}, "mask"),
    ):
        with pytest.raises(ValueError, match=message):
            model(inputs)
