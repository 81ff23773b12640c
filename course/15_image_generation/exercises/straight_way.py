"""Where an image is on its way from noise, and which way it should go."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import floats, identity, mistakes


def each(times):
    """One time an image, beside its pixels: (B, 1, 1, 1)."""
    return times[:, None, None, None]


def mix(images, noise, t):
    """Noise at time 0, the image at time 1."""
    return (1 - t) * noise + t * images


def straight_way(
    images,
    noise,
    times,
    *,
    scaled=identity,
    mix=mix,
    target=lambda images, noise, x: images - noise,
    order=lambda x, target: (x, target),
):
    """x(t) and the velocity, each (B, H, W, C)."""
    images, noise, times = (np.asarray(x, "float64") for x in (images, noise, times))
    x = mix(images, noise, scaled(each(times)))
    return order(x, target(images, noise, x))


# ── inputs ────────────────────────────────────────────────────────────────────────────


def images(count, *shape, times=None):
    """Images, noise, and a time for each of them."""

    def draw(rng):
        given = rng.uniform(0.05, 0.95, count) if times is None else np.array(times)
        pixels = np.tanh(floats(rng, count, *shape))
        return pixels, floats(rng, count, *shape), given.astype("float32")

    return draw


wrong = mistakes("way", section="way")

EXERCISE = Exercise(
    name="straight_way",
    section="way",
    points=4,
    reference=straight_way,
    cases=(
        Case("some", images(4, 3, 5, 2)),
        Case("one", images(1, 4, 3, 1)),
        Case("none", images(0, 4, 3, 1)),
        Case("begin-and-end", images(2, 3, 4, 1, times=[0.0, 1.0])),
        Case("square", images(3, 3, 3, 3), diagnostic=True),
    ),
    misconceptions=(
        wrong(
            "turned-round", mix=lambda images, noise, t: t * noise + (1 - t) * images
        ),
        wrong(
            "roots",
            mix=lambda images, noise, t: np.sqrt(1 - t) * noise + np.sqrt(t) * images,
        ),
        wrong(
            "circle",
            mix=lambda images, noise, t: np.sqrt(1 - t**2) * noise + t * images,
        ),
        wrong("noise-added", mix=lambda images, noise, t: images + (1 - t) * noise),
        wrong("noise-stays", mix=lambda images, noise, t: noise + t * images),
        wrong("thousand", scaled=lambda t: 1000 * t),
        wrong("squared-time", scaled=np.square),
        wrong("time-along-channels", scaled=np.ravel),
        wrong("sign", target=lambda images, noise, x: noise - images),
        wrong("target-is-noise", target=lambda images, noise, x: noise),
        wrong("target-is-image", target=lambda images, noise, x: images),
        wrong("what-is-left", target=lambda images, noise, x: images - x),
        wrong("sum", target=lambda images, noise, x: images + noise),
        wrong("exchanged", order=lambda x, target: (target, x)),
    ),
    accepted={
        "loops": lambda *a: _in_loops(*a),
        "from the noise": lambda *a: _from_the_noise(*a),
        "einsum": lambda *a: _with_einsum(*a),
        "backwards": lambda *a: _from_the_image(*a),
    },
)


def _in_loops(images, noise, times):
    x = [t * i + (1 - t) * n for i, n, t in zip(images, noise, times, strict=True)]
    return np.array(x).reshape(images.shape), np.subtract(images, noise)


def _from_the_noise(images, noise, times):
    velocity = images - noise
    return noise + velocity * times.reshape(-1, 1, 1, 1), velocity


def _with_einsum(images, noise, times):
    x = np.einsum("b,bhwc->bhwc", times, images)
    return x + np.einsum("b,bhwc->bhwc", 1 - times, noise), -(noise - images)


def _from_the_image(images, noise, times):
    velocity = images - noise
    left = (1 - times.astype("float64"))[(..., *[None] * 3)]
    return images - left * velocity, velocity
