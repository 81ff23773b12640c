"""Words of one voice in a row, with what is known of where they are."""

import numpy as np
import pytest

from tlkeras.datasets import Recordings, spoken_strings


def beeps(lengths=(400, 700, 300, 500), speakers=("a", "a", "b", "b")):
    """Words that are constants: 1, 2, … tenths, as loud as their number says."""
    rows = np.zeros((len(lengths), 1000), "float32")
    for number, (row, length) in enumerate(zip(rows, lengths, strict=True), start=1):
        row[:length] = number / 10
    return Recordings(
        rows,
        np.arange(1000) < np.array(lengths)[:, None],
        np.arange(len(lengths)),
        np.array([f"w{n}" for n in range(len(lengths))]),
        np.array(speakers),
        1000,
    )


def test_words_are_where_the_places_say_and_gaps_are_silent():
    words = beeps()
    made, places = spoken_strings.join_words(words, 7, seed=3, seconds=6, hiss=0)
    for row, mask, text, edges in zip(*made[:2], made.texts, places, strict=True):
        covered = np.zeros(len(row), bool)
        assert len(text.split()) == len(edges)
        for name, (begin, end) in zip(text.split(), edges, strict=True):
            number = list(words.texts).index(name)
            assert end - begin == words.padding_mask[number].sum()
            np.testing.assert_allclose(row[begin:end], 0.5)  # all are as loud
            covered[begin:end] = True
        assert not row[~covered].any()
        assert mask[edges[-1, 1] - 1]


def test_one_voice_a_string_each_voice_in_turn():
    words = beeps()
    made, _ = spoken_strings.join_words(words, 8, seed=0, seconds=6)
    voice = dict(zip(words.texts, words.speakers, strict=True))
    for text, speaker in zip(made.texts, made.speakers, strict=True):
        assert {voice[word] for word in text.split()} == {speaker}
    assert sorted(made.speakers) == ["a"] * 4 + ["b"] * 4
    assert (made.labels == -1).all()


def test_numbers_of_words_and_lengths_of_gaps_keep_to_their_ranges():
    made, places = spoken_strings.join_words(
        beeps(), 40, seed=1, words=(1, 3), gap=(0.1, 0.2), seconds=6
    )
    counts = [len(text.split()) for text in made.texts]
    assert set(counts) == {1, 2, 3}
    gaps = [np.diff(np.r_[0, p.ravel()])[::2] for p in places]
    gaps = np.concatenate(gaps)
    assert gaps.min() >= 100
    assert gaps.max() <= 200


def test_what_does_not_fit_is_left_out_with_its_text():
    made, places = spoken_strings.join_words(
        beeps(), 20, seed=1, words=(5, 5), gap=(0, 0), seconds=1.2
    )
    for text, edges in zip(made.texts, places, strict=True):
        assert 1 <= len(text.split()) == len(edges) < 5
        assert edges.max() <= 1200


def test_a_seed_says_everything():
    one, other, another = (
        spoken_strings.join_words(beeps(), 5, seed=seed).recordings
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one.waveforms, other.waveforms)
    assert one.texts.tolist() == other.texts.tolist()
    assert one.texts.tolist() != another.texts.tolist()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"count": 0}, "count must be a positive integer"),
        ({"words": (3, 2)}, "words must be two numbers from 1"),
        ({"words": (0, 2)}, "words must be two numbers from 1"),
        ({"gap": (0.2, 0.1)}, "gap must be two numbers from 0"),
        ({"gap": (-0.1, 0.1)}, "gap must be two numbers from 0"),
        ({"seconds": 0}, "seconds must be positive"),
        ({"seconds": float("nan")}, "seconds must be positive"),
        ({"hiss": -0.1}, "hiss not negative"),
        ({"seconds": 0.01}, "the first word, '.*', ends at sample"),
    ],
)
def test_bad_numbers_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        spoken_strings.join_words(beeps(), **{"count": 2, "seed": 0, **arguments})


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="at least one word"):
        spoken_strings.join_words(beeps().only(np.array([], int)), 1, seed=0)
