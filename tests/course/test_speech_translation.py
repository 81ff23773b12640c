"""What lesson 18 trains with: texts as numbers, noise, and what disturbs features."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from tlkeras.datasets import spoken_numbers

FILE = Path(__file__).parents[2] / "course" / "18_speech_translation" / "translator.py"


@pytest.fixture(scope="module")
def helper():
    return runpy.run_path(str(FILE))


def test_texts_become_tokens_and_come_back(helper):
    for code, texts in helper["TEXTS"].items():
        rows = helper["tokens_of"](texts, code)
        assert [helper["text_of"](row) for row in rows] == texts
        assert np.all(rows[:, 0] == helper["TAGS"][code])
        assert np.all((rows == helper["END"]).sum(axis=1) == 1)
    english = [spoken_numbers.in_english(n) for n in range(1000)]
    assert [
        helper["english_of"](row) for row in helper["letters_of"](english)
    ] == english


def test_noise_is_as_loud_as_asked_for_and_padding_stays_silent(helper):
    some = spoken_numbers.load_data("test").recordings.only(np.arange(4))
    noisy = helper["in_noise"](some, 6.0, seed=3)
    noise = noisy.waveforms - some.waveforms
    power = (some.waveforms**2).sum(axis=1) / (noise**2).sum(axis=1)
    np.testing.assert_allclose(10 * np.log10(power), 6.0, atol=0.3)
    assert not noisy.waveforms[~some.padding_mask].any()


def test_what_is_disturbed_has_as_many_real_frames_as_its_mask_says(helper):
    rng = np.random.default_rng(0)
    keep = np.arange(50) < np.array([[50], [20], [3]])
    features = rng.normal(1, 0.1, (3, 50, 8)).astype("float32") * keep[..., None]
    x, mask = helper["disturbed"](features, keep, rng)
    assert x.shape == features.shape
    assert np.all(mask.sum(axis=1) <= 50)
    assert np.all(mask.sum(axis=1) >= 0.8 * keep.sum(axis=1) - 1)
    assert not x[~mask].any()
    assert np.isfinite(x).all()
    assert (x[mask] > 0.5).mean() > 0.3  # most is still there, only elsewhere


def test_some_letters_are_misheard_and_none_stands_behind_a_gap(helper):
    letters = helper["letters_of"](["six hundred and sixteen"] * 200)
    rng = np.random.default_rng(0)
    assert np.array_equal(helper["_misheard"](letters, 0.0, rng), letters)
    rows = helper["_misheard"](letters, 0.2, rng)
    lengths = (rows > 0).sum(axis=1)
    assert np.all(lengths == (np.cumprod(rows > 0, axis=1)).sum(axis=1))
    assert 0.05 < 1 - lengths.mean() / (letters[0] > 0).sum() < 0.15


def test_recordings_too_short_for_their_letters_leave_a_finite_loss(helper):
    rng = np.random.default_rng(0)
    letters = helper["letters_of"](["three", "one"])
    logits = rng.normal(size=(2, 6, 1 + len(helper["LETTERS"]))).astype("float32")
    keep = np.arange(6) < np.array([[5], [6]])  # three needs six
    both = helper["letter_loss"](letters, logits, keep)
    alone = helper["letter_loss"](letters[1:], logits[1:], keep[1:])
    np.testing.assert_allclose(both, alone, rtol=1e-6)
