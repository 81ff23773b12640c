"""What `docs/layers.md` says to those who come from other libraries."""

import inspect
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import close, floats
from keras import ops

from tlkeras import masks
from tlkeras.layers import (
    FeedForward,
    MultiHeadAttention,
    PatchEmbedding,
    TransformerDecoder,
    TransformerEncoder,
    gelu_tanh,
    scaled_dot_product_attention,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import parity  # the comparisons that its table prints

CASES = [
    pytest.param(
        layer,
        compare,
        marks=() if peer in ("keras", "keras_hub") else pytest.mark.parity,
        id=f"{layer}-{peer}",
    )
    for layer, peer, compare in parity.ROWS
]


@pytest.mark.parametrize(("layer", "compare"), CASES)
def test_parity(layer, compare):
    error, largest = parity.errors(compare, seed=1)
    assert error <= parity.LIMITS.get(layer, parity.LIMIT) * max(1, largest)


def test_a_difference_is_seen_in_the_parity_table():
    def wrong(data):
        return data.x, data.x + np.float32(1e-3)

    assert parity.errors(wrong)[0] > 5e-4


def test_gelu_is_exact_and_gelu_tanh_is_not(rng):
    x = floats(rng, 3, 5)
    close(gelu_tanh(x), keras.activations.gelu(x, approximate=True))
    exact, tanh = (FeedForward(7, activation=name) for name in ("gelu", "gelu_tanh"))
    exact.build(x.shape), tanh.build(x.shape)
    hidden = ops.matmul(x, exact.intermediate_dense.kernel)
    close(
        exact(x),
        ops.matmul(keras.activations.gelu(hidden, False), exact.output_dense.kernel),
    )
    tanh.set_weights(exact.get_weights())
    assert np.abs(ops.convert_to_numpy(exact(x) - tanh(x))).max() > 1e-5


def test_epsilons_are_as_the_page_says():
    assert keras.layers.LayerNormalization().epsilon == 1e-3
    for block in (TransformerEncoder, TransformerDecoder):
        assert block(8, 2).layer_norm_epsilon == 1e-5


@pytest.mark.parity
def test_defaults_of_torch_are_as_the_page_says():
    import torch

    for name in ("TransformerEncoderLayer", "TransformerDecoderLayer"):
        arguments = inspect.signature(getattr(torch.nn, name)).parameters
        assert arguments["layer_norm_eps"].default == 1e-5
        assert arguments["dropout"].default == 0.1
        assert arguments["batch_first"].default is False
        assert arguments["activation"].default is torch.nn.functional.relu
    order = list(inspect.signature(torch.nn.MultiheadAttention.forward).parameters)
    assert order[1:4] == ["query", "key", "value"]


@pytest.mark.parity
@pytest.mark.parametrize("additive", [False, True])
def test_a_mask_of_torch_for_each_head(rng, additive):
    import torch

    size, heads = 8, 2
    theirs = torch.nn.MultiheadAttention(size, heads, batch_first=True)
    ours = MultiHeadAttention(num_heads=heads, key_dim=size // heads)
    x = floats(rng, 3, 5, size)
    ours.build(x.shape, x.shape)
    ours.set_weights(parity.attention_weights(theirs))
    keep = (rng.random((3, heads, 5, 5)) < 0.6) | np.eye(5, dtype=bool)
    hide = masks.to_torch(keep, additive=additive).reshape(3 * heads, 5, 5)  # (B·N, …)
    tensor = torch.from_numpy(x)
    expected, _ = theirs(tensor, tensor, tensor, attn_mask=torch.from_numpy(hide))
    mask = masks.from_torch(hide).reshape(3, heads, 5, 5)
    close(ours(query=x, value=x, attention_mask=mask), expected.detach().numpy())


@pytest.mark.parity
def test_causal_attention_of_torch(rng):
    import torch

    x = floats(rng, 2, 3, 5, 4)  # (B, N, T, H)
    attention = torch.nn.functional.scaled_dot_product_attention
    expected = attention(*[torch.from_numpy(x)] * 3, is_causal=True)
    close(scaled_dot_product_attention(x, x, x, masks.causal_mask(5)), expected.numpy())


@pytest.mark.parity
def test_a_query_that_sees_nothing(rng):
    import torch

    x, keep = floats(rng, 1, 5, 4), np.ones((5, 5), bool)
    keep[2] = False
    hide, tensor = torch.from_numpy(masks.to_torch(keep)), torch.from_numpy(x)
    close(scaled_dot_product_attention(x, x, x, keep)[:, 2], x.mean(axis=1))
    attention = torch.nn.functional.scaled_dot_product_attention
    assert not attention(*[tensor] * 3, attn_mask=~hide)[0, 2].any()
    theirs = torch.nn.MultiheadAttention(4, 1, batch_first=True)
    assert theirs(*[tensor] * 3, attn_mask=hide)[0][0, 2].isnan().all()


@pytest.mark.parity
def test_a_decoder_of_torch_is_not_causal_by_itself(rng):
    import torch

    theirs = torch.nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    ours = TransformerDecoder(intermediate_dim=12, num_heads=2)
    ours.build((None, None, 8), (None, None, 8))
    ours.set_weights(parity.decoder_weights(theirs))
    target, source = floats(rng, 3, 5, 8), floats(rng, 3, 7, 8)
    expected = theirs(torch.from_numpy(target), torch.from_numpy(source))
    close(ours(target, source, use_causal_mask=False), expected.detach().numpy())


@pytest.mark.parity
def test_images_with_channels_first(rng):
    import torch

    theirs = torch.nn.Conv2d(3, 6, 4, stride=4)
    ours = PatchEmbedding(4, 6, data_format="channels_first")
    images = floats(rng, 2, 3, 8, 12)
    ours.build(images.shape)
    ours.set_weights(parity.convolution_weights(theirs))
    expected = theirs(torch.from_numpy(images)).flatten(2).transpose(1, 2)
    close(ours(images), expected.detach().numpy())
