"""What a layer says of its output: found once for equal layers, never for others."""

import functools

import keras
import numpy as np
import pytest

from tlkeras.layers import MultiHeadAttention, TransformerDecoder, TransformerEncoder
from tlkeras.layers import _output_spec as specs


@pytest.fixture
def traced(monkeypatch):
    """The encoders whose call was traced or run, in order."""
    called, call = [], TransformerEncoder.call

    @functools.wraps(call)
    def noted(self, *inputs, **arguments):
        called.append(self)
        return call(self, *inputs, **arguments)

    monkeypatch.setattr(TransformerEncoder, "call", noted)
    monkeypatch.setattr(specs, "_TRACED", {})
    return called


def test_equal_blocks_are_traced_once_and_make_a_model(rng, traced):
    first, second = (TransformerEncoder(6, 2, name=name) for name in "ab")
    inputs = keras.Input((5, 4))
    model = keras.Model(inputs, second(first(inputs)))
    assert traced == [first]
    x = rng.normal(size=(2, 5, 4)).astype("float32")
    np.testing.assert_allclose(model(x), second(first(x)), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"dtype": "float16"}, {"num_heads": 4}, {"normalize_first": True}],
    ids=str,
)
def test_blocks_that_differ_are_traced_each(traced, change):
    for arguments in ({}, change):
        layer = TransformerEncoder(
            **{"intermediate_dim": 6, "num_heads": 2} | arguments
        )
        output = layer(keras.Input((5, 4)))
        assert output.dtype == layer.compute_dtype
        assert traced[-1] is layer


def test_somebody_elses_block_is_always_traced(traced):
    class Mine(TransformerEncoder):
        """Its config says nothing of what is special about it."""

    for layer in (Mine(6, 2), Mine(6, 2)):
        layer(keras.Input((5, 4)))
        assert traced[-1] is layer


def test_what_is_asked_for_and_shapes_are_told_apart():
    layer = MultiHeadAttention(2, 3)
    for length in (5, None, 7):
        x = keras.Input((length, 4))
        assert layer(x, x).shape == (None, length, 4)
        output, scores = layer(x, x, return_attention_scores=True)
        assert output.shape == (None, length, 4)
        assert scores.shape == (None, 2, length, length)


def test_a_block_refuses_what_an_equal_one_was_built_for():
    wide, narrow = keras.Input((5, 6)), keras.Input((5, 4))
    one, other = (TransformerDecoder(6, 2) for _ in range(2))
    one(wide)
    other(narrow)
    with pytest.raises(ValueError, match="6"):
        other(wide)
    with pytest.raises(ValueError, match="encoder_sequence"):
        other(narrow, narrow)
