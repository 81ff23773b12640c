"""Reading a text out of frames: the best path, or the best text."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.ctc.loss import BLANK


class Hypothesis(NamedTuple):
    """A text, and the logarithm of its probability."""

    labels: list[int]
    score: float


def collapse(path: Iterable[int]) -> list[int]:
    """What a path reads: equal neighbours are merged first, then blanks dropped.

    Args:
        path: a label or blank for each frame.

    Returns:
        The labels.

    Example:

    >>> collapse([1, 1, 0, 1, 2, 2, 0])
    [1, 1, 2]

    Reference:
        Graves et al. (2013), arXiv:1303.5778, section 3.1.
    """
    labels, before = [], BLANK
    for symbol in path:
        if symbol not in (before, BLANK):
            labels.append(int(symbol))
        before = symbol
    return labels


def greedy_decode(
    logits: Tensor, padding_mask: Tensor | None = None
) -> list[list[int]]:
    """What the most probable path of each row reads.

    That is not always the most probable text, whose probability is spread over many
    paths: see `beam_decode`.

    Args:
        logits: floats `(B, T, C)`; 0 is the blank.
        padding_mask: boolean `(B, T)`, True at real frames. Defaults to `None`: all.

    Returns:
        The labels of each row.

    Raises:
        ValueError: shapes do not fit, or logits are not finite.

    Example:

    >>> greedy_decode(np.eye(3)[None, [1, 1, 0, 1, 2]])
    [[1, 1, 2]]

    Reference:
        Graves et al. (2006), "Connectionist temporal classification", section 3.2;
        Graves et al. (2013), arXiv:1303.5778, section 3.3.
    """
    rows = real_rows(logits, padding_mask)
    return [collapse(row.argmax(axis=-1).tolist()) for row in rows]


def beam_decode(
    logits: Tensor, padding_mask: Tensor | None = None, num_beams: int = 16
) -> list[list[Hypothesis]]:
    """The most probable texts of each row: paths that read the same are added.

    After each frame the `num_beams` likeliest beginnings stay, each with two numbers:
    the probability of its paths that end with a blank, and of those that end with its
    last label. Only after a blank does that label, said again, make the text longer.

    Args:
        logits: floats `(B, T, C)`; 0 is the blank.
        padding_mask: boolean `(B, T)`, True at real frames. Defaults to `None`: all.
        num_beams: beginnings that stay. Defaults to 16.

    Returns:
        For each row the texts found, at most `num_beams`, the best first. A score is
        exact if no beginning was dropped, and else too low.

    Raises:
        ValueError: shapes do not fit, logits are not finite, or `num_beams` is not a
            positive integer.

    Example: in both frames the blank is likeliest, and yet the text is *1*: 1 − 0.6².

    >>> logits = np.log([[[0.6, 0.4], [0.6, 0.4]]])
    >>> best = beam_decode(logits)[0][0]
    >>> best.labels, round(float(np.exp(best.score)), 2)
    ([1], 0.64)

    Reference:
        Hannun et al. (2014), arXiv:1408.2873, section 2 and algorithm 1.
    """
    check.positive_integer("num_beams", num_beams)
    return [_search(row, num_beams) for row in real_rows(logits, padding_mask)]


def real_rows(logits: Tensor, padding_mask: Tensor | None = None) -> list[np.ndarray]:
    """Log-probabilities `(T', C)` of the real frames of each row, in float64.

    Raises:
        ValueError: shapes do not fit, or logits are not finite.
    """
    check.axes("logits", np.shape(logits), "B T C")
    check.finite("logits", logits)
    check.keep_mask("padding_mask", padding_mask, np.shape(logits)[:2])
    x = np.asarray(check.known(logits), "float64")  # (B, T, C)
    x = x - x.max(axis=-1, keepdims=True)
    x = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    if padding_mask is None:
        return list(x)
    keep = np.broadcast_to(check.known(padding_mask), x.shape[:2]).astype(bool)
    return [row[real] for row, real in zip(x, keep, strict=True)]


def _search(chances, num_beams):
    """The best texts of one row of log-probabilities `(T, C)`."""
    beams = {(): (0.0, -np.inf)}  # text to (ends with blank, ends with its last label)
    for frame in chances:
        longer: dict[tuple, list[float]] = {}
        for text, ends in beams.items():
            _extend(text, *ends, frame, longer)
        best = sorted(longer.items(), key=_total, reverse=True)[:num_beams]
        beams = {text: (blank, label) for text, (blank, label) in best}
    found = sorted(beams.items(), key=_total, reverse=True)
    return [Hypothesis(list(beam[0]), float(_total(beam))) for beam in found]


def _extend(text, blank, label, frame, longer):
    """Add to `longer` what one frame makes of a text."""
    whole = np.logaddexp(blank, label)
    _add(longer, text, 0, whole + frame[BLANK])
    for symbol, chance in enumerate(frame):
        if symbol == BLANK:
            continue
        if text and symbol == text[-1]:
            _add(longer, text, 1, label + chance)
            _add(longer, (*text, symbol), 1, blank + chance)
        else:
            _add(longer, (*text, symbol), 1, whole + chance)


def _add(longer, text, place, score):
    if score > -np.inf:
        ends = longer.setdefault(text, [-np.inf, -np.inf])
        ends[place] = np.logaddexp(ends[place], score)


def _total(beam):
    return np.logaddexp(*beam[1])
