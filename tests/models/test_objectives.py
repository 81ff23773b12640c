"""The loss and the schedule against NumPy, and against Keras where it has the same."""

import keras
import numpy as np
import pytest
from keras import ops

from tlkeras.models import LabelSmoothedCrossEntropy, WarmUp

B, T, V = 3, 4, 7


@pytest.fixture
def labels_and_logits(rng):
    labels = rng.integers(1, V, (B, T))
    labels[0, 2:] = labels[2, 1:] = 0
    return labels, 2 * rng.normal(size=(B, T, V)).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_loss_equals_keras_with_weights(labels_and_logits, smoothing):
    labels, logits = labels_and_logits
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing, reduction=None
    )(ops.one_hot(labels, V), logits)
    real = labels != 0
    expected = (ops.convert_to_numpy(theirs) * real).sum() / real.sum()
    loss = LabelSmoothedCrossEntropy(smoothing)(labels, logits)
    np.testing.assert_allclose(float(loss), expected, rtol=1e-5)


def test_padding_changes_nothing(labels_and_logits):
    labels, logits = labels_and_logits
    loss = LabelSmoothedCrossEntropy()
    other = np.where((labels == 0)[..., None], 5 * logits, logits)
    assert float(loss(labels, other)) == pytest.approx(float(loss(labels, logits)))
    assert float(loss(labels * 0, logits)) == 0


def test_loss_round_trip():
    loss = LabelSmoothedCrossEntropy(0.3, padding_id=5)
    twin = LabelSmoothedCrossEntropy.from_config(loss.get_config())
    assert twin.get_config() == loss.get_config()
    assert (twin.label_smoothing, twin.padding_id) == (0.3, 5)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_loss_refuses(smoothing):
    with pytest.raises(ValueError, match="label_smoothing must be"):
        LabelSmoothedCrossEntropy(smoothing)


def test_schedule_is_equation_3():
    schedule = WarmUp(hidden_dim=64, warmup_steps=100, scale=2.0)
    for done in (0, 1, 50, 98, 99, 100, 1000):
        step = done + 1
        expected = 2 * 64**-0.5 * min(step**-0.5, step * 100**-1.5)
        assert float(schedule(done)) == pytest.approx(expected, rel=1e-5)
    assert WarmUp(**schedule.get_config()).get_config() == schedule.get_config()


def test_schedule_drives_an_optimizer():
    optimizer = keras.optimizers.SGD(WarmUp(1, warmup_steps=4))
    weight = keras.Variable(0.0)
    for _ in range(4):
        optimizer.apply([ops.convert_to_tensor(1.0)], [weight])
    assert float(weight.value) == pytest.approx(-sum(n / 8 for n in range(1, 5)))


@pytest.mark.parametrize("name", ["hidden_dim", "warmup_steps", "scale"])
def test_schedule_refuses(name):
    with pytest.raises(ValueError, match=f"{name} must be a number above 0"):
        WarmUp(**{"hidden_dim": 8, name: 0})
