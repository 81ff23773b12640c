"""Greedy and beam decoding, against every path of small cases."""

import numpy as np
import pytest

from ctc.paths import all_paths, total
from tlkeras.ctc import beam_decode, collapse, greedy_decode


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 1, 1], [1]),
        ([1, 0, 1], [1, 1]),
        ([2, 2, 0, 0, 2, 1, 1, 0], [2, 2, 1]),
        ([1, 2, 1], [1, 2, 1]),
    ],
)
def test_neighbours_merge_before_blanks_go(path, text):
    assert collapse(path) == text


def test_greedy_is_the_text_of_the_best_path(rng):
    logits = rng.normal(size=(8, 4, 3))
    for row, text in zip(logits, greedy_decode(logits), strict=True):
        best = max((max(paths), name) for name, paths in all_paths(row).items())
        assert tuple(text) == best[1]


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_with_enough_beams_every_text_has_its_probability(rng, frames):
    row = rng.normal(size=(frames, 3))
    wanted = {text: total(paths) for text, paths in all_paths(row).items()}
    (found,) = beam_decode(row[None], num_beams=1000)
    assert {tuple(x.labels) for x in found} == set(wanted)
    for one in found:
        assert one.score == pytest.approx(wanted[tuple(one.labels)], abs=1e-12)
    assert [x.score for x in found] == sorted((x.score for x in found), reverse=True)
    assert sum(np.exp(x.score) for x in found) == pytest.approx(1, abs=1e-12)


def test_few_beams_give_the_best_text_where_greedy_does_not(rng):
    differs = 0
    for row in rng.normal(size=(30, 5, 3)):
        found = all_paths(row)
        best = max(found, key=lambda text: total(found[text]))
        assert tuple(beam_decode(row[None], num_beams=8)[0][0].labels) == best
        differs += tuple(greedy_decode(row[None])[0]) != best
    assert differs >= 3


def test_no_beam_scores_above_the_truth(rng):
    row = rng.normal(size=(6, 3))
    wanted = {text: total(paths) for text, paths in all_paths(row).items()}
    for num_beams in (1, 2, 3):
        found = beam_decode(row[None], num_beams=num_beams)[0]
        assert len(found) == num_beams
        assert all(x.score <= wanted[tuple(x.labels)] + 1e-12 for x in found)


def test_padding_is_not_read(rng):
    logits = rng.normal(size=(3, 6, 4))
    keep = np.arange(6) < np.array([[6], [2], [0]])
    alone = [row[real][None] for row, real in zip(logits, keep, strict=True)]
    assert greedy_decode(logits, keep) == [greedy_decode(x)[0] for x in alone]
    assert beam_decode(logits, keep) == [beam_decode(x)[0] for x in alone]
    assert greedy_decode(logits, keep)[2] == []
    certain = np.where(keep[..., None], logits, [0, -1e9, -1e9, -1e9])
    assert greedy_decode(certain) == greedy_decode(logits, keep)
    for one, other in zip(beam_decode(certain), beam_decode(logits, keep), strict=True):
        assert one[0].labels == other[0].labels


def test_many_frames_do_not_underflow(rng):
    row = 5 * rng.normal(size=(1, 2000, 3))
    (found,) = beam_decode(row, num_beams=2)
    assert -1e5 < found[0].score < -100


@pytest.mark.parametrize("decode", [greedy_decode, beam_decode])
def test_wrong_logits(decode):
    with pytest.raises(ValueError, match=r"\(B, T, C\); given shape \(5, 4\)"):
        decode(np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"must be finite; given nan at position"):
        decode(np.full((1, 2, 3), np.nan))
    with pytest.raises(ValueError, match=r"padding_mask must have shape \(1, 2\)"):
        decode(np.zeros((1, 2, 3)), np.ones((1, 3), bool))


def test_no_beam():
    with pytest.raises(ValueError, match="num_beams must be a positive integer"):
        beam_decode(np.zeros((1, 2, 3)), num_beams=0)
