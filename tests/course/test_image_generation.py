"""Lesson 15's references against the library, and its network, which begins again."""

import runpy

import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.scores import frechet_distance

LESSON = lesson("15_image_generation")
straight_way, guided, frechet = (
    LESSON.exercises[name].reference for name in ("straight_way", "guided", "frechet")
)
euler = LESSON.exercises["euler"].accepted["while"]


@pytest.fixture(scope="module")
def painter():
    """The lesson's network, after weights that make it say something."""
    module = runpy.run_path(str(LESSON.folder / "painter.py"))
    painter = module["DigitPainter"](labels=10)
    painter.begin(seed=0)
    rng = np.random.default_rng(0)
    painter.network.set_weights(
        [0.1 * rng.normal(size=w.shape) for w in painter.network.get_weights()]
    )
    return painter


@pytest.mark.parametrize(
    "case", LESSON.exercises["frechet"].cases, ids=lambda c: c.name
)
def test_the_distance_is_the_library_s(case):
    first, second = case.draw(0)
    expected = frechet_distance(first, second)
    assert frechet(first, second) == pytest.approx(expected, abs=1e-5)


def test_the_way_is_what_the_library_trains_on(painter):
    images = np.random.default_rng(1).uniform(-1, 1, (5, 8, 8, 1)).astype("float32")
    given = {name: np.array(x) for name, x in painter.flow(images).items()}
    noise, times = images - given["target"], given["times"] / 1000
    x, target = straight_way(images, noise, times)
    np.testing.assert_allclose(x, given["images"], atol=1e-5)
    np.testing.assert_allclose(target, given["target"], atol=1e-5)


def test_steps_with_guidance_are_the_library_s_sample(painter):
    noise = np.random.default_rng(2).normal(size=(2, 8, 8, 1)).astype("float32")
    labels = np.array([3, 0, painter.unknown, painter.unknown])

    def velocity(x, times):
        said = painter.velocity(np.tile(x, (2, 1, 1, 1)), np.tile(times, 2), labels)
        return guided(said.reshape(4, -1), 2.5).reshape(x.shape)

    expected = painter.flow.sample([3, 0], steps=3, guidance=2.5, noise=noise)
    assert np.abs(expected - noise).max() > 0.1
    np.testing.assert_allclose(euler(velocity, noise, 3), expected, atol=1e-4)


def test_training_begins_again_just_as_it_began(painter):
    images = np.random.default_rng(3).uniform(-1, 1, (20, 8, 8, 1)).astype("float32")
    losses = []
    for seed in (0, 0, 1):
        painter.begin(seed)
        losses.append(painter.learn(images, np.zeros(20, "int32"), 1e-3, 3, seed))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] != pytest.approx(losses[2], rel=1e-5)
