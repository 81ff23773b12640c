"""`Detector` against YOLOS of `transformers`: logits, boxes, loss."""

import json

import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import Detector, SetPredictionLoss

pytestmark = pytest.mark.parity
TOLERANCE = 1e-5
SHAPES = {
    "with positions in the middle": {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 80,
        "image_size": [24, 40],
        "patch_size": 8,
        "num_detection_tokens": 7,
        "num_labels": 5,
    },
    "without; an edge that fills no patch": {
        "hidden_size": 30,
        "num_hidden_layers": 2,
        "num_attention_heads": 5,
        "intermediate_size": 47,
        "image_size": [18, 34],
        "patch_size": 6,
        "num_channels": 1,
        "hidden_act": "gelu_new",
        "qkv_bias": False,
        "num_detection_tokens": 3,
        "use_mid_position_embeddings": False,
    },
}


def saved(name, folder):
    """A randomly initialised model of `transformers`, saved."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.YolosConfig(**SHAPES[name], attn_implementation="eager")
    model = transformers.YolosForObjectDetection(config)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return model.eval()


def images(name, height=None, width=None):
    shape = SHAPES[name]
    sides = [
        side // shape["patch_size"] * shape["patch_size"]
        for side in shape["image_size"]
    ]
    size = (3, height or sides[0], width or sides[1], shape.get("num_channels", 3))
    return np.random.default_rng(0).normal(size=size).astype("float32")


def theirs_of(model, inputs, **more):
    import torch

    with torch.no_grad():
        return model(torch.tensor(inputs.transpose(0, 3, 1, 2)), **more)


def gaps(ours, theirs):
    pairs = (ours["logits"], theirs.logits), (ours["boxes"], theirs.pred_boxes)
    return [np.abs(ops.convert_to_numpy(a) - b.numpy()).max() for a, b in pairs]


@pytest.mark.parametrize("name", SHAPES)
def test_random_checkpoints(tmp_path, capsys, name):
    theirs = saved(name, tmp_path)
    model, loaded = from_preset(tmp_path, return_report=True)
    assert isinstance(model, Detector)
    found = gaps(model(images(name)), theirs_of(theirs, images(name)))
    height, width = 4 * SHAPES[name]["patch_size"], 2 * SHAPES[name]["patch_size"]
    other = images(name, height, width)
    larger = from_preset(tmp_path, image_shape=other.shape[1:])
    found += gaps(larger(other), theirs_of(theirs, other))
    with capsys.disabled():
        print(
            f"\n{name:38} logits, boxes, at another size:", *map("{:.1e}".format, found)
        )
    assert max(found) < TOLERANCE
    assert not loaded.left_out
    assert not loaded.fresh
    save_to_preset(model, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")(images(name))
    np.testing.assert_array_equal(again["boxes"], model(images(name))["boxes"])


def test_the_loss(tmp_path):
    """With labels, `transformers` matches and compares as `SetPredictionLoss`."""
    import torch

    name = "with positions in the middle"
    theirs = saved(name, tmp_path)
    rng = np.random.default_rng(1)
    classes = np.array([[4, 0, 2], [1, -1, -1], [3, 3, -1]])
    boxes = rng.uniform(0.2, 0.5, (3, 3, 4)).astype("float32")
    labels = [
        {
            "class_labels": torch.tensor(kind[kind >= 0]),
            "boxes": torch.tensor(box[kind >= 0]),
        }
        for kind, box in zip(classes, boxes, strict=True)
    ]
    wanted = theirs_of(theirs, images(name), labels=labels).loss
    model = from_preset(tmp_path)
    ours = SetPredictionLoss()(
        {"classes": classes, "boxes": boxes}, model(images(name))
    )
    assert float(ours) == pytest.approx(float(wanted), rel=1e-5)


def test_a_config_that_lies(tmp_path):
    saved("with positions in the middle", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for changes, message in (
        ({"num_detection_tokens": 8}, "detection_tokens must have shape|positions"),
        ({"use_mid_position_embeddings": False}, "for which the config has no place"),
        ({"num_hidden_layers": 4}, "lacks .*encoder.layer.3."),
        ({"id2label": {"0": "a"}}, "class_labels_classifier.layers.2"),
        ({"id2label": 5}, "id2label must hold a dictionary"),
    ):
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path)
