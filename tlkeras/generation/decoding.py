"""One token at a time, greedily or drawn, and never taken back."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from tlkeras.annotations import Tensor
from tlkeras.generation import prompts
from tlkeras.generation.compilation import jit
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
    return_log_probabilities: bool = False,
) -> Any:
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
        sampler: `Greedy()`, `Sample(…)` or what is like them: called with logits
            `(B, V)` and numbers `(B,)` of its `draw((B, L))`; where it has an
            `adjust(logits, tokens, written)`, that sees the tokens so far. Defaults to
            `Greedy()`.
        padding_mask: boolean `(B, P)`, True at the tokens of a prompt; padding stands
            to their right. Defaults to `None`: no padding.
        padding_id: what stands after the end of a row. Defaults to 0.
        return_log_probabilities: also return the logarithm of the probability that the
            model itself, before sampler and penalty, gave each token. Defaults to
            `False`.

    Returns:
        Integers `(B, L)`: the prompt, its continuation with the end token, padding. And
        if wanted floats `(B, L)`, 0 at prompt and padding: the sum of a row is the
        log-probability of its continuation.

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
    sampler = _check_sampler(sampler)
    prompts.check(step, prompt, max_length, end_id, padding_mask, cache, padding_id)
    tokens, lengths, start = prompts.read(prompt, padding_mask, max_length, padding_id)
    batch, width = np.shape(prompt)
    if width > 1:
        _, cache = prompts.take(step, tokens[:, :width], cache, 0)
    uniform = sampler.draw((batch, max_length))  # (B, L)
    writer = _Writer(sampler, uniform, lengths, end_id, padding_id)

    def write(index, tokens, cache, ended, chances):
        last = prompts.column(tokens, index)  # (B, 1)
        logits, cache = prompts.take(step, last, cache, index)  # (B, V)
        token, now = writer.choose(index, tokens, logits, ended)  # (B,) each
        if return_log_probabilities:
            chance = writer.log_probability(index, token, logits, ended)  # (B,)
            chances = ops.slice_update(chances, (0, index + 1), chance[:, None])
        tokens = ops.slice_update(tokens, (0, index + 1), token[:, None])
        return index + 1, tokens, cache, now, chances

    def unfinished(index, tokens, cache, ended, chances):
        return ops.logical_and(index + 1 < max_length, ~ops.all(ended))

    ended = ops.zeros((batch,), "bool")
    chances = ops.zeros((batch, max_length)) if return_log_probabilities else ()
    state = ops.while_loop(unfinished, write, (start, tokens, cache, ended, chances))
    return (state[1], state[4]) if return_log_probabilities else state[1]


class _Writer(NamedTuple):
    """How a token follows, the same for `generate` and `stream`."""

    sampler: Any
    uniform: Any  # (B, L), drawn before
    lengths: Any  # (B,), of the prompts
    end_id: Any
    padding_id: int

    def choose(self, index, tokens, logits, ended):
        """The tokens `(B,)` after position `index`, and which rows have now ended."""
        if hasattr(self.sampler, "adjust"):
            written = ops.arange(tokens.shape[1]) <= index  # (L,)
            logits = self.sampler.adjust(logits, tokens, written)
        uniform = prompts.column(self.uniform, index)[:, 0]  # (B,)
        token = ops.cast(self.sampler(logits, uniform), "int32")
        token = ops.where(ended, self.padding_id, token)
        reading = index + 1 < self.lengths  # (B,)
        token = ops.where(reading, prompts.column(tokens, index + 1)[:, 0], token)
        return token, ended | (prompts.is_end(token, self.end_id) & ~reading)

    def log_probability(self, index, token, logits, ended):
        """Of the tokens `(B,)`, as the model sees it; 0 for prompt and padding."""
        chances = ops.log_softmax(ops.cast(logits, "float32"))  # (B, V)
        place = ops.clip(token, 0, chances.shape[-1] - 1)[:, None]  # (B, 1)
        chance = ops.take_along_axis(chances, place, axis=1)[:, 0]
        return ops.where(ended | (index + 1 < self.lengths), 0.0, chance)


def stream(
    step: Callable[..., Any],
    prompt: Tensor,
    max_length: int,
    end_id: int | Sequence[int] | None = None,
    cache: Any = (),
    sampler: Any = None,
    padding_mask: Tensor | None = None,
    padding_id: int = 0,
    return_log_probabilities: bool = False,
    tokenizer: Any = None,
) -> Iterator[Any]:
    """Continue each row of `prompt`, giving each token as soon as it is written.

    What comes is what `generate` returns, column by column, from the end of the
    shortest prompt on: a row whose prompt is longer gives the rest of it first.

    The step is compiled, once for the shape of the prompt and once for single tokens.
    To stream many texts, compile it yourself and give that, `jit(model.step, model)`,
    and prompts of one width, filled up, with their `padding_mask`.

    Args:
        step: as in `generate`; what `jit` returned is used as it is.
        prompt: as in `generate`.
        max_length: as in `generate`.
        end_id: as in `generate`.
        cache: as in `generate`.
        sampler: as in `generate`.
        padding_mask: as in `generate`.
        padding_id: as in `generate`.
        return_log_probabilities: give pairs, of what would come and log-probabilities
            `(B,)`, as in `generate`. Defaults to `False`.
        tokenizer: what has `stream()`, such as a `tlkeras.checkpoints.Tokenizer`:
            texts come instead of ids, for each row what is certain, never half a
            character, and nothing of its prompt. Defaults to `None`.

    Returns:
        An iterator of integers `(B,)`, NumPy's, or of lists of B texts.

    Raises:
        ValueError: as in `generate`, at once, and when `step` is called; or the
            tokenizer cannot stream.

    Example: a model that counts upwards, and ends with 5.

    >>> import numpy as np
    >>> from keras import ops
    >>> def count(token_ids, cache, index):
    ...     return ops.one_hot(token_ids[:, -1] + 1, 9), cache
    >>> [column.tolist() for column in stream(count, np.array([[1], [3]]), 6, end_id=5)]
    [[2, 4], [3, 5], [4, 0], [5, 0]]
    """
    sampler = _check_sampler(sampler)
    prompts.check(step, prompt, max_length, end_id, padding_mask, cache, padding_id)
    if tokenizer is not None and not callable(getattr(tokenizer, "stream", None)):
        raise ValueError(
            "tokenizer must have stream(), as those of tlkeras.checkpoints."
            f"load_tokenizer; given {type(tokenizer).__name__}."
        )
    if not getattr(step, "is_compiled", False):
        owner = getattr(step, "__self__", None)
        step = jit(step, *([owner] if hasattr(owner, "variables") else []))
    tokens, lengths, start = prompts.read(prompt, padding_mask, max_length, padding_id)
    uniform = sampler.draw((tokens.shape[0], max_length))  # (B, L)
    writer = _Writer(sampler, uniform, lengths, end_id, padding_id)
    columns = _columns(writer, step, tokens, int(start), np.shape(prompt)[1], cache)
    lengths = ops.convert_to_numpy(lengths)
    if tokenizer is not None:
        columns = _texts(columns, tokenizer, lengths, int(start), max_length)
    if return_log_probabilities:
        return ((what, chance()) for what, chance, _ in columns)
    return (what for what, _, _ in columns)


def _columns(writer, step, tokens, index, width, cache):
    """Tokens `(B,)`, what tells their log-probabilities, and the rows ended, a step."""
    cache = keras.tree.map_structure(ops.convert_to_tensor, cache)
    place = lambda n: ops.convert_to_tensor(n, "int32")  # noqa: E731
    if width > 1:
        _, cache = prompts.take(step, tokens[:, :width], cache, place(0))
    ended = ops.zeros((tokens.shape[0],), "bool")
    while index + 1 < tokens.shape[1] and not np.all(ops.convert_to_numpy(ended)):
        last = prompts.column(tokens, index)  # (B, 1)
        logits, cache = prompts.take(step, last, cache, place(index))  # (B, V)
        token, now = writer.choose(index, tokens, logits, ended)  # (B,) each
        chance = functools.partial(writer.log_probability, index, token, logits, ended)
        tokens = ops.slice_update(tokens, (0, index + 1), token[:, None])
        ended, index = now, index + 1
        numbers = ops.convert_to_numpy(token)
        yield numbers, lambda c=chance: ops.convert_to_numpy(c()), ended


def _texts(columns, tokenizer, lengths, index, max_length):
    """The same with the text of each row in place of its token."""
    streams = [tokenizer.stream() for _ in lengths]
    over = np.zeros(len(lengths), bool)
    for numbers, chance, ended in columns:
        index += 1
        now, texts = ops.convert_to_numpy(ended), []
        for row, number in enumerate(numbers.tolist()):
            if over[row] or index < lengths[row]:
                texts.append("")
                continue
            text = streams[row].add(number)
            if now[row] or index + 1 == max_length:
                text += streams[row].finish()
            texts.append(text)
        over = now
        yield texts, chance, ended


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
