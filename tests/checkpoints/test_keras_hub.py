"""Presets of KerasHub: the same numbers, and damaged ones."""

import json

import pytest

from checkpoints.small import (
    bert,
)
from tlkeras.checkpoints import from_preset

KERAS_HUB_ARGUMENTS = (
    "vocabulary_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "dropout",
    "max_sequence_length",
    "num_segments",
)


def test_truncated_keras_hub(tmp_path):
    config = {
        "name": "bert_backbone",
        **{k: v for k, v in bert().get_config().items() if k in KERAS_HUB_ARGUMENTS},
    }
    text = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": config})
    (tmp_path / "config.json").write_text(text)
    path = tmp_path / "model.weights.h5"
    bert().save_weights(path)
    from_preset(tmp_path)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="may be truncated"):
        from_preset(tmp_path)
