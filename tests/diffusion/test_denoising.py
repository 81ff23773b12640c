"""`Diffusion`: schedules against their papers, DDIM against a loop in float64."""

import numpy as np
import pytest
from keras import ops

from diffusion.networks import network
from tlkeras.diffusion import Diffusion, signal_rates


def numpy(x):
    return ops.convert_to_numpy(x)


def test_linear_schedule():
    """β from 10⁻⁴ to 0.02, multiplied one by one."""
    left = 1.0
    for k in range(1000):
        left *= 1 - (1e-4 + (0.02 - 1e-4) * k / 999)
    assert signal_rates()[-1] ** 2 == pytest.approx(left, rel=1e-9)
    assert signal_rates()[0] ** 2 == pytest.approx(1 - 1e-4)


def test_cosine_schedule():
    """ᾱ is f(k) / f(0), but where β would be over 0.999."""
    k = np.arange(1, 11)
    f = np.cos((np.append(0, k) / 10 + 0.008) / 1.008 * np.pi / 2) ** 2
    found = signal_rates(10, "cosine") ** 2
    np.testing.assert_allclose(found[:-1], f[1:-1] / f[0], rtol=1e-9)
    assert found[-1] / found[-2] == pytest.approx(1 - 0.999)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [21, 100, 1000])
def test_rates_fall_and_are_never_lost(schedule, steps):
    rates = signal_rates(steps, schedule)
    assert rates.shape == (steps,)
    assert np.all(np.diff(rates) < 0)
    assert 0 < rates[-1] < rates[0] < 1


@pytest.mark.parametrize("target", ["noise", "velocity"])
def test_what_is_trained(target, rng):
    """Of x = s image + n noise and the target, both can be told again."""
    real = rng.uniform(-1, 1, (400, 4, 4, 1)).astype("float32")
    diffusion = Diffusion(network(), num_steps=50, schedule="cosine", target=target)
    found = {name: numpy(x) for name, x in diffusion(real).items()}
    times = found["times"].astype(int)
    assert set(times) <= set(range(50))
    assert {0, 49} <= set(times)
    s = diffusion.rates[times][:, None, None, None]
    n = np.sqrt(1 - s**2)
    if target == "noise":
        noise = found["target"]
        np.testing.assert_allclose(s * real + n * noise, found["images"], atol=1e-5)
    else:
        back = s * found["images"] - n * found["target"]
        np.testing.assert_allclose(back, real, atol=1e-5)
        noise = n * found["images"] + s * found["target"]
    assert abs(noise.std() - 1) < 0.05
    assert abs(noise.mean()) < 0.05


def ddim(diffusion, x, labels, steps, clip, fresh=None):
    """Equation 12 of DDIM, in float64; with fresh noise it is DDPM."""
    total = diffusion.num_steps
    times = [total - 1 - k * total // steps for k in range(steps)]
    for k, time in enumerate(times):
        now = diffusion.rates[time] ** 2
        after = diffusion.rates[times[k + 1]] ** 2 if k + 1 < steps else 1.0
        given = {"images": x, "times": np.full(len(x), time), "labels": labels}
        given = {
            n: np.asarray(v, "int32" if n == "labels" else "float32")
            for n, v in given.items()
        }
        said = numpy(diffusion.network(given)["prediction"]).astype("float64")
        if diffusion.target == "noise":
            image = (x - np.sqrt(1 - now) * said) / np.sqrt(now)
        else:
            image = np.sqrt(now) * x - np.sqrt(1 - now) * said
        image = np.clip(image, -clip, clip)
        noise = (x - np.sqrt(now) * image) / np.sqrt(1 - now)
        variance = 0.0
        if fresh is not None:
            variance = (1 - after) / (1 - now) * (1 - now / after)
        x = np.sqrt(after) * image + np.sqrt(1 - after - variance) * noise
        if fresh is not None:
            x = x + np.sqrt(variance) * fresh[k]
    return x


@pytest.mark.parametrize("target", ["noise", "velocity"])
def test_sampling_is_ddim(target, rng):
    diffusion = Diffusion(network(), num_steps=40, target=target)
    noise = rng.normal(size=(2, 4, 4, 1)).astype("float32")
    found = diffusion.sample([1, 2], steps=5, noise=noise, clip=(-0.9, 0.9))
    np.testing.assert_allclose(found, ddim(diffusion, noise, [1, 2], 5, 0.9), atol=1e-4)
    assert np.abs(found).max() <= 0.9 + 1e-6


def test_fresh_noise_is_that_of_ddpm(rng, monkeypatch):
    """With η = 1, and each step's noise known."""
    import keras

    diffusion = Diffusion(network(), num_steps=40)
    noise = rng.normal(size=(2, 4, 4, 1)).astype("float32")
    fresh = numpy(keras.random.normal((5, 2, 4, 4, 1), seed=8))
    found = diffusion.sample([1, 2], steps=5, noise=noise, seed=7, eta=1, clip=(-9, 9))
    wanted = ddim(diffusion, noise, [1, 2], 5, 9, fresh)
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_one_step_and_all_of_them(rng):
    diffusion = Diffusion(network(), num_steps=30)
    assert diffusion.plan(1)["times"].tolist() == [29]
    assert diffusion.plan(30)["times"].tolist() == list(range(29, -1, -1))
    for steps in (1, 30):
        plan = diffusion.plan(steps)
        assert plan["next_signal"][-1] == 1
        assert plan["next_rest"][-1] == 0


def test_channels_that_estimate_a_variance_are_left_out(rng):
    diffusion = Diffusion(network(output_channels=2), num_steps=30)
    assert diffusion.sample([0], steps=1, seed=0).shape == (1, 4, 4, 1)
    way = diffusion(rng.uniform(-1, 1, (2, 4, 4, 1)).astype("float32"))
    loss = diffusion.compute_loss(y=np.zeros(2, "int32"), y_pred=way, training=False)
    given = {name: numpy(way[name]) for name in ("images", "times")}
    given["labels"] = np.zeros(2, "int32")
    said = numpy(diffusion.network(given)["prediction"])[..., :1]
    wanted = ((said - numpy(way["target"])) ** 2).mean()
    assert float(loss) == pytest.approx(wanted, rel=1e-5)


def test_config():
    diffusion = Diffusion(
        network(), drop_rate=0.2, num_steps=30, schedule="cosine", target="velocity"
    )
    again = Diffusion.from_config(diffusion.get_config())
    assert again.get_config() == diffusion.get_config()
    np.testing.assert_array_equal(again.rates, signal_rates(30, "cosine"))


def test_wrong_arguments():
    for arguments, message in (
        ({"schedule": "sigmoid"}, "schedule must be one of 'linear', 'cosine'"),
        ({"num_steps": 20}, "num_steps must be an integer of at least 21"),
        ({"num_steps": 1, "schedule": "cosine"}, "at least 2"),
        ({"target": "image"}, "target must be one of 'noise', 'velocity'"),
    ):
        with pytest.raises(ValueError, match=message):
            Diffusion(network(), **arguments)
    diffusion = Diffusion(network(), num_steps=30)
    for arguments, message in (
        ({"steps": 31}, "steps must be at most num_steps = 30; given 31"),
        ({"eta": 1.5}, "eta must be a number from 0 to 1"),
        ({"clip": (1, -1)}, "clip must be two numbers, the lower first"),
    ):
        with pytest.raises(ValueError, match=message):
            diffusion.sample([0], **{"steps": 3, **arguments})
