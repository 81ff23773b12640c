"""Whole T5s against `transformers`, for the table of parity.py."""

import functools
import tempfile

import numpy as np
from _bert_parity import _shaken, batch

from tlkeras.checkpoints import from_preset

T5 = {
    "vocab_size": 97,
    "d_model": 48,
    "d_kv": 7,
    "d_ff": 80,
    "num_layers": 3,
    "num_heads": 4,
}
FLAN = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}


def _compare(data, **others):
    """States of the encoder and logits, of ours and theirs, with random weights."""
    import torch
    import transformers

    config = transformers.T5Config(**{**T5, **others}, attn_implementation="eager")
    theirs = _shaken(transformers.T5ForConditionalGeneration(config)).eval()
    source = batch(data, config.vocab_size)
    del source["segment_ids"]
    keep, target = source["padding_mask"], source["token_ids"][::-1].copy()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = from_preset(folder)
    with torch.no_grad():
        wanted = theirs(
            input_ids=torch.tensor(source["token_ids"]),
            attention_mask=torch.tensor(keep.astype("int64")),
            decoder_input_ids=torch.tensor(target),
        )
    states = np.array(ours.encoder(source)["sequence_output"])[keep]
    logits = np.array(ours({"source": source, "target_ids": target}))
    theirs_states = wanted.encoder_last_hidden_state.numpy()[keep]
    return (states, logits), (theirs_states, wanted.logits.numpy())


t5 = _compare
flan_t5 = functools.partial(_compare, **FLAN)
