import numpy as np
import pytest

from tlkeras.datasets import DataError, stickers


def test_every_thing_is_drawn_by_five_artists():
    pictures, names = stickers.load_drawings()
    assert pictures.shape == (5, 1033, 24, 24, 3)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert len(set(names)) == 1033
    ink = (1 - pictures).mean(axis=(2, 3, 4))
    assert ink.min() > 0.001  # no drawing is blank
    one, other = pictures[:2]
    assert np.abs(one - other).mean(axis=(1, 2, 3)).min() > 0.001  # two artists


@pytest.mark.parametrize(
    ("thing", "colour"), [("red-apple", 0), ("green-apple", 1), ("blue-circle", 2)]
)
def test_names_go_with_the_drawings(thing, colour):
    """A red, a green and a blue thing, whoever drew it."""
    pictures, names = stickers.load_drawings()
    mine = pictures[:, list(names).index(thing)].mean(axis=(1, 2))  # (5, 3)
    assert (mine.argmax(axis=-1) == colour).all()


def test_sheets_to_learn_from_and_to_test_on_are_by_different_artists():
    (images, labels), (new_images, new_labels) = stickers.load_data(copies=4)
    assert images.shape == (10 * 3 * 4, 24, 24, 3)
    assert new_images.shape == (10 * 2 * 4, 24, 24, 3)
    assert np.bincount(labels).tolist() == [12] * 10
    assert np.bincount(new_labels).tolist() == [8] * 10
    assert images.min() >= 0
    assert images.max() <= 1


def test_labels_say_what_is_on_the_sheet():
    kinds = ("red-apple", "blue-circle")
    for images, labels in stickers.load_data(kinds, copies=20):
        colour = (1 - images).mean(axis=(1, 2))  # ink takes the other colours away
        assert ((colour[:, 2] < colour[:, 0]) == (labels == 1)).all()


def test_a_seed_decides_where_stickers_lie():
    first, again, other = (
        stickers.load_data(copies=2, seed=seed)[0][0] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def test_scatter_keeps_a_sticker_on_the_sheet_and_moves_it():
    disc = np.hypot(*(np.mgrid[:24, :24] - 11.5)) < 10
    pictures = np.repeat(np.where(disc, 0.0, 1.0)[None, ..., None], 200, 0).repeat(
        3, -1
    )
    sheets = stickers.scatter(pictures, np.random.default_rng(0))
    ink = 1 - sheets[..., 0]
    share = ink.sum(axis=(1, 2)) / disc.sum()  # of the area, 0.5² to 0.9²
    assert share.min() > 0.22
    assert share.max() < 0.84
    assert share.max() - share.min() > 0.3
    place = (ink * np.arange(24)).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
    assert np.ptp(place) > 5
    edge = np.concatenate([ink[:, 0], ink[:, -1], ink[:, :, 0], ink[:, :, -1]])
    assert edge.mean() < 0.05


def test_scatter_leaves_white_paper_white():
    sheets = stickers.scatter(np.ones((5, 24, 24, 3)), np.random.default_rng(0))
    assert (sheets == 1).all()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"kinds": ("banana", "unicorn-of-nowhere")}, "unicorn-of-nowhere"),
        ({"copies": 0}, "at least 1; given 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, problem):
    with pytest.raises(ValueError, match=problem):
        stickers.load_data(**arguments)


def test_damaged_files_are_an_error(tmp_path, monkeypatch):
    from tlkeras import shipped

    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  stickers/names.txt\n")
    (tmp_path / "stickers").mkdir()
    (tmp_path / "stickers" / "names.txt").write_text("banana\n")
    monkeypatch.setattr(shipped, "home", lambda: tmp_path)
    with pytest.raises(DataError, match="damaged"):
        stickers.load_data()
