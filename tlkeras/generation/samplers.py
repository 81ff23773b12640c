"""How a token is chosen from its logits `(B, V)`."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor

TINY = float(np.finfo("float32").tiny)  # the smallest number that nothing rounds to 0


class Greedy:
    """Take the likeliest token.

    Args:
        repetition_penalty: as in `Sample`. Defaults to `None`: repeating is free.

    Call arguments:
        logits: floats `(B, V)`.
        uniform: not looked at; `Sample` needs it.

    Returns:
        Integers `(B,)`; of equally likely tokens the first.

    Raises:
        ValueError: the logits have other axes, or the penalty is not above 0.

    Example:

    >>> import numpy as np
    >>> [int(token) for token in Greedy()(np.array([[0.1, 2.0, 0.3]]))]
    [1]

    Reference:
        Keskar et al. (2019), arXiv:1909.05858, section 4.1 (the penalty).
    """

    def __init__(self, repetition_penalty=None):
        self.repetition_penalty = _check_penalty(repetition_penalty)

    def __call__(self, logits, uniform=None):
        _check_logits(logits)
        return ops.argmax(logits, axis=-1)  # (B,)

    def adjust(self, logits: Tensor, tokens: Tensor, written: Tensor) -> Tensor:
        """The logits `(B, V)`, lower for tokens that are there already.

        Args:
            logits: floats `(B, V)`.
            tokens: integers `(B, L)`.
            written: booleans `(L,)` or `(B, L)`, True at tokens that are there.
        """
        return penalize(logits, tokens, written, self.repetition_penalty)

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """Nothing is left to chance: zeros of the given shape."""
        return ops.zeros(shape)

    variables = ()


class Sample:
    """Draw a token at random, the likelier the more often.

    `p = softmax(logits / temperature)`. Then only the `top_k` likeliest tokens stay; of
    those, renormalised, the fewest whose probabilities reach `top_p` together, the one
    that reaches it included; and of those the ones at least `min_p` times as likely as
    the likeliest. All is computed in float32.

    Args:
        temperature: below 1 the likely become likelier. Defaults to 1.
        top_k: how many tokens stay; of equals the lower ids, in PyTorch any. Defaults
            to `None`: all.
        top_p: the probability that stays. Defaults to `None`: all.
        seed: an integer: every call of `generate` draws the same. A
            `keras.random.SeedGenerator`: each call draws anew, in a sequence that can
            be repeated. Defaults to `None`: a new generator, seeded at random.
        min_p: from 0 to 1, the least probability that stays, as a part of the largest.
            Defaults to `None`: all.
        repetition_penalty: above 0; positive logits of tokens that are already in the
            row, prompt included, are divided by it and negative ones multiplied, before
            the temperature. Above 1 they become less likely. Defaults to `None`:
            repeating is free.

    Call arguments:
        logits: floats `(B, V)`; the penalty comes from `adjust`.
        uniform: numbers in [0, 1) `(B,)`, such as a column of `draw((B, L))`.

    Returns:
        Integers `(B,)`.

    Raises:
        ValueError: an argument is out of range, or the logits have other axes.

    Example:

    >>> import numpy as np
    >>> sampler = Sample(temperature=0.7, top_k=2, seed=1)
    >>> logits = np.array([[0.1, 2.0, 0.3, 1.0]])
    >>> [int(token) for token in sampler(logits, np.array([0.99]))]
    [3]

    Reference:
        Fan et al. (2018), arXiv:1805.04833, section 5.4 (top-k); Holtzman et al.
        (2019), arXiv:1904.09751, section 3.1 (top-p, nucleus sampling); Nguyen et al.
        (2024), arXiv:2407.01082, section 3 (min-p); Keskar et al. (2019),
        arXiv:1909.05858, section 4.1 (the penalty).
    """

    def __init__(
        self,
        temperature=1.0,
        top_k=None,
        top_p=None,
        seed=None,
        min_p=None,
        repetition_penalty=None,
    ):
        if not check.is_number(temperature) or not 0 < temperature < float("inf"):
            raise ValueError(
                f"temperature must be above 0; given {temperature!r}. "
                "For the likeliest token, use Greedy()."
            )
        if top_k is not None:
            check.positive_integer("top_k", top_k)
        if top_p is not None and (not check.is_number(top_p) or not 0 < top_p <= 1):
            raise ValueError(f"top_p must be above 0, at most 1; given {top_p!r}.")
        if min_p is not None and (not check.is_number(min_p) or not 0 <= min_p <= 1):
            raise ValueError(f"min_p must be from 0 to 1; given {min_p!r}.")
        allowed = int | None | keras.random.SeedGenerator
        if not isinstance(seed, allowed) or isinstance(seed, bool):
            raise ValueError(
                "seed must be an integer or a keras.random.SeedGenerator; "
                f"given {seed!r}."
            )
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.min_p, self.repetition_penalty = min_p, _check_penalty(repetition_penalty)
        self.seed = keras.random.SeedGenerator() if seed is None else seed

    def __call__(self, logits, uniform):
        if self.top_k is None and self.top_p is None and self.min_p is None:
            return _pick(self._probabilities(logits), uniform)
        probabilities, token_ids = self.candidates(logits)  # (B, k) each
        place = _pick(probabilities, uniform)[:, None]  # (B, 1)
        return ops.take_along_axis(token_ids, place, axis=1)[:, 0]  # (B,)

    def candidates(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities and ids `(B, k)` of the tokens to draw from, likeliest first.

        The probabilities add up to 1, and are 0 for tokens that do not stay.

        Args:
            logits: floats `(B, V)`.
        """
        size = np.shape(logits)[-1]
        count = min(self.top_k or size, size)
        p, token_ids = ops.top_k(self._probabilities(logits), count)  # (B, k), falling
        p /= ops.sum(p, axis=-1, keepdims=True)
        likelier = ops.cumsum(p, axis=-1) - p  # what those before it have together
        if self.top_p is not None:
            p = ops.where(likelier < self.top_p, p, 0.0)
        if self.min_p is not None:
            p = ops.where(p >= self.min_p * p[:, :1], p, 0.0)
        return p / ops.sum(p, axis=-1, keepdims=True), token_ids

    def _probabilities(self, logits):
        _check_logits(logits)
        logits = ops.cast(logits, "float32")  # (B, V)
        # From the largest down, so that nothing overflows when divided by almost 0.
        logits -= ops.max(logits, axis=-1, keepdims=True)
        return ops.softmax(logits / max(self.temperature, TINY), axis=-1)

    def adjust(self, logits: Tensor, tokens: Tensor, written: Tensor) -> Tensor:
        """The logits `(B, V)`, lower for tokens that are there already.

        Args:
            logits: floats `(B, V)`.
            tokens: integers `(B, L)`.
            written: booleans `(L,)` or `(B, L)`, True at tokens that are there.
        """
        return penalize(logits, tokens, written, self.repetition_penalty)

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """Numbers in [0, 1), one for each token that will be drawn."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed)

    @property
    def variables(self) -> list[Any]:
        """The state of the seed generator, for `jit`."""
        return [self.seed.state] if hasattr(self.seed, "state") else []


def penalize(logits, tokens, written, penalty):
    """Logits `(B, V)`, divided or multiplied where a token is in its row already."""
    if penalty is None:
        return logits
    logits = ops.cast(logits, "float32")  # (B, V)
    batch, size = logits.shape
    tokens = ops.cast(tokens, "int32")  # (B, L)
    inside = ops.logical_and(tokens >= 0, tokens < size)  # (B, L)
    there = ops.logical_and(written, inside)  # (B, L)
    rows = ops.broadcast_to(ops.arange(batch, dtype="int32")[:, None], tokens.shape)
    places = ops.stack([rows, ops.where(there, tokens, 0)], axis=-1)  # (B, L, 2)
    counts = ops.scatter(
        ops.reshape(places, (-1, 2)),
        ops.reshape(ops.cast(there, "float32"), (-1,)),
        (batch, size),
    )
    lower = ops.where(logits > 0, logits / penalty, logits * penalty)
    return ops.where(counts > 0, lower, logits)


def _check_penalty(penalty):
    if penalty is not None and (
        not check.is_number(penalty) or not 0 < penalty < float("inf")
    ):
        raise ValueError(
            "repetition_penalty must be above 0, and above 1 to discourage; given "
            f"{penalty!r}."
        )
    return penalty


def _check_logits(logits):
    if len(np.shape(logits)) != 2:
        raise ValueError(
            f"logits must have shape (B, V); given {tuple(np.shape(logits))}."
        )


def _pick(probabilities, uniform):
    """The first place whose cumulated probability exceeds `uniform` of the total."""
    cumulated = ops.cumsum(probabilities, axis=-1)  # (B, V)
    threshold = ops.cast(uniform, cumulated.dtype)[:, None] * cumulated[:, -1:]
    place = ops.sum(ops.cast(cumulated <= threshold, "int32"), axis=-1)  # (B,)
    return ops.minimum(place, probabilities.shape[-1] - 1)
