"""`ViT` against `transformers` and KerasHub: the same hidden states and scores."""

import json

import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset

pytestmark = pytest.mark.parity
TOLERANCE = 1e-5
SHAPES = {
    "vit": {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 80,
        "image_size": 32,
        "patch_size": 8,
    },
    "vit, no bias": {
        "hidden_size": 30,
        "num_hidden_layers": 2,
        "num_attention_heads": 5,
        "intermediate_size": 47,
        "image_size": 21,
        "patch_size": 3,
        "num_channels": 1,
        "hidden_act": "gelu_new",
        "qkv_bias": False,
    },
    "deit": {
        "hidden_size": 36,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "intermediate_size": 50,
        "image_size": 30,
        "patch_size": 5,
        "layer_norm_eps": 1e-6,
    },
    "ijepa": {
        "hidden_size": 40,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 24,
        "patch_size": 4,
    },
}
CLASSES = {"vit": "ViT", "deit": "DeiT", "ijepa": "IJepa"}


def saved(name, folder, head="Model"):
    """A randomly initialised model of `transformers`, saved."""
    import torch
    import transformers

    torch.manual_seed(0)
    kind = CLASSES[name.split(",")[0]]
    config = getattr(transformers, f"{kind}Config")(
        **SHAPES[name], attn_implementation="eager"
    )
    model = getattr(transformers, f"{kind}{head}")(config)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return model.eval()


def images(height, width, channels):
    shape = (3, height, width, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def differences(model, theirs, inputs, **arguments):
    """The largest differences: hidden states, scores, the output."""
    import torch

    ours = model(inputs, return_hidden_states=True, return_attention_scores=True)
    with torch.no_grad():
        wanted = theirs(
            torch.tensor(inputs.transpose(0, 3, 1, 2)),
            output_hidden_states=True,
            output_attentions=True,
            **arguments,
        )
    pairs = [
        (ours["hidden_states"], wanted.hidden_states),
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


def report(capsys, name, found):
    with capsys.disabled():
        print(
            f"\n{name:28} hidden {found[0]:.1e}  scores {found[1]:.1e}"
            f"  output {found[2]:.1e}",
            end=" ",
        )


@pytest.mark.parametrize("name", list(SHAPES))
def test_random_checkpoints(tmp_path, capsys, name):
    theirs = saved(name, tmp_path)
    side, channels = SHAPES[name]["image_size"], SHAPES[name].get("num_channels", 3)
    model, loaded = from_preset(tmp_path, return_report=True)
    found = differences(model, theirs, images(side, side, channels))
    report(capsys, name, found)
    assert max(found) < TOLERANCE
    assert all(left.startswith("pooler.") for left in loaded.left_out)
    assert not loaded.fresh


@pytest.mark.parametrize("name", list(SHAPES))
@pytest.mark.parametrize("scale", [(2, 3), (1, 1 / 3)])
def test_positions_for_another_resolution(tmp_path, capsys, name, scale):
    theirs = saved(name, tmp_path)
    patch, side = SHAPES[name]["patch_size"], SHAPES[name]["image_size"]
    channels = SHAPES[name].get("num_channels", 3)
    height, width = (max(1, round(side * s / patch)) * patch for s in scale)
    model = from_preset(tmp_path, image_shape=(height, width, channels))
    inputs = images(height, width, channels)
    found = differences(model, theirs, inputs, interpolate_pos_encoding=True)
    report(capsys, f"{name}, {side} to {height} × {width}", found)
    assert max(found) < TOLERANCE


@pytest.mark.parametrize("name", ["vit", "deit"])
def test_a_checkpoint_with_a_head(tmp_path, name):
    theirs = saved(name, tmp_path, "ForImageClassification")
    model, loaded = from_preset(tmp_path, return_report=True)
    side = SHAPES[name]["image_size"]
    body = getattr(theirs, name)
    assert max(differences(model, body, images(side, side, 3))) < TOLERANCE
    assert sorted(loaded.left_out) == ["classifier.bias", "classifier.weight"]


@pytest.mark.parametrize("class_token", [True, False])
def test_keras_hub(tmp_path, capsys, class_token):
    import keras_hub

    hub = keras_hub.models.ViTBackbone(
        (12, 8, 3), (4, 2), 11, 3, 24, 40, use_class_token=class_token
    )
    rng = np.random.default_rng(0)
    for weight in hub.weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    hub.save_to_preset(str(tmp_path / "hub"))
    ours = from_preset(tmp_path / "hub")
    inputs = images(12, 8, 3)
    output = ops.convert_to_numpy(ours(inputs)["sequence_output"])
    found = np.abs(output - ops.convert_to_numpy(hub(inputs))).max()
    with capsys.disabled():
        print(f"\nKerasHub preset, class token {class_token}: {found:.1e}", end=" ")
    assert found < TOLERANCE
    save_to_preset(ours, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again(inputs)["sequence_output"]), output
    )
    larger = from_preset(tmp_path / "ours", image_shape=(16, 8, 3))
    assert larger(images(16, 8, 3))["sequence_output"].shape[1] == 16 + class_token


def test_registers_asked_for_are_reported_as_random(tmp_path):
    saved("vit", tmp_path)
    model, loaded = from_preset(tmp_path, return_report=True, num_registers=4)
    assert loaded.fresh == ("registers/tokens",)
    assert model(images(32, 32, 3))["sequence_output"].shape == (3, 1 + 4 + 16, 48)


def test_a_config_that_lies(tmp_path):
    saved("vit", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for changes, message in (
        ({"patch_size": 16}, "projection.weight must have shape"),
        ({"num_hidden_layers": 2}, "has no place|have no place|for which the config"),
        ({"num_hidden_layers": 4}, "lacks encoder.layer.3."),
        (
            {"model_type": "deit"},
            "lacks embeddings.distillation_token, for distillation",
        ),
        ({"hidden_act": "gelu_10"}, "hidden_act must be one of"),
        ({"model_type": "swin"}, "given 'swin'"),
    ):
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path)
