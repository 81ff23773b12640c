"""Presets of every kind: what is none, and many damaged ones."""

import json

import keras
import numpy as np
import pytest

from checkpoints.formats import test_ctranslate2 as ctranslate2
from checkpoints.formats import test_gguf as gguf_files
from checkpoints.small import (
    bert,
    mutated,
    randomized,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.checkpoints.architecture import Architecture, Blocks, Part
from tlkeras.checkpoints.architectures import ARCHITECTURES
from tlkeras.models import Bert


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
    with pytest.raises(ValueError, match=r"head must be None or one of .*; given 'x'"):
        from_preset(folder, head="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "electra"}, "must be one of bert, .* given 'electra'"),
        ({"hidden_act": "mish"}, "hidden_act must be one of.*given 'mish'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"is_decoder": True}, "is_decoder must be False"),
        ({"registered_name": "keras_hub>GemmaBackbone"}, "keras_hub>GemmaBackbone"),
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


# An architecture of another house, as one would add it: its names, and no more


ENCODER = {
    **{
        f"self_attention_layer/{name}": Part("attention.qkv", third, of=3)
        for third, name in enumerate(("query", "key", "value"))
    },
    "self_attention_layer/attention_output": "attention.out",
    "self_attention_layer_norm": "attention.norm",
    "feedforward_intermediate_dense": "up",
    "feedforward_output_dense": "down",
    "feedforward_layer_norm": "norm",
}


def toy_arguments(config, names):
    return {
        "vocabulary_size": config["toy.words"],
        "num_layers": config["toy.layers"],
        "num_heads": 2,
        "hidden_dim": 32,
        "intermediate_dim": 64,
        "max_sequence_length": 5,
        "use_pooler": False,
    }


TOY = Architecture(
    kind="Toy",
    model=Bert,
    arguments=toy_arguments,
    outside={
        "token_embedding": "words",
        "position_embedding": "positions",
        "segment_embedding": "segments",
        "embeddings_layer_norm": "norm",
    },
    blocks=(Blocks("layers.{}.", ENCODER),),
)
TOY_SIZES = {"toy.words": 9, "toy.layers": 2}


def toy_tensors(model):
    """The weights of a `Bert` under the names of the toy; three kernels in one."""
    tensors, order = {}, {}
    for variable in model.weights:
        part, array = TOY.part(variable.path), keras.ops.convert_to_numpy(variable)
        shape = TOY.theirs(variable)
        if variable.name == "kernel":  # all heads in one axis, then (out, in)
            output = "attention_output" in variable.path
            array = array.reshape((-1, shape[0]) if output else (shape[1], -1)).T
        order.setdefault(part.name, {})[part.index] = array.reshape(shape)
    for name, parts in order.items():
        tensors[name] = np.concatenate([parts[i] for i in sorted(parts)])
    return tensors


def toy_preset(folder, kind, model):
    """A file that describes itself, with no config.json beside it."""
    tensors = {n: np.ascontiguousarray(x) for n, x in toy_tensors(model).items()}
    if kind == "gguf":
        sizes = {name.replace(".", "__"): x for name, x in TOY_SIZES.items()}
        three = [(name, array, "F32") for name, array in tensors.items()]
        gguf_files.written(folder / "toy.gguf", three, **sizes)
    else:
        settings = [
            ctranslate2.variable(name, np.int16(x)) for name, x in TOY_SIZES.items()
        ]
        parts = [ctranslate2.variable(name, x) for name, x in tensors.items()]
        (folder / "model.bin").write_bytes(ctranslate2.file([*settings, *parts]))
        (folder / "config.json").write_text("{}")


@pytest.mark.parametrize(
    ("kind", "name"), [("gguf", "gguf>toy"), ("ct2", "ctranslate2>ToySpec")]
)
def test_a_new_architecture_needs_a_table_alone(tmp_path, monkeypatch, kind, name):
    model = randomized(Bert(**toy_arguments(TOY_SIZES, ())))
    toy_preset(tmp_path, kind, model)
    with pytest.raises(ValueError, match=f"must be one of .*; given '{name}'"):
        from_preset(tmp_path)
    monkeypatch.setitem(ARCHITECTURES, name, TOY)
    copy, report = from_preset(tmp_path, return_report=True, dropout=0)
    assert report.kind == "Toy"
    assert report.left_out == report.fresh == ()
    for ours, theirs in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
