"""Whisper in a model.bin: a small one, written here tensor by tensor."""

import numpy as np
import pytest
from keras import ops

from checkpoints.formats.test_ctranslate2 import file, variable
from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.whisper import whisper

SIZES = {"num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6, "num_mels": 7}
SETTINGS = {"decoder/num_heads": 2, "decoder/activation": 3, "decoder/pre_norm": 1}
SETTINGS |= {"decoder/alibi": 0, "decoder/scale_embeddings": 0, "encoder/num_heads": 2}


def small():
    model = whisper(1, 1, 9, 5, max_sequence_length=8, max_frequency=8000, **SIZES)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    return model


def tensors(model):
    """Its weights as CTranslate2 names and joins them."""
    ours = {v.path: ops.convert_to_numpy(v) for v in model.weights}
    theirs = {}

    def matrix(layer):
        kernel = ours[f"{layer}/kernel"]
        if layer.endswith("attention_output"):
            kernel = kernel.reshape(-1, kernel.shape[-1])  # (N · H, D)
        return kernel.reshape(len(kernel), -1).T  # (out, in)

    def dense(name, *layers):
        biases = [ours[f"{x}/bias"].reshape(-1) for x in layers]
        theirs[f"{name}/weight"] = np.concatenate([matrix(x) for x in layers])
        theirs[f"{name}/bias"] = np.concatenate(biases)

    def norm(name, layer):
        for one in ("gamma", "beta"):
            theirs[f"{name}/{one}"] = ours[f"{layer}/{one}"]

    for n in (0, 1):
        layer = f"subsampling/convolution_{n}"
        kernel = ours[f"{layer}/kernel"].transpose(2, 1, 0)
        theirs[f"encoder/conv{n + 1}/weight"] = kernel
        theirs[f"encoder/conv{n + 1}/bias"] = ours[f"{layer}/bias"]
    places = "position_encodings/encodings"
    theirs[f"encoder/{places}"] = ours["position_embedding/embeddings"]
    theirs[f"decoder/{places}"] = ours["target_positions/embeddings"]
    theirs["decoder/embeddings/weight"] = ours["target_embedding/embeddings"]
    theirs["decoder/projection/weight"] = ours["target_embedding/embeddings"]
    norm("encoder/layer_norm", "layer_norm")
    norm("decoder/layer_norm", "decoder_norm")
    for side, block, own in (
        ("encoder", "transformer_layer_0", "self_attention_layer"),
        ("decoder", "decoder_0", "self_attention"),
    ):
        name, own = f"{side}/layer_0", f"{block}/{own}"
        joined = [f"{own}/{x}" for x in ("query", "key", "value")]
        dense(f"{name}/self_attention/linear_0", *joined)
        dense(f"{name}/self_attention/linear_1", f"{own}/attention_output")
        norm(f"{name}/self_attention/layer_norm", f"{block}/self_attention_layer_norm")
        dense(f"{name}/ffn/linear_0", f"{block}/feedforward_intermediate_dense")
        dense(f"{name}/ffn/linear_1", f"{block}/feedforward_output_dense")
        norm(f"{name}/ffn/layer_norm", f"{block}/feedforward_layer_norm")
    name, across = "decoder/layer_0/attention", "decoder_0/cross_attention"
    dense(f"{name}/linear_0", f"{across}/query")
    dense(f"{name}/linear_1", f"{across}/key", f"{across}/value")
    dense(f"{name}/linear_2", f"{across}/attention_output")
    norm(f"{name}/layer_norm", "decoder_0/cross_attention_layer_norm")
    return theirs


def written(folder, arrays, **changes):
    settings = {**SETTINGS, **changes}
    variables = [variable(name, array) for name, array in arrays.items()]
    variables += [variable(x, np.int8(y)) for x, y in settings.items()]
    content = file(variables, specification="WhisperSpec")
    (folder / "model.bin").write_bytes(content)
    (folder / "config.json").write_text("{}")


def call(model):
    rng = np.random.default_rng(1)
    speech = {"waveform": rng.normal(size=(2, 2560)).astype("float32")}
    inputs = {"source": speech, "target_ids": np.array([[1, 5, 2], [3, 8, 0]])}
    return ops.convert_to_numpy(model(inputs))


def test_a_whole_model_and_its_encoder(tmp_path):
    model = small()
    written(tmp_path, tensors(model))
    found, report = from_preset(tmp_path, head="decoder", return_report=True)
    assert (report.kind, report.left_out, report.fresh) == ("CTranslate2", (), ())
    np.testing.assert_allclose(call(found), call(model), atol=1e-6)
    encoder, report = from_preset(tmp_path, return_report=True)
    assert all(name.startswith("decoder/") for name in report.left_out)
    for ours, theirs in zip(encoder.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_no_whisper(tmp_path):
    arrays = tensors(small())
    for changes, without, message in (
        ({"decoder/activation": 0}, "", "decoder/activation must be 3"),
        ({"decoder/alibi": 1}, "", "decoder/alibi must be 0"),
        ({"decoder/num_heads": 4}, "", "decoder/num_heads must be 2"),
        ({}, "encoder/conv1/weight", "encoder/conv1/weight must be in the file"),
        ({}, "decoder/layer_norm/beta", r"lacks decoder/layer_norm/beta"),
    ):
        left = {name: x for name, x in arrays.items() if name != without}
        written(tmp_path, left, **changes)
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path, head="decoder")
    arrays["decoder/projection/weight"] = arrays["decoder/projection/weight"] + 1
    written(tmp_path, arrays)
    with pytest.raises(ValueError, match="must hold the numbers of"):
        from_preset(tmp_path, head="decoder")
