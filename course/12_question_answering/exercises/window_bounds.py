"""Where the windows of a passage begin and end, in its tokens: a list of pairs."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes


def go_on(begin, length, room, stride):
    """Whether the window that begins there leaves some of the passage unread."""
    return begin + room < length


def clipped(begin, length, room):
    """The end of a window: at most the end of the passage."""
    return min(begin + room, length)


def window_bounds(
    length,
    room,
    stride,
    *,
    go_on=go_on,
    step=lambda room, stride: stride,
    begin_of=lambda begin, length, room: begin,
    end_of=clipped,
    finish=lambda pairs, length, room: pairs,
):
    """(begin, end) of each window; the end is the token after the last."""
    begins = [0]
    while go_on(begins[-1], length, room, stride):
        begins.append(begins[-1] + max(1, step(room, stride)))
    pairs = [
        (begin_of(begin, length, room), end_of(begin, length, room)) for begin in begins
    ]
    return np.array(finish(pairs, length, room), int).reshape(-1, 2)


def as_pairs(answer, *inputs):
    """What is returned, also where it is an empty list."""
    pairs = np.asarray(answer(*inputs))
    return pairs if pairs.size else pairs.reshape(0, 2)


def some(length, room, stride):
    """A passage, each time of another length near to this one."""

    def draw(rng):
        more = int(rng.integers(0, max(1, stride - 1)))
        return length + more, room, stride

    return draw


def exactly(length, room, stride):
    """A passage of just this length."""
    return lambda rng: (length, room, stride)


def full_ones(pairs, length, room):
    """Without a last window that is not full (wrong)."""
    return [p for p in pairs if p[0] + room <= length]


wrong = mistakes("windows", section="windows")

EXERCISE = Exercise(
    name="window_bounds",
    section="windows",
    points=3,
    reference=window_bounds,
    probe=as_pairs,
    cases=(
        Case("several", some(23, 10, 6)),
        Case("much-shared", some(17, 9, 2)),
        Case("little-shared", some(40, 11, 9)),
        Case("nothing-shared", some(25, 8, 8)),
        Case("fits-exactly", exactly(22, 10, 4)),
        Case("fits-one", exactly(12, 12, 5)),
        Case("one-more", exactly(13, 12, 5)),
        Case("short", some(3, 12, 5)),
        Case("empty", exactly(0, 12, 5)),
        Case("one-token", exactly(1, 4, 3)),
    ),
    misconceptions=(
        wrong("stride-is-shared", step=lambda room, stride: room - stride),
        wrong("nothing-shared", step=lambda room, stride: room),
        wrong("one-shared", step=lambda room, stride: room - 1),
        wrong(
            "rest-dropped",
            finish=lambda pairs, length, room: (
                full_ones(pairs, length, room) or pairs[:1]
            ),
        ),
        wrong("full-ones-only", finish=full_ones),
        wrong("last-lost", finish=lambda pairs, length, room: pairs[:-1]),
        wrong(
            "short-unread",
            finish=lambda pairs, length, room: pairs if length >= room else [],
        ),
        wrong("first-only", go_on=lambda begin, length, room, stride: False),
        wrong(
            "goes-on", go_on=lambda begin, length, room, stride: begin + stride < length
        ),
        wrong(
            "one-too-many",
            go_on=lambda begin, length, room, stride: begin + room <= length,
        ),
        wrong(
            "last-moved-back",
            begin_of=lambda begin, length, room: min(begin, max(0, length - room)),
        ),
        wrong("past-the-end", end_of=lambda begin, length, room: begin + room),
        wrong("last-token", end_of=lambda *a: clipped(*a) - 1),
        wrong(
            "begin-and-length",
            end_of=lambda begin, length, room: clipped(begin, length, room) - begin,
        ),
        wrong(
            "none-of-nothing",
            finish=lambda pairs, length, room: pairs if length else [],
        ),
    ),
    accepted={
        "while": lambda *a: _while(*a),
        "range": lambda *a: _range(*a),
        "formula": lambda *a: _formula(*a),
        "recursion": lambda *a: _recursive(*a),
    },
)


def _while(length, room, stride):
    begin, found = 0, []
    while True:
        found.append([begin, min(begin + room, length)])
        if found[-1][1] == length:
            return found
        begin += stride


def _range(length, room, stride):
    last = max(length - room, 0)
    return [(b, min(length, b + room)) for b in range(0, last + stride, stride)]


def _formula(length, room, stride):
    count = 1 + max(0, -(-(length - room) // stride))
    begins = stride * np.arange(count)
    return np.stack([begins, np.minimum(begins + room, length)], axis=1)


def _recursive(length, room, stride, begin=0):
    if begin + room >= length:
        return [(begin, length)]
    rest = _recursive(length, room, stride, begin + stride)
    return [(begin, begin + room), *rest]
