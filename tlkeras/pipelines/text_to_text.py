"""A text that becomes another one: a translation, a summary."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.generation import beam_search, generate
from tlkeras.pipelines import batches, vocabularies, writing
from tlkeras.pipelines.texts import two_of
from tlkeras.pipelines.writing import Written

INPUTS = ("token_ids", "padding_mask", "segment_ids")  # of an encoder


class TextToText:
    """Texts to what a model that reads and writes makes of them.

    Args:
        model: what reads a source by `initial_cache(source, max_length,
            source_padding_mask)` and writes by `step`, such as a
            `tlkeras.models.Transformer`; or a preset of one: `"tlkeras://translator"`
            translates phrases from English into seven languages. The source is the
            token ids `(B, S)`; where the model has an `encoder`, a dictionary of what
            that takes: `token_ids`, `segment_ids`, `padding_mask`.
        source: what texts are read with: a `tlkeras.checkpoints.Tokenizer`, a preset of
            one, or a vocabulary of `tlkeras.datasets.text`. Defaults to `None`: that of
            the model's preset.
        target: what texts are written with. Defaults to `None`: `source`.
        begin: the special token that a text begins with, such as `"<de>"`. Defaults to
            `None`: the `start_id` of `target`.
        max_new_tokens: tokens to write, at most. Defaults to `None`: all that the model
            has room for.
        num_beams: beams to search with; 1 is greedy. Defaults to 1.
        length_penalty: of the beams, as in `beam_search`. Defaults to 0.6.
        source_length: tokens of the longest source. Defaults to `None`: all that the
            model reads.
        truncate: whether to cut longer texts at their end, as is usual for summaries.
            Defaults to `False`: they are refused.
        batch_size: texts that are written at once, at most. Defaults to 16.
        jit_compile: whether to compile with XLA: some seconds for each new shape, and
            much faster from then on. Defaults to `True`.

    Call arguments:
        texts: one text, or a list or another iterable of them.
        begin: as of the constructor, for these texts: one for all, or one for each.

    Returns:
        A `Written`; a list of them where several texts are given. Of a blank text comes
        an empty one.

    Raises:
        ValueError: an argument does not fit, something is no text, or a text is too
            long; the message says which.

    Example: one number, in two languages.

    >>> translate = TextToText("tlkeras://translator", jit_compile=False)
    >>> [x.text for x in translate("17 kilometers", begin=["<de>", "<es>"])]
    ['17 Kilometer', '17 kilómetros']
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        source: Any = None,
        target: Any = None,
        begin: str | None = None,
        max_new_tokens: int | None = None,
        num_beams: int = 1,
        length_penalty: float = 0.6,
        source_length: int | None = None,
        truncate: bool = False,
        batch_size: int = 16,
        jit_compile: bool = True,
    ) -> None:
        self.num_beams = check.positive_integer("num_beams", num_beams)
        self.length_penalty = check.number("length_penalty", length_penalty)
        self.truncate = check.flag("truncate", truncate)
        self.batch_size = check.positive_integer("batch_size", batch_size)
        self.jit_compile = check.flag("jit_compile", jit_compile)
        self.source, self.target = _vocabularies(model, source, target)
        self.model = batches.loaded_model(model)
        advice = "a tlkeras.models.Transformer does; a TextGeneration takes a GPT"
        writing.check_writer(self.model, True, advice)
        self.begin = begin
        if begin is not None:
            self.target.id_of(begin)
        limit = batches.most_tokens(self.model, None)
        most = limit - 1 if max_new_tokens is None else max_new_tokens
        self.max_new_tokens = check.positive_integer("max_new_tokens", most)
        if most >= limit:
            raise ValueError(
                f"max_new_tokens must be at most {limit - 1}, for which the model has "
                f"room; given {most}."
            )
        reads = getattr(self.model, "encoder", self.model)
        self.source_length = batches.most_tokens(reads, source_length, "source_length")
        self._names = _source_names(self.model)
        self._write = writing.compiled(self._batch, self.jit_compile, self.model)

    def __call__(
        self, texts: str | Iterable[str], begin: str | Iterable[str] | None = None
    ) -> Written | list[Written]:
        begin = self.begin if begin is None else begin
        texts, tokens, one = two_of(("texts", "begin"), texts, begin or "")
        starts = [self._start(token) for token in tokens]
        filled = [n for n, text in enumerate(texts) if text.strip()]
        found = dict(
            zip(filled, self.source.rows([texts[n] for n in filled]), strict=True)
        )
        if not self.truncate:
            sizes = [len(found.get(n, ())) for n in range(len(texts))]
            batches.refuse_long("texts", sizes, self.source_length, batches.REMEDY)
        written = batches.in_batches(
            [self._row(ids, starts[n]) for n, ids in found.items()],
            self.batch_size,
            self.source_length,
            self.source.padding_id,
            self._continue,
        )
        results = [Written("", 0.0, True)] * len(texts)
        for n, result in zip(found, written, strict=True):
            results[n] = result
        return results[0] if one else results

    def _start(self, token):
        """The id that a text begins with."""
        start = self.target.id_of(token) if token else self.target.start_id
        if start is None:
            raise ValueError(
                "begin must name the special token that a text begins with, as target "
                "has no start_id; given None."
            )
        return start

    def _row(self, ids, start):
        if len(ids) > self.source_length:
            ids = [*ids[: self.source_length - 1], ids[-1]]  # the end token stays
        return {
            "token_ids": np.array(ids, "int32"),
            "padding_mask": np.ones(len(ids), "bool"),
            "segment_ids": np.zeros(len(ids), "int32"),
            "begin": np.array(start, "int32"),
        }

    def _batch(self, token_ids, padding_mask, segment_ids, begin):
        """Tokens `(B, L)`, with their log-probabilities or with the scores of beams."""
        length = self.max_new_tokens + 1
        given = dict(zip(INPUTS, (token_ids, padding_mask, segment_ids), strict=True))
        source = {x: given[x] for x in self._names} if self._names else token_ids
        cache = self.model.initial_cache(source, length, padding_mask)
        common = (self.model.step, begin[:, None], length, self.target.end_id, cache)
        if self.num_beams == 1:
            return generate(*common, return_log_probabilities=True)
        tokens, scores = beam_search(
            *common, num_beams=self.num_beams, length_penalty=self.length_penalty
        )
        return tokens[:, 0], scores[:, 0]

    def _continue(self, batch):
        arrays = (batch[name] for name in (*INPUTS, "begin"))
        found = self._write(*map(keras.ops.convert_to_tensor, arrays))
        for row, scores in zip(*map(keras.ops.convert_to_numpy, found), strict=True):
            ids, score, ended = writing.continuation(
                row, scores, 1, self.max_new_tokens, self.target.end_id
            )
            yield Written(self.target.decode(ids), score, ended)


def _source_names(model):
    """What the encoder of a model takes, by name; nothing where it has none."""
    taken = getattr(getattr(model, "encoder", None), "input", None)
    names = list(taken) if isinstance(taken, dict) else []
    if set(names) - set(INPUTS) or (taken is not None and not names):
        raise ValueError(
            f"model must have an encoder of texts, which takes {', '.join(INPUTS)} or "
            f"some of them; given one of type {type(model.encoder).__name__}."
        )
    return names


def _vocabularies(model, source, target):
    """What texts are read with, and what they are written with."""
    if source is None and target is None and isinstance(model, str | Path):
        return vocabularies.of_preset(model)
    if source is None:
        raise ValueError(
            "source must be what texts are read with, as the model is no preset with "
            "its own: a Tokenizer, or a preset that load_tokenizer reads."
        )
    reads = vocabularies.vocabulary("source", source)
    return reads, reads if target is None else vocabularies.vocabulary("target", target)
