"""How a token is chosen from its logits `(B, V)`."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor


class Greedy:
    """Take the likeliest token.

    Call arguments:
        logits: floats `(B, V)`.
        uniform: not looked at; `Sample` needs it.

    Returns:
        Integers `(B,)`.

    Raises:
        ValueError: the logits have other axes.

    Example:

    >>> import numpy as np
    >>> [int(token) for token in Greedy()(np.array([[0.1, 2.0, 0.3]]))]
    [1]
    """

    def __call__(self, logits, uniform=None):
        _check_logits(logits)
        return ops.argmax(logits, axis=-1)  # (B,)

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """Nothing is left to chance: zeros of the given shape."""
        return ops.zeros(shape)

    variables = ()


class Sample:
    """Draw a token at random, the likelier the more often.

    `p = softmax(logits / temperature)`. Then only the `top_k` likeliest tokens stay,
    and of those, renormalised, the fewest whose probabilities reach `top_p` together.

    Args:
        temperature: below 1 the likely become likelier. Defaults to 1.
        top_k: how many tokens stay. Defaults to `None`: all.
        top_p: the probability that stays. Defaults to `None`: all.
        seed: an integer: every call of `generate` draws the same. A
            `keras.random.SeedGenerator`: each call draws anew, in a sequence that can
            be repeated. Defaults to `None`: a new generator, seeded at random.

    Call arguments:
        logits: floats `(B, V)`.
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
        (2019), arXiv:1904.09751, section 3.1 (top-p, nucleus sampling).
    """

    def __init__(self, temperature=1.0, top_k=None, top_p=None, seed=None):
        if not check.is_number(temperature) or not 0 < temperature < float("inf"):
            raise ValueError(
                f"temperature must be above 0; given {temperature!r}. "
                "For the likeliest token, use Greedy()."
            )
        if top_k is not None:
            check.positive_integer("top_k", top_k)
        if top_p is not None and (not check.is_number(top_p) or not 0 < top_p <= 1):
            raise ValueError(f"top_p must be above 0, at most 1; given {top_p!r}.")
        allowed = int | None | keras.random.SeedGenerator
        if not isinstance(seed, allowed) or isinstance(seed, bool):
            raise ValueError(
                "seed must be an integer or a keras.random.SeedGenerator; "
                f"given {seed!r}."
            )
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.seed = keras.random.SeedGenerator() if seed is None else seed

    def __call__(self, logits, uniform):
        _check_logits(logits)
        logits = ops.cast(logits, "float32") / self.temperature  # (B, V)
        probabilities = ops.softmax(logits, axis=-1)
        if self.top_k is None and self.top_p is None:
            return _pick(probabilities, uniform)
        size = logits.shape[-1]
        count = min(self.top_k or size, size)
        probabilities, token_ids = ops.top_k(probabilities, count)  # (B, k), falling
        probabilities /= ops.sum(probabilities, axis=-1, keepdims=True)
        if self.top_p is not None:
            likelier = ops.cumsum(probabilities, axis=-1) - probabilities
            probabilities = ops.where(likelier < self.top_p, probabilities, 0.0)
        place = _pick(probabilities, uniform)[:, None]  # (B, 1)
        return ops.take_along_axis(token_ids, place, axis=1)[:, 0]  # (B,)

    def draw(self, shape: tuple[int, ...]) -> Tensor:
        """Numbers in [0, 1), one for each token that will be drawn."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed)

    @property
    def variables(self) -> list[Any]:
        """The state of the seed generator, for `jit`."""
        return [self.seed.state] if hasattr(self.seed, "state") else []


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
