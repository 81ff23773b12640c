"""`CLIP` against CLIP and SigLIP of `transformers`: embeddings, states and logits."""

import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE, changed, saved
from tlkeras.checkpoints import from_preset, load_tokenizer, save_to_preset
from tlkeras.models import CLIP, CLIPTextEncoder, VideoEncoder, ViT

WIDE = {"num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 80}
NARROW = {"num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 47}
END = 60
SHAPES = {
    "clip": (
        "CLIP",
        {
            "vision_config": {
                **WIDE,
                "hidden_size": 48,
                "image_size": 24,
                "patch_size": 8,
            },
            "text_config": {
                **NARROW,
                "hidden_size": 30,
                "vocab_size": 61,
                "max_position_embeddings": 11,
                "eos_token_id": END,
            },
            "projection_dim": 17,
        },
    ),
    "clip, an older end": (
        "CLIP",
        {
            "vision_config": {
                **NARROW,
                "hidden_size": 30,
                "image_size": 18,
                "patch_size": 6,
                "num_channels": 1,
                "hidden_act": "gelu",
                "layer_norm_eps": 1e-3,
            },
            "text_config": {
                **WIDE,
                "hidden_size": 40,
                "vocab_size": 61,
                "max_position_embeddings": 9,
                "eos_token_id": 2,
            },
        },
    ),
    "siglip": (
        "Siglip",
        {
            "vision_config": {
                **WIDE,
                "hidden_size": 48,
                "image_size": 24,
                "patch_size": 8,
            },
            "text_config": {
                **NARROW,
                "hidden_size": 30,
                "vocab_size": 61,
                "max_position_embeddings": 9,
                "projection_size": 48,
            },
        },
    ),
    "siglip, an edge that fills no patch": (
        "Siglip",
        {
            "vision_config": {
                **NARROW,
                "hidden_size": 30,
                "image_size": 20,
                "patch_size": 6,
                "hidden_act": "gelu",
            },
            "text_config": {
                **WIDE,
                "hidden_size": 40,
                "vocab_size": 61,
                "max_position_embeddings": 9,
                "projection_size": 30,
            },
        },
    ),
}
parity = pytest.mark.parity
SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}


def made(folder, shape):
    family, config = SHAPES[shape]
    return saved(folder, family, "Model", config)


def pairs(shape):
    """Four images, and five texts that end at different places."""
    _, config = SHAPES[shape]
    vision = config["vision_config"]
    size = vision["image_size"]
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4, size, size, vision.get("num_channels", 3)))
    texts = rng.integers(3, END, (5, 9))
    texts[np.arange(5), [8, 3, 5, 0, 7]] = END
    texts[1, 4:] = END  # OpenAI's padding is the end again
    return images.astype("float32"), texts


def gap(ours, theirs):
    return np.abs(ops.convert_to_numpy(ours) - theirs.numpy()).max()


@parity
@pytest.mark.parametrize("shape", SHAPES)
def test_random_checkpoints(tmp_path, capsys, shape):
    import torch

    theirs = made(tmp_path, shape)
    model, report = from_preset(tmp_path, return_report=True)
    images, texts = pairs(shape)
    with torch.no_grad():
        wanted = theirs(
            pixel_values=torch.tensor(images.transpose(0, 3, 1, 2)),
            input_ids=torch.tensor(texts),
        )
    height, width = model.image_encoder.get_config()["image_shape"][:2]
    images = images[:, :height, :width]  # pixels that fill no patch are not looked at
    found = model({"images": images, "texts": texts})
    states = [
        (found["image_embeddings"], wanted.image_embeds),
        (found["text_embeddings"], wanted.text_embeds),
        (found["logits"] / 10, wanted.logits_per_image / 10),  # cosines, up to 1.4
        (
            model.text_encoder(texts)["sequence_output"][:3, :1],
            wanted.text_model_output.last_hidden_state[:3, :1],
        ),
    ]
    gaps = [gap(*one) for one in states]
    with capsys.disabled():
        print(f"\n{shape}: {max(gaps):.1e}", end=" ")
    assert max(gaps) < TOLERANCE
    assert report.left_out == report.fresh == ()


