"""Answers as parts of a passage: from characters to tokens, and back.

A passage that does not fit into a model is read in windows, which
`tlkeras.checkpoints.Tokenizer.windows` cuts. What a `tlkeras.models.SpanClassifier`
says of all of them is compared before any softmax: that would make each window's best
span look equally good.

Axes: W windows, T tokens of a window.

Reference:
    Devlin et al. (2018), arXiv:1810.04805, sections 4.2 and 4.3 (no answer).
"""

from typing import Any, NamedTuple

import numpy as np

from tlkeras import checks as check

__all__ = ["Span", "best_span", "token_spans"]


class Span(NamedTuple):
    """A part of a passage.

    Args:
        start: its first character.
        end: the character after its last.
        score: the logit that it begins at its first token, and the one that it ends at
            its last, together.
    """

    start: int
    end: int
    score: float


def token_spans(offsets: Any, start: int, end: int) -> np.ndarray:
    """The first and the last token of an answer, in each window.

    Args:
        offsets: integers `(W, T, 2)`, from `Tokenizer.windows`.
        start: the first character of the answer. A space is in no token, so an answer
            that begins or ends with one is found in no window: strip it before.
        end: the character after its last.

    Returns:
        Integers `(W, 2)`: the tokens that hold the first and the last character. A
        window without the whole answer gets 0 and 0, its first token, which belongs to
        no passage: the target of *no answer here*.

    Raises:
        ValueError: offsets are of another form, or the answer is empty.

    Example: the second window has only part of it.

    >>> offsets = [[[0, 0], [0, 3], [4, 7]], [[0, 0], [4, 7], [8, 9]]]
    >>> token_spans(offsets, start=0, end=7).tolist()
    [[1, 2], [0, 0]]
    """
    offsets = _offsets(offsets)
    if not 0 <= start < end:
        raise ValueError(
            f"An answer must have a character at least; given start={start} and "
            f"end={end}."
        )
    first = (offsets[..., 0] <= start) & (start < offsets[..., 1])  # (W, T)
    last = (offsets[..., 0] < end) & (end <= offsets[..., 1])  # (W, T)
    whole = first.any(axis=1) & last.any(axis=1)  # (W,)
    size = offsets.shape[1]
    at = np.stack([first.argmax(1), size - 1 - last[:, ::-1].argmax(1)], 1)  # (W, 2)
    return np.where(whole[:, None], at, 0)


def best_span(
    start: Any, end: Any, offsets: Any, max_tokens: int = 30, threshold: float = 0.0
) -> Span | None:
    """The part of the passage that a model thinks is the answer.

    Of all spans that begin before they end, lie in the passage and are not longer than
    `max_tokens`, in all windows, the one with the largest sum of its two logits. The
    best start and the best end by themselves may be no span at all.

    Args:
        start: logits `(W, T)` that the answer begins at a token.
        end: logits `(W, T)` that it ends there.
        offsets: integers `(W, T, 2)`, from `Tokenizer.windows`.
        max_tokens: of the longest span. Defaults to 30.
        threshold: by how much *no answer*, the sum of the logits of a window's first
            token, may be ahead. It is the least such sum of all windows: only if none
            of them has an answer is there none. Defaults to 0; `math.inf` always
            answers.

    Returns:
        The `Span`; `None` if there is no answer.

    Raises:
        ValueError: the shapes do not fit, or a number is out of range or none.

    Example:

    >>> offsets = [[[0, 0], [0, 3], [4, 7]]]
    >>> best_span([[0, 3, 9]], [[0, 8, 1]], offsets)  # 9 + 8 would end before it begins
    Span(start=0, end=3, score=11.0)
    >>> best_span([[7, 3, 9]], [[7, 8, 1]], offsets) is None
    True
    """
    offsets = _offsets(offsets)
    start, end = np.asarray(start, "float64"), np.asarray(end, "float64")
    if start.shape != offsets.shape[:2] or end.shape != start.shape:
        raise ValueError(
            f"start and end must be {offsets.shape[:2]}, as offsets are; given "
            f"{start.shape} and {end.shape}."
        )
    if np.isnan(start).any() or np.isnan(end).any():
        raise ValueError("start and end must be numbers; some are NaN.")
    check.positive_integer("max_tokens", max_tokens)
    in_passage = offsets[..., 1] > 0  # (W, T)
    if not in_passage.any():
        return None
    # ends[w, t, n] and sums: of the span of n + 1 tokens that begins at t
    most = min(max_tokens, start.shape[1])  # M
    room = ((0, 0), (0, most - 1))
    ends = np.pad(np.where(in_passage, end, -np.inf), room, constant_values=-np.inf)
    ends = np.lib.stride_tricks.sliding_window_view(ends, most, axis=1)  # (W, T, M)
    sums = np.where(in_passage, start, -np.inf)[:, :, None] + ends  # (W, T, M)
    window, first, more = np.unravel_index(sums.argmax(), sums.shape)
    best, last = float(sums[window, first, more]), first + more
    if (start[:, 0] + end[:, 0]).min() - best > threshold:
        return None
    at = offsets[window]
    return Span(int(at[first, 0]), int(at[last, 1]), best)


def _offsets(offsets):
    offsets = np.asarray(offsets)
    if offsets.ndim != 3 or offsets.shape[-1] != 2 or offsets.dtype.kind not in "iu":
        raise ValueError(
            "offsets must be integers (W, T, 2), as Tokenizer.windows gives them; "
            f"given shape {offsets.shape}, dtype {offsets.dtype}."
        )
    return offsets
