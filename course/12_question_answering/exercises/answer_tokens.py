"""The first and the last token of an answer, in each window of its passage."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def holds_first(begin, end, answer):
    """Whether a token holds the answer's first character."""
    return begin <= answer[0] < end


def holds_last(begin, end, answer):
    """Whether it holds the last one, which stands before the end."""
    return begin < answer[1] <= end


def no_answer(first, last, window, answer):
    """Where the answer is said to be in a window that has not all of it."""
    return 0, 0


def as_they_are(pairs):
    """The pairs of all windows."""
    return np.array(pairs, int)


def answer_tokens(
    offsets,
    start,
    end,
    *,
    holds_first=holds_first,
    holds_last=holds_last,
    missing=no_answer,
    place=lambda first, last, window: (first, last),
    choose=(min, max),
    finish=as_they_are,
):
    """The tokens that hold the first and the last character: integers (W, 2)."""
    pairs = []
    for window in np.asarray(offsets).tolist():
        first = [t for t, o in enumerate(window) if holds_first(*o, (start, end))]
        last = [t for t, o in enumerate(window) if holds_last(*o, (start, end))]
        if first and last:
            pairs.append(place(choose[0](first), choose[1](last), window))
        else:
            pairs.append(missing(first, last, window, (start, end)))
    return finish(pairs)


# ── inputs ────────────────────────────────────────────────────────────────────────────


def cut(rng, count, spaces):
    """Tokens of a passage as characters: some words of pieces, spaces or none."""
    tokens, at = [], 0
    for _ in range(count):
        length = int(rng.integers(2, 6)) if spaces else int(rng.integers(1, 3))
        tokens.append((at, at + length))
        at += length + int(spaces and rng.random() < 0.75)
    return tokens


def rows(tokens, question, room, stride, padding=2):
    """Offsets of all windows: what is not of the passage has 0 and 0."""
    windows = []
    for at in range(0, max(1, len(tokens) - room + stride), stride):
        part = tokens[at : at + room]
        row = [(0, 0)] * (question + 2) + part + [(0, 0)] * (1 + padding)
        windows.append(row + [(0, 0)] * (room - len(part)))
    return np.array(windows)


def passage(first, last, count=12, room=12, stride=12, spaces=True, left=0, right=0):
    """Windows of a passage, and an answer from one of its tokens to another.

    It leaves out `left` and `right` characters of these two tokens.
    """

    def draw(rng):
        tokens = cut(rng, count, spaces)
        begin, end = tokens[first][0] + left, tokens[last][1] - right
        return rows(tokens, int(rng.integers(3, 6)), room, stride), begin, end

    return draw


# ── mistakes ──────────────────────────────────────────────────────────────────────────


def part_of_it(first, last, window, answer):
    """The part that the window has (wrong)."""
    part = [t for t, (b, e) in enumerate(window) if b < answer[1] and e > answer[0]]
    return (part[0], part[-1]) if part else (0, 0)


def half_of_it(first, last, window, answer):
    """Each end by itself, 0 for the one that is missing (wrong)."""
    return (first or [0])[0], (last or [0])[-1]


def in_passage(first, last, window):
    """Places counted from the passage's first token (wrong)."""
    begin = next(t for t, o in enumerate(window) if o[1])
    return first - begin, last - begin


def with_an_answer(pairs):
    """Only windows that have the answer (wrong)."""
    return np.array([pair for pair in pairs if pair != (0, 0)], int).reshape(-1, 2)


def first_window(pairs):
    """Only the first window with the answer keeps it (wrong)."""
    kept = next((i for i, pair in enumerate(pairs) if pair != (0, 0)), None)
    return np.array([p if i == kept else (0, 0) for i, p in enumerate(pairs)], int)


wrong = mistakes("tokens", section="offsets")

EXERCISE = Exercise(
    name="answer_tokens",
    section="offsets",
    points=3,
    reference=answer_tokens,
    cases=(
        Case("inside", passage(3, 6)),
        Case("one-token", passage(5, 5)),
        Case("beginning", passage(0, 2)),
        Case("end", passage(9, 11)),
        Case("all", passage(0, 11)),
        Case("begins-inside", passage(3, 5, left=1)),
        Case("ends-inside", passage(3, 5, right=1)),
        Case("no-spaces", passage(4, 8, count=16, room=16, stride=16, spaces=False)),
        Case("two-windows", passage(5, 6, count=14, room=8, stride=4)),
        Case("cut", passage(6, 9, count=16, room=8, stride=4)),
        Case("in-none", passage(1, 9, count=12, room=6, stride=3)),
    ),
    misconceptions=(
        wrong("end-is-last", holds_last=lambda b, e, answer: b <= answer[1] < e),
        wrong("one-past", place=lambda first, last, window: (first, last + 1)),
        wrong(
            "must-begin-there", holds_first=lambda b, e, answer: e and b == answer[0]
        ),
        wrong("must-end-there", holds_last=lambda b, e, answer: e == answer[1]),
        wrong(
            "whole-tokens-only",
            holds_first=lambda b, e, answer: answer[0] <= b and 0 < e <= answer[1],
            holds_last=lambda b, e, answer: answer[0] <= b and 0 < e <= answer[1],
        ),
        wrong(
            "padding-taken",
            holds_first=lambda b, e, answer: b <= answer[0],
            choose=(max, max),
        ),
        wrong("part-of-it", missing=part_of_it),
        wrong("half-of-it", missing=half_of_it),
        wrong("minus-one", missing=lambda *window: (-1, -1)),
        wrong("windows-dropped", finish=with_an_answer),
        wrong("first-window-only", finish=first_window),
        wrong("counted-in-the-passage", place=in_passage),
        wrong("first-and-length", place=lambda a, b, window: (a, b - a + 1)),
    ),
    accepted={
        "masks": lambda *a: _with_masks(*a),
        "search": lambda *a: _with_search(*a),
        "loops": lambda *a: _with_loops(*a),
        "characters": lambda *a: _by_character(*a),
    },
)


def _with_masks(offsets, start, end):
    first = (offsets[..., 0] <= start) & (start < offsets[..., 1])
    last = (offsets[..., 0] < end) & (end <= offsets[..., 1])
    whole = first.any(1) & last.any(1)
    return np.stack([first.argmax(1) * whole, last.argmax(1) * whole], axis=1)


def _with_search(offsets, start, end):
    found = []
    for window in offsets:
        (real,) = np.nonzero(window[:, 1])
        begins, ends = window[real, 0], window[real, 1]
        a = np.searchsorted(begins, start, side="right") - 1
        b = np.searchsorted(ends, end)
        inside = begins[0] <= start and end <= ends[-1]
        found.append([real[a], real[b]] if inside else [0, 0])
    return np.array(found)


def _with_loops(offsets, start, end):
    pairs = []
    for window in offsets.tolist():
        a = b = None
        for t, (begin, after) in enumerate(window):
            if begin <= start < after:
                a = t
            if begin <= end - 1 < after:
                b = t
        pairs.append((0, 0) if a is None or b is None else (a, b))
    return pairs


def _by_character(offsets, start, end):
    pairs = []
    for window in offsets.tolist():
        token_of = {c: t for t, (b, e) in enumerate(window) for c in range(b, e)}
        if start in token_of and end - 1 in token_of:
            pairs.append([token_of[start], token_of[end - 1]])
        else:
            pairs.append([0, 0])
    return np.array(pairs, dtype="int32")
