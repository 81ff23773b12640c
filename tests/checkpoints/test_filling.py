"""Tensors that do not fit: missing, left over or of another shape."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from checkpoints.small import (
    bert,
    least,
    refused,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import BertMaskedLM


def missing(tensors):
    del tensors["encoder.layer.1.output.dense.weight"]


def misshapen(tensors):
    tensors["pooler.dense.weight"] = np.zeros((8, 9), "float32")


def one_layer_more(tensors):
    tensors["encoder.layer.2.output.dense.weight"] = np.zeros((8, 12), "float32")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing, r"lacks encoder\.layer\.1\.output\.dense\.weight"),
        (misshapen, r"pooler\.dense\.weight must have shape \(8, 8\).*\(8, 9\)"),
        (one_layer_more, r"no place, such as encoder\.layer\.2"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, spoil, message):
    tensors = their_tensors(bert())
    spoil(tensors)
    with pytest.raises(ValueError, match=message):
        from_preset(write(tmp_path, tensors))


def test_tensors_of_other_types(preset):
    path = preset("vit") / "model.safetensors"
    tensors = load_file(path)
    first = sorted(tensors)[0]
    for array in (np.zeros(0, "float32"), np.zeros((1,) * 6, "int8")):
        save_file({**tensors, first: array}, path)
        refused(path.parent, "must have shape")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 3}, r"lacks encoder\.layer\.2\.attention\.self\.query"),
        ({"num_hidden_layers": 2**40}, r"lacks encoder\.layer\.2\.attention\.self"),
        ({"max_position_embeddings": 12}, r"position_embeddings.*shape \(12, 8\)"),
        ({"vocab_size": 400}, r"word_embeddings\.weight must have shape \(400, 8\)"),
        ({"intermediate_size": 1200}, r"intermediate\.dense\.weight must have shape"),
    ],
)
def test_a_config_that_asks_for_more_is_told_which_tensor(tmp_path, changes, message):
    """And not only by how many numbers the two differ."""
    folder = write(tmp_path, their_tensors(bert()), **changes)
    with pytest.raises(ValueError, match=message) as caught:
        from_preset(folder)
    assert str(folder) in str(caught.value)


def test_a_large_tensor_that_is_missing_is_named(tmp_path):
    tensors = their_tensors(bert())
    del tensors["embeddings.word_embeddings.weight"]
    folder = write(tmp_path, tensors, vocab_size=2**40)
    with pytest.raises(ValueError, match=r"lacks embeddings\.word_embeddings, for tok"):
        from_preset(folder)


def test_what_would_take_gigabytes_is_refused_by_counting(tmp_path):
    folder = write(tmp_path, their_tensors(bert()), vocab_size=2**40)
    with pytest.raises(ValueError, match="asks for at least 8,796,093"):
        from_preset(folder)


def test_no_layer_is_made_without_a_tensor(tmp_path):
    """Each is small: by numbers alone so many of them would be made, for hours."""
    save_to_preset(least(), tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["config"]["num_layers"] = 100_000
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"in 100,000 layers, and .* in 23 tensors"):
        from_preset(tmp_path)


def test_one_weight_under_two_names(tmp_path):
    tensors = their_tensors(bert())
    tensors["bert.pooler.dense.bias"] = tensors["pooler.dense.bias"]
    with pytest.raises(ValueError, match=r"holds both .*pooler\.dense\.bias"):
        from_preset(write(tmp_path, tensors))


def test_a_head_that_was_not_asked_for_is_left_and_one_too_many_is_not(tmp_path):
    model = BertMaskedLM(least())
    save_to_preset(model, tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "head_dense/kernel_2": tensors["head_dense/kernel"]}, path)
    _, report = from_preset(tmp_path, return_report=True)
    assert "head_dense/kernel_2" in report.left_out
    with pytest.raises(ValueError, match="no place, such as head_dense/kernel_2"):
        from_preset(tmp_path, head="masked_lm")


def test_a_bias_that_differs_from_its_other_half(tmp_path):
    tensors = their_tensors(BertMaskedLM(bert()))
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"] + 1
    with pytest.raises(ValueError, match=r"decoder\.bias in .* they differ"):
        from_preset(write(tmp_path, tensors), head="masked_lm")
