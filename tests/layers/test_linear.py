"""Linear attention: the products of features, in every order of summing."""

import functools

import numpy as np
import pytest
from helpers import close, floats, numpy, padding, randomize
from keras import ops
from reference import multi_head_attention

from tlkeras.layers import MultiHeadAttention, RotaryEmbedding
from tlkeras.layers import _linear as module
from tlkeras.layers._linear import linear_attention

CASES = {
    "all": {},
    "causal": {"causal": True},
    "keys": {"columns": True},
    "queries": {"rows": True},
    "causal, both": {"causal": True, "columns": True, "rows": True},
}


def expected(query, key, value, mask):
    """By the definition, in float64; what sees nothing sees all alike."""
    features = [np.where(x > 0, x + 1, np.exp(x)) for x in (query, key)]
    weights = (features[0] @ np.swapaxes(features[1], 2, 3)) * mask
    weights = np.where(mask.any(-1, keepdims=True), weights, 1.0)
    return weights / weights.sum(-1, keepdims=True) @ value


@pytest.mark.parametrize("block", [1, 3, 9, 128])
@pytest.mark.parametrize("case", CASES)
def test_equals_numpy(rng, monkeypatch, case, block):
    monkeypatch.setattr(module, "BLOCK", block)
    case = {"causal": False, "columns": False, "rows": False, **CASES[case]}
    arrays = [floats(rng, 2, 3, 9, size) for size in (4, 4, 5)]
    masks = []
    if case["columns"]:
        masks.append(padding([7, 0], 9)[:, None, None, :])
    if case["rows"]:
        masks.append(padding([9, 4], 9)[:, None, :, None])
    order = np.tri(9, dtype=bool) if case["causal"] else np.ones((9, 9), bool)
    mask = functools.reduce(np.logical_and, masks, np.broadcast_to(order, (2, 3, 9, 9)))
    wanted = expected(*(a.astype("float64") for a in arrays), mask)
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    masks = [ops.convert_to_tensor(m) for m in masks]
    close(linear_attention(*tensors, masks, causal=case["causal"]), wanted)
    close(linear_attention(*tensors, masks, order=order), wanted)


def test_the_layer_has_the_weights_of_the_softmax(rng):
    x = floats(rng, 2, 9, 8)
    layer = MultiHeadAttention(2, 4, implementation="linear", num_key_value_heads=1)
    layer(x, x)
    randomize(layer, rng)
    stock = MultiHeadAttention(2, 4, num_key_value_heads=1)
    stock(x, x)
    stock.set_weights(layer.get_weights())
    close(  # one key: whatever its weight, it is all there is
        layer(x, x[:, :1]), multi_head_attention(layer.get_weights(), x, x[:, :1])[0]
    )
    assert np.abs(numpy(layer(x, x)) - numpy(stock(x, x))).max() > 1e-3


def test_the_future_and_the_masked_change_nothing(rng):
    x = floats(rng, 2, 300, 8)
    rotary = RotaryEmbedding(max_wavelength=50)
    layer = MultiHeadAttention(2, 4, implementation="linear", rotary=rotary)
    keep = padding([300, 40], 300)
    before = numpy(layer(x, x, use_causal_mask=True, value_mask=keep))
    x[:, 200:] = 7
    after = numpy(layer(x, x, use_causal_mask=True, value_mask=keep))
    close(after[:, :200], before[:, :200], 1e-6)


def test_with_a_cache_it_continues(rng):
    """A prompt, then a token at a time, gives what all at once gives."""
    x = floats(rng, 2, 6, 8)
    layer = MultiHeadAttention(2, 4, implementation="linear")
    whole = layer(x, x, use_causal_mask=True)
    cache, outputs = ops.zeros((2, 2, 6, 2, 4)), []
    for start, stop in ((0, 3), (3, 4), (4, 5), (5, 6)):
        part = x[:, start:stop]
        output, cache = layer(
            part, part, use_causal_mask=True, cache=cache, cache_update_index=start
        )
        outputs.append(output)
    close(ops.concatenate(outputs, axis=1), whole)
