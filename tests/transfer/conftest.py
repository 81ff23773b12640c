import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.layers import TransformerEncoder


def numpy(tree):
    return keras.tree.map_structure(ops.convert_to_numpy, tree)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 20, (24, 6))
    return tokens, (tokens.sum(1) % 3).astype("int32")


@pytest.fixture
def make():
    """A small text classifier: a nested backbone of two encoders, and a head."""

    def build(dropout=0.0, seed=0, encoders=2):
        keras.utils.set_random_seed(seed)
        tokens = keras.Input((6,), dtype="int32", name="tokens")
        x = keras.layers.Embedding(20, 8, name="tokens_embedding")(tokens)
        x = keras.layers.LayerNormalization(name="embedding_norm")(x)
        x = keras.layers.Dropout(dropout, name="embedding_dropout")(x)
        for i in range(encoders):
            x = TransformerEncoder(16, 2, dropout=dropout, name=f"encoder_{i}")(x)
        backbone = keras.Model(tokens, x, name="backbone")
        inputs = keras.Input((6,), dtype="int32")
        x = keras.layers.GlobalAveragePooling1D(name="mean")(backbone(inputs))
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        return keras.Model(inputs, keras.layers.Dense(3, name="head")(x))

    return build


@pytest.fixture
def train():
    """Train one step an epoch; returns the names of the weights that moved.

    Eagerly, because that is quick; `graph=True` is the compiled step of every day.
    """

    def run(model, data, epochs=1, compiled=True, graph=False, **arguments):
        from tlkeras.transfer._tree import named_weights

        before = {k: numpy(v) for k, v in named_weights(model).items()}
        if compiled:
            model.compile(
                keras.optimizers.Adam(0.01),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                run_eagerly=not graph,
                jit_compile=False,
            )
        model.fit(*data, batch_size=24, epochs=epochs, verbose=0, **arguments)
        after = named_weights(model)
        return {
            name for name, old in before.items() if np.any(numpy(after[name]) != old)
        }

    return run
