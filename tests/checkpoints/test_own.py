"""What `save_to_preset` wrote comes back."""

import keras
import numpy as np
import pytest
from keras import ops
from safetensors.numpy import load_file

from checkpoints.small import (
    bert,
    inputs,
    randomized,
    same,
)
from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import BertMaskedLM


@pytest.mark.parametrize("dtype", [None, "float16"])
def test_ours_comes_back(tmp_path, dtype):
    model = randomized(bert())
    save_to_preset(model, tmp_path / "new", dtype)
    loaded = from_preset(tmp_path / "new", dropout=0.25)
    same(loaded, model, 0 if dtype is None else 1e-2)
    assert loaded.get_config()["dropout"] == 0.25
    kept = load_file(tmp_path / "new" / "model.safetensors")
    assert {str(x.dtype) for x in kept.values()} == {dtype or "float32"}


def test_a_masked_lm_comes_back_whole_or_without_its_head(tmp_path):
    model = randomized(BertMaskedLM(bert()))
    save_to_preset(model, tmp_path)
    whole, report = from_preset(
        tmp_path, head="masked_lm", dropout=0.25, return_report=True
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(whole(inputs())), ops.convert_to_numpy(model(inputs()))
    )
    assert whole.backbone.get_config()["dropout"] == 0.25
    assert len(report.loaded) == len(model.weights)
    assert report.left_out == ()
    backbone, report = from_preset(tmp_path, dropout=0.25, return_report=True)
    same(backbone, model.backbone)
    assert backbone.get_config()["dropout"] == 0.25
    assert len(report.loaded) == len(model.weights) - 5
    assert len(report.left_out) == 5
    assert all(name.startswith("head_") for name in report.left_out)


def test_only_models_of_this_library_become_presets(tmp_path):
    with pytest.raises(ValueError, match=r"tlkeras\.models; given Sequential"):
        save_to_preset(keras.Sequential([keras.Input((2,))]), tmp_path)
