"""GPT-2 in a `GPT`, against `transformers`: the same states, scores and logits."""

import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file, save_file

from checkpoints.peers import (
    TOLERANCE,
    changed,
    language_differences,
    padded,
    saved,
)
from tlkeras.checkpoints import from_preset

pytestmark = pytest.mark.parity
SHAPES = {
    "wide": {
        "vocab_size": 97,
        "n_embd": 48,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 40,
    },
    "narrow": {
        "vocab_size": 61,
        "n_embd": 24,
        "n_layer": 5,
        "n_head": 6,
        "n_inner": 31,
        "n_positions": 19,  # as long as the texts
        "activation_function": "relu",
        "layer_norm_epsilon": 1e-3,
    },
}
every_shape = pytest.mark.parametrize("shape", list(SHAPES))


@every_shape
@pytest.mark.parametrize("tied", [True, False])
def test_random_checkpoints(tmp_path, capsys, shape, tied):
    config = {**SHAPES[shape], "tie_word_embeddings": tied}
    theirs = saved(tmp_path, "GPT2", "LMHeadModel", config)
    model, report = from_preset(tmp_path, return_report=True)
    found = language_differences(model, theirs, padded(config["vocab_size"]))
    with capsys.disabled():
        print(f"\nGPT-2 {shape}: {max(found):.1e}", end=" ")
    assert max(found) < TOLERANCE
    assert report.left_out == report.fresh == ()
    assert model.tie_weights == tied


def test_one_without_a_head(tmp_path):
    """A `GPT2Model` is saved without a prefix; its head is its embedding."""
    theirs = saved(tmp_path, "GPT2", "Model", SHAPES["wide"])
    model = from_preset(tmp_path)
    found = language_differences(model, theirs, padded(97))
    assert max(found) < TOLERANCE


def test_a_file_of_an_old_version(tmp_path):
    """It holds the causal masks, and the tied head a second time."""
    saved(tmp_path, "GPT2", "LMHeadModel", SHAPES["wide"])
    tokens = padded(97)["token_ids"]
    before = ops.convert_to_numpy(from_preset(tmp_path)(tokens))
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 40, 40), "float32")
    tensors["transformer.h.0.attn.masked_bias"] = np.array(-1e4, "float32")
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
    save_file(tensors, path)
    after = ops.convert_to_numpy(from_preset(tmp_path)(tokens))
    np.testing.assert_array_equal(before, after)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"] + 1
    save_file(tensors, path)
    with pytest.raises(ValueError, match=r"lm_head\.weight .* must hold the numbers"):
        from_preset(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale_attn_weights": False}, "scale_attn_weights must be True"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ({"add_cross_attention": True}, "add_cross_attention must be False"),
        ({"activation_function": "tanh"}, "activation_function must be one of"),
        ({"n_layer": 4}, r"lacks h\.3\."),
        ({"n_layer": 2}, r"no place, such as transformer\.h\.2\."),
        ({"n_positions": 39}, r"must have shape \(39, 48\)"),
        ({"n_embd": 32}, "must have shape"),
        ({"tie_word_embeddings": False}, r"lacks lm_head\.weight"),
    ],
)
def test_a_config_that_differs(tmp_path, change, message):
    saved(tmp_path, "GPT2", "LMHeadModel", SHAPES["wide"])
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)
