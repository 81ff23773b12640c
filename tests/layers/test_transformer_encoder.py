"""The encoder against KerasHub's, and by what it does."""

import keras
import numpy as np
import pytest
from helpers import close, floats, numpy, padding, randomize

from tlkeras.layers import RotaryEmbedding, TransformerEncoder

keras_hub = pytest.importorskip("keras_hub")


def pair(rng, **arguments):
    """Ours and KerasHub's with the same random weights."""
    arguments = {"intermediate_dim": 11, "num_heads": 4, **arguments}
    ours = TransformerEncoder(**arguments)
    hub = keras_hub.layers.TransformerEncoder(**arguments)
    ours.build((None, None, 8))
    hub.build((None, None, 8))
    randomize(ours, rng)
    hub.set_weights(ours.get_weights())
    return ours, hub


ARGUMENTS = [
    {},
    {"normalize_first": True},
    {"activation": "gelu", "layer_norm_epsilon": 1e-2},
]


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_equals_keras_hub(rng, arguments):
    ours, hub = pair(rng, **arguments)
    x = floats(rng, 3, 5, 8)
    keep = padding([5, 3, 1], 5)
    mask = rng.random((3, 5, 5)) < 0.6
    for masks in ({}, {"padding_mask": keep}, {"attention_mask": mask}):
        close(ours(x, **masks), hub(x, **masks))
    mask |= np.eye(5, dtype=bool)
    scores = {"attention_mask": mask, "return_attention_scores": True}
    close(ours(x, **scores), hub(x, **scores))


def test_weights_go_both_ways(rng):
    ours, hub = pair(rng)
    names = [[w.path.split("/", 1)[1] for w in layer.weights] for layer in (ours, hub)]
    assert names[0] == names[1]
    x = floats(rng, 3, 5, 8)
    randomize(hub, rng)
    ours.set_weights(hub.get_weights())
    close(ours(x), hub(x))


def test_loads_a_weight_file_of_keras_hub(rng, tmp_path):
    models = []
    for layer in pair(rng):
        inputs = keras.Input((5, 8))
        models.append(keras.Model(inputs, layer(inputs)))
    ours, hub = models
    hub.save_weights(tmp_path / "hub.weights.h5")
    randomize(ours, rng)
    ours.load_weights(tmp_path / "hub.weights.h5")
    x = floats(rng, 3, 5, 8)
    close(ours(x), hub(x))


def test_implicit_mask_equals_explicit_one_and_goes_on(rng):
    token_ids = np.array([[5, 2, 0, 0], [3, 0, 0, 0], [1, 2, 3, 4]])
    keep = token_ids != 0
    embedded = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)
    ours, hub = pair(rng)
    output = ours(embedded)
    close(output, hub(embedded))
    by_hand = ours(numpy(embedded), padding_mask=keep)
    close(numpy(output)[keep], numpy(by_hand)[keep])
    np.testing.assert_array_equal(numpy(keras.src.backend.get_keras_mask(output)), keep)


def test_explicit_padding_mask_replaces_the_implicit_one(rng):
    token_ids = np.array([[5, 2, 0, 0], [3, 0, 0, 0], [1, 2, 3, 4]])
    embedded = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)
    ours, _ = pair(rng)
    other = padding([4, 2, 1], 4)
    close(
        ours(embedded, padding_mask=other),
        ours(numpy(embedded), padding_mask=other),
    )


def test_padded_content_changes_nothing(rng):
    ours, _ = pair(rng)
    x, keep = floats(rng, 3, 5, 8), padding([5, 3, 1], 5)
    before = numpy(ours(x, padding_mask=keep))
    x[~keep] = 99
    close(numpy(ours(x, padding_mask=keep))[keep], before[keep])


def test_exact_and_tanh_gelu_differ_a_little(rng):
    exact, _ = pair(rng, activation="gelu")
    tanh = TransformerEncoder(11, 4, activation="gelu_tanh")
    tanh.build((None, None, 8))
    tanh.set_weights(exact.get_weights())
    x = floats(rng, 3, 5, 8)
    difference = np.abs(numpy(exact(x)) - numpy(tanh(x))).max()
    assert 1e-6 < difference < 1e-2


def test_without_positions_order_is_nothing_and_with_rotary_it_is(rng):
    x = floats(rng, 3, 5, 8)
    for rotary, equal in ((None, True), (RotaryEmbedding(), False)):
        layer = TransformerEncoder(11, 2, rotary=rotary)
        layer.build((None, None, 8))
        reversed_twice = numpy(layer(x[:, ::-1].copy()))[:, ::-1]
        assert np.allclose(reversed_twice, numpy(layer(x)), atol=1e-5) == equal