@parity
@pytest.mark.parametrize("shape", ["clip", "siglip"])
def test_their_losses(tmp_path, shape):
    import torch

    theirs = made(tmp_path, shape)
    model = from_preset(tmp_path)
    images, texts = pairs(shape)
    with torch.no_grad():
        wanted = theirs(
            pixel_values=torch.tensor(images.transpose(0, 3, 1, 2)),
            input_ids=torch.tensor(texts[:4]),
            return_loss=True,
        ).loss.item()
    outputs = model({"images": images, "texts": texts[:4]})
    loss = float(model.compute_loss(y_pred=outputs))
    assert loss == pytest.approx(wanted, rel=1e-4)


@parity
def test_one_of_ours_then(tmp_path):
    made(tmp_path / "theirs", "clip")
    model = from_preset(tmp_path / "theirs", dropout=0.3)
    assert model.text_encoder.get_config()["dropout"] == 0.3
    save_to_preset(model, tmp_path / "ours")
    again = from_preset(tmp_path / "ours")
    images, texts = pairs("clip")
    inputs = {"images": images, "texts": texts}
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(x(inputs)["logits"]) for x in (model, again))
    )


@parity
@pytest.mark.parametrize(
    ("shape", "change", "message"),
    [
        ("clip", {"projection_dim": 16}, r"visual_projection.weight must have shape"),
        ("siglip", {"text_config": {"projection_size": 7}}, "projection_size must be"),
        ("siglip", {"vision_config": {"vision_use_head": False}}, "vision_use_head"),
        ("clip", {"text_config": 3}, "text_config must hold a dictionary"),
    ],
)
def test_a_config_that_differs(tmp_path, shape, change, message):
    made(tmp_path, shape)
    _, config = SHAPES[shape]
    ((name, value),) = change.items()
    if isinstance(value, dict):
        change = {name: {**config[name], **value}}
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)


@parity
def test_its_tokenizer(tmp_path):
    """BPE with ends of words, between CLIP's start and end."""
    from transformers import CLIPTokenizer

    letters = [*"acegrt", *(f"{x}</w>" for x in "acegrt")]
    vocabulary = {x: n for n, x in enumerate([*letters, "ca", "cat</w>"])}
    for name in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[name] = len(vocabulary)
    merges = [("c", "a"), ("ca", "t</w>")]
    CLIPTokenizer(vocab=vocabulary, merges=merges).save_pretrained(tmp_path)
    ours = load_tokenizer(tmp_path)
    assert ours.tokens(ours.encode("Cat  GREAT")) == [
        "<|startoftext|>",
        "cat</w>",
        *("g", "r", "e", "a", "t</w>"),
        "<|endoftext|>",
    ]
    assert ours.decode(ours.encode("Cat  GREAT")) == "cat great"
    assert ours.end_id == vocabulary["<|endoftext|>"]


def towers(image):
    text = CLIPTextEncoder(9, **SIZES, end_id=2, max_sequence_length=5)
    return CLIP(image, text, 3)


@pytest.mark.parametrize(
    "image",
    [
        lambda: ViT((4, 4, 1), 2, **SIZES),
        lambda: VideoEncoder((2, 4, 4, 1), 2, **SIZES),
    ],
)
def test_two_towers_come_back(tmp_path, image):
    """Their weights have the same names, but for the name of the tower."""
    model = towers(image())
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    save_to_preset(model, tmp_path)
    again, report = from_preset(tmp_path, return_report=True)
    shape = model.image_encoder.input.shape[1:]
    inputs = {
        "images": rng.random((2, *shape)).astype("float32"),
        "texts": np.array([[5, 2, 0], [3, 4, 2]]),
    }
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(x(inputs)["logits"]) for x in (model, again))
    )
    assert len(report.loaded) == len(model.weights)
    assert "image_encoder/layer_norm/gamma" in report.loaded
    assert "text_encoder/layer_norm/gamma" in report.loaded
