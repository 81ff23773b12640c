"""Alignment: the best of every path that reads as a text."""

import numpy as np
import pytest

from ctc.paths import all_paths
from tlkeras.ctc import align, collapse


@pytest.mark.parametrize("text", [(), (1,), (1, 1), (1, 2, 1), (2, 2, 1), (1, 2, 1, 2)])
def test_it_is_the_best_path_of_all(rng, text):
    for row in rng.normal(size=(5, 5, 3)):
        score, path = max(all_paths(row)[text])
        found = align(text, row)
        assert found.path.tolist() == list(path)
        assert found.score == pytest.approx(score, abs=1e-12)
        assert collapse(found.path) == list(text)
        assert [span.label for span in found.spans] == list(text)


def test_spans_are_where_the_label_is_said():
    logits = 9 * np.eye(3)[[0, 1, 1, 0, 1, 2, 2, 2, 0]]
    found = align([1, 1, 2], logits)
    assert [span[:3] for span in found.spans] == [(1, 1, 3), (1, 4, 5), (2, 5, 8)]
    likely = 9 - np.log(np.exp(9) + 2)
    assert [span.score for span in found.spans] == pytest.approx([likely] * 3)


def test_exactly_enough_frames():
    assert align([1, 1], np.zeros((3, 2))).path.tolist() == [1, 0, 1]
    assert align([1], np.zeros((1, 2))).path.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ([1, 1], (2, 3), "3 are needed, given 2"),
        ([1], (0, 3), "1 are needed, given 0"),
        ([3], (5, 3), "from 1 to 2.* given 3"),
        ([0], (5, 3), "from 1 to 2.* given 0"),
        ([1], (1, 5, 3), r"logits must have 2 axes, \(T, C\)"),
    ],
)
def test_what_cannot_be_aligned(text, shape, message):
    with pytest.raises(ValueError, match=message):
        align(text, np.zeros(shape))
