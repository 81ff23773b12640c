"""HDF5 that reaches out of its file, or claims more than it stores: refused."""

import json

import h5py
import ml_dtypes
import numpy as np
import pytest

from checkpoints.small import (
    HUB_VIT,
    refused,
)
from tlkeras.checkpoints.formats import HDF5, open_weights


def a_loop(file):
    file["layers/loop"] = file["/"]


def a_soft_link(file):
    file["soft"] = h5py.SoftLink("/layers")


def an_external_link(file):
    file["external"] = h5py.ExternalLink("secret.h5", "/weights")


def external_storage(file):
    kept = [("secret.raw", 0, 16)]
    file.create_dataset("raw", shape=(4,), dtype="float32", external=kept)


def a_virtual_data_set(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="float32")
    layout[:] = h5py.VirtualSource("secret.h5", "weights", shape=(4,))
    file.create_virtual_dataset("virtual", layout)


def four_tebibytes(file):
    file.create_dataset("huge", shape=(2**40,), dtype="float32", chunks=(1024,))


def words(file):
    file.create_dataset("words", data=["a", "b"])


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (a_loop, "layers/loop is there twice"),
        (a_soft_link, "soft is a link"),
        (an_external_link, "external is a link"),
        (external_storage, "raw is in another file"),
        (a_virtual_data_set, "virtual is in another file"),
        (four_tebibytes, "huge claims 4,398,046,511,104 bytes and stores 0"),
        (words, "words holds object"),
    ],
)
@pytest.mark.parametrize("kind", ["BertBackbone", "ViTBackbone"])
def test_hdf5_that_reaches_out(preset, spoil, match, kind):
    folder = preset("hub")
    if kind == "ViTBackbone":
        text = json.dumps({"registered_name": f"keras_hub>{kind}", "config": HUB_VIT})
        (folder / "config.json").write_text(text)
    with h5py.File(folder / "model.weights.h5", "a") as file:
        spoil(file)
    refused(folder, match)


def test_what_is_read(tmp_path):
    array = np.arange(6, dtype="float32").reshape(2, 3)
    halves = np.array([1.5, -2], ml_dtypes.bfloat16)
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = array
        file.create_dataset("b", data=halves.view("V2"))
    weights = open_weights(tmp_path / "a.weights.h5")
    assert isinstance(weights, HDF5)
    assert weights.names() == ("b", "layers/dense/vars/0")
    assert weights.shape("layers/dense/vars/0") == (2, 3)
    assert [weights.dtype(name) for name in weights] == ["bfloat16", "float32"]
    np.testing.assert_array_equal(weights["layers/dense/vars/0"], array)
    np.testing.assert_array_equal(weights["b"], halves)
