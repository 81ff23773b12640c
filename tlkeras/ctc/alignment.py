"""Which frames say which label of a text that is known."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.ctc.decoding import real_rows
from tlkeras.ctc.loss import BLANK, frames_needed


class Span(NamedTuple):
    """The frames `start … end − 1` of a label, and their mean log-probability."""

    label: int
    start: int
    end: int
    score: float


class Alignment(NamedTuple):
    """The best path of a text.

    Args:
        path: a label or blank for each frame, integers `(T,)`.
        score: the logarithm of its probability.
        spans: one for each label.
    """

    path: np.ndarray
    score: float
    spans: list[Span]


def align(labels: Iterable[int], logits: Tensor) -> Alignment:
    """The most probable of all paths that read as a text (Viterbi).

    Args:
        labels: of the text, from 1.
        logits: floats `(T, C)` of its frames; 0 is the blank.

    Returns:
        An `Alignment`.

    Raises:
        ValueError: shapes do not fit, a label is not one of 1 to C − 1, or there are
            too few frames.

    Example:

    >>> found = align([1, 2], np.eye(3)[[1, 1, 0, 0, 2]])
    >>> found.path.tolist(), [span[:3] for span in found.spans]
    ([1, 1, 0, 0, 2], [(1, 0, 2), (2, 4, 5)])

    Reference:
        Graves et al. (2013), arXiv:1303.5778, section 3.1 (the paths).
    """
    check.axes("logits", np.shape(logits), "T C")
    chances = real_rows(np.asarray(check.known(logits))[None])[0]  # (T, C)
    text = np.array(list(labels), "int64")  # (U,)
    _check_text(text, *chances.shape)
    symbols = np.zeros(2 * len(text) + 1, "int64")
    symbols[1::2] = text
    places, score = _best_places(chances[:, symbols], symbols)
    path = symbols[places]
    spans = [
        _span(symbol, np.flatnonzero(places == place), chances)
        for place, symbol in enumerate(symbols)
        if symbol != BLANK
    ]
    return Alignment(path, score, spans)


def _check_text(text, frames, count):
    wrong = text[(text < 1) | (text >= count)]
    if len(wrong):
        raise ValueError(
            f"labels must be from 1 to {count - 1}, as logits have {count} with the "
            f"blank; given {wrong[0]}."
        )
    needed = int(frames_needed(text[None])[0])
    if needed > frames:
        raise ValueError(
            "logits must have a frame for each label, and one for the blank between "
            f"equal ones: {needed} are needed, given {frames}."
        )


def _best_places(chances, symbols):
    """Where the best path is at each frame `(T,)`, and its log-probability."""
    jump = np.zeros(len(symbols), bool)
    jump[2:] = (symbols[2:] != BLANK) & (symbols[2:] != symbols[:-2])
    best = np.full(len(symbols), -np.inf)
    best[0] = 0.0
    moves = np.zeros(chances.shape, "int64")  # (T, 2U + 1): 0, 1 or 2 places
    for move, chance in zip(moves, chances, strict=True):
        ways = np.full((3, len(symbols)), -np.inf)
        ways[0], ways[1, 1:] = best, best[:-1]
        ways[2, 2:] = np.where(jump[2:], best[:-2], -np.inf)
        move[:] = ways.argmax(axis=0)
        best = ways.max(axis=0) + chance
    ends = range(max(0, len(symbols) - 2), len(symbols))
    place = max(ends, key=lambda n: best[n])
    score, places = float(best[place]), np.zeros(len(chances), "int64")
    for frame in reversed(range(len(chances))):
        places[frame] = place
        place -= moves[frame, place]
    return places, score


def _span(symbol, frames, chances):
    start, end = int(frames[0]), int(frames[-1]) + 1
    return Span(int(symbol), start, end, float(chances[start:end, symbol].mean()))
