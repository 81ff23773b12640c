"""What learns, what does not, and that a change takes effect."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import (
    GradualUnfreezing,
    blocks,
    freeze,
    problems,
    summary,
    unfreeze,
)
from tlkeras.transfer._tree import named_weights


def numpy(x):
    return ops.convert_to_numpy(x)


def names(model):
    return set(named_weights(model))


def test_blocks_follow_the_depth(make):
    model = make()
    assert [[path for path, _ in block] for block in blocks(model)] == [
        [
            next(layer.name for layer in model.layers),
            "backbone/tokens",
            "backbone/tokens_embedding",
            "backbone/embedding_norm",
            "backbone/embedding_dropout",
        ],
        ["backbone/encoder_0"],
        ["backbone/encoder_1", "mean", "head_dropout"],
        ["head"],
    ]
    own = blocks(model, ["embedding", "encoder", "head"])
    assert [len(block) for block in own] == [3, 2, 2]
    with pytest.raises(ValueError, match="leave out 'backbone/encoder_0'"):
        blocks(model, ["embedding", "head"])
    with pytest.raises(ValueError, match="matches none of"):
        blocks(model, ["embedding", "encoder", "head", "nothing"])
    with pytest.raises(ValueError, match="must be built"):
        blocks(keras.Sequential([keras.layers.Dense(2)]))


@pytest.mark.parametrize(
    ("call", "moves"),
    [
        (lambda m: freeze(m, "backbone"), r"head/"),
        (lambda m: freeze(m, "backbone/"), r"head/"),
        (lambda m: freeze(m, depth=2), r"encoder_1/|head/"),
        (lambda m: freeze(m, depth=0), r""),
        (lambda m: unfreeze(freeze(m), depth=1), r"head/"),
        (lambda m: unfreeze(freeze(m), "encoder_1"), r"encoder_1/"),
        (lambda m: unfreeze(freeze(m), "bias$"), r"/bias$"),
        (lambda m: freeze(m, ["embedding", "encoder_0"]), r"encoder_1/|head/"),
        (
            lambda m: freeze(unfreeze(freeze(m), depth=2), "kernel$"),
            r"1/.*a$|(1|head)/.*bias",
        ),
    ],
)
def test_only_what_is_not_frozen_moves(make, data, train, call, moves):
    import re

    model = make()
    call(model)
    # The bias of a key adds the same to all of a query's logits: it has no gradient.
    expected = {n for n in names(model) if re.search(moves, n) and "key/bias" not in n}
    assert train(model, data) - {n for n in names(model) if "key/bias" in n} == expected
    assert problems(model) == []


def test_changes_after_compile_take_effect(make, data, train):
    model = make()
    freeze(model, "backbone")
    assert train(model, data, graph=True) == {"head/kernel", "head/bias"}
    momentum = numpy(model.optimizer.variables[2]).copy()
    unfreeze(model, "encoder_1")
    assert np.any(momentum)
    kept = [numpy(v) for v in model.optimizer.variables]
    assert any(v.shape == momentum.shape and np.all(v == momentum) for v in kept)
    assert int(model.optimizer.iterations) == 1
    moved = train(model, data, compiled=False)
    assert any("encoder_1" in name for name in moved)
    assert not any("encoder_0" in name for name in moved)
    freeze(model, "head")
    assert not any("head" in name for name in train(model, data, compiled=False))


def test_the_trap_of_a_change_after_compile_is_reported(make, data, train):
    model = make()
    freeze(model, "backbone")
    train(model, data)
    model.get_layer("backbone").trainable = True
    assert any("became trainable after compile" in text for text in problems(model))
    unfreeze(model, "backbone")
    assert problems(model) == []
    train(model, data, compiled=False)
    model.get_layer("backbone").trainable = False
    assert any("frozen after compile" in text for text in problems(model))


def test_trainable_inside_of_frozen_is_reported(make):
    model = make()
    backbone = model.get_layer("backbone")
    backbone.trainable = False
    backbone.get_layer("encoder_1").trainable = True
    assert any("inside of frozen layers" in text for text in problems(model))
    unfreeze(model, "encoder_1")
    assert problems(model) == []
    assert any("encoder_1" in w.path for w in model.trainable_weights)


def normalised():
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, name="body"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(3, name="head"),
        ]
    )


def test_statistics_of_frozen_parts_stand_still(data, train):
    data = (data[0].astype("float32"), data[1])
    model = normalised()
    assert "norm/moving_mean" in train(model, data)
    for pattern in ("norm", ["gamma$", "beta$"]):
        model = normalised()
        freeze(model, pattern)
        assert not any("norm" in name for name in train(model, data))
        assert problems(model) == []
    model = normalised()
    for weight in model.get_layer("norm").trainable_weights:
        weight.trainable = False  # what Keras itself lets one do
    assert any("statistics still move" in text for text in problems(model))
    assert "norm/moving_mean" in train(model, data)


def test_dropout_of_frozen_parts_is_off_and_comes_back(make, data):
    model = make(dropout=0.5)
    freeze(model, "backbone")
    backbone = model.get_layer("backbone")
    once, again = (numpy(backbone(data[0], training=True)) for _ in "ab")
    np.testing.assert_array_equal(once, again)
    assert model.get_layer("head_dropout").rate == 0.5
    unfreeze(model)
    assert backbone.get_layer("embedding_dropout").rate == 0.5
    assert np.any(numpy(backbone(data[0], training=True)) != once)
    freeze(model, "backbone", keep_dropout=True)
    assert np.any(numpy(backbone(data[0], training=True)) != once)
    assert any("is noisy in a frozen part (rate 0.5)" in t for t in problems(model))


def test_dropout_inside_of_keras_attention_is_off_as_well():
    inputs = keras.Input((5, 8))
    layer = keras.layers.MultiHeadAttention(2, 4, dropout=0.5, name="reader")
    model = keras.Model(
        inputs, keras.layers.Dense(2, name="head")(layer(inputs, inputs))
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    plain = numpy(model(x))
    assert np.abs(numpy(model(x, training=True)) - plain).max() > 1e-3
    layer.trainable = False
    assert any("reader" in text and "(rate 0.5)" in text for text in problems(model))
    freeze(model, "reader")
    np.testing.assert_allclose(numpy(model(x, training=True)), plain, atol=1e-5)


def test_noise_of_other_layers_is_off_as_well():
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            keras.layers.GaussianNoise(0.3, name="noise"),
            keras.layers.GRU(4, dropout=0.4, recurrent_dropout=0.2, name="reader"),
            keras.layers.Dense(2, name="head"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    plain = numpy(model(x))
    assert np.abs(numpy(model(x, training=True)) - plain).max() > 1e-3
    model.get_layer("reader").trainable = False  # what Keras itself lets one do
    assert [text.split()[0] for text in problems(model)] == 2 * ["reader/gru_cell"]
    freeze(model, ["noise", "reader"])
    np.testing.assert_allclose(numpy(model(x, training=True)), plain, atol=1e-6)
    assert problems(model) == []
    unfreeze(model, ["noise", "reader"])
    cell = model.get_layer("reader").cell
    assert (cell.dropout, cell.recurrent_dropout) == (0.4, 0.2)
    assert model.get_layer("noise").stddev == 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "nothing"}, "matches none of: .*backbone/"),
        ({"depth": 5}, "from 0 to 4, the number of blocks; given 5"),
        ({"depth": -1}, "from 0 to 4"),
        ({"depth": 1, "pattern": "head"}, "not both"),
    ],
)
def test_wrong_arguments(make, arguments, message):
    for change in (freeze, unfreeze):
        with pytest.raises(ValueError, match=message):
            change(make(), **arguments)


def test_nothing_changes_on_a_wrong_pattern(make):
    model = make()
    with pytest.raises(ValueError, match="matches none"):
        freeze(model, "nothing")
    assert len(model.trainable_weights) == len(model.weights)


class Moved(keras.callbacks.Callback):
    """Which blocks moved in each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.before = [numpy(w).copy() for w in self.model.weights]

    def on_epoch_end(self, epoch, logs=None):
        moved = [
            w.path.split("/")[0]
            for w, old in zip(self.model.weights, self.before, strict=True)
            if np.any(numpy(w) != old)
        ]
        self.epochs.append(set(moved))


