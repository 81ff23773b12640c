"""`torch.nn.Transformer` with its weights in ours: the same output to 1e-5.

Around PyTorch's Transformer the embeddings, the positions and the output projection are
written here by hand. Its masks say what to hide; each comes over by `from_torch`.
"""

import math

import numpy as np
import pytest
from keras import ops

from tlkeras.checkpoints import load_torch_weights
from tlkeras.masks import from_torch
from tlkeras.models import Transformer

B, S, T, D, N, F = 3, 7, 5, 8, 2, 11


def ours(normalize_first=False, activation="relu", epsilon=1e-5, **arguments):
    sizes = {"num_encoder_layers": 2, "num_decoder_layers": 3, "intermediate_dim": F}
    return Transformer(
        20,
        30,
        D,
        N,
        normalize_first=normalize_first,
        activation=activation,
        layer_norm_epsilon=epsilon,
        **{"final_layer_norm": True, **sizes, **arguments},
    )


def state(rng):
    """Arrays with the names and shapes of a `torch.nn.Transformer`'s state."""
    made = {}

    def linear(name, rows, columns):
        made[f"{name}weight"] = rng.normal(size=(rows, columns))
        made[f"{name}bias"] = rng.normal(size=rows)

    for stack, count, attentions in (("encoder", 2, 1), ("decoder", 3, 2)):
        for layer in range(count):
            path = f"{stack}.layers.{layer}."
            for attention in ("self_attn", "multihead_attn")[:attentions]:
                linear(f"{path}{attention}.in_proj_", 3 * D, D)
                linear(f"{path}{attention}.out_proj.", D, D)
            linear(f"{path}linear1.", F, D)
            linear(f"{path}linear2.", D, F)
            for norm in range(1, 2 + attentions):
                made[f"{path}norm{norm}.weight"] = rng.normal(size=D)
                made[f"{path}norm{norm}.bias"] = rng.normal(size=D)
        made[f"{stack}.norm.weight"] = rng.normal(size=D)
        made[f"{stack}.norm.bias"] = rng.normal(size=D)
    return made


def values_of(model):
    return {w.path: ops.convert_to_numpy(w.value) for w in model.weights}


def test_every_weight_is_read_and_embeddings_stay(rng):
    model = ours()
    before = {
        weight.path: ops.convert_to_numpy(weight.value) for weight in model.weights
    }
    load_torch_weights(model, state(rng))
    after = values_of(model)
    same = {path for path in before if np.array_equal(before[path], after[path])}
    assert same == {"source_embedding/embeddings", "target_embedding/embeddings"}


def test_prefix_and_other_names(rng):
    values = state(rng)
    longer = {f"body.{name}": value for name, value in values.items()}
    longer["embedding.weight"] = np.ones(3)
    left, right = ours(), ours()
    right.set_weights(left.get_weights())
    load_torch_weights(left, values)
    load_torch_weights(right, longer, prefix="body.")
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_biases_they_are_zero(rng):
    values = {k: v for k, v in state(rng).items() if not k.endswith("bias")}
    model = load_torch_weights(ours(), values)
    biases = [w for w in model.weights if w.path.endswith(("bias", "beta"))]
    assert len(biases) > 40
    assert all(not np.any(ops.convert_to_numpy(w.value)) for w in biases)


