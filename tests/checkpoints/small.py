"""Small models and presets, and what may happen to them."""

import json

import numpy as np
import pytest
from keras import ops
from safetensors.numpy import save_file

from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.bert import hugging_face_name
from tlkeras.models import Bert

CONFIG = {
    "model_type": "bert",
    "vocab_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": 8,
    "intermediate_size": 12,
    "max_position_embeddings": 11,
    "type_vocab_size": 3,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
}


def bert():
    return Bert(
        40,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        max_sequence_length=11,
        num_segments=3,
        layer_norm_epsilon=1e-6,
    )


def inputs():
    tokens = np.random.default_rng(1).integers(1, 40, (3, 7))
    tokens[1, 4:] = 0
    return {
        "token_ids": tokens,
        "segment_ids": tokens % 3,
        "padding_mask": tokens != 0,
    }


def their_tensors(model):
    """The weights of a `Bert` under the names and in the shapes of Hugging Face."""
    tensors = {}
    for variable in model.weights:
        array = ops.convert_to_numpy(variable)
        if variable.path.endswith("attention_output/kernel"):
            array = array.reshape(-1, array.shape[-1]).T
        elif variable.name == "kernel":
            array = array.reshape(array.shape[0], -1).T
        elif variable.name != "embeddings":
            array = array.reshape(-1)
        tensors[hugging_face_name(variable.path)] = np.ascontiguousarray(array)
    return tensors


def write(folder, tensors, **changes):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    save_file(tensors, folder / "model.safetensors")
    return folder


def randomized(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    return model


def same(left, right, tolerance=0):
    left, right = left(inputs()), right(inputs())
    assert set(left) == set(right)
    for name in left:
        np.testing.assert_allclose(
            ops.convert_to_numpy(left[name]),
            ops.convert_to_numpy(right[name]),
            atol=tolerance,
        )


SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}
LEAST = {
    "model_type": "bert",
    "vocab_size": 9,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "hidden_size": 4,
    "intermediate_size": 6,
    "max_position_embeddings": 5,
}
HUB_VIT = {
    "image_shape": [4, 4, 1],
    "patch_size": [2, 2],
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 4,
    "mlp_dim": 6,
    "dropout_rate": 0.0,
    "layer_norm_epsilon": 1e-6,
}


def least():
    return Bert(9, **SIZES, max_sequence_length=5)


def refused(folder, match="", **arguments):
    with pytest.raises(ValueError, match=match) as caught:
        from_preset(folder, **arguments)
    assert str(folder) in str(caught.value) or match
    return str(caught.value)


def mutated(data, rng):
    """A copy with a few bytes changed, a piece cut out, put in or repeated."""
    data, kind = bytearray(data), rng.integers(4)
    start, stop = sorted(rng.integers(0, len(data) + 1, 2))
    if kind == 0:
        for place in rng.integers(0, len(data), rng.integers(1, 6)):
            data[place] = rng.integers(256)
    elif kind == 1:
        del data[start : min(stop, start + 40)]
    elif kind == 2:
        data[start:start] = rng.bytes(8)
    else:
        del data[start:]
    return bytes(data)
