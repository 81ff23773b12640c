"""Distillation, augmentation, and leaks between splits."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.transfer import (
    AudioAugmentation,
    Distiller,
    ImageAugmentation,
    TokenMasking,
    distillation_loss,
    find_leaks,
)


def numpy(x):
    return ops.convert_to_numpy(x)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.fixture
def logits():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 3)) * 4, rng.normal(size=(5, 3))


def test_distillation_loss(logits):
    teacher, student = logits
    for temperature in (1.0, 3.0):
        p, q = softmax(teacher / temperature), softmax(student / temperature)
        wanted = temperature**2 * (p * np.log(p / q)).sum(-1)
        found = numpy(distillation_loss(teacher, student, temperature))
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert np.abs(numpy(distillation_loss(teacher, teacher + 7))).max() < 1e-5


def small(seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3)]
    )


def distiller(alpha):
    model = Distiller(small(1), small(2), temperature=2.5, alpha=alpha)
    model.compile(
        keras.optimizers.Adam(0.2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    return model


def test_distiller(tmp_path):
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    y = np.array([0, 1, 2, 0, 1, 2])
    model = distiller(0.3)
    student, teacher = numpy(model.student(x)), numpy(model.teacher(x))
    hard = -np.log(softmax(student))[np.arange(6), y].mean()
    soft = numpy(distillation_loss(teacher, student, 2.5)).mean()
    loss = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(0.3 * hard + 0.7 * soft, rel=1e-4)
    before = [numpy(w).copy() for w in model.teacher.weights]
    model = distiller(0.0)  # labels do not count: wrong ones do no harm
    start = numpy(distillation_loss(teacher, numpy(model.student(x)))).mean()
    model.fit(x, np.zeros(6, "int32"), epochs=15, batch_size=6, verbose=0)
    end = numpy(distillation_loss(teacher, numpy(model.student(x)))).mean()
    assert end < 0.3 * start
    for weight, old in zip(model.teacher.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), old)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded(x)), numpy(model(x)), atol=1e-6)
    for wrong in ({"temperature": 0}, {"alpha": 1.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Distiller(small(1), small(2), **wrong)


def round_trip(layer):
    config = json.loads(json.dumps(layer.get_config()))
    copy = type(layer).from_config(config)
    assert json.loads(json.dumps(copy.get_config())) == config
    return copy


def test_token_masking():
    tokens = np.tile(np.arange(10), (500, 1))
    layer = TokenMasking(mask_id=99, rate=0.3, keep=(0, 2), seed=1)
    np.testing.assert_array_equal(numpy(layer(tokens)), tokens)
    hidden = numpy(layer(tokens, training=True))
    assert ((hidden == tokens) | (hidden == 99)).all()
    share = (hidden == 99).mean(0)
    assert share[0] == share[2] == 0
    assert np.abs(share[[1, 3, 4, 5, 6, 7, 8, 9]] - 0.3).max() < 0.08
    assert np.any(numpy(layer(tokens, training=True)) != hidden)
    again = numpy(round_trip(layer)(tokens, training=True))
    np.testing.assert_array_equal(again, hidden)
    with pytest.raises(ValueError, match="rate must be"):
        TokenMasking(mask_id=1, rate=1.0)


def sines(rows=50, samples=400):
    time = np.arange(samples, dtype="float32")
    return np.tile(np.sin(time / 9), (rows, 1)).astype("float32")


def test_audio_noise_has_the_level_asked_for():
    layer = AudioAugmentation(speed=0, shift=0, noise=(20, 20), seed=0)
    x = sines()
    noise = numpy(layer(x, training=True)) - x
    decibels = 10 * np.log10((x**2).mean() / (noise**2).mean())
    assert decibels == pytest.approx(20, abs=0.3)
    np.testing.assert_array_equal(numpy(layer(x)), x)
    round_trip(layer)


def test_audio_is_shifted_and_played_at_another_speed():
    ramp = np.tile(np.arange(1, 401, dtype="float32"), (50, 1))
    shifted = numpy(
        AudioAugmentation(speed=0, shift=0.25, noise=None, seed=0)(ramp, training=True)
    )
    starts = []
    for row in shifted:
        inside = row[row > 1.5][1:-2]  # without the ends, where silence comes in
        np.testing.assert_allclose(np.diff(inside), 1, atol=1e-3)
        starts.append(row[200] - ramp[0, 200])
    assert max(starts) > 50
    assert min(starts) < -50
    assert max(map(abs, starts)) <= 100
    faster = numpy(
        AudioAugmentation(speed=0.2, shift=0, noise=None, seed=0)(ramp, training=True)
    )
    slopes = np.diff(faster[:, :300], axis=1).mean(1)
    assert 0.79 < slopes.min() < 0.88
    assert 1.12 < slopes.max() < 1.21
    for wrong in ({"speed": 1}, {"shift": -0.1}, {"noise": (3, 1)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AudioAugmentation(**wrong)


def test_image_augmentation():
    images = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")
    layer = ImageAugmentation(seed=0)
    np.testing.assert_array_equal(numpy(layer(images)), images)
    changed = numpy(layer(images, training=True))
    assert np.abs(changed - images).mean() > 0.05
    assert len(layer.steps) == 5
    assert len(ImageAugmentation(flip=None, zoom=0).steps) == 3
    round_trip(layer)


def test_leaks():
    train = [
        "The quick brown fox jumps over the lazy dog.",
        "Return the mean of all elements along an axis.",
        "No.",
    ]
    test = [
        "the QUICK brown fox jumps over the lazy dog 123 !",
        "Return the mean of all elements along one axis.",
        "Return the product of its arguments.",
        "no",
    ]
    found = {
        (leak.left_index, leak.right_index)
        for leak in find_leaks({"train": train, "test": test}, likeness=0.5)
    }
    assert found == {(0, 0), (1, 1), (2, 3)}
    strict = find_leaks({"train": train, "test": test}, likeness=1)
    assert [(leak.left_index, leak.right_index) for leak in strict] == [(0, 0), (2, 3)]
    assert {leak.left_split for leak in strict} == {"train"}


def test_leaks_of_arrays():
    rows = np.random.default_rng(0).random((6, 3, 2))
    splits = {"train": rows[:4], "validation": rows[4:], "test": rows[[1, 5]]}
    found = [
        (leak.left_split, leak.left_index, leak.right_index)
        for leak in find_leaks(splits)
    ]
    assert found == [("train", 1, 0), ("validation", 1, 1)]
    assert find_leaks({"train": rows[:3], "test": rows[3:]}) == []
    with pytest.raises(ValueError, match="at least two splits"):
        find_leaks({"train": rows})
    with pytest.raises(ValueError, match="likeness must be"):
        find_leaks({"a": rows, "b": rows}, likeness=0)
