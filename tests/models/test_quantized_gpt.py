"""The small GPT in eight and in four bits: bytes, numbers, what learns beside it."""

import os

import keras
import numpy as np
import pytest
from keras import ops
from keras.quantizers import Int4QuantizationConfig, Int8QuantizationConfig

from tlkeras.checkpoints import from_preset, load_tokenizer
from tlkeras.datasets import whole_docstrings
from tlkeras.models import GPT
from tlkeras.transfer import add_lora, load_delta, save_delta

pytestmark = pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")

PRESET = "tlkeras://gpt_docstrings"
BLOCKS = Int4QuantizationConfig(block_size=32)
# Bits per byte lost, and bytes on disk against float32: at most.
LIMITS = {
    "int8": ("int8", 0.01, 0.3),
    "int4": (Int4QuantizationConfig(block_size=None), 0.05, 0.2),
    "int4 in blocks": (BLOCKS, 0.05, 0.25),
}


def quantize(model, config):
    if isinstance(config, str):
        model.quantize(config)
    else:
        model.quantize(config=config)
    return model


@pytest.fixture(scope="module")
def texts():
    """Rows of 128 tokens of Matplotlib's docstrings, and their bytes."""
    tokenizer = load_tokenizer(PRESET)
    ids, test = [0], whole_docstrings.load_data()[2]
    for text in test:
        ids += [*tokenizer.encode(text, special=False), 0]
        if len(ids) > 8 * 128:
            break
    row = np.array(ids[: 8 * 128 + 1])
    size = len(tokenizer.decode(row[1:][row[1:] != 0]).encode())
    return row[:-1].reshape(8, 128), row[1:].reshape(8, 128), size


def bits_per_byte(model, texts):
    inputs, targets, size = texts
    logits = ops.convert_to_numpy(model(inputs)).astype("float64")
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    chosen = np.take_along_axis(log_p, targets[..., None], -1)
    return -chosen.sum() / np.log(2) / size


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    """Bits per byte and bytes of the floats."""
    path = tmp_path_factory.mktemp("floats") / "model.weights.h5"
    model = from_preset(PRESET, dropout=0)
    model.save_weights(path)
    return bits_per_byte(model, texts), os.path.getsize(path)


@pytest.mark.parametrize("name", LIMITS)
def test_quality_and_bytes(texts, whole, tmp_path, name):
    config, lost, share = LIMITS[name]
    model = quantize(from_preset(PRESET, dropout=0), config)
    model.save_weights(tmp_path / "model.weights.h5")
    size = os.path.getsize(tmp_path / "model.weights.h5")
    bits = bits_per_byte(model, texts)
    print(f"{name}: {bits - whole[0]:+.4f} bits per byte, {size / whole[1]:.3f} bytes")
    assert bits - whole[0] < lost
    assert size / whole[1] < share


def small():
    keras.utils.set_random_seed(0)
    return GPT(30, 1, 2, 64, 64, dropout=0, positions="rotary")


def test_weights_in_blocks_of_32_save_and_load(rng, tmp_path):
    model, x = small(), rng.integers(1, 30, (2, 7))
    exact = ops.convert_to_numpy(model(x))
    quantize(model, BLOCKS)
    output = ops.convert_to_numpy(model(x))
    assert 0 < np.abs(output - exact).max() < 0.2
    model.save_weights(tmp_path / "model.weights.h5")
    other = quantize(small(), BLOCKS)
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(ops.convert_to_numpy(other(x)), output)


# Beside "int8" alone, which also rounds what goes into a layer, this GPT's loss rose.
FLOAT_INPUTS = Int8QuantizationConfig(activation_quantizer=None)


@pytest.mark.parametrize("config", [FLOAT_INPUTS, BLOCKS], ids=["int8", "blocks"])
def test_lora_learns_beside_quantised_kernels(rng, config):
    """QLoRA: at first nothing changes, then only the low-rank pairs do."""
    model, x = quantize(small(), config), rng.integers(1, 30, (2, 7))
    before = ops.convert_to_numpy(model(x))
    add_lora(model, rank=4)
    np.testing.assert_allclose(ops.convert_to_numpy(model(x)), before, atol=1e-6)
    pairs = [w for w in model.trainable_weights if "lora" in w.name]
    assert len(pairs) == 2 * 2  # of queries and values
    frozen = [ops.convert_to_numpy(w) for w in model.non_trainable_weights]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    losses = [model.train_on_batch(x, x) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert all(np.any(ops.convert_to_numpy(w) != 0) for w in pairs)
    for old, new in zip(frozen, model.non_trainable_weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(new), old)


@pytest.mark.parametrize("config", [FLOAT_INPUTS, BLOCKS], ids=["int8", "blocks"])
def test_a_quantised_base_and_what_lora_learned_are_two_files(rng, tmp_path, config):
    """The base is kept once, in whole numbers; the other file has the pairs alone."""
    model, x = quantize(small(), config), rng.integers(1, 30, (2, 7))
    base, learned = tmp_path / "base.weights.h5", tmp_path / "learned.npz"
    model.save_weights(base)
    add_lora(model, rank=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    for _ in range(5):
        model.train_on_batch(x, x)
    output = ops.convert_to_numpy(model(x))
    save_delta(model, learned)
    with np.load(learned) as file:  # the pairs, and what the file says of itself
        assert sum("lora" in name for name in file.files) == 2 * 2
        assert len(file.files) == 2 * 2 + 1
    other = small()
    other.set_weights([0 * w for w in other.get_weights()])
    quantize(other, config).load_weights(base)
    assert np.abs(ops.convert_to_numpy(other(x)) - output).max() > 1e-2
    load_delta(other, learned)
    np.testing.assert_allclose(ops.convert_to_numpy(other(x)), output, atol=1e-6)
