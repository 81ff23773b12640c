"""Lesson 20's references against the library; its videos and towers."""

from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.layers import TubeletEmbedding
from tlkeras.models.contrastive import contrastive_loss
from tlkeras.scores import recall_at_k

LESSON = lesson("20_multimodal")
FOLDER = LESSON.folder


def inputs(name):
    """An exercise's reference, and the inputs of its cases."""
    exercise = LESSON.exercises[name]
    return exercise.reference, [case.draw(0) for case in exercise.cases]


def test_recall_is_the_library_s():
    reference, drawn = inputs("recall_at_k")
    for similarities, right, k in drawn:
        expected = recall_at_k(similarities, k, right).rate
        assert reference(similarities, right, k) == pytest.approx(expected)


def test_the_loss_of_different_names_is_the_library_s():
    reference, drawn = inputs("contrastive_loss")
    for logits, _ in drawn:
        expected = float(contrastive_loss(logits))
        found = reference(logits, np.arange(len(logits)))
        assert found == pytest.approx(expected, abs=1e-5)


def test_tubelets_are_the_library_s():
    reference, drawn = inputs("tubelets")
    for video, size in drawn:
        rows = reference(video, size)
        layer = TubeletEmbedding(size, rows.shape[1], data_format="channels_last")
        layer.build((1, *video.shape))
        kernel = next(w for w in layer.weights if "kernel" in w.path)
        kernel.assign(np.eye(rows.shape[1]).reshape(kernel.shape))
        found = np.asarray(layer(video[None]))[0]
        np.testing.assert_allclose(found, rows, atol=1e-5)


@pytest.fixture(scope="module")
def moving():
    return run_path(str(FOLDER / "moving.py"))


@pytest.fixture(scope="module")
def towers():
    return run_path(str(FOLDER / "towers.py"))


def test_a_round_has_each_caption_once(moving):
    videos = moving["draw"](2, seed=0)
    assert videos.frames.shape == (160, 4, 16, 16, 1)
    np.testing.assert_array_equal(np.bincount(videos.captions), np.full(80, 2))
    assert videos.frames.min() == 0
    assert videos.frames.max() == 1
    assert (videos.frames.sum(axis=(2, 3, 4)) > 0).all()  # no digit has left


def test_who_moves_left_is_where_who_moves_right_is(moving):
    """So that the average of the frames cannot tell them apart."""
    columns = np.arange(16)
    places = {name: set() for name in moving["DIRECTIONS"]}
    videos = moving["draw"](20, seed=1)
    ink = videos.frames[..., 0]
    middle = (ink.sum(axis=2) * columns).sum(axis=2) / ink.sum(axis=(2, 3))  # (N, F)
    names = [moving["CAPTIONS"][x].split(" ", 1)[1] for x in videos.captions]
    for name, track in zip(names, middle, strict=True):
        places[name].add(tuple(np.round(np.diff(track), 3)))
    assert places["left"] == {(-2.0, -2.0, -2.0)}
    assert places["right"] == {(2.0, 2.0, 2.0)}
    assert places["up"] == places["down"] == {(0.0, 0.0, 0.0)}
    by_way = {name: [] for name in places}
    for name, track in zip(names, middle, strict=True):
        by_way[name].append(track.mean())
    assert abs(np.mean(by_way["left"]) - np.mean(by_way["right"])) < 0.2


def test_digits_of_the_test_are_others(moving):
    known, new = (moving["digits"](test)[0].reshape(-1, 64) for test in (False, True))
    assert len(known) + len(new) == 1797
    assert len(known) == 1400


def test_captions_as_numbers(moving):
    ids = moving["token_ids"](["three up left", "nine down"])
    words = moving["WORDS"]
    assert [words[x] for x in ids[0]] == ["three", "up", "left", "[end]"]
    assert [words[x] for x in ids[1]] == ["nine", "down", "[end]", "[end]"]


def test_a_direction_among_those_of_its_own_number(moving):
    logits = np.zeros((2, 80))
    logits[0, [3 * 8 + 5, 4 * 8 + 1]] = 1, 9  # the second is another number's
    logits[1, 79] = 1
    found = moving["direction_of"](logits, np.array([24, 72]))
    np.testing.assert_array_equal(found, [5, 7])


def test_varied_pictures_stay_on_their_paper(towers):
    random = np.random.default_rng(0)
    images = np.full((6, 8, 8, 3), 0.5, "float32")
    images[:, 3:5, 3:5] = -1.0
    varied = towers["varied"](images, random)
    assert varied.shape == images.shape
    np.testing.assert_allclose(varied[:, 0, 0], 0.5, atol=1e-6)
    changed = np.abs(varied - 0.5) > 1e-6
    np.testing.assert_array_equal(changed.sum(axis=(1, 2, 3)), np.full(6, 12))
    assert len({tuple(np.argwhere(x)[0]) for x in changed}) > 1  # moved apart


def test_the_rate_rises_and_falls(towers):
    model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=None))
    call = towers["Rate"](2.0, 20)
    call.set_model(model)
    rates = []
    for step in range(20):
        call.on_train_batch_begin(step)
        rates.append(model.optimizer.learning_rate)
    assert rates[:3] == [0.0, 1.0, 2.0]
    assert (np.diff(rates[2:]) < 0).all()
    assert rates[-1] < 0.05


def test_a_tower_begins_with_features_that_differ(towers):
    tower = towers["image_tower"]()
    kernel = next(w for w in tower.weights if "patch_embedding" in w.path)
    assert 0.1 < float(np.std(kernel.numpy())) < 0.15  # 1/√64 = 0.125
