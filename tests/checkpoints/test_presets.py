"""Presets of every kind: what is none, and many damaged ones."""

import json

import pytest

from checkpoints.small import (
    bert,
    mutated,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset, save_to_preset


def test_a_head_that_is_not_there(tmp_path):
    folder = write(tmp_path / "theirs", their_tensors(bert()), architectures=["BertX"])
    with pytest.raises(ValueError, match=r"no masked-LM head.*it is of \['BertX'\]"):
        from_preset(folder, head="masked_lm")
    save_to_preset(bert(), tmp_path / "ours")
    with pytest.raises(ValueError, match=r"no masked-LM head, but a 'tlkeras>Bert'"):
        from_preset(tmp_path / "ours", head="masked_lm")
    config = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": {}})
    (tmp_path / "ours" / "config.json").write_text(config)
    with pytest.raises(ValueError, match=r"no masked-LM head.*keras_hub>BertBackbone"):
        from_preset(tmp_path / "ours", head="masked_lm")
    with pytest.raises(ValueError, match="head must be None or 'masked_lm'; given 'x'"):
        from_preset(folder, head="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "electra"}, "must be one of bert, .* given 'electra'"),
        ({"hidden_act": "mish"}, "hidden_act must be one of.*given 'mish'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder must be False"),
        ({"registered_name": "keras_hub>GPT2Backbone"}, "keras_hub>GPT2Backbone"),
        ({"registered_name": "tlkeras>Nothing"}, "tlkeras>Nothing"),
    ],
)
def test_another_architecture(tmp_path, change, message):
    folder = write(tmp_path, their_tensors(bert()), config={}, **change)
    with pytest.raises(ValueError, match=message):
        from_preset(folder)


@pytest.mark.parametrize("kind", ["ours", "vit", "hub"])
@pytest.mark.parametrize("part", ["config", "weights"])
def test_many_damaged_presets(preset, kind, part, rng):
    folder = preset(kind)
    name = "model.weights.h5" if kind == "hub" else "model.safetensors"
    path = folder / ("config.json" if part == "config" else name)
    whole, messages = path.read_bytes(), []
    count = 40 if kind == "hub" else 100
    for _ in range(count):
        # Structure stands in front: most damage is done there.
        cut = len(whole) if rng.random() < 0.3 else min(2000, len(whole))
        path.write_bytes(mutated(whole[:cut], rng) + whole[cut:])
        try:
            from_preset(folder)
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 0.4 * count
    assert min(map(len, messages)) > 40
