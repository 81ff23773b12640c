"""`ViT` against checkpoints of `transformers` and KerasHub: the largest errors.

python benchmarks/parity_vit.py

Each checkpoint is randomly initialised, saved, and read with `from_preset`; the same
images go through both. The tests hold the same errors below the limit.
"""

import tempfile

import keras
import numpy as np

from tlkeras.checkpoints import from_preset

LIMIT = 1e-5
# Name: class, patch, image, channels, width, blocks, heads, feed-forward, others.
CHECKPOINTS = {
    "ViT": ("ViT", 8, 32, 3, 48, 3, 4, 80, {}),
    "ViT, grey, no bias, GELU by tanh": (
        *("ViT", 3, 21, 1, 30, 2, 5, 47),
        {"hidden_act": "gelu_new", "qkv_bias": False},
    ),
    "DeiT, distillation token": ("DeiT", 5, 30, 3, 36, 4, 3, 50, {}),
    "I-JEPA, no class token": ("IJepa", 4, 24, 3, 40, 3, 2, 64, {}),
}
NAMES = (
    *("patch_size", "image_size", "num_channels", "hidden_size"),
    *("num_hidden_layers", "num_attention_heads", "intermediate_size"),
)


def checkpoint(folder, kind, *sizes):
    """A random model of `transformers`, saved to a folder."""
    import torch
    import transformers

    *sizes, others = sizes
    config = getattr(transformers, f"{kind}Config")(
        **dict(zip(NAMES, sizes, strict=True)), **others, attn_implementation="eager"
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}Model")(config).eval()
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return model


def images(height, width, channels):
    """Three of them, the same at every call."""
    shape = (3, height, width, channels)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def errors(folder, theirs, shape, native):
    """The largest differences of hidden states, attention scores and the output."""
    import torch

    inputs = images(*shape)
    model = from_preset(folder, image_shape=shape)
    ours = model(inputs, return_hidden_states=True, return_attention_scores=True)
    with torch.no_grad():
        wanted = theirs(
            torch.tensor(inputs.transpose(0, 3, 1, 2)),
            output_hidden_states=True,
            output_attentions=True,
            interpolate_pos_encoding=not native,
        )
    pairs = (
        (ours["hidden_states"], wanted.hidden_states),
        (ours["attention_scores"], wanted.attentions),
        ([ours["sequence_output"]], [wanted.last_hidden_state]),
    )
    return [max(map(difference, left, right)) for left, right in pairs]


def difference(ours, theirs):
    """The largest, in absolute value."""
    theirs = keras.ops.convert_to_numpy(theirs)
    return float(np.abs(keras.ops.convert_to_numpy(ours) - theirs).max())


def hub(class_token):
    """The largest difference from a KerasHub preset."""
    import keras_hub

    sizes = ((12, 8, 3), (4, 2), 11, 3, 24, 40)
    theirs = keras_hub.models.ViTBackbone(*sizes, use_class_token=class_token)
    rng = np.random.default_rng(0)
    for weight in theirs.weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_to_preset(folder)
        ours = from_preset(folder)
    inputs = images(12, 8, 3)
    return difference(ours(inputs)["sequence_output"], theirs(inputs))


def main():
    """Print the table, in Markdown."""
    print("| checkpoint | image | patch | hidden states | attention scores | output |")
    print("|---|---|---|---|---|---|")
    for name, (kind, patch, side, channels, *others) in CHECKPOINTS.items():
        with tempfile.TemporaryDirectory() as folder:
            theirs = checkpoint(folder, kind, patch, side, channels, *others)
            for height, width in ((side, side), (2 * side, side + patch)):
                shape, native = (height, width, channels), height == side
                found = errors(folder, theirs, shape, native)
                note = "" if native else f", trained at {side}"
                cells = " | ".join(f"{x:.1e}" for x in found)
                print(f"| {name} | {height} × {width}{note} | {patch} | {cells} |")
    for class_token in (True, False):
        name = f"KerasHub ViTBackbone, class token {class_token}"
        print(f"| {name} | 12 × 8 | 4 × 2 | | | {hub(class_token):.1e} |")
    print(f"\nAbsolute errors in float32; the limit is {LIMIT:g}.")


if __name__ == "__main__":
    main()
