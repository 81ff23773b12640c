"""`SpeechEncoder` and `Whisper` against `transformers`: states, scores and logits."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import Whisper

pytestmark = pytest.mark.parity
TOLERANCE = 1e-4
SHAPES = {
    "80 mels": {
        "d_model": 48,
        "encoder_layers": 3,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 80,
        "max_source_positions": 100,  # 2 seconds
    },
    "128 mels": {
        "d_model": 30,
        "encoder_layers": 2,
        "encoder_attention_heads": 5,
        "encoder_ffn_dim": 47,
        "num_mel_bins": 128,
        "max_source_positions": 61,
        "activation_function": "gelu_new",
    },
    "another front end": {
        "d_model": 24,
        "encoder_layers": 4,
        "encoder_attention_heads": 3,
        "encoder_ffn_dim": 50,
        "num_mel_bins": 40,
        "max_source_positions": 75,
    },
}
FRONT_ENDS = {
    "80 mels": {},
    "128 mels": {"feature_size": 128},
    "another front end": {"feature_size": 40, "hop_length": 200, "n_fft": 512},
}
SMALL_DECODER = {
    "vocab_size": 50,
    "decoder_layers": 1,
    "decoder_attention_heads": 1,
    "decoder_ffn_dim": 8,
    "max_target_positions": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


def saved(name, folder, head="Model", front_end=True):
    """A randomly initialised Whisper and its features, saved."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        **SMALL_DECODER, **SHAPES[name], attn_implementation="eager"
    )
    model = getattr(transformers, f"Whisper{head}")(config)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    extractor = transformers.WhisperFeatureExtractor(**FRONT_ENDS[name])
    if front_end:
        extractor.save_pretrained(folder)
    return model.eval(), extractor


def speech(name, rows=3):
    """Gliding tones and noise, as long as the positions last."""
    step = FRONT_ENDS[name].get("hop_length", 160)
    samples = 2 * SHAPES[name]["max_source_positions"] * step
    rng = np.random.default_rng(0)
    time = np.arange(samples) / 16000
    pitch = rng.uniform(100, 3000, (rows, 4, 1))
    tones = np.sin(2 * np.pi * pitch * time * (1 + time)).mean(axis=1)
    return (0.4 * tones + 0.01 * rng.normal(size=tones.shape)).astype("float32")


def differences(model, theirs, extractor, waveform):
    """The largest differences: features, hidden states, scores, the output."""
    import torch

    wanted_features = extractor(
        list(waveform), sampling_rate=16000, padding="longest", return_tensors="pt"
    )["input_features"]  # (B, M, F)
    with torch.no_grad():
        wanted = theirs.get_encoder()(
            wanted_features, output_hidden_states=True, output_attentions=True
        )
    ours = model(
        {"waveform": waveform}, return_hidden_states=True, return_attention_scores=True
    )
    # Theirs ends with the normalised output instead of the last encoder's.
    states = [*ours["hidden_states"][:-1], ours["sequence_output"]]
    pairs = [
        ([model.features(waveform)["features"]], [wanted_features.mT]),
        (states, wanted.hidden_states),
        (ours["attention_scores"], wanted.attentions),
        ([ours["sequence_output"]], [wanted.last_hidden_state]),
    ]
    return [
        max(
            np.abs(ops.convert_to_numpy(a) - b.numpy()).max()
            for a, b in zip(left, right, strict=True)
        )
        for left, right in pairs
    ]


@pytest.mark.parametrize("name", list(SHAPES))
def test_random_checkpoints(tmp_path, capsys, name):
    theirs, extractor = saved(name, tmp_path)
    model, report = from_preset(tmp_path, return_report=True)
    found = differences(model, theirs, extractor, speech(name))
    with capsys.disabled():
        titles = ("features", "hidden", "scores", "output")
        cells = [f"{t} {x:.1e}" for t, x in zip(titles, found, strict=True)]
        print(f"\n{name:20}", "  ".join(cells), end=" ")
    assert max(found) < TOLERANCE
    assert all(name.startswith("decoder.") for name in report.left_out)
    assert not report.fresh


