"""From texts to batches of few shapes, and the results back in their order.

Axes: B batch, T tokens.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints import Tokenizer, from_preset, load_tokenizer

SHORTEST = 16  # tokens; shorter rows are filled up to it
CHUNK = 32  # texts that are tokenized at once

Row = dict[str, np.ndarray]


def loaded(model: Any, tokenizer: Any) -> tuple[Any, Tokenizer]:
    """A model and a tokenizer, of which either may be the name of a preset.

    Raises:
        ValueError: one of them is something else, or there is no tokenizer.
    """
    if tokenizer is None and not isinstance(model, str | Path):
        raise ValueError(
            "tokenizer must be given with a model: a Tokenizer, or the preset that "
            "load_tokenizer reads it from."
        )
    tokenizer = model if tokenizer is None else tokenizer
    if isinstance(tokenizer, str | Path):
        tokenizer = load_tokenizer(tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(
            "tokenizer must be a tlkeras.checkpoints.Tokenizer, or a preset that "
            f"load_tokenizer reads; given {type(tokenizer).__name__}."
        )
    model = loaded_model(model)
    rows = argument_of(getattr(model, "backbone", model), "vocabulary_size")
    if rows is not None and tokenizer.vocabulary_size > rows:
        raise ValueError(
            f"tokenizer must be that of the model, which knows {rows} tokens; given "
            f"one of {tokenizer.vocabulary_size}."
        )
    return model, tokenizer


def loaded_model(model: Any) -> keras.Model:
    """A model, which may be the name of a preset.

    Raises:
        ValueError: it is neither.
    """
    model = from_preset(model) if isinstance(model, str | Path) else model
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"model must be a keras.Model or a preset; given {type(model).__name__}."
        )
    return model


def most_tokens(
    model: Any, sequence_length: int | None, name: str = "sequence_length"
) -> int:
    """How many tokens of a text the model reads, at most; `name` is the argument's.

    Raises:
        ValueError: the model does not say and nobody else does, or it reads fewer.
    """
    known = argument_of(getattr(model, "backbone", model), "max_sequence_length")
    wanted = known if sequence_length is None else sequence_length
    if wanted is None:
        raise ValueError(
            f"{name} must say how many tokens the model reads, as it has no "
            "max_sequence_length itself; given None."
        )
    check.positive_integer(name, wanted)
    if known is not None and wanted > known:
        raise ValueError(
            f"{name} must be at most {known}, the tokens that the model reads; given "
            f"{wanted}."
        )
    return int(wanted)


def argument_of(model: Any, name: str) -> Any:
    """What a model was made with under this name, or `None` if it does not say."""
    if hasattr(model, name):
        return getattr(model, name)
    try:
        return model.get_config().get(name)
    except NotImplementedError:  # a model that cannot be made again
        return None


def tokenized(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    limit: int,
    truncate: bool,
    **options: Any,
) -> list[Row]:
    """A row of each text or pair, without padding.

    Raises:
        ValueError: a text is too long and is not to be cut.
    """
    rows: list[Row] = []
    for first in range(0, len(texts), CHUNK):
        part = slice(first, first + CHUNK)
        batch = tokenizer(
            texts[part],
            None if pairs is None else pairs[part],
            sequence_length=limit if truncate else None,
            read_special=False,
            **options,
        )
        rows += rows_of(batch)
    refuse_long("texts", map(length, rows), limit, REMEDY)
    return rows


REMEDY = "Shorten it, or make the pipeline with truncate=True, which drops the rest."


def refuse_long(name: str, sizes: Iterable[int], limit: int, remedy: str) -> None:
    """Raise when a row has more tokens than a model reads."""
    for place, size in enumerate(sizes):
        if size > limit:
            raise ValueError(
                f"{name}[{place}] must have at most {limit} tokens, as many as fit; it "
                f"has {size}. {remedy}"
            )


def rows_of(batch: dict[str, Any]) -> list[Row]:
    """What a tokenizer gives for several texts, taken apart, without padding."""
    sizes = batch["padding_mask"].sum(axis=1)  # (B,)
    return [
        {name: x[row, :size].copy() for name, x in batch.items()}
        for row, size in enumerate(sizes)
    ]


def length(row: Row) -> int:
    """The tokens of a row."""
    return len(row["token_ids"])


def in_batches(
    rows: Sequence[Row],
    batch_size: int,
    limit: int,
    padding_id: int,
    run: Callable[[Row], Iterable[Any]],
) -> list[Any]:
    """What `run` gives for each row, in their order.

    Args:
        rows: of tokens, without padding.
        batch_size: rows at once, at most.
        limit: tokens of the longest row.
        padding_id: the token that fills rows up.
        run: a batch, a dictionary of arrays `(B, T)`, to B results.
    """
    results: list[Any] = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda place: length(rows[place]))
    for first in range(0, len(order), batch_size):
        places = order[first : first + batch_size]
        count = power_of_two(len(places), batch_size)
        chosen = [*places, *places[-1:] * (count - len(places))]  # filled up
        width = power_of_two(max(length(rows[places[-1]]), SHORTEST), limit)
        batch = _filled([rows[place] for place in chosen], width, padding_id)
        for place, result in zip(places, run(batch), strict=False):
            results[place] = result
    return results


def power_of_two(count: int, limit: int) -> int:
    """The least power of two that is not below `count`; at most `limit`."""
    return min(1 << (count - 1).bit_length(), limit)


def _filled(rows, width, padding_id):
    """Rows of one width, `(B, T)`; single numbers become `(B,)`."""
    batch = {}
    for name, first in rows[0].items():
        if not first.ndim:
            batch[name] = np.stack([row[name] for row in rows])
            continue
        value = padding_id if name == "token_ids" else 0
        batch[name] = np.full((len(rows), width), value, first.dtype)
        for filled, row in zip(batch[name], rows, strict=True):
            filled[: len(row[name])] = row[name]
    return batch


def chances(logits: Any) -> np.ndarray:
    """The softmax over the last axis, in float64."""
    logits = np.asarray(logits, "float64")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def checked_labels(labels: Sequence[Any] | None) -> list[Any] | None:
    """Names of classes, two at least, all different; or `None`.

    Raises:
        ValueError: they are not.
    """
    if labels is None:
        return None
    if isinstance(labels, str):
        raise ValueError(f"labels must be a list of names; given {labels!r}.")
    labels = list(labels)
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(
            f"labels must be two names at least, all different; given {labels}."
        )
    return labels


def named(labels: list[Any] | None, logits: np.ndarray, axes: str) -> list[Any]:
    """The names of the classes of some logits: numbers, where there are none.

    Raises:
        ValueError: the logits are of another shape, or of another number of classes.
    """
    if not isinstance(logits, np.ndarray) or logits.ndim != len(axes.split()):
        given = getattr(logits, "shape", type(logits).__name__)
        raise ValueError(
            f"model must return logits ({axes.replace(' ', ', ')}); given {given}."
        )
    count = logits.shape[-1]
    if count < 2:
        raise ValueError(
            "model must return logits of two classes at least; given one. Train a "
            "model of yes and no with num_classes=2."
        )
    if labels is not None and len(labels) != count:
        raise ValueError(
            f"labels must be {count} names, one for each class of the model; given "
            f"{len(labels)}: {labels}."
        )
    return list(range(count)) if labels is None else labels
