"""Sources of different lengths as rows of one width: begin, tokens, end, padding."""

import numpy as np

from tlkeras.grading import Case, Exercise
from tlkeras.grading.authoring import mistakes

BEGIN, END = 2, 3


def first(tokens, room):
    """What comes first in the text."""
    return list(tokens[:room])


def put(tokens, width):
    """Begin, tokens, end."""
    return [BEGIN, *tokens, END]


def behind(row, width, padding=0):
    """Padding at the end."""
    return row + [padding] * (width - len(row))


def in_front(row, width):
    """Padding at the beginning."""
    return [0] * (width - len(row)) + row


def source_rows(texts, width, *, window=first, room=2, ends=put, pad=behind, mask=None):
    """Tokens (B, width), and which of them are real."""
    rows, real = [], []
    for tokens in texts:
        row = ends(window(tokens, width - room), width)
        rows.append(pad(row, width))
        real.append(pad([1] * len(row), width))
    rows = np.array(rows)
    keep = np.array(real) == 1
    return rows, mask(rows, keep) if mask else keep


def as_arrays(answer, *inputs):
    """Tokens and mask side by side, whatever a mask is made of."""
    rows, keep = answer(*inputs)
    return np.asarray(rows), np.asarray(keep).astype(bool)


def texts_of(*lengths, width):
    """Token lists of these lengths."""

    def draw(rng):
        return [rng.integers(10, 99, n).tolist() for n in lengths], width

    return draw


def cut_behind(row, width):
    """Everything first, then what fits."""
    return row[:width]


def two_fewer(keep):
    """As if a row had no more places than its text has tokens."""
    places = np.arange(keep.shape[1])
    return places < keep.sum(axis=1, keepdims=True) - 2


def whole(tokens, room):
    """All of it."""
    return list(tokens)


wrong = mistakes("rows", section="rows")

EXERCISE = Exercise(
    name="source_rows",
    section="rows",
    points=2,
    reference=source_rows,
    probe=as_arrays,
    cases=(
        Case("short", texts_of(3, 5, 1, width=9)),
        Case("long", texts_of(14, 11, 23, width=9)),
        Case("both", texts_of(4, 17, 7, 2, width=10)),
        Case("fits", texts_of(6, 6, width=8)),
        Case("one-too-many", texts_of(7, 8, width=8)),
        Case("empty", texts_of(0, 5, width=7)),
        Case("one", texts_of(12, width=6)),
    ),
    misconceptions=(
        wrong(
            "head-cut",
            window=lambda tokens, room: list(tokens)[max(0, len(tokens) - room) :],
        ),
        wrong(
            "middle-cut",
            window=lambda tokens, room: (
                list(tokens)
                if len(tokens) <= room
                else [*tokens[: room - room // 2], *tokens[len(tokens) - room // 2 :]]
            ),
        ),
        wrong(
            "end-lost",
            window=whole,
            pad=lambda row, width: cut_behind(behind(row, width), width),
        ),
        wrong("no-end", room=1, ends=lambda tokens, width: [BEGIN, *tokens]),
        wrong("no-begin", room=1, ends=lambda tokens, width: [*tokens, END]),
        wrong("one-short", room=3),
        wrong("padding-in-front", pad=in_front),
        wrong(
            "end-after-padding",
            ends=lambda tokens, width: [
                BEGIN,
                *tokens,
                *[0] * (width - 2 - len(tokens)),
                END,
            ],
            mask=lambda rows, keep: rows != 0,
        ),
        wrong(
            "end-for-padding",
            pad=lambda row, width: behind(row, width, END if row[0] == BEGIN else 0),
        ),
        wrong("everything-real", mask=lambda rows, keep: np.ones_like(keep)),
        wrong("mask-inverted", mask=lambda rows, keep: ~keep),
        wrong("specials-hidden", mask=lambda rows, keep: rows > END),
        wrong("mask-too-short", mask=lambda rows, keep: two_fewer(keep)),
        wrong("end-hidden", mask=lambda rows, keep: keep & (rows != END)),
    ),
    accepted={
        "zeros filled": lambda *a: _rows_filled(*a),
        "lists": lambda *a: _rows_of_lists(*a),
        "cut, then replaced": lambda *a: _rows_replaced(*a),
        "by length": lambda *a: _rows_by_length(*a),
    },
)


def _rows_filled(texts, width):
    rows = np.zeros((len(texts), width), "int32")
    for row, tokens in zip(rows, texts, strict=True):
        ids = [BEGIN, *tokens[: width - 2], END]
        row[: len(ids)] = ids
    return rows, rows != 0


def _rows_of_lists(texts, width):
    rows, keep = [], []
    for tokens in texts:
        row = [BEGIN, *tokens[: width - 2], END]
        keep.append([True] * len(row) + [False] * (width - len(row)))
        rows.append(row + [0] * (width - len(row)))
    return rows, keep


def _rows_replaced(texts, width):
    rows = []
    for tokens in texts:
        row = [BEGIN, *tokens, END][:width]
        row[-1] = END
        rows.append(np.pad(row, (0, width - len(row))))
    return np.stack(rows), (np.stack(rows) > 0).astype("float32")


def _rows_by_length(texts, width):
    lengths = np.array([min(len(tokens), width - 2) + 2 for tokens in texts])
    rows = np.array([([BEGIN, *tokens] + [0] * width)[:width] for tokens in texts])
    rows[np.arange(len(rows)), lengths - 1] = END
    places = np.arange(width)
    return np.where(places < lengths[:, None], rows, 0), places < lengths[:, None]
