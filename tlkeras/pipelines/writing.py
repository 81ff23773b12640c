"""What pipelines that write share: batches of prompts, and what came of each.

Axes: B batch, P prompt length, L length of prompt and continuation, K beams.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tlkeras.generation import jit
from tlkeras.generation.prompts import end_ids


class Written(NamedTuple):
    """What a model wrote.

    Args:
        text: the text, without what it was given.
        score: the logarithm of the probability that the model gave it, end token
            included; of a beam search the score that beams were compared by.
        ended: whether the model ended it. If not, it is cut off where there was no more
            room.
    """

    text: str
    score: float
    ended: bool


class Continuation(NamedTuple):
    """The tokens after a prompt, without the one that ended them."""

    token_ids: list[int]
    score: float
    ended: bool


def continuation(
    row: Any, scores: Any, length: int, most: int, end_id: int | Sequence[int] | None
) -> Continuation:
    """What follows a prompt of `length` tokens in a row `(L,)`, at most so many tokens.

    Args:
        row: integers `(L,)`.
        scores: the log-probability of each token `(L,)`, or one number for all.
        length: of the prompt.
        most: tokens to keep.
        end_id: what ends a row.
    """
    written = [int(n) for n in row[length : length + most]]
    ends = end_ids(end_id)
    end = next((n for n, token in enumerate(written) if token in ends), None)
    if np.ndim(scores):
        scores = scores[length:][: len(written) if end is None else end + 1].sum()
    return Continuation(written[:end], float(scores), end is not None)


def compiled(
    function: Callable[..., Any], jit_compile: bool, *stateful: Any
) -> Callable[..., Any]:
    """A function of arrays, compiled with XLA if that is wanted."""
    if jit_compile:
        return jit(function, *[x for x in stateful if hasattr(x, "variables")])

    def plain(*arguments):
        return function(*arguments)

    plain.is_compiled = True  # type: ignore[attr-defined]  # so `stream` leaves it
    return plain


def check_writer(model: Any, reads_source: bool, advice: str) -> None:
    """Raise unless a model writes by `step`, with a source or without one."""
    if not all(callable(getattr(model, x, None)) for x in ("step", "initial_cache")):
        raise ValueError(
            f"model must write by step and initial_cache, as {advice}; given "
            f"{type(model).__name__}."
        )
    layers = getattr(model, "decoder_layers", None) or [None]
    reads = getattr(layers[0], "_cross_attention_layer", None) is not None
    if layers[0] is not None and reads != reads_source:
        raise ValueError(f"model must be {advice}; given a {type(model).__name__}.")
