"""Several continuations at once, so that one poor token does not decide the rest."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.generation import prompts


def beam_search(
    step: Callable[..., Any],
    prompt: Tensor,
    max_length: int,
    end_id: int | Sequence[int] | None = None,
    cache: Any = (),
    num_beams: int = 4,
    length_penalty: float = 0.6,
    padding_mask: Tensor | None = None,
    padding_id: int = 0,
) -> tuple[Tensor, Tensor]:
    """Keep the likeliest continuations of each row, and rank those that end.

    A continuation Y scores `log P(Y) / ((5 + |Y|) / 6)^length_penalty`, where |Y|
    counts its end token. A row is finished when no living beam can still beat its worst
    ended one. What has not ended at `max_length` counts as it stands.

    Args:
        step: `(token_ids, cache, index) → (logits, cache)`, as in `tlkeras.generation`.
            It gets B rows for the prompt and B · K for each token after it.
        prompt: integers `(B, P)`.
        max_length: L, of prompt and continuation together.
        end_id: the token that ends a row, or a tuple of such. Defaults to `None`.
        cache: what the first step gets, B rows. Defaults to `()`.
        num_beams: K. Defaults to 4.
        length_penalty: at least 0; the larger, the longer the winners. 0 compares the
            bare probabilities. Defaults to 0.6.
        padding_mask: boolean `(B, P)`, True at the tokens of a prompt; padding stands
            to their right. Defaults to `None`: no padding.
        padding_id: what stands after the end of a row. Defaults to 0.

    Returns:
        Integers `(B, K, L)`, the best beam first, and scores `(B, K)`, −∞ where there
        are fewer than K continuations.

    Raises:
        ValueError: an argument does not fit the others, or `step` returns something
            else than logits `(B, V)` and a cache of the shapes that it got.

    Example: two tokens, of which 1 ends a row and is half as likely as 0.

    >>> import numpy as np
    >>> def step(token_ids, cache, index):
    ...     logits = np.log(np.array([2.0, 1.0], "float32"))
    ...     return np.tile(logits, (len(token_ids), 1)), cache
    >>> tokens, scores = beam_search(
    ...     step, np.array([[0]]), 3, end_id=1, num_beams=2, length_penalty=0.0
    ... )
    >>> chances = np.exp(np.array(scores, "float64"))
    >>> np.array(tokens).tolist(), chances.round(2).tolist()
    ([[[0, 0, 0], [0, 1, 0]]], [[0.44, 0.33]])

    Reference:
        Wu et al. (2016), arXiv:1609.08144, section 7, equation 14 (without coverage);
        Vaswani et al. (2017), arXiv:1706.03762, section 6.1 (K = 4, penalty 0.6).
    """
    prompts.check(step, prompt, max_length, end_id, padding_mask, cache, padding_id)
    _check_beams(num_beams, length_penalty)
    tokens, lengths, start = prompts.read(prompt, padding_mask, max_length, padding_id)
    search = _Search(step, end_id, lengths, length_penalty)
    width = np.shape(prompt)[1]
    if width > 1:
        _, cache = prompts.take(step, tokens[:, :width], cache, 0)
    cache = keras.tree.map_structure(lambda x: ops.repeat(x, num_beams, axis=0), cache)
    _, beams, _ = ops.while_loop(
        search.unfinished, search.extend, (start, _first(tokens, num_beams), cache)
    )
    unended = search.score(beams.log_probability, max_length)
    beams = beams.end(beams.alive, unended)
    return beams.ended, beams.score


class Beams(NamedTuple):
    """K living continuations of each row, and the best K that have ended."""

    alive: Any  # (B, K, L)
    log_probability: Any  # (B, K), of the living
    ended: Any  # (B, K, L)
    score: Any  # (B, K), of the ended; −∞ where there is none yet

    def end(self, tokens, score):
        """Let more continuations `(B, C, L)` compete for the places of the ended."""
        tokens = ops.concatenate([self.ended, tokens], axis=1)  # (B, K + C, L)
        score = ops.concatenate([self.score, score], axis=1)  # (B, K + C)
        score, chosen = ops.top_k(score, self.score.shape[1])  # (B, K)
        return self._replace(ended=_choose(tokens, chosen), score=score)


class _Search(NamedTuple):
    step: Any
    end_id: Any
    lengths: Any  # (B,), of the prompts
    length_penalty: float

    def unfinished(self, index, beams, cache):
        max_length = beams.alive.shape[2]
        reachable = self.score(beams.log_probability, max_length)  # (B, K), at best
        best = ops.max(reachable, axis=1)  # (B,)
        decided = ops.all(best <= ops.min(beams.score, axis=1))
        return ops.logical_and(index + 1 < max_length, ~decided)

    def extend(self, index, beams, cache):
        _, num_beams, length = beams.alive.shape
        last = prompts.column(ops.reshape(beams.alive, (-1, length)), index)  # (B·K, 1)
        logits, cache = prompts.take(self.step, last, cache, index)  # (B·K, V)
        parent, token, total = self._candidates(index, beams, logits)  # (B, C) each
        grown = _choose(beams.alive, parent)  # (B, C, L)
        grown = ops.slice_update(grown, (0, 0, index + 1), token[:, :, None])
        ends = prompts.is_end(token, self.end_id) & ~self._reading(index)
        beams = beams.end(grown, ops.where(ends, self.score(total, index + 2), -np.inf))
        total, chosen = ops.top_k(ops.where(ends, -np.inf, total), num_beams)  # (B, K)
        beams = beams._replace(alive=_choose(grown, chosen), log_probability=total)
        parent = ops.take_along_axis(parent, chosen, axis=1)  # (B, K)
        return index + 1, beams, _reorder(cache, parent)

    def _candidates(self, index, beams, logits):
        """The likeliest next tokens of all beams: parents, tokens, log P, `(B, C)`.

        C is K for each end token and K more, so that K of them live on. A row that
        still reads its prompt keeps its beams, and is given the next token.
        """
        batch, num_beams, _ = beams.alive.shape
        size = logits.shape[-1]
        count = num_beams * min(1 + len(prompts.end_ids(self.end_id)), size)  # C
        total = ops.log_softmax(ops.cast(logits, "float32"))  # (B·K, V)
        total = ops.reshape(total, (batch, num_beams, size))
        total = total + beams.log_probability[:, :, None]
        total, place = ops.top_k(ops.reshape(total, (batch, -1)), count)  # (B, C)
        none = ops.full((batch, count - num_beams), -np.inf, dtype="float32")
        unchanged = ops.concatenate([beams.log_probability, none], axis=1)  # (B, C)
        given = prompts.column(beams.alive[:, 0], index + 1)  # (B, 1)
        reading, place = self._reading(index), ops.cast(place, "int32")
        parent = ops.where(reading, ops.arange(count) % num_beams, place // size)
        token = ops.where(reading, given, place % size)
        return parent, token, ops.where(reading, unchanged, total)

    def _reading(self, index):
        return (index + 1 < self.lengths)[:, None]  # (B, 1)

    def score(self, log_probability, length):
        """Equation 14 for continuations that reach to position `length`."""
        length = ops.cast(length - self.lengths, "float32")[:, None]  # (B, 1)
        return log_probability / ((5.0 + length) / 6.0) ** self.length_penalty


def _first(tokens, num_beams):
    """K times the prompt, of which only the first counts: the others would tie."""
    alive = ops.repeat(tokens[:, None], num_beams, axis=1)  # (B, K, L)
    nothing = ops.full(alive.shape[:2], -np.inf, dtype="float32")  # (B, K)
    log_probability = ops.where(ops.arange(num_beams) == 0, 0.0, nothing)
    return Beams(alive, log_probability, alive, nothing)


def _choose(tokens, chosen):
    return ops.take_along_axis(tokens, chosen[:, :, None], axis=1)  # (B, K, L)


def _reorder(cache, parent):
    """Give each beam what its parent `(B, K)` remembers."""
    batch, num_beams = parent.shape
    first = ops.arange(batch, dtype="int32")[:, None] * num_beams  # (B, 1)
    rows = ops.reshape(parent + first, (-1,))  # (B·K,)
    return keras.tree.map_structure(lambda x: ops.take(x, rows, axis=0), cache)


def _check_beams(num_beams, length_penalty):
    check.positive_integer("num_beams", num_beams)
    if not check.is_number(length_penalty) or not 0 <= length_penalty < float("inf"):
        raise ValueError(
            f"length_penalty must be at least 0; given {length_penalty!r}."
        )
