import json
import shutil

import numpy as np
import pytest

from checkpoints.small import SIZES, least
from tlkeras.checkpoints import from_preset, save_to_preset
from tlkeras.models import BertMaskedLM, ViT


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def presets(tmp_path_factory):
    """Small presets of each kind, sound ones."""
    home = tmp_path_factory.mktemp("presets")
    save_to_preset(BertMaskedLM(least()), home / "ours")
    save_to_preset(ViT((4, 4, 1), 2, **SIZES), home / "vit")
    hub = home / "hub"
    hub.mkdir()
    least().save_weights(hub / "model.weights.h5")
    config = {k: v for k, v in least().get_config().items() if k != "name"}
    text = json.dumps({"registered_name": "keras_hub>BertBackbone", "config": config})
    (hub / "config.json").write_text(text)
    for path in home.iterdir():
        from_preset(path)
    return home


@pytest.fixture
def preset(presets, tmp_path):
    return lambda kind: shutil.copytree(presets / kind, tmp_path / kind)