def test_gradual_unfreezing(make, data, train):
    model, moved = make(), Moved()
    train(
        model, data, graph=True, epochs=3, callbacks=[GradualUnfreezing(every=2), moved]
    )
    last, more, most = (
        {"head"},
        {"head", "encoder_1"},
        {"head", "encoder_1", "encoder_0"},
    )
    assert moved.epochs == [last, last, more]
    assert int(model.optimizer.iterations) == 3
    model, moved = make(), Moved()
    patterns = ["embedding", "encoder", "head"]
    callback = GradualUnfreezing(start=2, patterns=patterns)
    train(model, data, epochs=2, callbacks=[callback, moved])
    assert moved.epochs[0] == most
    assert moved.epochs[1] == most | {"tokens_embedding", "embedding_norm"}
    for wrong in ({"every": 0}, {"start": 0}, {"start": 1.5}):
        with pytest.raises(ValueError, match="must be a positive integer"):
            GradualUnfreezing(**wrong)


def test_summary_counts_what_the_optimizer_really_keeps(make, data, train):
    model = make()
    freeze(model, depth=2)
    rows = summary(model)
    assert [row.trainable > 0 for row in rows] == [False, False, True, True]
    assert rows.total.parameters == model.count_params()
    train(model, data)
    slots = [v for v in model.optimizer.variables if len(v.shape)]
    assert rows.total.optimizer_bytes == sum(4 * numpy(v).size for v in slots)
    assert summary(model, keras.optimizers.SGD()).total.optimizer_bytes == 0
    momentum = summary(model, keras.optimizers.SGD(momentum=0.9)).total
    assert momentum.optimizer_bytes == 4 * momentum.trainable
    text = str(rows)
    assert "backbone/encoder_1" in text
    assert f"{rows.total.parameters:,}" in text
