"""Presets of KerasHub's GPT-2 and Llama in a `GPT`: the same logits."""

import json

import keras_hub
import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE
from tlkeras.checkpoints import from_preset

KEEP = np.arange(7) < np.array([7, 3, 1])[:, None]
Hub = keras_hub.models.LlamaBackbone


def llama(**arguments):
    shape = {"num_query_heads": 4, "num_key_value_heads": 2, "rope_max_wavelength": 50}
    return Hub(30, 2, hidden_dim=8, intermediate_dim=12, **shape, **arguments)


MODELS = {
    "GPT-2": lambda: keras_hub.models.GPT2Backbone(30, 2, 4, 8, 12, 0.2, 9),
    "Llama": llama,
    "tied Llama": lambda: llama(tie_word_embeddings=True, layer_norm_epsilon=1e-3),
}


@pytest.mark.parametrize("name", MODELS)
def test_random_presets(tmp_path, rng, name):
    hub = MODELS[name]()
    for weight in hub.weights:
        weight.assign(0.5 * rng.normal(size=weight.shape))
    hub.save_to_preset(tmp_path)
    model, report = from_preset(tmp_path, return_report=True)
    assert report.left_out == report.fresh == ()
    assert len(report.loaded) == len(hub.weights)
    inputs = {"token_ids": rng.integers(1, 30, (3, 7)), "padding_mask": KEEP}
    hidden = hub({name: x.astype("int32") for name, x in inputs.items()})
    wanted = ops.convert_to_numpy(hub.token_embedding(hidden, reverse=True))
    found = ops.convert_to_numpy(model(inputs))
    assert np.abs(found - wanted).max() < TOLERANCE * max(1, np.abs(wanted).max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rope_position_scaling_factor": 2.0}, "rope_position_scaling_factor must be"),
        ({"rope_frequency_adjustment_factor": 8}, "adjustment_factor must be None"),
        ({"num_layers": 3}, "lacks llama_transformer_decoder_2/"),
        ({"num_layers": 1}, "no place, such as layers/llama_transformer_decoder_1/"),
        ({"num_key_value_heads": 4}, r"must have shape \(8, 4, 2\)"),
    ],
)
def test_a_config_that_differs(tmp_path, change, message):
    llama().save_to_preset(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["config"].update(change)
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        from_preset(tmp_path)


def test_it_does_not_say_how_long_texts_may_be(tmp_path):
    llama().save_to_preset(tmp_path)
    assert from_preset(tmp_path).max_sequence_length == 1024
    longer = from_preset(tmp_path, max_sequence_length=4096)
    assert longer.max_sequence_length == 4096
