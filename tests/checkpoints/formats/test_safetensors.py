"""Safetensors: what is read, and headers that lie."""

import struct

import pytest

from checkpoints.small import (
    bert,
    refused,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset


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