def test_with_a_head_and_back(tmp_path):
    theirs, extractor = saved("80 mels", tmp_path, "ForConditionalGeneration")
    model, report = from_preset(tmp_path, return_report=True)
    waveform = speech("80 mels")
    assert max(differences(model, theirs.model, extractor, waveform)) < TOLERANCE
    assert all(name.startswith("model.encoder.") for name in report.loaded)
    assert len(report.loaded) + len(report.left_out) >= len(theirs.state_dict()) - 1
    save_to_preset(model, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")
    outputs = [
        keras.tree.map_structure(ops.convert_to_numpy, m({"waveform": waveform}))
        for m in (model, again)
    ]
    for key, value in outputs[0].items():
        np.testing.assert_array_equal(outputs[1][key], value)


def test_without_a_front_end_it_is_whispers(tmp_path):
    saved("80 mels", tmp_path, front_end=False)
    model = from_preset(tmp_path, dropout=0.5)
    config = model.get_config()
    names = ("sample_rate", "num_mels", "fft_length", "frame_step", "max_frequency")
    assert [config[n] for n in names] == [16000, 80, 400, 160, 8000]
    assert config["dropout"] == 0.5
    assert not model.position_embedding.trainable


def test_a_config_that_lies(tmp_path):
    saved("80 mels", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for changes, message in (
        ({"encoder_ffn_dim": 81}, "must have shape"),
        ({"encoder_layers": 2}, "for which the config has no place"),
        ({"encoder_layers": 4}, "lacks encoder.layers.3"),
        ({"max_source_positions": 99}, "embed_positions.weight must have shape"),
        ({"num_mel_bins": 128}, "must have feature_size 128"),
        ({"activation_function": "gelu_10"}, "activation_function must be one of"),
        ({"model_type": "wav2vec2"}, "given 'wav2vec2'"),
    ):
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path)
    path.write_text(json.dumps(config))
    front_end = tmp_path / "preprocessor_config.json"
    front_end.write_text(json.dumps({"do_normalize": True}))
    with pytest.raises(ValueError, match="do_normalize false"):
        from_preset(tmp_path)
    front_end.write_text("{")
    with pytest.raises(ValueError, match="must be JSON"):
        from_preset(tmp_path)


# ── with the decoder ──────────────────────────────────────────────────────────────────

WHOLE = {
    **SHAPES["80 mels"],
    "vocab_size": 50,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 80,
    "max_target_positions": 12,
}


def whole(folder, **changes):
    """A randomly initialised Whisper that writes, saved."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        **{**SMALL_DECODER, **WHOLE, **changes}, attn_implementation="eager"
    )
    model = transformers.WhisperForConditionalGeneration(config)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return model.eval()


def test_logits_and_cross_attention(tmp_path, capsys):
    import torch

    theirs = whole(tmp_path)
    model, report = from_preset(tmp_path, head="decoder", return_report=True)
    assert isinstance(model, Whisper)
    assert report.left_out == report.fresh == ()
    sound = {"waveform": speech("80 mels")}
    tokens = np.random.default_rng(0).integers(3, 50, (3, 9))
    features = ops.convert_to_numpy(model.encoder.features(**sound)["features"])
    with torch.no_grad():
        wanted = theirs(
            input_features=torch.tensor(features).mT,
            decoder_input_ids=torch.tensor(tokens),
            output_attentions=True,
        )
    logits, scores = model(
        {"source": sound, "target_ids": tokens}, return_attention_scores=True
    )
    pairs = [(logits, wanted.logits)]
    pairs += zip(scores["memory"], wanted.cross_attentions, strict=True)
    pairs += zip(scores["decoder"], wanted.decoder_attentions, strict=True)
    gaps = [np.abs(ops.convert_to_numpy(a) - b.numpy()).max() for a, b in pairs]
    with capsys.disabled():
        print(f"\nlogits {gaps[0]:.1e}, attention {max(gaps[1:]):.1e}", end=" ")
    assert max(gaps) < TOLERANCE
    cache = model.initial_cache(sound, 9)
    _, cache = model.step(tokens[:, :5], cache, 0)
    _, cache = model.step(tokens[:, 5:8], cache, 5)
    last, _ = model.step(tokens[:, 8:], cache, 8)
    np.testing.assert_allclose(last, logits[:, -1], atol=TOLERANCE)
    save_to_preset(model, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")({"source": sound, "target_ids": tokens})
    np.testing.assert_array_equal(again, logits)


def test_a_decoder_of_another_width_is_refused(tmp_path):
    whole(tmp_path, decoder_ffn_dim=72)
    with pytest.raises(ValueError, match="decoder_ffn_dim must be 80"):
        from_preset(tmp_path, head="decoder")
    assert from_preset(tmp_path).get_config()["intermediate_dim"] == 80
    path = tmp_path / "config.json"
    config = {**json.loads(path.read_text()), "decoder_ffn_dim": 80}
    for changes, message in (
        ({"decoder_layers": 3}, r"lacks .*decoder\.layers\.2|asks for"),
        ({"decoder_layers": 1}, "for which the config has no place"),
        ({"max_target_positions": 2**31}, "asks for at least|must have shape"),
        ({"vocab_size": 51}, "must have shape"),
    ):
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path, head="decoder")
