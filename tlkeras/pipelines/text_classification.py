"""One label for each text, or for each pair of texts."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer
from tlkeras.pipelines import batches
from tlkeras.pipelines.texts import refuse_blank, texts_of, two_of


class Classification(NamedTuple):
    """The class of a text.

    Args:
        label: the likeliest class: its name, or its number where there are no names.
        score: its probability.
        scores: the probability of each class, by its name.
    """

    label: Any
    score: float
    scores: dict[Any, float]


class TextClassification:
    """Texts to classes, with their probabilities.

    Args:
        model: what turns a dictionary of `token_ids`, `segment_ids` and `padding_mask`,
            each `(B, T)`, into logits `(B, classes)`, such as a
            `tlkeras.models.BertClassifier`; or a preset of one, as `from_preset` reads.
        tokenizer: a `tlkeras.checkpoints.Tokenizer`, or a preset that `load_tokenizer`
            reads. Defaults to `None`: that of the model's preset.
        labels: the names of the classes. Defaults to `None`: their numbers.
        sequence_length: tokens of the longest text, special ones included. Defaults to
            `None`: all that the model reads.
        truncate: whether to cut longer texts at their end; of two texts, the longer one
            first. Defaults to `False`: they are refused.
        batch_size: texts that the model sees at once, at most. Defaults to 32.

    Call arguments:
        texts: one text, or a list or another iterable of them.
        pairs: a second text for each, or one for all. Defaults to `None`: there is
            none.

    Returns:
        A `Classification`; a list of them where several texts are given.

    Raises:
        ValueError: an argument does not fit, something is no text, or a text is blank
            or too long; the message says which.

    Example: a head that nobody has trained yet.

    >>> import keras
    >>> from tlkeras.checkpoints import from_preset
    >>> from tlkeras.models import BertClassifier
    >>> keras.utils.set_random_seed(0)
    >>> preset = "tlkeras://bert_docstrings"
    >>> model = BertClassifier(from_preset(preset), num_classes=2)
    >>> classify = TextClassification(model, preset, labels=["verb", "noun"])
    >>> found = classify("Return the sum.")
    >>> sorted(found.scores), found.score == found.scores[found.label]
    (['noun', 'verb'], True)
    >>> len(classify(["Sum of all.", "Sort them."])), classify([])
    (2, [])
    """

    def __init__(
        self,
        model: keras.Model | Path | str,
        tokenizer: Tokenizer | Path | str | None = None,
        labels: Sequence[Any] | None = None,
        sequence_length: int | None = None,
        truncate: bool = False,
        batch_size: int = 32,
    ) -> None:
        self.labels = batches.checked_labels(labels)
        self.truncate = check.flag("truncate", truncate)
        self.batch_size = check.positive_integer("batch_size", batch_size)
        self.model, self.tokenizer = batches.loaded(model, tokenizer)
        self.sequence_length = batches.most_tokens(self.model, sequence_length)

    def __call__(
        self, texts: str | Iterable[str], pairs: str | Iterable[str] | None = None
    ) -> Classification | list[Classification]:
        if pairs is None:
            firsts, one = texts_of("texts", texts)
            seconds = None
        else:
            firsts, seconds, one = two_of(("texts", "pairs"), texts, pairs)
        whole = map("".join, zip(firsts, seconds or firsts, strict=True))
        refuse_blank("texts", whole, "Leave it out: it has no class.")
        rows = batches.tokenized(
            self.tokenizer, firsts, seconds, self.sequence_length, self.truncate
        )
        results = batches.in_batches(
            rows,
            self.batch_size,
            self.sequence_length,
            self.tokenizer.padding_id or 0,
            self._classify,
        )
        return results[0] if one else results

    def _classify(self, batch):
        logits = self.model.predict_on_batch(batch)  # (B, classes)
        labels = batches.named(self.labels, logits, "B classes")
        for row in batches.chances(logits).tolist():
            scores = dict(zip(labels, row, strict=True))
            label = max(scores, key=scores.__getitem__)
            yield Classification(label, scores[label], scores)
