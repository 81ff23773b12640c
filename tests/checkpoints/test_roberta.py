"""RoBERTa in a `Bert`, against `transformers`: the same states, scores and logits."""

import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE, changed, differences, padded, saved
from tlkeras.checkpoints import from_preset

pytestmark = pytest.mark.parity
SHAPES = {
    "wide": {
        "vocab_size": 97,
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 80,
        "max_position_embeddings": 42,
        "type_vocab_size": 1,
        "pad_token_id": 1,
    },
    "narrow": {
        "vocab_size": 61,
        "hidden_size": 24,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "intermediate_size": 31,
        "max_position_embeddings": 21,  # as long as the texts, and the offset
        "type_vocab_size": 2,
        "pad_token_id": 1,
        "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-7,
    },
}


@pytest.mark.parametrize("pooler", [True, False])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_random_checkpoints(tmp_path, capsys, shape, pooler):
    config = SHAPES[shape]
    theirs = saved(tmp_path, "Roberta", "Model", config, add_pooling_layer=pooler)
    inputs = padded(config["vocab_size"], padding=1)
    inputs["segment_ids"] = inputs["token_ids"] % config["type_vocab_size"]
    model, report = from_preset(tmp_path, return_report=True)
    found = differences(model, theirs, inputs, token_type_ids=inputs["segment_ids"])
    with capsys.disabled():
        print(f"\nRoBERTa {shape}: {max(found):.1e}", end=" ")
    assert max(found) < TOLERANCE
    assert (model.pooled_dense is not None) == pooler
    assert report.left_out == report.fresh == ()
    assert model.get_config()["max_sequence_length"] == (
        config["max_position_embeddings"] - 2
    )


def test_its_first_two_positions_are_not_ours(tmp_path):
    theirs = saved(tmp_path, "Roberta", "Model", SHAPES["wide"])
    table = theirs.embeddings.position_embeddings.weight.detach().numpy()
    (ours,) = from_preset(tmp_path).position_embedding.weights
    np.testing.assert_array_equal(ops.convert_to_numpy(ours), table[2:])


def test_masked_lm(tmp_path, capsys):
    config = SHAPES["wide"]
    theirs = saved(tmp_path, "Roberta", "ForMaskedLM", config)
    model, report = from_preset(tmp_path, head="masked_lm", return_report=True)
    inputs = padded(config["vocab_size"], padding=1)
    (found,) = differences(model, theirs, inputs)
    with capsys.disabled():
        print(f"\nRoBERTa logits: {found:.1e}", end=" ")
    assert found < TOLERANCE
    assert report.left_out == report.fresh == ()


@pytest.mark.parametrize(
    ("change", "head", "message"),
    [
        ({"pad_token_id": 0}, None, "pad_token_id must be 1"),
        ({"hidden_act": "relu"}, "masked_lm", "hidden_act must be 'gelu'"),
        ({"max_position_embeddings": 40}, None, r"must have shape \(40, 48\)"),
        ({"num_hidden_layers": 4}, None, r"lacks encoder\.layer\.3\."),
    ],
)
def test_a_config_that_differs(tmp_path, change, head, message):
    saved(tmp_path, "Roberta", "ForMaskedLM", SHAPES["wide"])
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path, head=head)
