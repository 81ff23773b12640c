"""`torch.nn`'s attention, encoder and decoder layers with our weights: the same output.

PyTorch's boolean masks say what to hide; ours say what to keep. Each is inverted here.
"""

import numpy as np
import pytest
from helpers import close, floats, padding, randomize

from tlkeras.layers import MultiHeadAttention, TransformerDecoder, TransformerEncoder

pytestmark = pytest.mark.parity
torch = pytest.importorskip("torch")

D, N, F = 8, 4, 11


def tensor(x):
    return torch.from_numpy(np.ascontiguousarray(x))


def attention_state(weights, prefix=""):
    """From (D, N, H) kernels to torch's packed (3 D, D) matrix."""
    *kernels, output_kernel, output_bias = weights
    matrices = [kernel.reshape(D, D).T for kernel in kernels[0::2]]
    return {
        f"{prefix}in_proj_weight": np.concatenate(matrices),
        f"{prefix}in_proj_bias": np.concatenate([b.reshape(D) for b in kernels[1::2]]),
        f"{prefix}out_proj.weight": output_kernel.reshape(D, D).T,
        f"{prefix}out_proj.bias": output_bias,
    }


def pairs_state(weights, names):
    """Kernels and biases of dense layers, or scales and offsets of normalisations."""
    state = {}
    for name, weight, bias in zip(names, weights[0::2], weights[1::2], strict=True):
        state |= {f"{name}.weight": weight.T, f"{name}.bias": bias}
    return state


def load(module, state):
    module.load_state_dict({name: tensor(value) for name, value in state.items()})
    return module.eval()


def encoder_pair(rng, **arguments):
    ours = TransformerEncoder(F, N, layer_norm_epsilon=1e-5, **arguments)
    ours.build((None, None, D))
    weights = randomize(ours, rng).get_weights()
    arguments["norm_first"] = arguments.pop("normalize_first", False)
    theirs = torch.nn.TransformerEncoderLayer(
        D, N, F, dropout=0.0, batch_first=True, **arguments
    )
    names = ("norm1", "norm2", "linear1", "linear2")
    state = attention_state(weights[:8], "self_attn.") | pairs_state(weights[8:], names)
    return ours, load(theirs, state)


def decoder_pair(rng, **arguments):
    ours = TransformerDecoder(F, N, layer_norm_epsilon=1e-5, **arguments)
    ours.build((None, None, D), (None, None, D))
    weights = randomize(ours, rng).get_weights()
    arguments["norm_first"] = arguments.pop("normalize_first", False)
    theirs = torch.nn.TransformerDecoderLayer(
        D, N, F, dropout=0.0, batch_first=True, **arguments
    )
    names = ("norm2", "linear1", "linear2", "norm3")
    state = attention_state(weights[:8], "self_attn.")
    state |= pairs_state(weights[8:10], ["norm1"])
    state |= attention_state(weights[10:18], "multihead_attn.")
    return ours, load(theirs, state | pairs_state(weights[18:], names))


@pytest.mark.parametrize("masked", ["nothing", "keys", "pairs", "heads", "causal"])
def test_attention(rng, masked):
    query, value = floats(rng, 3, 5, D), floats(rng, 3, 7, D)
    ours = MultiHeadAttention(N, D // N)
    ours(query, value)
    weights = randomize(ours, rng).get_weights()
    theirs = torch.nn.MultiheadAttention(D, N, batch_first=True)
    theirs = load(theirs, attention_state(weights))
    keys = padding([7, 3, 1], 7)
    pairs = (rng.random((5, 7)) < 0.6) | np.eye(5, 7, dtype=bool)
    heads = (rng.random((3, N, 5, 7)) < 0.6) | np.eye(5, 7, dtype=bool)
    causal = np.tri(5, 7, dtype=bool)
    ours_masks, their_masks = {
        "nothing": ({}, {}),
        "keys": ({"value_mask": keys}, {"key_padding_mask": tensor(~keys)}),
        "pairs": ({"attention_mask": pairs}, {"attn_mask": tensor(~pairs)}),
        "heads": (
            {"attention_mask": heads},
            {"attn_mask": tensor(~heads.reshape(3 * N, 5, 7))},
        ),
        "causal": ({"use_causal_mask": True}, {"attn_mask": tensor(~causal)}),
    }[masked]
    output, scores = ours(query, value, return_attention_scores=True, **ours_masks)
    value = tensor(value)
    expected = theirs(
        tensor(query), value, value, average_attn_weights=False, **their_masks
    )
    close((output, scores), [x.detach().numpy() for x in expected])
    close(ours(query, value.numpy(), **ours_masks), expected[0].detach().numpy())


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("masked", ["nothing", "keys", "pairs", "both"])
def test_encoder(rng, masked, activation, normalize_first):
    arguments = {"activation": activation, "normalize_first": normalize_first}
    ours, theirs = encoder_pair(rng, **arguments)
    x, keys = floats(rng, 3, 5, D), padding([5, 3, 1], 5)
    pairs = np.ones((5, 5), bool)
    pairs[2:, 1] = pairs[0, 3:] = False
    ours_masks, their_masks = {}, {}
    if masked in ("keys", "both"):
        ours_masks["padding_mask"] = keys
        their_masks["src_key_padding_mask"] = tensor(~keys)
    if masked in ("pairs", "both"):
        ours_masks["attention_mask"] = pairs[None]
        their_masks["src_mask"] = tensor(~pairs)
    expected = theirs(tensor(x), **their_masks).detach().numpy()
    close(ours(x, **ours_masks), expected)


@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("masked", ["nothing", "target", "source", "pairs", "memory"])
def test_decoder(rng, masked, normalize_first):
    ours, theirs = decoder_pair(rng, normalize_first=normalize_first)
    target, source = floats(rng, 3, 5, D), floats(rng, 3, 7, D)
    target_keys, source_keys = padding([5, 3, 1], 5), padding([7, 3, 1], 7)
    pairs = np.ones((5, 5), bool)
    pairs[2:, 1] = False
    across = (rng.random((5, 7)) < 0.6) | np.eye(5, 7, dtype=bool)
    causal = np.tri(5, dtype=bool)
    ours_masks, their_masks = {}, {"tgt_mask": tensor(~causal)}
    if masked == "target":
        ours_masks["decoder_padding_mask"] = target_keys
        their_masks["tgt_key_padding_mask"] = tensor(~target_keys)
    if masked == "source":
        ours_masks["encoder_padding_mask"] = source_keys
        their_masks["memory_key_padding_mask"] = tensor(~source_keys)
    if masked == "pairs":
        ours_masks["decoder_attention_mask"] = pairs[None]
        their_masks["tgt_mask"] = tensor(~(pairs & causal))
    if masked == "memory":
        ours_masks["encoder_attention_mask"] = across[None]
        their_masks["memory_mask"] = tensor(~across)
    expected = theirs(tensor(target), tensor(source), **their_masks)
    close(ours(target, source, **ours_masks), expected.detach().numpy())
