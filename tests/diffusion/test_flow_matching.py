"""`FlowMatching`: what is trained, what is dropped, and the loop of sampling."""

import keras
import numpy as np
import pytest
from keras import ops

from diffusion.networks import network
from tlkeras.diffusion import FlowMatching
from tlkeras.models import Bert


def numpy(x):
    return ops.convert_to_numpy(x)


def images(rng, count=6):
    return rng.uniform(-1, 1, (count, 4, 4, 1)).astype("float32")


@pytest.fixture(scope="module")
def flow():
    return FlowMatching(network())


# ── training ──────────────────────────────────────────────────────────────────────────


def test_a_way_is_straight_and_begins_in_noise(flow, rng):
    """Given x(t) = (1 − t) noise + t image, x(t) − t v is the noise, on every way."""
    real = images(rng, 500)
    found = {name: numpy(x) for name, x in flow(real).items()}
    t = found["times"][:, None, None, None] / 1000
    noise = found["images"] - t * found["target"]
    np.testing.assert_allclose(noise + found["target"], real, atol=1e-5)
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05
    assert 0 <= t.min() < 0.02
    assert 0.98 < t.max() <= 1
    assert abs(t.mean() - 0.5) < 0.05


def test_the_loss_is_the_mean_square_of_what_is_missed(flow, rng):
    real, labels = images(rng), np.array([0, 1, 2, 0, 1, 2])
    way = flow(real)
    loss = flow.compute_loss(x=real, y=labels, y_pred=way, training=False)
    inputs = {name: numpy(way[name]) for name in ("images", "times")}
    inputs["labels"] = labels
    error = numpy(flow.network(inputs)["prediction"]) - numpy(way["target"])
    each = (error**2).mean((1, 2, 3))
    assert float(loss) == pytest.approx(each.mean(), rel=1e-5)
    weights = np.arange(6.0)
    loss = flow.compute_loss(real, labels, way, sample_weight=weights, training=False)
    assert float(loss) == pytest.approx((each * weights).mean(), rel=1e-5)


def test_conditions_are_dropped_together_at_their_rate():
    flow = FlowMatching(network(text_dim=2), drop_rate=0.3)
    given = {"labels": np.ones(4000, "int32"), "texts": np.ones((4000, 2), "float32")}
    found = flow._some_dropped(given, np.zeros(4000))
    labels, texts = numpy(found["labels"]), numpy(found["texts"])
    assert set(labels) == {1, 3}
    np.testing.assert_array_equal(labels == 3, texts[:, 0] == 0)
    np.testing.assert_array_equal(texts[:, 0], texts[:, 1])
    assert abs((labels == 3).mean() - 0.3) < 0.03


def test_fit_learns_and_what_is_saved_draws_the_same(tmp_path, rng):
    """Images of one grey: soon the network knows which way they lie."""
    flow = FlowMatching(network())
    flow.compile(keras.optimizers.Adam(0.02), run_eagerly=True)
    grey = np.full((64, 4, 4, 1), 0.5, "float32")
    labels = rng.integers(0, 3, 64)
    before = flow.evaluate(grey, labels, verbose=0)
    flow.fit(grey, labels, epochs=15, batch_size=64, verbose=0)
    after = flow.evaluate(grey, labels, verbose=0)
    assert after < 0.8 * before
    flow.save(tmp_path / "flow.keras")
    again = keras.saving.load_model(tmp_path / "flow.keras")
    assert again.get_config() == flow.get_config()
    np.testing.assert_array_equal(
        again.sample([1, 2], steps=2, seed=3), flow.sample([1, 2], steps=2, seed=3)
    )


# ── sampling ──────────────────────────────────────────────────────────────────────────


def euler(model, noise, labels, steps, guidance):
    """The same in a loop of Python, and each condition asked for by itself."""
    x = noise
    for k in range(steps):
        times = np.full(len(x), 1000 * k / steps, "float32")

        def velocity(of, x=x, times=times):
            given = {"images": x, "times": times, "labels": of}
            return numpy(model(given)["prediction"])

        nobody = np.full(len(x), 3, "int32")
        told, untold = velocity(labels), velocity(nobody)
        x = x + (untold + guidance * (told - untold)) / steps
    return x


