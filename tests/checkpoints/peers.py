"""What comparisons with `transformers` share."""

import json

import numpy as np
from keras import ops

TOLERANCE = 1e-5
LENGTHS = np.array([19, 3, 14, 1])[:, None]  # of texts, padded to the first


def saved(folder, family, head, shape, **arguments):
    """A randomly initialised model of `transformers`, saved."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        **shape, attn_implementation="eager"
    )
    model = getattr(transformers, f"{family}{head}")(config, **arguments)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return model.eval()


def padded(vocabulary, padding=0):
    """Texts of several lengths; no word in them is that of padding."""
    shape = (len(LENGTHS), int(LENGTHS.max()))
    tokens = np.random.default_rng(0).integers(padding + 1, vocabulary, shape)
    keep = np.arange(shape[1]) < LENGTHS
    return {
        "token_ids": np.where(keep, tokens, padding),
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": keep,
    }


def differences(model, theirs, inputs, **more):
    """The largest differences where there is text: states and scores, or logits."""
    import torch

    keep = inputs["padding_mask"]
    with torch.no_grad():
        wanted = theirs(
            input_ids=torch.tensor(inputs["token_ids"]),
            attention_mask=torch.tensor(keep.astype("int64")),
            output_hidden_states=True,
            output_attentions=True,
            **{name: torch.tensor(array) for name, array in more.items()},
        )
    if "logits" in wanted:
        pairs = [(model(inputs), wanted.logits)]
    else:
        ours = model(inputs, return_hidden_states=True, return_attention_scores=True)
        pairs = list(zip(ours["hidden_states"], wanted.hidden_states, strict=True))
        pairs += [
            (ops.swapaxes(a, 1, 2), b.transpose(1, 2))  # (B, T, N, T): rows are first
            for a, b in zip(ours["attention_scores"], wanted.attentions, strict=True)
        ]
        if "pooled_output" in ours:
            pooled = ops.convert_to_numpy(ours["pooled_output"])
            assert np.abs(pooled - wanted.pooler_output.numpy()).max() < TOLERANCE
    gaps = [np.abs(ops.convert_to_numpy(a) - b.numpy())[keep].max() for a, b in pairs]
    assert len(gaps) == 1 or len(gaps) == 2 * len(wanted.attentions) + 1
    return gaps


def changed(folder, changes):
    """Write other values into a folder's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def language_differences(model, theirs, inputs):
    """The same of a `GPT`; their last state is normalised, and ours is not yet."""
    import torch

    keep = inputs["padding_mask"]
    inputs = {name: inputs[name] for name in ("token_ids", "padding_mask")}
    with torch.no_grad():
        wanted = theirs(
            input_ids=torch.tensor(inputs["token_ids"]),
            attention_mask=torch.tensor(keep.astype("int64")),
            output_hidden_states=True,
            output_attentions=True,
        )
    ours = model(inputs, return_hidden_states=True, return_attention_scores=True)
    *states, last = ours["hidden_states"]
    states.append(model.layer_norm(last))
    pairs = list(zip(states, wanted.hidden_states, strict=True))
    pairs += [
        (ops.swapaxes(a, 1, 2), b.transpose(1, 2))  # (B, T, N, T): rows are first
        for a, b in zip(ours["attention_scores"], wanted.attentions, strict=True)
    ]
    if "logits" in wanted:
        pairs.append((ours["logits"], wanted.logits))
    return [np.abs(ops.convert_to_numpy(a) - b.numpy())[keep].max() for a, b in pairs]
