"""Positions and embeddings against KerasHub's, and by what they do."""

import numpy as np
import pytest
from helpers import close, floats, numpy, randomize

from tlkeras.layers import (
    PositionEmbedding,
    RotaryEmbedding,
    SinePositionEncoding,
    TokenAndPositionEmbedding,
    interpolate_positions,
)

keras_hub = pytest.importorskip("keras_hub")

CALLS = [
    {},
    {"start_index": 3},
    {"positions": np.array([4, 0, 2, 2, 1])},
    {"positions": np.array([[4, 0, 2, 2, 1], [0, 1, 2, 3, 4], [5, 5, 5, 5, 5]])},
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("arguments", [{}, {"max_wavelength": 50}])
def test_sines_equal_keras_hub(rng, call, arguments):
    x = floats(rng, 3, 5, 7)
    call = {k: v.astype("float32") if k == "positions" else v for k, v in call.items()}
    hub = keras_hub.layers.SinePositionEncoding(**arguments)
    close(SinePositionEncoding(**arguments)(x, **call), hub(x, **call))


def test_sines_equal_numpy():
    t, i = np.arange(5)[:, None], np.arange(8)[None]
    angle = t / 10000 ** (2 * (i // 2) / 8)
    expected = np.where(i % 2 == 0, np.sin(angle), np.cos(angle))
    close(SinePositionEncoding()(np.zeros((1, 5, 8)))[0], expected)


def test_sines_keep_their_precision_far_out():
    far = {"start_index": 4000}
    half = SinePositionEncoding(dtype="float16")(np.zeros((1, 5, 8)), **far)
    close(half, SinePositionEncoding()(np.zeros((1, 5, 8)), **far), 1e-3)


@pytest.mark.parametrize("call", CALLS)
def test_learned_positions_equal_keras_hub(rng, call):
    x = floats(rng, 3, 5, 7)
    ours, hub = PositionEmbedding(9), keras_hub.layers.PositionEmbedding(9)
    ours(x), hub(x)
    randomize(ours, rng)
    hub.set_weights(ours.get_weights())
    close(ours(x, **call), hub(x, **call))


@pytest.mark.parametrize("tie_weights", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_tokens_and_positions_equal_keras_hub(rng, call, tie_weights):
    arguments = {"vocabulary_size": 11, "sequence_length": 9, "embedding_dim": 7}
    arguments["tie_weights"] = tie_weights
    x = rng.integers(0, 11, (3, 5))
    ours = TokenAndPositionEmbedding(**arguments)
    hub = keras_hub.layers.TokenAndPositionEmbedding(**arguments)
    ours(x), hub(x)
    assert [w.path.split("/", 1)[1] for w in ours.weights] == [
        w.path.split("/", 1)[1] for w in hub.weights
    ]
    randomize(ours, rng)
    hub.set_weights(ours.get_weights())
    close(ours(x, **call), hub(x, **call))
    hidden = floats(rng, 3, 5, 7)
    close(
        ours.token_embedding(hidden, reverse=True),
        hub.token_embedding(hidden, reverse=True),
    )


def test_mask_of_padding_goes_on():
    from keras.src.backend import get_keras_mask

    token_ids = np.array([[5, 2, 0]])
    arguments = {"vocabulary_size": 11, "sequence_length": 9, "embedding_dim": 7}
    masked = TokenAndPositionEmbedding(mask_zero=True, **arguments)(token_ids)
    np.testing.assert_array_equal(numpy(get_keras_mask(masked)), token_ids != 0)
    assert get_keras_mask(TokenAndPositionEmbedding(**arguments)(token_ids)) is None


ROTARY = [
    {},
    {"max_wavelength": 50, "scaling_factor": 2.0},
    {"rope_type": "dynamic", "scaling_factor": 4.0},
    {"rope_type": "yarn", "scaling_factor": 8.0},
    {"rope_type": "yarn", "scaling_factor": 8.0, "truncate": False, "beta_fast": 16.0},
    {"denominator_dim": 16},
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("arguments", ROTARY)
def test_rotary_equals_keras_hub(rng, call, arguments):
    hub, ours = (
        keras_hub.layers.RotaryEmbedding(**arguments),
        RotaryEmbedding(**arguments),
    )
    for shape in ((3, 5, 8), (3, 5, 2, 8)):
        x = floats(rng, *shape)
        close(ours(x, **call), hub(x, **call))


def test_rotary_on_other_axes_equals_keras_hub(rng):
    arguments = {"sequence_axis": -2, "feature_axis": 1}
    x = floats(rng, 3, 8, 5, 2)
    close(
        RotaryEmbedding(**arguments)(x),
        keras_hub.layers.RotaryEmbedding(**arguments)(x),
    )


def test_rotary_keeps_lengths_and_sees_distances(rng):
    x = floats(rng, 1, 1, 8)
    turned = [numpy(RotaryEmbedding()(x, start_index=t))[0, 0] for t in range(6)]
    close([np.linalg.norm(v) for v in turned], [np.linalg.norm(x)] * 6)
    close(turned[0] @ turned[2], turned[3] @ turned[5])


def test_interpolation_keeps_a_constant_and_a_slope():
    constant = np.full((16, 3), 0.5, "float32")
    close(interpolate_positions(constant, (4, 4), (7, 5)), np.full((35, 3), 0.5))
    slope = np.arange(8, dtype="float32")[:, None]
    longer = numpy(interpolate_positions(slope, (1, 8), (1, 16), "bilinear"))[:, 0]
    close(longer[1:-1], np.arange(0.25, 7, 0.5))
    close(interpolate_positions(slope, (2, 4), (2, 4)), slope)


def test_interpolation_goes_row_by_row():
    grid = np.stack([np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4)], axis=-1)
    wide = numpy(
        interpolate_positions(grid.astype("float32"), (4, 5), (4, 10), "bilinear")
    ).reshape(4, 10, 2)
    close(wide[..., 0], np.repeat(np.arange(4), 10).reshape(4, 10))
    assert np.all(np.diff(wide[..., 1], axis=1) >= 0)
