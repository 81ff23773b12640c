"""Layers named as one of Keras or KerasHub take its place: only the import changes."""

import inspect

import keras
import numpy as np
import pytest
from helpers import close, floats, randomize, refused

import tlkeras.layers
import tlkeras.masks
from tlkeras.generation import jit

keras_hub = pytest.importorskip("keras_hub")

# What ours has beyond its peer's, all of it last and with a default, and why.
EXTRA = {
    ("MultiHeadAttention", "__init__"): {
        "num_key_value_heads": "grouped queries",
        "rotary": "positions inside attention",
        "implementation": "which computation, of the same numbers or linear",
    },
    ("MultiHeadAttention", "call"): {
        "cache": "decoding; KerasHub has a layer of its own for it",
        "cache_update_index": "decoding",
        "attention_bias": "added to the logits, as in a T5",
    },
    ("TransformerEncoder", "__init__"): {
        "num_key_value_heads": "given to the attention",
        "rotary": "given to the attention",
        "implementation": "given to the attention",
        "normalization": "RMS, as in a Llama",
        "use_bias": "none, as in a Llama",
        "key_dim": "given to the attention; a T5's is not D / N",
        "sliding_window": "given to the attention",
    },
    ("TransformerEncoder", "call"): {
        "attention_bias": "given to the attention",
        "use_causal_mask": "as the text tower of a CLIP",
    },
    ("TransformerDecoder", "__init__"): {
        "num_key_value_heads": "given to the attention",
        "rotary": "given to the self-attention",
        "implementation": "given to the attention",
        "normalization": "RMS, as in a Llama",
        "use_bias": "none, as in a Llama",
        "key_dim": "given to the attention; a T5's is not D / N",
        "sliding_window": "given to the self-attention",
    },
    ("TransformerDecoder", "call"): {
        "return_attention_scores": "scores on request, as the encoder has in KerasHub",
        "decoder_attention_bias": "given to the self-attention",
    },
}
# How to make one, and the shapes of its inputs; None stands for token ids.
MADE = {
    "MultiHeadAttention": ((4, 6), [(3, 5, 8), (3, 7, 6)]),
    "TransformerEncoder": ((11, 4), [(3, 5, 8)]),
    "TransformerDecoder": ((11, 4), [(3, 5, 8), (3, 7, 6)]),
    "SinePositionEncoding": ((), [(3, 5, 8)]),
    "PositionEmbedding": ((9,), [(3, 5, 8)]),
    "RotaryEmbedding": ((), [(3, 5, 8)]),
    "TokenAndPositionEmbedding": ((11, 9, 8), [None]),
}


def peer(name):
    return getattr(keras.layers, name, None) or getattr(keras_hub.layers, name, None)


def parameters(layer, method):
    """Name, default and kind of each argument, annotations left out."""
    signature = inspect.signature(getattr(layer, method))
    return [p.replace(annotation=p.empty) for p in signature.parameters.values()]


each = pytest.mark.parametrize("name", MADE)


def test_every_layer_with_a_namesake_is_compared():
    namesakes = {name for name in tlkeras.layers.__all__ if peer(name)}
    assert namesakes == set(MADE)


@each
@pytest.mark.parametrize("method", ["__init__", "call"])
def test_arguments_have_the_same_names_order_and_defaults(name, method):
    ours = parameters(getattr(tlkeras.layers, name), method)
    theirs = parameters(peer(name), method)
    ours = [p for p in ours if p.kind is not p.VAR_KEYWORD]
    theirs = [p for p in theirs if p.kind is not p.VAR_KEYWORD]
    assert [str(p) for p in ours[: len(theirs)]] == [str(p) for p in theirs]
    more = ours[len(theirs) :]
    assert [p.name for p in more] == list(EXTRA.get((name, method), {}))
    assert all(p.default is not p.empty for p in more)


