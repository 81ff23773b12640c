"""LoRA, adapters and deltas: what begins as the base, and what it keeps of it."""

import gc

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import (
    Adapter,
    add_adapters,
    add_lora,
    freeze,
    load_delta,
    merge_lora,
    problems,
    save_delta,
    summary,
    unfreeze,
)
from tlkeras.transfer._tree import named_weights


def numpy(x):
    return ops.convert_to_numpy(x)


def adapted(model):
    return add_adapters(model, size=3, trainable=("norm", "head"))


def lora(model):
    return add_lora(model, rank=2, trainable="head", seed=1)


def dense_lora(model):
    return add_lora(model, rank=2, layers=("intermediate_dense", "output$"), alpha=6)


@pytest.mark.parametrize("change", [lora, dense_lora, adapted])
def test_it_begins_as_its_base(make, data, change):
    base, model = make(), make()
    before = numpy(base(data[0]))
    change(model)
    np.testing.assert_allclose(numpy(model(data[0])), before, atol=1e-6)
    assert problems(model) == []


@pytest.mark.parametrize(
    ("change", "first"),
    [(lora, False), (dense_lora, False), (adapted, False), (lora, True)],
)
def test_the_base_never_moves(make, data, train, change, first):
    model = make(encoders=1 if first else 2)
    base = set(named_weights(model))
    if first:  # compiled and trained before the change
        train(model, data, graph=True)
    change(model)
    added = set(named_weights(model)) - base
    moved = train(model, data, compiled=not first, epochs=2)
    still = {n for n in base if "head" in n or ("norm" in n and change is adapted)}
    allowed = set() if change is dense_lora else still
    assert moved <= added | allowed
    assert moved >= added
    assert moved >= {n for n in allowed if "head" in n}


@pytest.mark.parametrize("change", [lora, adapted])
def test_dropout_stays_on_around_small_changes(make, data, change):
    model = change(freeze(make(dropout=0.5), "backbone"))
    once, again = (numpy(model(data[0], training=True)) for _ in "ab")
    assert np.abs(once - again).max() > 1e-3
    backbone = model.get_layer("backbone")
    assert backbone.get_layer("embedding_dropout").rate == 0.5
    assert problems(model) == []


def test_unfreeze_leaves_kernels_below_a_lora_alone(make, data, train):
    model = lora(make())
    unfreeze(model)
    assert problems(model) == []
    moved = train(model, data)
    assert not any(n.endswith(("query/kernel", "value/kernel")) for n in moved)
    assert any(n.endswith("key/kernel") for n in moved)
    for name, weight in named_weights(model).items():
        weight.trainable = weight.trainable or name.endswith("query/kernel")
    assert any("its kernel learns as well" in text for text in problems(model))


def test_merging_collects_no_garbage_for_each_weight(make, monkeypatch):
    model, calls = lora(make()), []
    monkeypatch.setattr(gc, "collect", lambda *_: calls.append(1))
    merge_lora(model)
    assert not calls


@pytest.mark.parametrize("change", [lora, dense_lora])
def test_merged_equals_unmerged(make, data, train, change):
    model = change(make())
    train(model, data, epochs=2)
    before, size = numpy(model(data[0])), len(make().weights)
    predicted = model.predict(data[0], verbose=0)
    assert len(model.weights) > size
    merge_lora(model)
    assert len(model.weights) == size
    np.testing.assert_allclose(numpy(model(data[0])), before, atol=1e-5)
    np.testing.assert_allclose(model.predict(data[0], verbose=0), predicted, atol=1e-5)
    unfreeze(model)
    assert any(n.endswith("query/kernel") for n in train(model, data))
    add_lora(model, rank=1)
    np.testing.assert_array_equal(
        numpy(model(data[0])), numpy(merge_lora(model)(data[0]))
    )


def test_the_scale_is_alpha_over_rank(make, data):
    outputs = []
    for alpha in (None, 2, 4):
        model = add_lora(make(), rank=2, alpha=alpha, seed=0)
        for name, weight in named_weights(model).items():
            if "lora_kernel_b" in name:
                weight.assign(ops.ones(weight.shape) * (0.02 if alpha != 4 else 0.01))
        outputs.append(numpy(model(data[0])))
    np.testing.assert_allclose(outputs[1], outputs[0], atol=1e-6)
    np.testing.assert_allclose(outputs[2], outputs[0], atol=1e-6)
    assert np.abs(outputs[0] - numpy(make()(data[0]))).max() > 1e-3


