"""The parts of a text that a model has a name for: persons, places, keys."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer
from tlkeras.pipelines import batches
from tlkeras.pipelines.texts import texts_of, with_marks


class Entity(NamedTuple):
    """A part of a text, and what it is.

    Args:
        text: the characters of the part, as they were given.
        label: its class, without `B-` or `I-`; a number where there are no names.
        start: its first character.
        end: the character after its last.
        score: the mean of the probabilities of its tokens.
    """

    text: str
    label: Any
    start: int
    end: int
    score: float


class TokenClassification:
    """Texts to the parts in them that have a class.

    Each token has the likeliest class. Neighbours of one class are one part; where
    names begin with `B-` and `I-` (Ramshaw & Marcus 1995), `B-` begins a new one. So
    train a model on all tokens of a word: the first as `B-`, the others as `I-`.

    Args:
        model: what turns a dictionary of `token_ids`, `segment_ids` and `padding_mask`,
            each `(B, T)`, into logits `(B, T, classes)`, such as a
            `tlkeras.models.TokenClassifier`; or a preset of one.
        tokenizer: as of `TextClassification`.
        labels: the names of the classes. Defaults to `None`: their numbers.
        outside: the class of tokens that belong to no part. Defaults to `None`: `"O"`
            if there are names, else 0.
        sequence_length: as of `TextClassification`.
        truncate: whether to cut longer texts at their end, so that nothing is found
            there. Defaults to `False`: they are refused.
        batch_size: as of `TextClassification`.

    Call arguments:
        texts: one text, or a list or another iterable of them.

    Returns:
        A list of `Entity`, in the order of the text; a list of such lists where several
        texts are given. A text without words has none.

    Raises:
        ValueError: an argument does not fit, something is no text, or a text is too
            long; the message says which.

    Example: a head that nobody has trained yet.

    >>> from tlkeras.checkpoints import from_preset
    >>> from tlkeras.models import TokenClassifier
    >>> preset = "tlkeras://bert_docstrings"
    >>> model = TokenClassifier(from_preset(preset), num_classes=3)
    >>> find = TokenClassification(model, preset, labels=["O", "B-name", "I-name"])
    >>> text = "Return the sum of x and y."
    >>> all(text[x.start : x.end] == x.text for x in find(text)), find([""])
    (True, [[]])
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        labels: Sequence[Any] | None = None,
        outside: Any = None,
        sequence_length: int | None = None,
        truncate: bool = False,
        batch_size: int = 32,
    ) -> None:
        self.labels = batches.checked_labels(labels)
        default = 0 if labels is None else "O"
        self.outside = default if outside is None else outside
        if self.labels is not None and self.outside not in self.labels:
            raise ValueError(
                "outside must be one of labels, the class of tokens in no part; given "
                f"{self.outside!r} and {self.labels}."
            )
        self.truncate = check.flag("truncate", truncate)
        self.batch_size = check.positive_integer("batch_size", batch_size)
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        self.sequence_length = batches.most_tokens(self.model, sequence_length)

    def __call__(self, texts: str | Iterable[str]) -> list[Any]:
        texts, one = texts_of("texts", texts)
        rows = batches.tokenized(
            self.tokenizer,
            texts,
            None,
            self.sequence_length,
            self.truncate,
            return_offsets=True,
        )
        places = [row.pop("offsets") for row in rows]
        filled = [n for n, row in enumerate(rows) if batches.length(row)]
        found = batches.in_batches(
            [rows[n] for n in filled],
            self.batch_size,
            self.sequence_length,
            self.tokenizer.padding_id or 0,
            self._classify,
        )
        results: list[list[Entity]] = [[] for _ in texts]
        for n, (labels, scores) in zip(filled, found, strict=True):
            tokens = zip(places[n].tolist(), labels, scores, strict=False)
            results[n] = self._parts(texts[n], tokens)
        return results[0] if one else results

    def _classify(self, batch):
        logits = self.model.predict_on_batch(batch)  # (B, T, classes)
        labels = batches.named(self.labels, logits, "B T classes")
        for row in batches.chances(logits):  # (T, classes)
            yield [labels[n] for n in row.argmax(-1)], row.max(-1).tolist()

    def _parts(self, text, tokens):
        """Neighbours of one class, of the tokens that stand in a text."""
        before = None
        parts: list[list] = []
        scores: list[list[float]] = []
        for (start, end), label, score in tokens:
            if start == end:
                continue
            begins, kind = self._kind(label)
            if label != self.outside:
                if begins or kind != before:
                    parts.append([kind, start, end])
                    scores.append([])
                parts[-1][2] = with_marks(text, end)
                scores[-1].append(score)
            before = None if label == self.outside else kind
        return [
            Entity(text[start:end], kind, start, end, float(np.mean(chances)))
            for (kind, start, end), chances in zip(parts, scores, strict=True)
        ]

    def _kind(self, label):
        """Whether a label begins a part, and the class that it names."""
        if isinstance(label, str) and label[:2] in ("B-", "I-"):
            return label[0] == "B", label[2:]
        return False, label