def pair(name, rng):
    arguments, shapes = MADE[name]
    inputs = [
        rng.integers(1, 11, (3, 5)) if shape is None else floats(rng, *shape)
        for shape in shapes
    ]
    made = [make(*arguments) for make in (getattr(tlkeras.layers, name), peer(name))]
    for layer in made:
        layer(*inputs)
    return *made, inputs


@each
def test_weights_have_the_same_names_shapes_and_order(name, rng):
    described = [
        [(w.path.split("/", 1)[-1], tuple(w.shape), w.trainable) for w in layer.weights]
        for layer in pair(name, rng)[:2]
    ]
    assert described[0] == described[1]


@each
def test_weights_go_from_one_to_the_other_and_back(name, rng):
    ours, theirs, inputs = pair(name, rng)
    randomize(theirs, rng)
    ours.set_weights(theirs.get_weights())
    close(ours(*inputs), theirs(*inputs))
    randomize(ours, rng)
    theirs.set_weights(ours.get_weights())
    close(ours(*inputs), theirs(*inputs))


@each
def test_a_config_of_the_peer_makes_ours(name, rng):
    _, theirs, inputs = pair(name, rng)
    config = theirs.get_config()
    ours = getattr(tlkeras.layers, name).from_config(config)
    ours(*inputs)
    ours.set_weights(theirs.get_weights())
    close(ours(*inputs), theirs(*inputs))


@each
def test_our_config_makes_a_layer_of_the_peer(name, rng):
    ours, _, inputs = pair(name, rng)
    theirs = peer(name).from_config(ours.get_config())
    theirs(*inputs)
    theirs.set_weights(ours.get_weights())
    close(theirs(*inputs), ours(*inputs))


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_key_value_heads": 2},
        {"rotary": tlkeras.layers.RotaryEmbedding()},
        {"implementation": "chunked"},
        {"implementation": "linear"},
        {"flash_attention": True},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_a_config_keeps_what_the_peer_lacks(arguments):
    layer = tlkeras.layers.MultiHeadAttention(4, 6, **arguments)
    config = layer.get_config()
    assert set(arguments) <= set(config)
    copy = tlkeras.layers.MultiHeadAttention.from_config(config)
    assert copy.get_config() == config
    assert copy.implementation == layer.implementation
    assert copy.num_key_value_heads == layer.num_key_value_heads


X = np.random.default_rng(1).normal(size=(3, 5, 8)).astype("float32")
LOWER = np.tril(np.ones((5, 5)))
ROWS = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1]])
# How a mask of each layer is given, and the mask.
MASKED = {
    "attention_mask": (tlkeras.layers.MultiHeadAttention(4, 6), 2, LOWER),
    "value_mask": (tlkeras.layers.MultiHeadAttention(4, 6), 2, ROWS),
    "padding_mask": (tlkeras.layers.TransformerEncoder(11, 4), 1, ROWS),
    "decoder_padding_mask": (tlkeras.layers.TransformerDecoder(11, 4), 1, ROWS),
    "encoder_attention_mask": (tlkeras.layers.TransformerDecoder(11, 4), 2, LOWER),
    "mask": (tlkeras.layers.scaled_dot_product_attention, 3, LOWER),
}
masked = pytest.mark.parametrize("name", MASKED)


def under(name, change=lambda mask: mask):
    layer, inputs, mask = MASKED[name]
    return layer(*[X] * inputs, **{name: change(mask)})


@masked
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int64", "float16", "bfloat16", "float32", "float64"]
)
def test_zeros_and_ones_of_any_dtype_are_a_mask(name, dtype):
    def convert(mask):
        return keras.ops.cast(keras.ops.convert_to_tensor(mask), dtype)

    expected = under(name, lambda mask: mask.astype(bool))
    close(under(name, convert), expected, 0)
    everything = under(name, lambda mask: np.ones_like(mask, bool))
    assert np.abs(np.array(expected) - np.array(everything)).max() > 1e-3


