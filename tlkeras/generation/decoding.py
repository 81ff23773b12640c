"""One token at a time, greedily or drawn, and never taken back."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from tlkeras.annotations import Tensor
from tlkeras.generation import prompts
from tlkeras.generation.samplers import Greedy


def generate(
    step: Callable[..., Any],
    prompt: Tensor,
    max_length: int,
    end_id: int | Sequence[int] | None = None,
    cache: Any = (),
    sampler: Any = None,
    padding_mask: Tensor | None = None,
    padding_id: int = 0,
) -> Tensor:
    """Continue each row of `prompt` until it ends or is `max_length` tokens long.

    The prompt is read in one step, then one token a step. Rows whose prompt is longer
    than the shortest go on reading it while the others already write, so each row gets
    what it would get alone.

    Args:
        step: `(token_ids, cache, index) → (logits, cache)`, as in `tlkeras.generation`.
        prompt: integers `(B, P)`.
        max_length: L, of prompt and continuation together.
        end_id: the token that ends a row, or a tuple of such. Defaults to `None`: rows
            end at `max_length`.
        cache: what the first step gets. Defaults to `()`.
        sampler: `Greedy()` or `Sample(…)`. Defaults to `Greedy()`.
        padding_mask: boolean `(B, P)`, True at the tokens of a prompt; padding stands
            to their right. Defaults to `None`: no padding.
        padding_id: what stands after the end of a row. Defaults to 0.

    Returns:
        Integers `(B, L)`: the prompt, its continuation with the end token, padding.

    Raises:
        ValueError: an argument does not fit the others, or `step` returns something
            else than logits `(B, V)` and a cache of the shapes that it got.

    Example: a model that counts upwards, and ends with 5.

    >>> import numpy as np
    >>> from keras import ops
    >>> def count(token_ids, cache, index):
    ...     return ops.one_hot(token_ids[:, -1] + 1, 9), cache
    >>> tokens = generate(count, np.array([[1], [3]]), max_length=6, end_id=5)
    >>> [[int(token) for token in row] for row in tokens]
    [[1, 2, 3, 4, 5, 0], [3, 4, 5, 0, 0, 0]]
    """
    prompts.check(step, prompt, max_length, end_id, padding_mask, cache, padding_id)
    sampler = _check_sampler(sampler)
    tokens, lengths, start = prompts.read(prompt, padding_mask, max_length, padding_id)
    batch, width = np.shape(prompt)
    if width > 1:
        _, cache = prompts.take(step, tokens[:, :width], cache, 0)
    uniform = sampler.draw((batch, max_length))  # (B, L)

    def write(index, tokens, cache, ended):
        last = prompts.column(tokens, index)  # (B, 1)
        logits, cache = prompts.take(step, last, cache, index)  # (B, V)
        token = sampler(logits, prompts.column(uniform, index)[:, 0])  # (B,)
        token = ops.where(ended, padding_id, ops.cast(token, "int32"))
        reading = index + 1 < lengths  # (B,)
        token = ops.where(reading, prompts.column(tokens, index + 1)[:, 0], token)
        ended = ended | (prompts.is_end(token, end_id) & ~reading)
        tokens = ops.slice_update(tokens, (0, index + 1), token[:, None])
        return index + 1, tokens, cache, ended

    def unfinished(index, tokens, cache, ended):
        return ops.logical_and(index + 1 < max_length, ~ops.all(ended))

    ended = ops.zeros((batch,), "bool")
    return ops.while_loop(unfinished, write, (start, tokens, cache, ended))[1]


def _check_sampler(sampler):
    sampler = Greedy() if sampler is None else sampler
    if (
        isinstance(sampler, type)
        or not callable(sampler)
        or not hasattr(sampler, "draw")
    ):
        raise ValueError(
            f"sampler must be Greedy() or Sample(…), or like them; given {sampler!r}."
        )
    return sampler
