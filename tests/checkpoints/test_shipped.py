"""The small presets that travel with the package."""

from pathlib import Path

import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import from_preset

DATA = Path(__file__).parents[2] / "data"


def test_the_vit_of_lesson_13():
    model, report = from_preset("tlkeras://vit_digits", return_report=True)
    assert len(report.loaded) == len(model.weights)
    assert not report.fresh
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype("float32")
    output = ops.convert_to_numpy(model(images)["pooled_output"])
    assert output.shape == (2, 32)
    assert np.abs(output[0] - output[1]).max() > 0.1
    assert (DATA / "vit_digits" / "model.safetensors").stat().st_size < 5e6


def test_a_name_that_is_not_there():
    with pytest.raises(ValueError, match=r"one of .*vit_digits.*given 'vit_birds'"):
        from_preset("tlkeras://vit_birds")