@masked
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda mask: mask * 0.5, "0.5 at position (0, 0)"),
        (lambda mask: np.where(mask, 0, -np.inf), "-inf at position (0,"),
        (lambda mask: np.where(mask, 1, np.nan), "nan at position (0,"),
        (lambda mask: np.zeros_like(mask, "float32"), "no 1 at all"),  # additive?
    ],
)
def test_other_floats_are_refused(name, change, said):
    refused(lambda: under(name, change), "mask must be boolean", said)


@masked
def test_floats_that_cannot_be_seen_are_refused(name):
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch is never traced")

    def call(mask):
        return under(name, lambda _: mask)

    call_compiled = jit(call)
    close(call_compiled(MASKED[name][2].astype(bool)), under(name))
    advice = "zeros and ones into `mask == 1`"
    refused(lambda: jit(call)(MASKED[name][2].astype("float32")), "not known", advice)


@pytest.mark.parametrize("axes", [None, (1,), (2,)])
def test_implicit_masks_of_a_grid_equal_explicit_ones(axes, rng):
    token_ids = rng.integers(0, 3, (2, 3, 5))
    token_ids[:, 0] = token_ids[:, :, 0] = 1  # no query that may see nothing
    grid = keras.layers.Embedding(9, 8, mask_zero=True)(token_ids)  # (B, X, T, D)
    keep = token_ids != 0
    layer = tlkeras.layers.MultiHeadAttention(2, 4, attention_axes=axes)
    output = layer(grid, grid)
    bare = tlkeras.masks.without_mask(grid)
    close(output, layer(bare, bare, query_mask=keep, value_mask=keep))
    assert np.abs(np.array(output) - np.array(layer(bare, bare))).max() > 1e-4
    if axes is None:  # as one sequence; Keras refuses this
        sequence, keep = np.reshape(bare, (2, 15, 8)), keep.reshape(2, 15)
        flat = tlkeras.layers.MultiHeadAttention(2, 4)
        flat.build(sequence.shape, sequence.shape)
        flat.set_weights(layer.get_weights())
        expected = flat(sequence, sequence, query_mask=keep, value_mask=keep)
        return close(np.reshape(output, (2, 15, 8)), expected)
    # Keras masks the second-to-last axis alone, and zeroes rows that see nothing.
    theirs = keras.layers.MultiHeadAttention(2, 4, attention_axes=(2,))
    bare, mask = np.array(bare), keep
    if axes == (1,):
        bare, mask = np.swapaxes(bare, 1, 2), np.swapaxes(keep, 1, 2)
    theirs.build(bare.shape, bare.shape)
    theirs.set_weights(layer.get_weights())
    expected = np.array(theirs(bare, bare, value_mask=mask))
    expected = np.swapaxes(expected, 1, 2) if axes == (1,) else expected
    return close(np.array(output)[keep], expected[keep])


def doubling(base):
    class Doubling(base):
        """Twice the attention, and the mask that it was given."""

        def _compute_attention(self, query, key, value, attention_mask=None, *args):
            self.given = attention_mask
            output, scores = super()._compute_attention(
                query, key, value, attention_mask, *args
            )
            return 2 * output, scores

    return Doubling


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"use_causal_mask": True},
        {"attention_mask": LOWER.astype(bool)},
        {"value_mask": ROWS.astype(bool), "use_causal_mask": True},
    ],
)
def test_a_subclass_replaces_the_attention_as_in_keras(arguments, rng):
    ours = doubling(tlkeras.layers.MultiHeadAttention)(4, 6)
    theirs = doubling(keras.layers.MultiHeadAttention)(4, 6)
    expected = theirs(X, X, **arguments)
    output = ours(X, X, **arguments)
    ours.set_weights(theirs.get_weights())
    output, scores = ours(X, X, return_attention_scores=True, **arguments)
    close(output, expected)
    close(scores, theirs(X, X, return_attention_scores=True, **arguments)[1])
    assert (ours.given is None) == (theirs.given is None)
    if ours.given is not None:
        assert len(ours.given.shape) == 3  # (·, T, S)
        np.testing.assert_array_equal(*np.broadcast_arrays(ours.given, theirs.given))


