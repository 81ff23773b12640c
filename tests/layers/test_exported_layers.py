"""What leaves Keras: LiteRT without TensorFlow's own ops, JAX with an open length."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tlkeras import layers
from tlkeras.models import Bert, BertClassifier, SpeechClassifier, SpeechEncoder, ViT

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12}
LENGTHS = (3, 8, 13)


def tokens(length):
    ids = np.random.default_rng(length).integers(1, 50, (2, length), dtype="int32")
    ids[1, length // 2 :] = 0
    return ids


def encoder(**arguments):
    """Token ids `(B, T)` with padding to a class, T open."""
    ids = keras.Input((None,), dtype="int32")
    x = layers.TokenAndPositionEmbedding(50, 16, 8, mask_zero=True)(ids)
    for _ in range(2):
        x = layers.TransformerEncoder(12, 2, activation="gelu", **arguments)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(ids, keras.layers.Dense(3)(x))


def decoder():
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(50, 8, mask_zero=True)(ids)
    return keras.Model(ids, layers.TransformerDecoder(12, 2)(x))


TEXT = {
    "encoder": encoder,
    "rotary": lambda: encoder(rotary=layers.RotaryEmbedding(), normalize_first=True),
    "decoder": decoder,
}
OTHERS = {
    "bert": lambda: BertClassifier(Bert(50, **SIZES), 3),
    "vit": lambda: ViT((8, 8, 1), 4, **SIZES),
    "speech": lambda: SpeechClassifier(SpeechEncoder(**SIZES, num_mels=20), 3),
}


def lite(model, folder):
    """An interpreter of the exported model, none of whose ops are TensorFlow's."""
    tensorflow = pytest.importorskip("tensorflow")
    path = folder / "model.tflite"
    model.export(path, format="litert", verbose=False)
    interpreter = tensorflow.lite.Interpreter(str(path))
    ops = {op["op_name"] for op in interpreter._get_ops_details()}
    assert "SOFTMAX" in ops
    assert not {op for op in ops if op.startswith("Flex")}
    return interpreter


on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="LiteRT is exported by TensorFlow"
)


@on_tensorflow
@pytest.mark.parametrize("name", TEXT)
def test_litert_gives_the_same_numbers_at_every_length(name, tmp_path):
    model = TEXT[name]()
    interpreter = lite(model, tmp_path)
    place = interpreter.get_input_details()[0]["index"]
    for length in LENGTHS:
        ids = tokens(length)
        interpreter.resize_tensor_input(place, ids.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, ids)
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, np.array(model(ids)), atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("name", OTHERS)
def test_litert_without_ops_of_tensorflow(name, tmp_path):
    lite(OTHERS[name](), tmp_path)


ON_JAX = """
import jax, numpy as np
from jax import export
from test_exported_layers import LENGTHS, TEXT, tokens
for name, make in TEXT.items():
    model = make()
    weights = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    call = jax.jit(lambda x: model.stateless_call(weights, others, x)[0])
    shape = export.symbolic_shape("b, t")
    kept = export.export(call)(jax.ShapeDtypeStruct(shape, np.int32)).serialize()
    again = export.deserialize(kept)
    for length in LENGTHS:
        found, wanted = again.call(tokens(length)), model(tokens(length))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    print(name)
"""


@pytest.mark.slow
def test_jax_exports_an_open_length():
    result = subprocess.run(
        [sys.executable, "-c", ON_JAX],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": str(Path(__file__).parent),
        },
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == list(TEXT), result.stderr[-3000:]
