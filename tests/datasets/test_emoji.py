"""Emoji: pictures that go with their names, and splits that hold what they promise."""

import re

import numpy as np
import pytest

from tlkeras.datasets import DataError, emoji

TONE = re.compile(r"(?:light|medium-light|medium|medium-dark|dark) skin tone")


@pytest.fixture(scope="module")
def splits():
    return {name: emoji.load_data(name) for name in emoji.SPLITS}


def test_pictures_and_names(splits):
    for data in splits.values():
        assert data.images.shape == (len(data.english), 32, 32, 3)
        assert data.images.dtype == np.float32
        assert 0 <= data.images.min() < data.images.max() <= 1
        assert (1 - data.images).mean(axis=(1, 2, 3)).min() > 0.001  # none is blank
        assert len(data.chinese) == len(data.concepts) == len(data.codes)
    everything = np.concatenate([x.english for x in splits.values()])
    assert len(set(everything)) == len(everything) > 3000
    chinese = np.concatenate([x.chinese for x in splits.values()])
    assert np.mean([any("一" <= x <= "鿿" for x in name) for name in chinese]) > 0.9
    pictures = np.concatenate([x.images for x in splits.values()])
    assert len({x.tobytes() for x in pictures}) == len(pictures)  # no two alike


def test_a_held_out_concept_is_in_no_other_split(splits):
    held = set(splits["concepts"].concepts)
    assert len(held) > 100
    for name in ("train", "combinations"):
        assert not held & set(splits[name].concepts)


def test_a_held_out_combination_is_of_a_known_thing_and_a_known_tone(splits):
    train, held = splits["train"], splits["combinations"]
    assert len(held.english) > 200
    tones = {x for name in train.english for x in TONE.findall(name)}
    known = set(train.concepts)
    for name, concept in zip(held.english, held.concepts, strict=True):
        found = set(TONE.findall(name))
        assert found, name
        assert found <= tones, name
        assert concept in known, name


@pytest.mark.parametrize(
    ("name", "colour"), [("red apple", 0), ("green apple", 1), ("blue circle", 2)]
)
def test_names_go_with_the_pictures(splits, name, colour):
    names = np.concatenate([x.english for x in splits.values()])
    pictures = np.concatenate([x.images for x in splits.values()])
    (place,) = np.flatnonzero(names == name)
    assert pictures[place].mean(axis=(0, 1)).argmax() == colour


def test_another_artist_draws_the_same_things(splits):
    for name in emoji.SPLITS:
        first, second = splits[name], emoji.load_data(name, "noto")
        places = {x: n for n, x in enumerate(first.english)}
        same = [places[x] for x in second.english]
        if name == "train":
            assert 0.1 < len(same) / len(places) < 0.3
        else:
            assert len(same) == len(places)
        gap = np.abs(first.images[same] - second.images).mean(axis=(1, 2, 3))
        assert np.mean(gap > 0.003) > 0.99  # two artists
        others = first.images[np.roll(same, len(same) // 2)]
        assert gap.mean() < np.abs(others - second.images).mean()


@pytest.mark.parametrize("arguments", [("test",), ("train", "apple")])
def test_what_there_is_not(arguments):
    with pytest.raises(ValueError, match="must be one of"):
        emoji.load_data(*arguments)


def test_damaged_files_are_an_error(tmp_path, monkeypatch):
    from tlkeras import shipped

    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  emoji/names.tsv\n")
    (tmp_path / "emoji").mkdir()
    (tmp_path / "emoji" / "names.tsv").write_text("banana\n")
    monkeypatch.setattr(shipped, "home", lambda: tmp_path)
    with pytest.raises(DataError, match="damaged"):
        emoji.load_data()
