"""On four devices as on one; `test_sharded.py` runs this file in a process of its own.

What a device is, is set before JAX starts: four parts of one processor. Whatever is
tested is made twice from one config and with the same weights: on one device, and in a
distribution. Outputs and gradients must be the same to 1e-5.
"""

import contextlib

import jax
import keras
import numpy as np
import pytest
from hosts import SIZES, make
from keras import distribution
from layers.test_contract import CASES as LAYERS
from models.test_model_contract import CASES as MODELS
from tools import TEXTS, TOLERANCE, TOOLS, check_same, fit

from tlkeras import transfer
from tlkeras.distribution import bytes_per_device, layout_map
from tlkeras.generation import generate
from tlkeras.models import GPT


def data_parallel(model):
    return distribution.DataParallel(auto_shard_dataset=False)


def model_parallel(model):
    mesh = distribution.DeviceMesh((2, 2), ["batch", "model"])
    return distribution.ModelParallel(
        layout_map=layout_map(model, mesh), batch_dim_name="batch"
    )


WAYS = pytest.mark.parametrize("way", [data_parallel, model_parallel])


@contextlib.contextmanager
def distributed(chosen):
    before = distribution.distribution()
    distribution.set_distribution(chosen)
    try:
        yield
    finally:
        distribution.set_distribution(before)


def test_four_devices():
    assert len(distribution.list_devices()) == 4


def name(case):
    return case.layer.__name__


def four(x):
    """Rows for four devices, of however many there are."""
    return keras.tree.map_structure(lambda a: a[np.arange(4) % len(a)], x)


def output_and_gradients(model, inputs, shards=None):
    """In training without dropout, which draws other numbers on every device."""
    trained = [w.value for w in model.trainable_variables]
    others = [w.value for w in model.non_trainable_variables]
    if shards is not None:
        inputs = keras.tree.map_structure(
            lambda a: jax.device_put(a, shards.get_data_layout(a.shape).backend_layout),
            inputs,
        )

    def loss(trained):
        found, _ = model.stateless_call(trained, others, inputs, training=False)
        weights = np.random.default_rng(1).normal(size=found.shape)
        return (found * weights).sum() / found.size, found

    (_, output), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(trained)
    return [np.asarray(x) for x in (output, *gradients)]


# One of each class, and of each way in which attention is computed.
CASES = {
    (case.layer, case.arguments.get("implementation")): case for case in LAYERS + MODELS
}


@pytest.mark.parametrize("case", CASES.values(), ids=name)
def test_outputs_and_gradients(case):
    model = case.model(case.make())
    inputs = four(case.arrays())
    wanted = output_and_gradients(model, inputs)
    chosen = model_parallel(model) if model.weights else data_parallel(model)
    with distributed(chosen):
        copy = case.model(case.make())
        copy.set_weights(model.get_weights())
        found = output_and_gradients(copy, inputs, chosen)
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=TOLERANCE, atol=TOLERANCE)


# ── transfer ──────────────────────────────────────────────────────────────────────────


@WAYS
@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_learned(tool, way):
    wanted = tool(make())
    with distributed(way(make())):
        found = tool(make())
    check_same(wanted, found)


def test_a_comparison(tmp_path):
    def strategy(count, seed):
        model = fit(make())
        texts = {key: x[:count] for key, x in TEXTS.items()}
        return float(np.asarray(model.predict(texts, verbose=0)).sum())

    arguments = ({"all": strategy}, (4, 8), range(2))
    wanted = transfer.compare(*arguments, tmp_path / "one", verbose=False)
    with distributed(model_parallel(make())):
        found = transfer.compare(*arguments, tmp_path / "four", verbose=False)
    for count in (4, 8):
        assert found.values("all", count) == pytest.approx(
            wanted.values("all", count), abs=TOLERANCE
        )


# ── generation ────────────────────────────────────────────────────────────────────────


@WAYS
def test_what_is_written(way):
    def written(model):
        prompt = np.arange(8).reshape(4, 2).astype("int32")
        cache = model.initial_cache(prompt, max_length=7)
        return np.asarray(generate(model.step, prompt, 7, cache=cache))

    keras.utils.set_random_seed(0)
    llama = {"positions": "rotary", "normalization": "rms", "num_key_value_heads": 2}
    model = GPT(32, **SIZES, **llama, dropout=0.0)
    with distributed(way(model)):
        copy = GPT.from_config(model.get_config())
        copy.set_weights(model.get_weights())
        found = written(copy)
    np.testing.assert_array_equal(found, written(model))


# ── what is cut ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_bytes_are_those_that_a_device_holds(devices):
    keras.utils.set_random_seed(0)
    model = GPT(30, **SIZES, positions="rotary", num_key_value_heads=2)
    mesh = distribution.DeviceMesh((4 // devices, devices), ["batch", "model"])
    layouts = layout_map(model, mesh)
    parallel = distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    with distributed(parallel):
        copy = GPT.from_config(model.get_config())
    held = sum(w.value.addressable_shards[0].data.nbytes for w in copy.weights)
    assert held == bytes_per_device(copy, layouts)
    assert bytes_per_device(copy) == 4 * copy.count_params()
    assert held < bytes_per_device(copy) or devices == 1


def test_what_four_devices_cannot_share_is_cut_elsewhere_or_stays_whole():
    model = GPT(30, **SIZES, positions="rotary", num_key_value_heads=2)
    layouts = layout_map(model, distribution.DeviceMesh((1, 4), ["batch", "model"]))
    inside = "transformer_layer_0/self_attention/"
    assert layouts[inside + "query/kernel"].axes == (None, "model", None)
    assert layouts[inside + "key/kernel"].axes == ("model", None, None)  # two heads
    assert layouts[inside + "key/bias"] is None
    assert layouts["token_embedding/embeddings"].axes == (None, "model")  # 30 tokens
    assert layouts["layer_norm/gamma"] is None


def test_what_does_not_fit_is_refused():
    mesh = distribution.DeviceMesh((4,), ["batch"])
    with pytest.raises(ValueError, match="axis must be one of"):
        layout_map(make(), mesh)
    mesh = distribution.DeviceMesh((1, 4), ["batch", "model"])
    with pytest.raises(ValueError, match="model must have weights"):
        layout_map(keras.Sequential([keras.layers.Dense(2)]), mesh)
