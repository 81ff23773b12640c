"""Whole CLIPs and SigLIPs against `transformers`, for the table of parity.py."""

import functools
import tempfile

import numpy as np
from _bert_parity import _shaken

from tlkeras.checkpoints import from_preset

BOTH = {"num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 80}
IMAGE = {**BOTH, "hidden_size": 48, "image_size": 24, "patch_size": 8}
TEXT = {**BOTH, "hidden_size": 32, "vocab_size": 97, "max_position_embeddings": 33}
END = 96


def _compare(data, kind, **others):
    """Embeddings and logits, of ours and theirs, with random weights."""
    import torch
    import transformers

    text = {**TEXT, "eos_token_id": END, **others}
    config = getattr(transformers, f"{kind}Config")(
        vision_config=IMAGE, text_config=text, attn_implementation="eager"
    )
    theirs = _shaken(getattr(transformers, f"{kind}Model")(config)).eval()
    images = data.floats(3, 24, 24, 3)
    tokens = np.where(data.keep, data.token_ids % END, END)  # (B, T), most with an end
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = from_preset(folder)
    with torch.no_grad():
        wanted = theirs(
            pixel_values=torch.tensor(images.transpose(0, 3, 1, 2)),
            input_ids=torch.tensor(tokens),
        )
    found = ours({"images": images, "texts": tokens})
    names = {"image_embeddings": "image_embeds", "text_embeddings": "text_embeds"}
    names |= {"logits": "logits_per_image"}
    return (
        [np.array(found[name]) for name in names],
        [wanted[name].numpy() for name in names.values()],
    )


clip = functools.partial(_compare, kind="CLIP")
siglip = functools.partial(_compare, kind="Siglip", projection_size=48)
