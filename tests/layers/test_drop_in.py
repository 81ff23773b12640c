"""Layers named as one of Keras or KerasHub take its place: only the import changes."""

import inspect

import keras
import numpy as np
import pytest
from helpers import close, floats, randomize

import tlkeras.layers

keras_hub = pytest.importorskip("keras_hub")

# What ours has beyond its peer's, all of it last and with a default, and why.
EXTRA = {
    ("MultiHeadAttention", "__init__"): {
        "num_key_value_heads": "grouped queries",
        "rotary": "positions inside attention",
        "implementation": "which computation of the same numbers",
    },
    ("MultiHeadAttention", "call"): {
        "cache": "decoding; KerasHub has a layer of its own for it",
        "cache_update_index": "decoding",
    },
    ("TransformerEncoder", "__init__"): {
        "num_key_value_heads": "given to the attention",
        "rotary": "given to the attention",
        "implementation": "given to the attention",
    },
    ("TransformerDecoder", "__init__"): {
        "num_key_value_heads": "given to the attention",
        "rotary": "given to the self-attention",
        "implementation": "given to the attention",
    },
    ("TransformerDecoder", "call"): {
        "return_attention_scores": "scores on request, as the encoder has in KerasHub",
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


@pytest.mark.parametrize("name", ["TransformerEncoder", "TransformerDecoder"])
def test_a_size_that_heads_do_not_divide_is_the_intended_difference(name):
    x = np.ones((2, 5, 8), "float32")
    peer(name)(11, 3)(x)  # rounds the size of a head down
    with pytest.raises(ValueError, match="hidden_dim must be a multiple of num_heads"):
        getattr(tlkeras.layers, name)(11, 3)(x)
