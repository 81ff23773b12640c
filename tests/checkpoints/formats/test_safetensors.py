"""Safetensors: what is read, and headers that lie."""

import json
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from checkpoints.small import (
    bert,
    refused,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.formats import Safetensors, ShardedSafetensors, open_weights


def header(folder, text):
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4398046511104]}}',
        b'{"a": {"dtype": "F32", "shape": [4], "data_offsets": [-4, 12]}}',
        b'{"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "X", "shape": [4], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}}',
        b'{"a": 3}',
        b"[]",
        b"{" * 1000,
        b"\xff" * 20,
    ],
)
def test_a_header_that_lies(preset, text):
    folder = preset("ours")
    header(folder, text)
    assert "gain" in refused(folder, r"model\.safetensors")  # get, or write, it again


def test_a_header_longer_than_the_file(preset):
    folder = preset("ours")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(folder, "whole safetensors file")


def test_truncated(tmp_path):
    path = write(tmp_path, their_tensors(bert())) / "model.safetensors"
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="whole safetensors file"):
            from_preset(tmp_path)


def test_what_is_read(tmp_path):
    arrays = {
        "a": np.arange(6, dtype="float32").reshape(2, 3),
        "b": np.ones(4, ml_dtypes.bfloat16),
        "c": np.array(3, "int64"),
    }
    path = tmp_path / "model.safetensors"
    save_file(arrays, path, {"format": "pt"})
    weights = open_weights(path)
    assert isinstance(weights, Safetensors)
    assert weights.metadata == {"format": "pt"}
    assert set(weights.names()) == {"a", "b", "c"}
    assert weights.count() == 6 + 4 + 1
    assert [weights.dtype(name) for name in "abc"] == ["F32", "BF16", "I64"]
    for name, array in arrays.items():
        assert weights.shape(name) == array.shape
        assert weights[name].dtype == array.dtype
        np.testing.assert_array_equal(weights[name], array)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            b'{"a": {"dtype": "F8_E4M3", "shape": [16], "data_offsets": [0, 16]}}',
            "reading a, of type F8_E4M3.*in float32",
        ),
        (
            b'{"a": {"dtype": "F32", "shape": [0, 9223372036854775807], '
            b'"data_offsets": [0, 0]}, '
            b'"b": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}',
            "reading a, of type F32.*too big",
        ),
    ],
)
def test_numbers_that_cannot_be_read(tmp_path, text, match):
    header(tmp_path, text)
    weights = Safetensors(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=match) as caught:
        weights.read("a")
    assert str(tmp_path) in str(caught.value)


def test_a_name_twice(tmp_path):
    one = b'"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}'
    header(tmp_path, b"{" + one + b", " + one + b"}")
    with pytest.raises(ValueError, match=r"model\.safetensors .*'a' is there twice"):
        Safetensors(tmp_path / "model.safetensors")


# Several files and their index


def sharded(folder, where=None, **files):
    """Files of tensors and an index; `where` is what it says otherwise."""
    said = {}
    for number, arrays in files.items():
        save_file(arrays, folder / f"{number}.safetensors")
        said |= dict.fromkeys(arrays, f"{number}.safetensors")
    path = folder / "model.safetensors.index.json"
    index = {"metadata": {"total_size": 3}, "weight_map": {**said, **(where or {})}}
    path.write_text(json.dumps(index))
    return path


def ones(*names):
    return {name: np.full(3, index, "float32") for index, name in enumerate(names)}


def test_several_files_are_one(tmp_path):
    weights = open_weights(sharded(tmp_path, one=ones("a", "b"), two=ones("c")))
    assert isinstance(weights, ShardedSafetensors)
    assert set(weights.names()) == {"a", "b", "c"}
    assert weights.metadata == {"total_size": 3}
    assert weights.shape("b") == (3,)
    assert weights.count() == 9
    assert weights["b"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("where", "match"),
    [
        ({"b": "two.safetensors"}, "by the index b is in two.*and it lies in one"),
        ({"d": "one.safetensors"}, "by the index d is in one.*and it lies in None"),
        ({"d": "three.safetensors"}, "names three.safetensors, which is not there"),
        ({"d": "../one.safetensors"}, "beside it; given '../one.safetensors'"),
        ({"d": "/etc/x.safetensors"}, "beside it; given '/etc/x.safetensors'"),
        ({"d": "pytorch_model.bin"}, "beside it; given 'pytorch_model.bin'"),
        ({"d": ["one.safetensors"]}, "beside it; given \\['one.safetensors'\\]"),
        ({"d": None}, "beside it; given None"),
    ],
)
def test_an_index_that_lies(tmp_path, where, match):
    path = sharded(tmp_path, where, one=ones("a", "b"), two=ones("c"))
    with pytest.raises(ValueError, match=match) as caught:
        ShardedSafetensors(path)
    assert str(path) in str(caught.value)


def test_files_that_do_not_fit_together(tmp_path):
    path = sharded(tmp_path, one=ones("a", "b"), two=ones("b"))
    with pytest.raises(ValueError, match="'b' is there twice"):
        ShardedSafetensors(path)
    path = sharded(tmp_path, one=ones("a", "b"), two=ones("c"))
    save_file(ones("c", "d"), tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match="by the index d is in None"):
        ShardedSafetensors(path)
    for text in ("{}", '{"weight_map": []}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="weight_map must hold a dictionary"):
            ShardedSafetensors(path)
