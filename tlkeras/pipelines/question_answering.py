"""The part of a passage that answers a question, or that none does."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer
from tlkeras.pipelines import batches
from tlkeras.pipelines.texts import refuse_blank, two_of, with_marks
from tlkeras.spans import best_span


class Answer(NamedTuple):
    """A part of a passage.

    Args:
        text: its characters, as they were given.
        start: its first character in the passage.
        end: the character after its last.
        score: the logit that it begins at its first token, and the one that it ends at
            its last, together: no probability, but comparable between passages.
    """

    text: str
    start: int
    end: int
    score: float


class QuestionAnswering:
    """Questions to the parts of passages that answer them.

    A passage of any length is read in windows that share tokens;
    `tlkeras.spans.best_span` compares the spans of all of them.

    Args:
        model: what turns a dictionary of `token_ids`, `segment_ids` and `padding_mask`,
            each `(B, T)`, into a dictionary of logits `start` and `end` `(B, T)`, such
            as a `tlkeras.models.SpanClassifier`; or a preset of one.
        tokenizer: a `tlkeras.checkpoints.Tokenizer`, or a preset that `load_tokenizer`
            reads. Defaults to `None`: that of the model's preset.
        sequence_length: tokens of a window, the question and special ones included.
            Defaults to `None`: all that the model reads.
        stride: how many tokens of the passage further the next window begins. Defaults
            to `None`: half of those that a window has room for.
        max_answer_tokens: of the longest answer. Defaults to 30.
        threshold: by how much *no answer* may be ahead of the best one, in logits.
            Defaults to 0; `math.inf` always answers.
        batch_size: windows that the model sees at once, at most. Defaults to 16.

    Call arguments:
        questions: one question, or a list or another iterable of them.
        passages: as many passages, or one for all; one question may also go with
            several.

    Returns:
        An `Answer`, or `None` where the passage has none; a list of these where several
        questions or passages are given.

    Raises:
        ValueError: an argument does not fit, something is no text, or a question is
            blank or leaves no room for its passage; the message says which.

    Example: a head that nobody has trained yet.

    >>> import math
    >>> from tlkeras.checkpoints import from_preset
    >>> from tlkeras.models import SpanClassifier
    >>> preset = "tlkeras://bert_docstrings"
    >>> model = SpanClassifier(from_preset(preset))
    >>> answer = QuestionAnswering(model, preset, threshold=math.inf)
    >>> passage = "Return the sum of all elements. An axis may be given."
    >>> found = answer("What is returned?", passage)
    >>> passage[found.start : found.end] == found.text
    True
    >>> answer(["What?", "Why?"], "")  # nothing to answer from
    [None, None]

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, sections 4.2 and 4.3.
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        sequence_length: int | None = None,
        stride: int | None = None,
        max_answer_tokens: int = 30,
        threshold: float = 0.0,
        batch_size: int = 16,
    ) -> None:
        if stride is not None:
            check.positive_integer("stride", stride)
        if not check.is_number(threshold) or np.isnan(threshold):
            raise ValueError(f"threshold must be a number; given {threshold!r}.")
        self.stride, self.threshold = stride, threshold
        self.max_answer_tokens = check.positive_integer(
            "max_answer_tokens", max_answer_tokens
        )
        self.batch_size = check.positive_integer("batch_size", batch_size)
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        self.sequence_length = batches.most_tokens(self.model, sequence_length)

    def __call__(
        self, questions: str | Iterable[str], passages: str | Iterable[str]
    ) -> Answer | list[Answer | None] | None:
        names = ("questions", "passages")
        questions, passages, one = two_of(names, questions, passages)
        refuse_blank("questions", questions, "Nothing is asked: leave it out.")
        pairs = zip(questions, passages, strict=True)
        windows = [self._windows(n, *pair) for n, pair in enumerate(pairs)]
        places = [batch.pop("offsets") for batch in windows]  # (W, T, 2) each
        rows = [row for batch in windows for row in batches.rows_of(batch)]
        logits = batches.in_batches(
            rows,
            self.batch_size,
            self.sequence_length,
            self.tokenizer.padding_id or 0,
            self._logits,
        )
        results, first = [], 0
        for passage, offsets in zip(passages, places, strict=True):
            own = logits[first : first + len(offsets)]
            results.append(self._best(passage, own, offsets))
            first += len(offsets)
        return results[0] if one else results

    def _windows(self, place, question, passage):
        """What `Tokenizer.windows` gives, `(W, T)`."""
        try:
            bare = self.tokenizer([question], [""], read_special=False)
            room = self.sequence_length - int(bare["padding_mask"].sum())
            stride = max(room // 2, 1) if self.stride is None else self.stride
            return self.tokenizer.windows(
                question, passage, self.sequence_length, stride
            )
        except ValueError as error:
            which = f"questions[{place}], {question!r:.80}"
            raise ValueError(f"{which}: {error}") from error

    def _logits(self, batch):
        found = self.model.predict_on_batch(batch)
        if not isinstance(found, dict) or not {"start", "end"} <= set(found):
            raise ValueError(
                "model must return a dictionary of logits start and end, as a "
                f"tlkeras.models.SpanClassifier; given {type(found).__name__}."
            )
        return list(zip(found["start"], found["end"], strict=True))

    def _best(self, passage, logits, offsets):
        """The best span of all windows `(W, T)` of a passage."""
        start, end = sides = np.full((2, *offsets.shape[:2]), -1e9)  # (W, T) each
        for window, pair in enumerate(logits):
            width = min(len(pair[0]), offsets.shape[1])
            sides[:, window, :width] = np.stack(pair)[:, :width]
        span = best_span(start, end, offsets, self.max_answer_tokens, self.threshold)
        if span is None:
            return None
        end = with_marks(passage, span.end)
        return Answer(passage[span.start : end], span.start, end, span.score)