def broken(values, name, value):
    return {**values, name: value}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: {}, "the state lacks .* num_encoder_layers"),
        (
            lambda s: {k: v for k, v in s.items() if "norm1" not in k},
            "the state lacks .*norm1.* and 7 more",
        ),
        (
            lambda s: {**s, "decoder.layers.3.linear1.bias": np.ones(F)},
            "no place, such as decoder.layers.3",
        ),
        (
            lambda s: {k: v for k, v in s.items() if ".norm." not in k},
            "make the model with final_layer_norm=False",
        ),
        (
            lambda s: broken(s, "encoder.layers.1.linear1.weight", np.ones((D, F))),
            r"linear1.weight must have shape \(11, 8\) .* given \(8, 11\)",
        ),
        (
            lambda s: broken(
                s, "decoder.layers.2.self_attn.in_proj_weight", np.ones((D, 3 * D))
            ),
            r"in_proj_weight must have shape \(24, 8\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(rng, spoil, message):
    model = ours()
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        load_torch_weights(model, spoil(state(rng)))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_post_norm_model_without_final_norms_is_told_what_to_do(rng):
    with pytest.raises(ValueError, match="final_layer_norm=True"):
        load_torch_weights(ours(final_layer_norm=False), state(rng))


# With PyTorch


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it zeroes the memory of padding
    yield torch
    torch.backends.mha.set_fastpath_enabled(fast)


def theirs(torch, normalize_first=False, activation="relu", epsilon=1e-5, **arguments):
    torch.manual_seed(0)
    return torch.nn.Transformer(
        D,
        N,
        2,
        3,
        F,
        dropout=0.0,
        activation=activation,
        norm_first=normalize_first,
        layer_norm_eps=epsilon,
        batch_first=True,
        **arguments,
    ).eval()


def sinusoids(length):
    rows = [
        [
            (math.cos if i % 2 else math.sin)(t / 10000 ** ((i - i % 2) / D))
            for i in range(D)
        ]
        for t in range(length)
    ]
    return np.array(rows, "float32")


def vectors(embedding, ids):
    table = ops.convert_to_numpy(embedding.embeddings)
    return table[ids] * np.float32(math.sqrt(D)) + sinusoids(ids.shape[1])


def kept(rng, *shape):
    """Random booleans; nobody may look nowhere, where PyTorch would say NaN."""
    return (rng.random(shape) < 0.6) | np.eye(*shape[-2:], dtype=bool)


PADDED = np.arange(S) >= np.array([S, 4, 2])[:, None]  # True is padding, as in PyTorch
HIDDEN = {
    "nothing": lambda rng: {},
    "source": lambda rng: {"src_mask": ~kept(rng, S, S)},
    "target": lambda rng: {"tgt_mask": ~kept(rng, T, T)},
    "causal": lambda rng: {"tgt_mask": np.triu(np.full((T, T), -np.inf, "float32"), 1)},
    "memory": lambda rng: {"memory_mask": ~kept(rng, T, S)},
    "source padding": lambda rng: {"src_key_padding_mask": PADDED},
    "target padding": lambda rng: {"tgt_key_padding_mask": PADDED[:, :T]},
    "memory padding": lambda rng: {"memory_key_padding_mask": PADDED},
    "all": lambda rng: {
        "src_mask": np.triu(np.ones((S, S), bool), 3),
        "tgt_mask": np.triu(np.ones((T, T), bool), 1),
        "memory_mask": np.triu(np.ones((T, S), bool), 4),
        "src_key_padding_mask": PADDED,
        "tgt_key_padding_mask": PADDED[:, :T],
        "memory_key_padding_mask": PADDED,
    },
}
NAMES = {
    "src_mask": "source_mask",
    "tgt_mask": "target_mask",
    "memory_mask": "memory_mask",
    "src_key_padding_mask": "source_padding_mask",
    "tgt_key_padding_mask": "target_padding_mask",
    "memory_key_padding_mask": "memory_padding_mask",
}


@pytest.mark.parity
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("normalize_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_same_output(torch, rng, hidden, normalize_first, activation):
    module = theirs(torch, normalize_first, activation)
    for weight in module.parameters():  # PyTorch begins with biases of zero
        torch.nn.init.normal_(weight, std=0.5)
    model = load_torch_weights(ours(normalize_first, activation), module)
    source, target = rng.integers(1, 20, (B, S)), rng.integers(1, 30, (B, T))
    given = HIDDEN[hidden](rng)
    with torch.no_grad():
        output = module(
            torch.from_numpy(vectors(model.source_embedding, source)),
            torch.from_numpy(vectors(model.target_embedding, target)),
            **{name: torch.from_numpy(mask) for name, mask in given.items()},
        ).numpy()
    keep = {NAMES[name]: from_torch(mask) for name, mask in given.items()}
    # PyTorch's memory mask does not default to the source's.
    keep.setdefault("memory_padding_mask", np.ones((B, S), bool))
    logits = model(
        {"source_ids": source, "target_ids": target, **keep}, use_causal_mask=False
    )
    expected = output @ ops.convert_to_numpy(model.target_embedding.embeddings).T
    np.testing.assert_allclose(
        ops.convert_to_numpy(logits), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parity
def test_without_bias_and_in_half_precision(torch, rng):
    module = theirs(torch, bias=False).to(torch.bfloat16)
    model = load_torch_weights(ours(), module)
    kernel = model.encoder_layers[0]._feedforward_intermediate_dense.kernel
    expected = module.encoder.layers[0].linear1.weight.detach().float().numpy().T
    np.testing.assert_array_equal(ops.convert_to_numpy(kernel), expected)


@pytest.mark.parity
@pytest.mark.parametrize(
    "setting", [{"normalize_first": True}, {"activation": "gelu"}, {"epsilon": 1e-3}]
)
def test_settings_that_differ_are_refused(torch, setting):
    with pytest.raises(ValueError, match=r"must be .* as in the torch module"):
        load_torch_weights(ours(), theirs(torch, **setting))
