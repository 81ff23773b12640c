"""The interface that all formats share."""

import numpy as np
import pytest

from tlkeras.checkpoints.formats import Arrays, open_weights


def test_arrays_in_memory_are_read_like_a_file():
    arrays = {"a": np.ones((2, 3), "float32"), "b": np.array(4)}
    weights = Arrays(arrays, "the state")
    assert dict(weights) == arrays
    assert weights.names() == tuple(weights) == ("a", "b")
    assert (weights.shape("a"), weights.dtype("a")) == ((2, 3), "float32")
    assert weights.count() == 7
    assert len(weights) == 2
    assert "a" in weights
    assert "c" not in weights
    assert str(weights) == "the state"
    with pytest.raises(KeyError):
        weights["c"]


@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "model.pkl"])
def test_pickles_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04N.")
    with pytest.raises(ValueError, match="loading a pickle can run any code"):
        open_weights(tmp_path / name)


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.npz must end with one of"):
        open_weights(tmp_path / "a.npz")