def test_a_replaced_attention_gets_the_keys_of_all_heads():
    layer = doubling(tlkeras.layers.MultiHeadAttention)(4, 6, num_key_value_heads=2)
    plain = tlkeras.layers.MultiHeadAttention(4, 6, num_key_value_heads=2)
    layer(X, X)
    plain(X, X)
    layer.set_weights(plain.get_weights())  # biases are 0
    close(layer(X, X), 2 * plain(X, X))


def test_a_private_method_that_is_not_called_is_not_replaced_silently():
    with pytest.raises(TypeError, match=r"Softer replaces _masked_softmax"):

        class Softer(tlkeras.layers.MultiHeadAttention):
            def _masked_softmax(self, attention_scores, attention_mask=None):
                return attention_scores


@pytest.mark.parametrize("shape", [(5, 8), (3, 5, 8), (2, 3, 5, 8), (2, 1, 3, 5, 8)])
@pytest.mark.parametrize("name", ["SinePositionEncoding", "PositionEmbedding"])
def test_positions_for_inputs_of_any_rank(name, shape, rng):
    ours = getattr(tlkeras.layers, name)(*MADE[name][0])
    inputs = floats(rng, *shape)
    output = np.array(ours(inputs, start_index=1))
    assert output.shape == ours.compute_output_shape(shape) == shape
    row = np.array(ours(inputs[(0,) * (len(shape) - 2)][None], start_index=1))[0]
    close(output, np.broadcast_to(row, shape))
    given = np.arange(1, 6)
    close(ours(inputs, positions=given), output)
    close(ours(inputs, positions=np.broadcast_to(given, shape[:-1])), output)


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
@pytest.mark.parametrize("mask_zero", [False, True])
def test_token_ids_of_any_rank(shape, mask_zero, rng):
    made = [
        make(11, 9, 8, mask_zero=mask_zero)
        for make in (
            tlkeras.layers.TokenAndPositionEmbedding,
            keras_hub.layers.TokenAndPositionEmbedding,
        )
    ]
    token_ids = rng.integers(0, 11, shape)
    ours, theirs = (layer(token_ids) for layer in made)
    made[0].set_weights(made[1].get_weights())
    ours = made[0](token_ids)
    close(ours, theirs)
    implicit = [tlkeras.masks.implicit_mask(x) for x in (ours, theirs)]
    assert [mask is not None for mask in implicit] == [mask_zero] * 2
    if mask_zero:
        np.testing.assert_array_equal(*implicit)


@each
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_the_spec_of_the_output_has_its_dtype(name, policy):
    arguments, shapes = MADE[name]
    layer = getattr(tlkeras.layers, name)(*arguments, dtype=policy)
    inputs = [
        np.ones((3, 5), "int32") if shape is None else np.ones(shape, "float32")
        for shape in shapes
    ]
    output = layer(*inputs)
    spec = layer.compute_output_spec(
        *[keras.KerasTensor(x.shape, x.dtype.name) for x in inputs]
    )
    assert spec.dtype == layer.compute_dtype
    assert spec.dtype == keras.backend.standardize_dtype(output.dtype)
    assert tuple(spec.shape) == tuple(output.shape)


@pytest.mark.parametrize("name", ["TransformerEncoder", "TransformerDecoder"])
def test_a_size_that_heads_do_not_divide_is_the_intended_difference(name):
    x = np.ones((2, 5, 8), "float32")
    peer(name)(11, 3)(x)  # rounds the size of a head down
    with pytest.raises(ValueError, match="hidden_dim must be a multiple of num_heads"):
        getattr(tlkeras.layers, name)(11, 3)(x)
