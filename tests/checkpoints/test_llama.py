"""Llama in a `GPT`, against `transformers`: the same states, scores and logits."""

import pytest

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
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 80,
        "max_position_embeddings": 40,
    },
    "narrow": {
        "vocab_size": 61,
        "hidden_size": 24,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "intermediate_size": 31,
        "max_position_embeddings": 19,  # as long as the texts
        "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
        "rms_norm_eps": 1e-3,
        "tie_word_embeddings": True,
    },
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_random_checkpoints(tmp_path, capsys, shape):
    config = SHAPES[shape]
    theirs = saved(tmp_path, "Llama", "ForCausalLM", config)
    model, report = from_preset(tmp_path, return_report=True)
    found = language_differences(model, theirs, padded(config["vocab_size"]))
    with capsys.disabled():
        print(f"\nLlama {shape}: {max(found):.1e}", end=" ")
    assert max(found) < TOLERANCE
    assert report.left_out == report.fresh == ()


def test_the_wavelength_of_older_files(tmp_path):
    saved(tmp_path, "Llama", "ForCausalLM", SHAPES["wide"])
    assert from_preset(tmp_path).max_wavelength == 10000
    changed(tmp_path, {"rope_parameters": None, "rope_theta": 500.0})
    assert from_preset(tmp_path).max_wavelength == 500


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "gelu"}, "hidden_act must be 'silu'"),
        ({"attention_bias": True}, "attention_bias must be False"),
        ({"mlp_bias": True}, "mlp_bias must be False"),
        ({"head_dim": 16}, "head_dim must be 12"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "type must be 'default'"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope_type must be 'default'"),
        ({"rope_parameters": {"factor": 2.0}}, "factor must be None"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor must be 1.0"),
        ({"model_type": "mistral"}, "given 'mistral'"),
        ({"num_key_value_heads": 4}, r"must have shape \(48, 48\)"),
        ({"num_key_value_heads": 3}, "multiple of num_key_value_heads"),
        ({"tie_word_embeddings": True}, r"lm_head\.weight .* must hold the numbers of"),
        ({"num_hidden_layers": 4}, r"lacks layers\.3\."),
    ],
)
def test_a_config_that_differs(tmp_path, change, message):
    saved(tmp_path, "Llama", "ForCausalLM", SHAPES["wide"])
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)
