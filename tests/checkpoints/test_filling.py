"""Tensors that do not fit: missing, left over or of another shape."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from checkpoints.small import (
    bert,
    refused,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset


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
