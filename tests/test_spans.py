"""Spans by hand, at the edges of windows, and on real questions in two languages."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from tlkeras.checkpoints import load_tokenizer
from tlkeras.datasets import squad_files
from tlkeras.spans import Span, best_span, token_spans

MIRROR = Path(os.environ.get("TLKERAS_MIRROR", "/nowhere"))
XQUAD = MIRROR / "google-deepmind/xquad/60cac411649156efb6aab9dd4c9cde787a2c0345"
CMRC = (
    MIRROR / "ymcui/cmrc2018/c0eb1b6ba219847457e6af3180da722bbeb656af"
    "/squad-style-data/cmrc2018_dev.json"
)
# [CLS], a token of the question, then "one two three" in two windows that share "two".
OFFSETS = np.array(
    [
        [[0, 0], [0, 0], [0, 3], [4, 7], [0, 0]],
        [[0, 0], [0, 0], [4, 7], [8, 13], [0, 0]],
    ]
)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 3, [[2, 2], [0, 0]]),  # the first token
        (4, 7, [[3, 3], [2, 2]]),  # in both
        (0, 7, [[2, 3], [0, 0]]),
        (4, 13, [[0, 0], [2, 3]]),
        (0, 13, [[0, 0], [0, 0]]),  # in none as a whole
        (5, 6, [[3, 3], [2, 2]]),  # inside a token: all of it
        (3, 4, [[0, 0], [0, 0]]),  # the space between two
        (12, 13, [[0, 0], [3, 3]]),  # the last character
        (13, 14, [[0, 0], [0, 0]]),  # behind the end
    ],
)
def test_the_tokens_that_hold_an_answer(start, end, expected):
    assert token_spans(OFFSETS, start, end).tolist() == expected


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 2)])
def test_an_answer_has_a_character(start, end):
    with pytest.raises(ValueError, match="at least"):
        token_spans(OFFSETS, start, end)


def by_hand(start, end, offsets, most):
    """The best span by trying all of them."""
    found = []
    for w, row in enumerate(offsets):
        for i in range(len(row)):
            for j in range(i, min(len(row), i + most)):
                if row[i][1] and row[j][1]:
                    found.append((start[w][i] + end[w][j], row[i][0], row[j][1]))
    return max(found)


@pytest.mark.parametrize("most", [1, 2, 3, 30])
@pytest.mark.parametrize("seed", range(5))
def test_no_legal_span_is_better(seed, most):
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, 2, 5))
    score, first, last = by_hand(start, end, OFFSETS.tolist(), most)
    found = best_span(start, end, OFFSETS, max_tokens=most, threshold=math.inf)
    assert (found.start, found.end) == (first, last)
    assert found.score == pytest.approx(score)


def test_windows_are_compared_by_logits():
    """The second is surer of itself, the first has the larger numbers."""
    start = np.array([[0, 0, 9, 8, 0], [0, 0, -9, 3, 0]], float)
    end = np.array([[0, 0, 8, 9, 0], [0, 0, -9, 3, 0]], float)
    assert best_span(start, end, OFFSETS) == Span(0, 7, 18.0)


@pytest.mark.parametrize("wanted", [(0, 1), (0, 4), (1, 1)])
def test_the_question_and_what_frames_it_are_no_answer(wanted):
    start, end = np.zeros((2, 2, 5))
    start[wanted] = end[wanted] = 9
    found = best_span(start, end, OFFSETS, threshold=math.inf)
    assert found.score == 0


@pytest.mark.parametrize(
    ("ahead", "threshold", "answered"),
    [(0, 0, True), (1, 0, False), (1, 1, True), (1, 0.5, False), (9, math.inf, True)],
)
def test_no_answer_must_be_ahead_in_every_window(ahead, threshold, answered):
    start, end = np.zeros((2, 2, 5))
    start[:, 0] = ahead
    found = best_span(start, end, OFFSETS, threshold=threshold)
    assert (found is not None) == answered
    start[1, 0] = -5  # this window has an answer
    assert best_span(start, end, OFFSETS, threshold=threshold) is not None


def test_a_passage_without_tokens_has_no_answer():
    nothing = np.zeros((1, 3, 2), int)
    assert best_span(np.ones((1, 3)), np.ones((1, 3)), nothing) is None
    assert best_span(np.ones((0, 3)), np.ones((0, 3)), nothing[:0]) is None


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="as offsets are"):
        best_span(np.zeros((2, 4)), np.zeros((2, 5)), OFFSETS)
    with pytest.raises(ValueError, match="integers"):
        token_spans(OFFSETS / 2, 0, 1)
    with pytest.raises(ValueError, match="NaN"):
        best_span(np.full((2, 5), np.nan), np.zeros((2, 5)), OFFSETS)
    with pytest.raises(ValueError, match="max_tokens"):
        best_span(np.zeros((2, 5)), np.zeros((2, 5)), OFFSETS, max_tokens=0)


@pytest.mark.parametrize(
    "path",
    [XQUAD / "xquad.en.json", XQUAD / "xquad.zh.json", CMRC],
    ids=["xquad en", "xquad zh", "cmrc 2018"],
)
def test_answers_of_real_questions_come_back(path):
    """Characters to tokens and back, through windows that cut many passages."""
    if not path.is_file():
        pytest.skip("needs the mirror of public data")
    tokenizer = load_tokenizer("tlkeras://bert_docstrings")
    questions, exact = squad_files.load(path)[::10], 0
    for question in questions:
        answer = next(a for a in question.answers if a.start is not None)
        end = answer.start + len(answer.text)
        batch = tokenizer.windows(question.text, question.passage, 256, stride=60)
        spans = token_spans(batch["offsets"], answer.start, end)
        assert spans.any(), "some window holds the answer"
        logits = np.zeros((2, *batch["token_ids"].shape))
        for row, places in enumerate(spans):
            if places.any():
                logits[[0, 1], row, places] = 1
        found = best_span(*logits, batch["offsets"], max_tokens=256)
        assert found.start <= answer.start
        assert found.end >= end
        exact += question.passage[found.start : found.end].strip() == answer.text
    assert exact >= 0.9 * len(questions)
