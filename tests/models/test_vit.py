"""ViT: what it promises beyond agreeing with others."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.layers._resample import interpolation_matrix, stretch_positions
from tlkeras.models import ViT

ARGUMENTS = {
    "image_shape": (8, 12, 3),
    "patch_size": (4, 2),
    "num_layers": 2,
    "num_heads": 3,
    "hidden_dim": 12,
    "intermediate_dim": 20,
    "dropout": 0.2,
    "use_class_token": True,
    "use_distillation_token": True,
    "num_registers": 4,
    "activation": "gelu_tanh",
    "layer_norm_epsilon": 1e-5,
}
PATCHES = 2 * 6
TOKENS = 2 + 4 + PATCHES


def images(shape=(8, 12, 3), count=5):
    return np.random.default_rng(0).random((count, *shape)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return ViT(**ARGUMENTS)


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


def test_config_says_every_argument_and_makes_the_model_again(model, tmp_path):
    config = json.loads(json.dumps(model.get_config()))
    found = {name: config[name] for name in ARGUMENTS}
    assert found == json.loads(json.dumps(ARGUMENTS))
    assert ViT.from_config(config).get_config() == model.get_config()
    model.save(tmp_path / "vit.keras")
    loaded = keras.saving.load_model(tmp_path / "vit.keras")
    for name, value in numpy(model(images())).items():
        np.testing.assert_array_equal(numpy(loaded(images())[name]), value)


def test_on_request(model):
    plain = numpy(model(images()))
    full = numpy(
        model(images(), return_hidden_states=True, return_attention_scores=True)
    )
    assert set(plain) == {"sequence_output", "pooled_output"}
    np.testing.assert_allclose(
        full["sequence_output"], plain["sequence_output"], atol=1e-5
    )
    assert [x.shape for x in full["hidden_states"]] == [(5, TOKENS, 12)] * 3
    assert [x.shape for x in full["attention_scores"]] == [(5, 3, TOKENS, TOKENS)] * 2
    for scores in full["attention_scores"]:
        np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    last = numpy(model.layer_norm(full["hidden_states"][-1]))
    np.testing.assert_allclose(last, full["sequence_output"], atol=1e-5)


def test_on_request_in_a_graph(model):
    symbol = keras.Input((8, 12, 3))
    outputs = model(symbol, return_attention_scores=True)
    graph = keras.Model(symbol, outputs["attention_scores"][1])
    wanted = model(images(), return_attention_scores=True)["attention_scores"][1]
    np.testing.assert_allclose(
        graph.predict(images(), verbose=0), numpy(wanted), atol=1e-5
    )


def test_pooled_is_the_class_token_or_the_mean_of_the_patches(model):
    outputs = numpy(model(images()))
    np.testing.assert_array_equal(
        outputs["pooled_output"], outputs["sequence_output"][:, 0]
    )
    settings = {"use_class_token": False, "use_distillation_token": False}
    without = ViT(**{**ARGUMENTS, **settings})
    outputs = numpy(without(images()))
    assert outputs["sequence_output"].shape == (5, 4 + PATCHES, 12)
    np.testing.assert_allclose(
        outputs["pooled_output"], outputs["sequence_output"][:, 4:].mean(1), atol=1e-6
    )


def test_patches_are_row_by_row_behind_the_tokens_in_front():
    settings = {**ARGUMENTS, "num_registers": 3}
    model = ViT(**settings)
    changed = images(count=1)
    changed[:, 4:8, 2:4] += 1  # row 1, column 1 of 2 × 6
    states = [
        numpy(model(x, return_hidden_states=True)["hidden_states"][0])
        for x in (images(count=1), changed)
    ]
    moved = np.flatnonzero(np.abs(states[0] - states[1]).max(axis=(0, 2)) > 1e-6)
    assert moved.tolist() == [2 + 3 + 1 * 6 + 1]


def test_registers_have_no_position_and_stand_before_the_patches(model):
    states = numpy(model(images(), return_hidden_states=True)["hidden_states"][0])
    tokens = numpy(model.registers.tokens)
    np.testing.assert_allclose(states[:, 2:6], np.tile(tokens, (5, 1, 1)), atol=1e-6)
    assert model.position_embedding.sequence_length == 2 + PATCHES


def test_every_weight_learns():
    model = ViT(**ARGUMENTS)
    outputs = model.output
    head = keras.layers.Dense(1)(
        ops.concatenate(
            [outputs["pooled_output"], ops.mean(outputs["sequence_output"], 1)], -1
        )
    )
    whole = keras.Model(model.input, head)
    before = [numpy(w) for w in model.weights]
    whole.compile(keras.optimizers.Adam(0.1), loss="mse", jit_compile=True)
    whole.fit(images(), np.arange(5.0), epochs=1, verbose=0)
    still = [
        w.path
        for w, old in zip(model.weights, before, strict=True)
        if not np.any(numpy(w) != old)
    ]
    assert still == []


def test_another_size_keeps_every_weight_but_the_positions(model):
    larger = model.with_image_shape((16, 20, 3))
    old = {w.path: numpy(w) for w in model.weights}
    for weight in larger.weights:
        if weight.path.startswith("position_embedding"):
            table, before = numpy(weight), old[weight.path]
            assert table.shape == (2 + 4 * 10, 12)
            np.testing.assert_array_equal(table[:2], before[:2])
        else:
            np.testing.assert_array_equal(numpy(weight), old[weight.path])
    assert larger(images((16, 20, 3)))["sequence_output"].shape == (5, 2 + 4 + 40, 12)


def test_positions_of_a_plane_stay_a_plane_inside():
    """Cubic interpolation keeps what is linear, away from the edges."""
    rows, columns = np.meshgrid(np.arange(8.0), np.arange(6.0), indexing="ij")
    table = (2 * rows - 3 * columns).reshape(-1, 1)
    table = np.concatenate([[[77.0]], table])
    new = stretch_positions(table, (8, 6), (16, 12))
    assert new[0] == 77
    wanted_rows, wanted_columns = np.meshgrid(
        (np.arange(16) + 0.5) / 2 - 0.5, (np.arange(12) + 0.5) / 2 - 0.5, indexing="ij"
    )
    wanted = 2 * wanted_rows - 3 * wanted_columns
    error = np.abs(new[1:].reshape(16, 12) - wanted)[4:-4, 4:-4]
    assert error.max() < 0.25  # less than half a place either way: not quite linear
    np.testing.assert_allclose(interpolation_matrix(9, 4).sum(axis=1), 1)
    np.testing.assert_array_equal(interpolation_matrix(5, 5), np.eye(5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 10}, "hidden_dim must be a multiple of num_heads"),
        ({"num_layers": 0}, "num_layers must be a positive integer; given 0"),
        ({"image_shape": (8, 12)}, "image_shape must be one integer or 3"),
        ({"image_shape": (9, 12, 3)}, "divided by patch_size; given H=9 and 4"),
        ({"image_shape": (8, 13, 3)}, "divided by patch_size; given W=13 and 2"),
        ({"patch_size": 0}, "patch_size must be a positive integer"),
        ({"num_registers": -1}, "num_registers"),
        ({"dropout": 1.0}, "dropout"),
        ({"use_class_token": "yes"}, "use_class_token must be True or False"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        ViT(**{**ARGUMENTS, **changes})


def test_wrong_inputs(model):
    with pytest.raises(ValueError, match=r"images must have shape \(batch, 8, 12, 3\)"):
        model(images((8, 8, 3)))
    with pytest.raises(ValueError, match="One image needs"):
        model(images()[0])
    with pytest.raises(ValueError, match=r"given \(5, 8, 12, 1\)"):
        model(images((8, 12, 1)))
    with pytest.raises(ValueError, match="must have 3 channels"):
        model.with_image_shape((8, 12, 1))
    with pytest.raises(ValueError, match="floats"):
        model((255 * images()).astype("uint8"))
    broken = images()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        model(broken)
