"""Whole GPTs against `transformers`, for the table of parity.py."""

import tempfile

import numpy as np
from _bert_parity import _shaken, batch

from tlkeras.checkpoints import from_preset

GPT2 = {
    "vocab_size": 97,
    "n_embd": 48,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": 40,
}
LLAMA = {
    "vocab_size": 97,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 80,
    "max_position_embeddings": 40,
}


def random_model(family, head, shape):
    """A comparison of hidden states, scores and logits, with random weights."""

    def compare(data):
        import torch
        import transformers

        config = getattr(transformers, f"{family}Config")(
            **shape, attn_implementation="eager"
        )
        theirs = _shaken(getattr(transformers, f"{family}{head}")(config)).eval()
        inputs = batch(data, config.vocab_size)
        keep = inputs["padding_mask"]  # (B, T)
        del inputs["segment_ids"]
        with tempfile.TemporaryDirectory() as folder:
            theirs.save_pretrained(folder)
            ours = from_preset(folder)
        with torch.no_grad():
            wanted = theirs(
                input_ids=torch.tensor(inputs["token_ids"]),
                attention_mask=torch.tensor(keep.astype("int64")),
                output_hidden_states=True,
                output_attentions=True,
            )
        found = ours(inputs, return_hidden_states=True, return_attention_scores=True)
        *states, last = found["hidden_states"]  # the last of theirs is normalised
        pairs = (
            ([*states, ours.layer_norm(last)], wanted.hidden_states),
            ([found["logits"]], [wanted.logits]),
        )
        scores = (found["attention_scores"], wanted.attentions)
        pairs = [tuple([np.array(x)[keep] for x in side] for side in p) for p in pairs]
        pairs.append(
            tuple([np.moveaxis(np.array(x), 2, 1)[keep] for x in s] for s in scores)
        )
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    return compare


gpt2 = random_model("GPT2", "LMHeadModel", GPT2)
llama = random_model("Llama", "ForCausalLM", LLAMA)
