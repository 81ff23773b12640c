"""`DiffusionTransformer` against its equations in float64, and what it promises."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import DiffusionTransformer
from tlkeras.models._diffusion_parts import from_patches, grid_positions, time_waves

SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}


def made(**arguments):
    """A model whose weights are all random, so that no gate is closed."""
    arguments = {"num_classes": 3, "text_dim": 4, "output_channels": 2, **arguments}
    model = DiffusionTransformer((4, 6, 1), (2, 3), **SIZES, **arguments)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(0.4 * rng.normal(size=weight.shape))
    return model


def inputs(rng):
    return {
        "images": rng.normal(size=(3, 4, 6, 1)).astype("float32"),
        "times": np.array([0.0, 41.5, 999.0], "float32"),
        "labels": np.array([2, 0, 3], "int32"),
        "texts": rng.normal(size=(3, 4)).astype("float32"),
    }


def predicted(model, given, **arguments):
    return ops.convert_to_numpy(model(given, **arguments)["prediction"])


# ── the equations once more, in float64 and in loops ──────────────────────────────────


def silu(x):
    return x / (1 + np.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def normed(x, epsilon=1e-6):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)


def attention(x, w, name):
    """Of `(T, D)`, one head at a time."""
    out = np.zeros_like(x) + w[f"{name}/attention_output/bias"]
    for head in range(2):
        query, key, value = (
            x @ w[f"{name}/{part}/kernel"][:, head] + w[f"{name}/{part}/bias"][head]
            for part in ("query", "key", "value")
        )
        logits = query @ key.T / np.sqrt(query.shape[-1])
        scores = np.exp(logits - logits.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        out += scores @ value @ w[f"{name}/attention_output/kernel"][head]
    return out


def forward(w, image, time, label, text):
    """The prediction `(4, 6, 2)` for one image `(4, 6, 1)` of patches 2 × 3."""

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    frequencies = np.exp(-np.log(10000) * np.arange(128) / 127)
    angles = (time * frequencies.astype("float32")).astype(
        "float64"
    )  # as large ones are
    waves = np.concatenate([np.cos(angles), np.sin(angles)])
    c = dense(
        silu(dense(waves, "time_embedding/hidden_dense")), "time_embedding/output_dense"
    )
    c = c + w["label_embedding/embeddings"][label] + dense(text, "text_dense")
    tokens, rates = [], [1.0, 0.01]  # 10000^(-4i/8)
    for row in range(2):
        for column in range(2):
            patch = image[2 * row : 2 * row + 2, 3 * column : 3 * column + 3]
            token = np.tensordot(patch, w["patch_embedding/kernel"], 3)
            where = [
                f(at * r)
                for at in (column, row)
                for f in (np.sin, np.cos)
                for r in rates
            ]
            tokens.append(token + w["patch_embedding/bias"] + where)
    x = np.array(tokens)
    for number in range(2):
        name = f"transformer_layer_{number}"
        parts = dense(silu(c), f"{name}/modulation").reshape(6, 8)
        y = (1 + parts[1]) * normed(x) + parts[0]
        x = x + parts[2] * attention(y, w, f"{name}/self_attention_layer")
        y = (1 + parts[4]) * normed(x) + parts[3]
        y = gelu_tanh(dense(y, f"{name}/feedforward_intermediate_dense"))
        x = x + parts[5] * dense(y, f"{name}/feedforward_output_dense")
    shift, scale = dense(silu(c), "output_modulation").reshape(2, 8)
    y = dense((1 + scale) * normed(x) + shift, "output_dense")
    out = np.zeros((4, 6, 2))
    for place, token in enumerate(y):
        top, left = 2 * (place // 2), 3 * (place % 2)
        out[top : top + 2, left : left + 3] = token.reshape(2, 3, 2)
    return out


def test_the_equations(rng):
    model, given = made(), inputs(rng)
    weights = {v.path: ops.convert_to_numpy(v).astype("float64") for v in model.weights}
    kernel = weights["patch_embedding/kernel"]
    weights["patch_embedding/kernel"] = kernel.reshape(2, 3, 1, 8)
    rows = zip(*(given[x] for x in ("images", "times", "labels", "texts")), strict=True)
    wanted = np.array([forward(weights, *row) for row in rows])
    assert np.abs(wanted).max() > 1
    np.testing.assert_allclose(predicted(model, given), wanted, rtol=1e-5, atol=1e-5)


def test_waves():
    waves = ops.convert_to_numpy(time_waves(np.array([0.0, 1.0, 500.25]), 4))
    angles = np.array([[0, 0], [1, 1e-4], [500.25, 0.050025]])
    wanted = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(waves, wanted, atol=1e-5)
    table = grid_positions(2, 3, 4)  # sin, cos of the column, sin, cos of the row
    assert table.shape == (6, 4)
    np.testing.assert_allclose(table[4], [np.sin(1), np.cos(1), np.sin(1), np.cos(1)])
    np.testing.assert_allclose(table[2], [np.sin(2), np.cos(2), 0, 1])


def test_patches_are_put_where_they_were(rng):
    image = rng.normal(size=(2, 4, 6, 3))
    patches = [
        image[:, y : y + 2, x : x + 3].reshape(2, -1) for y in (0, 2) for x in (0, 3)
    ]
    back = from_patches(np.stack(patches, axis=1), (2, 2), (2, 3))
    np.testing.assert_array_equal(ops.convert_to_numpy(back), image)


# ── promises ──────────────────────────────────────────────────────────────────────────


def test_at_first_it_predicts_nothing_and_patches_pass_through(rng):
    model = DiffusionTransformer((4, 6, 1), 2, **SIZES)
    given = {name: inputs(rng)[name] for name in ("images", "times")}
    outputs = model(given, return_hidden_states=True, return_attention_scores=True)
    assert not np.any(ops.convert_to_numpy(outputs["prediction"]))
    first, *others = map(ops.convert_to_numpy, outputs["hidden_states"])
    assert len(others) == 2
    assert np.any(first)
    for state in others:
        np.testing.assert_array_equal(state, first)
    scores = ops.convert_to_numpy(outputs["attention_scores"][1])
    assert scores.shape == (3, 2, 6, 6)
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)


def test_what_is_left_out_is_not_known(rng):
    model, given = made(), inputs(rng)
    all_null = {
        **given,
        "labels": np.full(3, 3, "int32"),
        "texts": np.zeros((3, 4), "float32"),
    }
    without = {name: given[name] for name in ("images", "times")}
    np.testing.assert_array_equal(predicted(model, without), predicted(model, all_null))
    assert np.abs(predicted(model, without) - predicted(model, given)).min() > 1e-4


@pytest.mark.parametrize("name", ["times", "labels", "texts"])
def test_each_condition_steers_its_own_image_alone(name, rng):
    model, given = made(), inputs(rng)
    before = predicted(model, given)
    changed = {**given, name: np.array(given[name])}
    changed[name][1] = 1
    after = predicted(model, changed)
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert np.abs(after[1] - before[1]).min() > 1e-4


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_can_tell_late_times_apart(policy, rng):
    """bfloat16 has no number between 996 and 1000."""
    model, given = made(dtype=policy), inputs(rng)
    exact = made()
    late = {**given, "times": np.array([997.0, 998.0, 999.0], "float32")}
    wanted = predicted(exact, late)
    found = predicted(model, late).astype("float32")
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()


def test_another_size(rng):
    model = made()
    larger = model.with_image_shape((8, 6, 1))
    image = rng.normal(size=(1, 8, 6, 1)).astype("float32")
    assert predicted(larger, {"images": image, "times": np.ones(1)}).shape == (
        1,
        8,
        6,
        2,
    )
    for old, new in zip(model.weights, larger.weights, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(old), ops.convert_to_numpy(new)
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": np.zeros((3, 6, 4, 1))},
            r"images must have shape \(batch, 4, 6, 1",
        ),
        ({"images": np.zeros((3, 4, 6, 1), int)}, "images must be floats"),
        ({"times": np.zeros(2)}, "times must have one row for each of the 3 images"),
        ({"times": np.zeros((3, 1))}, r"times must have 1 axes, \(B\)"),
        ({"times": np.zeros(3, int)}, "times must be floats"),
        ({"times": np.array([0, 1, np.nan])}, "times must be finite"),
        ({"labels": np.array([0, 4, 1])}, "labels must be whole numbers from 0 to 3"),
        ({"labels": np.array([0, -1, 1])}, "labels must be whole numbers from 0 to 3"),
        ({"labels": np.zeros(3)}, "labels must be an integer"),
        ({"labels": np.zeros((3, 4), int)}, r"labels must have 1 axes"),
        ({"texts": np.zeros((3, 5))}, "texts must have 4 features"),
        ({"texts": np.zeros((2, 4))}, "texts must have one row for each of the 3"),
        ({"label": np.zeros(3, int)}, "inputs may have images, times, labels, texts"),
    ],
)
def test_wrong_inputs(changes, message, rng):
    with pytest.raises(ValueError, match=message):
        made()({**inputs(rng), **changes})


def test_wrong_arguments(rng):
    for arguments, message in (
        ({"hidden_dim": 6}, "hidden_dim must be a multiple of 4"),
        (
            {"hidden_dim": 8, "num_heads": 3},
            "hidden_dim must be a multiple of num_heads",
        ),
        ({"num_classes": -1}, "num_classes must be an integer of at least 0"),
        ({"text_dim": 1.5}, "text_dim must be an integer"),
        ({"output_channels": 0}, "output_channels must be a positive integer"),
    ):
        with pytest.raises(ValueError, match=message):
            DiffusionTransformer((4, 6, 1), 2, **{**SIZES, **arguments})
    with pytest.raises(ValueError, match="image_shape must be divided by patch_size"):
        DiffusionTransformer((4, 6, 1), 4, **SIZES)
    with pytest.raises(ValueError, match="inputs must be a dictionary of images and t"):
        made()(inputs(rng)["images"])
    with pytest.raises(ValueError, match="Labels need num_classes"):
        made(num_classes=0)(inputs(rng))


def test_saved_whole_it_is_the_same(tmp_path, rng):
    model, given = made(), inputs(rng)
    model.save(tmp_path / "dit.keras")
    again = keras.saving.load_model(tmp_path / "dit.keras")
    np.testing.assert_array_equal(predicted(again, given), predicted(model, given))
    assert again.get_config() == model.get_config()