@pytest.mark.parametrize("guidance", [1.0, 3.0, 0.0])
def test_sampling_is_euler_with_guidance(flow, guidance, rng):
    noise = rng.normal(size=(2, 4, 4, 1)).astype("float32")
    labels = np.array([2, 0], "int32")
    wanted = euler(flow.network, noise, labels, 3, guidance)
    found = flow.sample(labels, steps=3, guidance=guidance, noise=noise)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_compiled_it_draws_the_same_and_sees_what_is_learned(compiled):
    compiled_flow, plain = FlowMatching(network()), FlowMatching(network())
    noise = np.ones((2, 4, 4, 1), "float32")
    found = compiled_flow.sample([2, 0], steps=3, guidance=3.0, noise=noise)
    wanted = euler(plain.network, noise, np.array([2, 0], "int32"), 3, 3.0)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    for flow in (compiled_flow, plain):
        bias = flow.network.output_dense.bias
        bias.assign(bias + 1)
    found = compiled_flow.sample([2, 0], steps=3, guidance=2.0, noise=noise)
    wanted = euler(plain.network, noise, np.array([2, 0], "int32"), 3, 2.0)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert len(compiled_flow._samplers) == 1


def test_seeds(flow):
    one, same, other = (flow.sample([0, 1], steps=3, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1
    first, second = (flow.sample([0, 1], steps=3) for _ in range(2))
    assert np.abs(first - second).max() > 0.1


def test_no_label_is_the_one_that_means_not_known(flow):
    unknown = flow.sample([3, 3], steps=3, seed=5)
    np.testing.assert_array_equal(flow.sample(count=2, steps=3, seed=5), unknown)


def test_half_precision():
    half = FlowMatching(network(dtype="mixed_float16"))
    half.compile("adam")
    assert isinstance(half.optimizer, keras.optimizers.LossScaleOptimizer)
    found = half.sample([0, 1], steps=3, seed=5)
    assert found.dtype == "float32"
    assert np.isfinite(found).all()
    wanted = FlowMatching(network()).sample([0, 1], steps=3, seed=5)
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": 7}, "labels must be a list, one for each image; given shape"),
        ({"labels": [0, 4]}, "labels must be whole numbers from 0 to 3"),
        ({"labels": [0.5]}, "labels must be an integer"),
        ({"labels": [0, 1], "count": 3}, "labels must have one row for each of the 3"),
        ({"texts": np.zeros((2, 2))}, "texts must not be given: this network knows no"),
        ({"count": 0}, "count must be a positive integer"),
        ({"steps": 0}, "steps must be a positive integer"),
        ({"guidance": float("nan")}, "guidance must be a finite number"),
        ({"noise": np.zeros((1, 4, 4))}, r"noise must have shape \(1, 4, 4, 1\)"),
    ],
)
def test_wrong_arguments_of_sample(flow, arguments, message):
    with pytest.raises(ValueError, match=message):
        flow.sample(**{"steps": 3, **arguments})


def test_wrong_arguments(flow, rng):
    with pytest.raises(ValueError, match=r"network must be a tlkeras.models.Diffusion"):
        FlowMatching(Bert(9, 1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"drop_rate must be a number in \[0, 1\)"):
        FlowMatching(flow.network, drop_rate=1)
    with pytest.raises(
        ValueError, match=r"has no argument 'drop'\. Is 'drop_rate' meant"
    ):
        FlowMatching(flow.network, drop=0.1)
    with pytest.raises(ValueError, match=r"images must have shape \(batch, 4, 4, 1\)"):
        flow(images(rng)[..., 0])
    way = flow(images(rng))
    with pytest.raises(ValueError, match="is told labels of each image; given nothing"):
        flow.compute_loss(y=None, y_pred=way)
    plain = FlowMatching(network(num_classes=0))
    with pytest.raises(ValueError, match="is told nothing of each image; given labels"):
        plain.compute_loss(y=np.zeros(6, int), y_pred=way)