def test_optimizer_state_is_small(make):
    model = make()
    full = summary(model).total.optimizer_bytes
    assert summary(lora(model)).total.optimizer_bytes < 0.2 * full


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: add_lora(m, layers="nothing"), "layers must match"),
        (lambda m: add_lora(m, layers="tokens_embedding"), "layers must match"),
        (lambda m: add_lora(m, rank=0), "rank must be a positive integer"),
        (lambda m: add_lora(add_lora(m)), "has a LoRA already"),
        (lambda m: merge_lora(m), "must have a LoRA"),
        (lambda m: adapted(adapted(m)), "has an adapter already"),
        (lambda m: add_adapters(m, layers="nothing"), "layers must match"),
        (lambda m: Adapter(size=0), "size must be a positive integer"),
    ],
)
def test_wrong_arguments(make, call, message):
    with pytest.raises(ValueError, match=message):
        call(make())


def test_adapter_alone(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    layer = Adapter(3, activation="relu", name="one")
    np.testing.assert_array_equal(numpy(layer(x)), x)
    layer.set_weights([0.5 * np.ones(w.shape) for w in layer.weights])
    hidden = np.maximum(x @ np.full((4, 3), 0.5) + 0.5, 0)
    wanted = x + hidden @ np.full((3, 4), 0.5) + 0.5
    np.testing.assert_allclose(numpy(layer(x)), wanted, atol=1e-5)
    copy = Adapter.from_config(layer.get_config())
    assert (copy.size, copy.activation) == (3, layer.activation)


def head_only(model):
    return freeze(model, "backbone")


@pytest.mark.parametrize("change", [lora, dense_lora, adapted, head_only])
def test_a_delta_brings_everything_back(make, data, train, tmp_path, change):
    model = change(make())
    train(model, data)
    size = save_delta(model, tmp_path / "delta.npz")
    assert size == (tmp_path / "delta.npz").stat().st_size
    fresh = make()
    if change is adapted:
        with pytest.raises(ValueError, match="Adapters and heads must be there"):
            load_delta(fresh, tmp_path / "delta.npz")
        change(fresh)
    fresh.compile(loss="mse", jit_compile=False)
    fresh.predict(data[0], verbose=0)  # compiled before
    load_delta(fresh, tmp_path / "delta.npz")
    wanted = model.predict(data[0], verbose=0)
    np.testing.assert_allclose(fresh.predict(data[0], verbose=0), wanted, atol=1e-6)


def test_a_delta_of_low_precision(tmp_path):
    def build():
        head = keras.layers.Dense(3, name="head", dtype="bfloat16")
        return keras.Sequential([keras.Input((4,)), head])

    model = build()
    model.layers[0].kernel.assign(np.full((4, 3), 0.3))
    save_delta(model, tmp_path / "delta")
    copy = load_delta(build(), tmp_path / "delta")
    kernel = ops.convert_to_numpy(ops.cast(copy.layers[0].kernel, "float32"))
    np.testing.assert_allclose(kernel, 0.3, rtol=4e-3)


def test_a_delta_holds_statistics_of_what_learns(tmp_path, data, train):
    def build():
        keras.utils.set_random_seed(0)
        return keras.Sequential(
            [
                keras.Input((6,)),
                keras.layers.Dense(4, name="body"),
                keras.layers.BatchNormalization(name="norm"),
                keras.layers.Dense(3, name="head"),
            ]
        )

    data = (data[0].astype("float32"), data[1])
    model = freeze(build(), "body")
    train(model, data)
    save_delta(model, tmp_path / "delta")
    copy = load_delta(build(), tmp_path / "delta")
    np.testing.assert_allclose(numpy(copy(data[0])), numpy(model(data[0])), atol=1e-6)


def test_a_delta_of_another_base_is_refused(make, data, train, tmp_path):
    model = lora(make())
    train(model, data, epochs=1)
    save_delta(model, tmp_path / "delta")
    other = make(seed=5)
    before = len(other.weights)
    with pytest.raises(ValueError, match="learned on another base"):
        load_delta(other, tmp_path / "delta")
    assert len(other.weights) == before
    (tmp_path / "broken").write_bytes((tmp_path / "delta").read_bytes()[:-40])
    with pytest.raises(ValueError, match="must be a file of save_delta"):
        load_delta(make(), tmp_path / "broken")
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="must be a file of save_delta"):
        load_delta(make(), tmp_path / "pickle.npy")
    with pytest.raises(FileNotFoundError):
        load_delta(make(), tmp_path / "nowhere")
    with pytest.raises(ValueError, match="everything is frozen"):
        save_delta(freeze(make()), tmp_path / "empty")
