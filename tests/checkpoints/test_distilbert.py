"""DistilBERT in a `Bert`, against `transformers`: the same states, scores, logits."""

import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE, changed, differences, padded, saved
from tlkeras.checkpoints import from_preset

pytestmark = pytest.mark.parity
SHAPES = {
    "wide": {
        "vocab_size": 97,
        "dim": 48,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 80,
        "max_position_embeddings": 40,
    },
    "narrow": {
        "vocab_size": 61,
        "dim": 24,
        "n_layers": 5,
        "n_heads": 6,
        "hidden_dim": 31,
        "max_position_embeddings": 19,
        "activation": "relu",
        "sinusoidal_pos_embds": True,
    },
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_random_checkpoints(tmp_path, capsys, shape):
    theirs = saved(tmp_path, "DistilBert", "Model", SHAPES[shape])
    model, report = from_preset(tmp_path, return_report=True)
    inputs = padded(SHAPES[shape]["vocab_size"])
    found = differences(model, theirs, inputs)
    with capsys.disabled():
        print(f"\nDistilBERT {shape}: {max(found):.1e}", end=" ")
    assert max(found) < TOLERANCE
    assert set(model(inputs)) == {"sequence_output"}
    assert not np.any(ops.convert_to_numpy(model.segment_embedding.embeddings))
    assert len(report.loaded) == len(model.weights) - 1
    assert report.left_out == report.fresh == ()


@pytest.mark.parametrize("shape", list(SHAPES))
def test_masked_lm(tmp_path, capsys, shape):
    theirs = saved(tmp_path, "DistilBert", "ForMaskedLM", SHAPES[shape])
    model, report = from_preset(tmp_path, head="masked_lm", return_report=True)
    (found,) = differences(model, theirs, padded(SHAPES[shape]["vocab_size"]))
    with capsys.disabled():
        print(f"\nDistilBERT {shape}, logits: {found:.1e}", end=" ")
    assert found < TOLERANCE
    assert report.left_out == report.fresh == ()
    backbone, report = from_preset(tmp_path, return_report=True)
    assert max(differences(backbone, theirs.distilbert, padded(61))) < TOLERANCE
    assert all(name.startswith("vocab_") for name in report.left_out)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_dim": 81}, r"lin1\.weight must have shape \(81, 48\)"),
        ({"n_layers": 4}, r"lacks transformer\.layer\.3\."),
        ({"n_layers": 2}, r"no place, such as .*transformer\.layer\.2"),
        ({"activation": "mish"}, "activation must be one of"),
    ],
)
def test_a_config_that_differs(tmp_path, change, message):
    saved(tmp_path, "DistilBert", "Model", SHAPES["wide"])
    changed(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)
