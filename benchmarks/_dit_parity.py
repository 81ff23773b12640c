"""A whole DiT against diffusers, for the table of parity.py."""

import tempfile

import numpy as np
from _bert_parity import _shaken

from tlkeras.checkpoints import from_preset

DIT = {
    "num_attention_heads": 4,
    "attention_head_dim": 12,
    "in_channels": 3,
    "out_channels": 6,
    "num_layers": 3,
    "sample_size": 8,
    "patch_size": 2,
    "num_embeds_ada_norm": 10,
    "norm_eps": 1e-6,
}


def dit(data):
    """The predictions of ours and theirs, with random weights."""
    import torch
    from diffusers import DiTTransformer2DModel

    torch.manual_seed(0)
    theirs = _shaken(DiTTransformer2DModel(**DIT)).eval()
    first, *others = theirs.transformer_blocks
    for block in others:
        block.norm1.emb.load_state_dict(first.norm1.emb.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = from_preset(folder)
    images = data.floats(3, 8, 8, 3)
    times, labels = np.array([0.0, 41.0, 999.0], "float32"), np.array([2, 0, 10])
    with torch.no_grad():
        wanted = theirs(
            torch.tensor(images.transpose(0, 3, 1, 2)),
            timestep=torch.tensor(times),
            class_labels=torch.tensor(labels),
        )
    found = ours({"images": images, "times": times, "labels": labels})
    return found["prediction"], wanted.sample.permute(0, 2, 3, 1)
