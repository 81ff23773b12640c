"""Blocks are what is used, and stacks inside of one layer are opened."""

import warnings

import keras
import keras_hub
import numpy as np
import pytest

from tlkeras.layers import TransformerDecoder
from tlkeras.models import Bert, BertClassifier, BertMaskedLM
from tlkeras.transfer import (
    GradualUnfreezing,
    blocks,
    freeze,
    layerwise_decay,
    problems,
    unfreeze,
)
from tlkeras.transfer._tree import is_stack, named_weights

TOKENS = np.array([[2, 7, 9, 3, 0]], "int32")
TEXT = {
    "token_ids": TOKENS,
    "segment_ids": 0 * TOKENS,
    "padding_mask": (TOKENS != 0).astype("int32"),
}
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}


def ours(pooling="mean"):
    return BertClassifier(Bert(20, **SIZES, name="bert"), 3, pooling=pooling)


def hub(head):
    backbone = keras_hub.models.BertBackbone(vocabulary_size=20, **SIZES, name="bert")
    return head(backbone)


def hub_masked_lm():
    return hub(keras_hub.models.BertMaskedLM)


def starts(model):
    """What begins each block."""
    return [next(str(p) for p, x in block if x.weights) for block in blocks(model)]


IDLE = [
    ours,
    lambda: ours("cls"),
    lambda: BertMaskedLM(Bert(20, **SIZES, name="bert")),
    hub_masked_lm,
]


@pytest.mark.parametrize("make", IDLE)
def test_a_pooler_that_nothing_uses(make):
    model = make()
    found = starts(model)
    assert found[:3] == [
        "bert/token_embedding",
        "bert/transformer_layer_0",
        "bert/transformer_layer_1",
    ]
    assert not any("pooled_dense" in path for path in found)
    everything = [path for block in blocks(model) for path, _ in block]
    assert "bert/pooled_dense" in everything  # so that each weight is in a block
    [text] = problems(model)
    assert "2 weights are trainable, but no output depends on them" in text
    assert "bert/pooled_dense/kernel" in text
    unfreeze(model)
    assert problems(model) == []
    idle = [w for n, w in named_weights(model).items() if "pooled_dense" in n]
    assert len(idle) == 2
    assert not {id(w) for w in idle} & {id(w) for w in model.trainable_weights}
    freeze(model, depth=3)
    assert problems(model) == []


@pytest.mark.parametrize(
    "make",
    [lambda: ours("pooler"), lambda: Bert(20, **SIZES), lambda: hub(lambda x: x)],
)
def test_a_pooler_that_is_used(make):
    model = make()
    assert any("pooled_dense" in path for path in starts(model))
    assert problems(model) == []


def test_rates_of_a_classifier_by_mean():
    rates = dict(layerwise_decay(ours(), 0.5))
    assert rates["^head(/|$)"] == 1
    assert rates["^bert/transformer_layer_1(/|$)"] == 0.5
    assert rates["^bert/transformer_layer_0(/|$)"] == 0.25


def test_gradual_unfreezing_wastes_no_stage():
    model, seen = ours(), []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(len(model.trainable_weights))
    )
    model.compile("sgd", "mse", run_eagerly=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Gradients do not exist")
        callbacks = [GradualUnfreezing(), record]
        model.fit(TEXT, np.ones((1, 3)), epochs=4, verbose=0, callbacks=callbacks)
    assert seen == [2, 18, 34, 39]  # the head, two encoders of 16, and embeddings


def vit():
    return keras_hub.models.ViTBackbone(
        image_shape=(8, 8, 3),
        patch_size=4,
        num_layers=3,
        num_heads=2,
        hidden_dim=4,
        mlp_dim=6,
    )


def test_a_stack_is_opened():
    model = vit()
    assert starts(model) == [
        "vit_patching_and_embedding",
        "vit_encoder/transformer_block_1",
        "vit_encoder/transformer_block_2",
        "vit_encoder/transformer_block_3",
    ]
    assert str(blocks(model)[-1][-1][0]) == "vit_encoder/ln"
    covered = [id(w) for block in blocks(model) for _, x in block for w in x.weights]
    assert set(covered) >= {id(w) for w in model.weights}
    freeze(model, depth=3)
    names = {n.split("/")[1] for n, w in named_weights(model).items() if w.trainable}
    assert names == {"transformer_block_3", "ln"}


def test_a_block_is_not_a_stack():
    decoder = TransformerDecoder(6, 2)
    decoder.build((None, 5, 4), (None, 5, 4))
    attention = keras.layers.MultiHeadAttention(2, 2)
    attention.build((None, 5, 4), (None, 5, 4))
    assert not is_stack(decoder)
    assert not is_stack(attention)


def test_other_backbones():
    model = keras_hub.models.GPT2Backbone(vocabulary_size=20, **SIZES)
    assert starts(model) == [
        "token_embedding",
        "transformer_layer_0",
        "transformer_layer_1",
    ]
    assert problems(model) == []


def test_a_layer_that_is_called_twice():
    inputs = keras.Input((4,))
    shared, spare = keras.layers.Dense(4, name="shared"), keras.layers.Dense(4)
    inner = keras.Model(inputs, [shared(shared(inputs)), spare(inputs)], name="inner")
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(inner(inputs)[0]))
    assert starts(model) == ["inner/shared", "head"]
    assert [text.split()[0] for text in problems(model)] == ["2"]
