"""A text that goes on, whole or token by token."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer
from tlkeras.generation import generate, stream
from tlkeras.generation.prompts import end_ids
from tlkeras.pipelines import batches, writing
from tlkeras.pipelines.texts import texts_of
from tlkeras.pipelines.writing import Written


class TextGeneration:
    """Texts to how they go on.

    Args:
        model: a model of language that writes by `step`, such as a
            `tlkeras.models.GPT`; or a preset of one, as `from_preset` reads.
        tokenizer: a `tlkeras.checkpoints.Tokenizer`, or a preset that `load_tokenizer`
            reads. Defaults to `None`: that of the model's preset.
        max_new_tokens: tokens to write, at most; fewer where the model has no room for
            more. Defaults to 64.
        sampler: `Greedy()`, `Sample(…)` or one like them. Defaults to `None`: greedy.
        end_id: the token that ends a text, or several. Defaults to `None`: the
            tokenizer's `end_id`.
        begin: whether to put the tokenizer's `start_id` before each text that has none,
            for a model that has learned texts so. Defaults to `False`: only before an
            empty one.
        read_special: whether the spelling of a special token in a text, such as
            `<|im_end|>`, becomes that token. Defaults to `False`: strangers wrote it.
        batch_size: texts that are written at once, at most. Defaults to 8.
        jit_compile: whether to compile with XLA: some seconds for each new shape, and
            much faster from then on. Defaults to `True`.

    Call arguments:
        texts: one text, or a list or another iterable of them.

    Returns:
        A `Written`, its text being what comes after the one given; a list of them where
        several texts are given.

    Raises:
        ValueError: an argument does not fit, something is no text, a text leaves no
            room to write, or it is empty and no token begins a text; the message says
            which.

    Example:

    >>> write = TextGeneration("tlkeras://gpt_docstrings", begin=True, max_new_tokens=5)
    >>> found = write("Return the number of")
    >>> found.text, found.ended
    (' elements in the array.', False)
    >>> "".join(write.stream("Return the number of")) == found.text
    True
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        max_new_tokens: int = 64,
        sampler: Any = None,
        end_id: int | Sequence[int] | None = None,
        begin: bool = False,
        read_special: bool = False,
        batch_size: int = 8,
        jit_compile: bool = True,
    ) -> None:
        self.max_new_tokens = check.positive_integer("max_new_tokens", max_new_tokens)
        self.batch_size = check.positive_integer("batch_size", batch_size)
        self.begin = check.flag("begin", begin)
        self.read_special = check.flag("read_special", read_special)
        self.jit_compile = check.flag("jit_compile", jit_compile)
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        advice = "a tlkeras.models.GPT does; a TextToText takes what reads a source"
        writing.check_writer(self.model, False, advice)
        if begin and self.tokenizer.start_id is None:
            raise ValueError(
                "begin must be False: the tokenizer has no start_id that begins a text."
            )
        self.sampler = sampler
        self.end_id = self.tokenizer.end_id if end_id is None else end_id
        end_ids(self.end_id)
        self._frame = self.tokenizer.encode("")
        self._limit = batches.most_tokens(self.model, None)
        stateful = (self.model, self.sampler)
        self._write = writing.compiled(self._batch, self.jit_compile, *stateful)
        self._step = writing.compiled(self.model.step, self.jit_compile, self.model)

    def __call__(self, texts: str | Iterable[str]) -> Written | list[Written]:
        texts, one = texts_of("texts", texts)
        results = batches.in_batches(
            self._prompts(texts),
            self.batch_size,
            self._limit,
            self.tokenizer.padding_id or 0,
            self._continue,
        )
        return results[0] if one else results

    def stream(self, text: str) -> Iterator[str]:
        """What comes after a text, in parts, each as soon as it is certain.

        Put together they are what a call gives. Some may be empty; none ends in half a
        character.

        Args:
            text: one text.

        Raises:
            ValueError: as a call does, at once.
        """
        if not isinstance(text, str):
            raise ValueError(
                "text must be one text, as its parts come one after another; given "
                f"{type(text).__name__}. Call the pipeline for several."
            )
        (prompt,) = self._prompts(texts_of("text", text)[0])
        return self._parts(prompt["token_ids"])

    def _parts(self, ids):
        width = batches.power_of_two(max(len(ids), batches.SHORTEST), self._limit)
        prompt = np.zeros((1, width), "int32")
        prompt[0, : len(ids)] = ids
        room = self._room(width)
        tokens = stream(
            self._step,
            prompt,
            room,
            self.end_id,
            self.model.initial_cache(prompt, room),
            self.sampler,
            padding_mask=np.arange(width)[None] < len(ids),
        )
        text = self._reader(ids)
        for (token,) in islice(tokens, self.max_new_tokens):
            if int(token) in end_ids(self.end_id):
                break
            yield text.add(int(token))
        yield text.finish()

    def _reader(self, ids):
        """What turns tokens into text, after it has read the prompt."""
        text = self.tokenizer.stream()
        for number in ids:
            text.add(int(number))
        return text

    def _prompts(self, texts):
        """Rows of token ids that end with the text, so that the model goes on."""
        start, frame = self.tokenizer.start_id, self._frame
        framed = start is not None and frame[:1] == [start]
        found = self.tokenizer.encode(texts, False, self.read_special)
        rows = []
        for place, ids in enumerate(found):
            starts = framed or ((self.begin or not ids) and start is not None)
            if starts and ids[:1] != [start]:
                ids = [start, *ids]
            if not ids:
                raise ValueError(
                    f"texts[{place}] must hold a token; it is empty, and the tokenizer "
                    "has no start_id that begins a text. Leave it out."
                )
            ids = np.array(ids, "int32")
            rows.append({"token_ids": ids, "padding_mask": np.ones(len(ids), "bool")})
        remedy = "Shorten it."
        sizes = map(batches.length, rows)
        batches.refuse_long("texts", sizes, self._limit - 1, remedy)
        return rows

    def _room(self, width):
        """How long prompt and continuation can be, where prompts have one width."""
        return min(width + self.max_new_tokens, self._limit)

    def _batch(self, prompt, padding_mask):
        room = self._room(prompt.shape[1])
        return generate(
            self.model.step,
            prompt,
            room,
            self.end_id,
            self.model.initial_cache(prompt, room),
            self.sampler,
            padding_mask,
            return_log_probabilities=True,
        )

    def _continue(self, batch):
        arrays = (batch["token_ids"], batch["padding_mask"])
        found = self._write(*map(keras.ops.convert_to_tensor, arrays))
        found = map(keras.ops.convert_to_numpy, found)
        for row, scores, keep in zip(*found, batch["padding_mask"], strict=True):
            size = int(keep.sum())
            ids, score, ended = writing.continuation(
                row, scores, size, self.max_new_tokens, self.end_id
            )
            text = self._reader(row[:size])
            whole = "".join([text.add(n) for n in ids]) + text.finish()
            yield Written(whole, score, ended)
