"""A whole YOLOS against `transformers`, for the table of parity.py."""

import tempfile

import numpy as np
from _bert_parity import _shaken

from tlkeras.checkpoints import from_preset

YOLOS = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 80,
    "image_size": [24, 40],
    "patch_size": 8,
    "num_detection_tokens": 7,
    "num_labels": 5,
}


def yolos(data):
    """Logits and boxes, of ours and theirs, with random weights."""
    import torch
    import transformers

    config = transformers.YolosConfig(**YOLOS, attn_implementation="eager")
    theirs = _shaken(transformers.YolosForObjectDetection(config)).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = from_preset(folder)
    images = data.floats(3, *config.image_size, 3)
    with torch.no_grad():
        wanted = theirs(torch.tensor(images.transpose(0, 3, 1, 2)))
    found = ours(images)
    return (
        (np.array(found["logits"]), np.array(found["boxes"])),
        (wanted.logits.numpy(), wanted.pred_boxes.numpy()),
    )
