"""Pickles are refused, and hashes compared, before anything is read."""

import json

import pytest

from checkpoints.small import (
    CONFIG,
    bert,
    randomized,
    their_tensors,
    write,
)
from tlkeras.checkpoints import from_preset
from tlkeras.checkpoints.weight_files import sha256_of


def test_pickles_are_refused(tmp_path):
    for name in ("pytorch_model.bin", "model.pt"):
        with pytest.raises(ValueError, match="pickle can run any code"):
            from_preset(tmp_path / name)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ValueError, match="Pickled weights are refused"):
        from_preset(tmp_path)
    (tmp_path / "pytorch_model.bin").rename(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="whole safetensors file"):
        from_preset(tmp_path)


def test_a_wrong_hash_is_refused(tmp_path):
    folder = write(tmp_path, their_tensors(bert()))
    right = sha256_of(folder / "model.safetensors")
    from_preset(folder, sha256=right)
    with pytest.raises(ValueError, match="SHA-256 0000"):
        from_preset(folder, sha256="0" * 64)


@pytest.mark.parametrize("place", [0.5, 0.9])
def test_one_bit_of_the_weights_is_enough(tmp_path, place):
    """The file can be read all the same: it has no checksum of its own."""
    folder = write(tmp_path, their_tensors(randomized(bert())))
    path = folder / "model.safetensors"
    right, data = sha256_of(path), bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    from_preset(folder)
    with pytest.raises(ValueError, match=f"must have the SHA-256 {right}"):
        from_preset(folder, sha256=right)
