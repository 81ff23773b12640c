"""`DiffusionTransformer` against DiT of diffusers, and its samplers against DDIM's."""

import json

import numpy as np
import pytest
from keras import ops

from checkpoints.peers import TOLERANCE
from tlkeras.checkpoints import from_preset
from tlkeras.diffusion import Diffusion

pytestmark = pytest.mark.parity
SHAPES = {
    "wide, with a variance": {
        "num_attention_heads": 4,
        "attention_head_dim": 12,
        "in_channels": 3,
        "out_channels": 6,
        "num_layers": 3,
        "sample_size": 8,
        "patch_size": 2,
        "num_embeds_ada_norm": 10,
    },
    "narrow": {
        "num_attention_heads": 2,
        "attention_head_dim": 10,
        "in_channels": 1,
        "num_layers": 2,
        "sample_size": 9,
        "patch_size": 3,
        "num_embeds_ada_norm": 3,
        "attention_bias": False,
        "activation_fn": "gelu",
    },
}


def saved(name, folder, **arguments):
    """A randomly initialised model of diffusers, one embedding in all its blocks."""
    import torch
    from diffusers import DiTTransformer2DModel

    torch.manual_seed(0)
    model = DiTTransformer2DModel(**{"norm_eps": 1e-6, **SHAPES[name], **arguments})
    for weight in model.parameters():
        weight.data += 0.1 * torch.randn_like(weight)
    first, *others = model.transformer_blocks
    for block in others:
        block.norm1.emb.load_state_dict(first.norm1.emb.state_dict())
    model.save_pretrained(folder)
    return model.eval()


def inputs(name):
    shape, rng = SHAPES[name], np.random.default_rng(0)
    side, channels = shape["sample_size"], shape["in_channels"]
    return {
        "images": rng.normal(size=(3, side, side, channels)).astype("float32"),
        "times": np.array([0.0, 41.0, 999.0], "float32"),
        "labels": np.array([2, 0, shape["num_embeds_ada_norm"]], "int32"),
    }


def predicted(theirs, given):
    import torch

    with torch.no_grad():
        found = theirs(
            torch.tensor(given["images"].transpose(0, 3, 1, 2)),
            timestep=torch.tensor(given["times"]),
            class_labels=torch.tensor(given["labels"]),
        )
    return found.sample.numpy().transpose(0, 2, 3, 1)


def gap(model, theirs, given):
    wanted = predicted(theirs, given)
    found = ops.convert_to_numpy(model(given)["prediction"])
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / max(1, np.abs(wanted).max())


@pytest.mark.parametrize("name", SHAPES)
def test_random_checkpoints(name, tmp_path, capsys):
    theirs = saved(name, tmp_path)
    model, loaded = from_preset(tmp_path, return_report=True)
    found = gap(model, theirs, inputs(name))
    with capsys.disabled():
        print(f"\n{name:24} prediction {found:.1e}", end=" ")
    assert found < TOLERANCE
    assert not loaded.fresh
    copies = 5 * (SHAPES[name]["num_layers"] - 1)
    assert len(theirs.state_dict()) == len(loaded.loaded) + copies


def test_an_epsilon_that_diffusers_adds_to_one_normalisation(tmp_path):
    name = "wide, with a variance"
    theirs = saved(name, tmp_path, norm_eps=1e-5)
    assert gap(from_preset(tmp_path), theirs, inputs(name)) < 1e-4


def test_ddim_is_that_of_diffusers(tmp_path):
    """Eight steps of theirs, guided as theirs are."""
    import torch
    from diffusers import DDIMScheduler

    name = "wide, with a variance"
    theirs, given = saved(name, tmp_path), inputs(name)
    scheduler = DDIMScheduler(
        beta_start=1e-4, beta_end=0.02, timestep_spacing="trailing", clip_sample=True
    )
    scheduler.set_timesteps(8)
    x, nobody = given["images"], np.full(3, 10, "int32")
    for time in scheduler.timesteps.numpy():
        now = {"images": x, "times": np.full(3, time, "float32")}
        told, untold = (
            predicted(theirs, {**now, "labels": y})[..., :3]
            for y in (given["labels"], nobody)
        )
        noise = torch.tensor(untold + 1.5 * (told - untold))
        x = scheduler.step(
            noise, int(time), torch.tensor(x), use_clipped_model_output=True
        )
        x = x.prev_sample.numpy()
    ours = Diffusion(from_preset(tmp_path)).sample(
        given["labels"], steps=8, guidance=1.5, noise=given["images"]
    )
    np.testing.assert_allclose(ours, x, atol=2e-3)


def test_a_config_that_lies(tmp_path):
    saved("narrow", tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for changes, message in (
        ({"num_layers": 3}, "lacks .*transformer_blocks.2."),
        ({"num_layers": 1}, "for which the config has no place"),
        ({"num_embeds_ada_norm": 4}, "class_embedder.embedding_table.weight must have"),
        ({"norm_type": "ada_norm"}, "norm_type must be 'ada_norm_zero'"),
        ({"activation_fn": "geglu"}, "activation_fn must be one of"),
        ({"norm_eps": 0}, "norm_eps must be a number above 0"),
    ):
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ValueError, match=message):
            from_preset(tmp_path)


def test_blocks_that_embed_times_differently(tmp_path):
    theirs = saved("narrow", tmp_path)
    theirs.transformer_blocks[
        1
    ].norm1.emb.class_embedder.embedding_table.weight.data += 1
    theirs.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="which the model has only once"):
        from_preset(tmp_path)
