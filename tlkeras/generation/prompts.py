"""What greedy decoding, sampling and beam search do alike with a prompt."""

import keras
import numpy as np
from keras import ops

from tlkeras import masks
from tlkeras.checks import is_integer, known


def read(prompt, padding_mask, max_length, padding_id):
    """The tokens `(B, L)`, the lengths `(B,)`, and where the shortest prompt ends."""
    prompt = ops.cast(prompt, "int32")  # (B, P)
    batch, width = prompt.shape
    if padding_mask is None:
        lengths = ops.full((batch,), width, dtype="int32")
    else:
        lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=1)  # (B,)
        prompt = ops.where(masks.length_mask(lengths, width), prompt, padding_id)
    room = ((0, 0), (0, max_length - width))
    tokens = ops.pad(prompt, room, constant_values=padding_id)  # (B, L)
    return tokens, lengths, ops.min(lengths) - 1


def take(step, token_ids, cache, index):
    """Take a step, and refuse what is not logits `(B, V)` and a cache."""
    results = step(token_ids, cache, index)
    if not isinstance(results, tuple | list) or len(results) != 2:
        raise ValueError(
            "step must return logits and the cache, a pair; given "
            f"{type(results).__name__}."
        )
    logits, after = results
    given, rows = tuple(np.shape(logits)), token_ids.shape[0]
    if len(given) != 2 or given[0] not in (rows, None):
        raise ValueError(
            f"step must return logits of shape ({rows}, vocabulary), those that follow "
            f"the last token; given {given}."
        )
    got, gave = _shapes(cache), _shapes(after)
    if len(got) != len(gave) or not all(map(_same, got, gave)):
        raise ValueError(
            f"step must return a cache of the shapes that it got, {got}; given {gave}."
        )
    return logits, after


def _shapes(cache):
    return [tuple(np.shape(part)) for part in keras.tree.flatten(cache)]


def _same(left, right):
    """Whether two shapes are equal as far as they are known."""
    known = (a == b or None in (a, b) for a, b in zip(left, right, strict=False))
    return len(left) == len(right) and all(known)


def column(x, index):
    """Column `index` of `x` `(B, L)`, as `(B, 1)`; the index may be traced."""
    return ops.slice(x, (0, index), (x.shape[0], 1))


def is_end(token, end_id):
    """True where a token is one of those that end a row."""
    ends = ops.zeros_like(token, dtype="bool")
    for one in end_ids(end_id):
        ends = ops.logical_or(ends, token == one)
    return ends


def end_ids(end_id):
    """The tokens that end a row, as a tuple."""
    if end_id is None:
        return ()
    ids = tuple(end_id) if isinstance(end_id, list | tuple) else (end_id,)
    if not all(is_integer(one) for one in ids):
        raise ValueError(f"end_id must be an integer or several; given {end_id!r}.")
    return ids


def check(step, prompt, max_length, end_id, padding_mask, cache, padding_id):
    """Refuse arguments that do not fit each other."""
    if not callable(step):
        raise ValueError(
            "step must be a function (token_ids, cache, index) → (logits, cache); "
            f"given {type(step).__name__}."
        )
    shape = _check_prompt(prompt)
    if not is_integer(max_length) or max_length < shape[1]:
        raise ValueError(
            f"max_length must be an integer of at least the prompt's {shape[1]} "
            f"positions, which it includes; given {max_length!r}."
        )
    end_ids(end_id)
    if not is_integer(padding_id):
        raise ValueError(f"padding_id must be an integer; given {padding_id!r}.")
    check_cache(cache, shape[0])
    if padding_mask is not None:
        _check_padding(padding_mask, shape)


def check_cache(cache, rows):
    """Refuse a cache that does not hold tensors with one row for each of a prompt."""
    for part in keras.tree.flatten(cache):
        if np.shape(part)[:1] != (rows,):
            given = "None" if part is None else f"one of shape {tuple(np.shape(part))}"
            raise ValueError(
                f"cache must hold tensors of {rows} rows, as prompt; given {given}."
            )


def _check_prompt(prompt):
    if not hasattr(prompt, "dtype"):
        try:
            prompt = np.array(prompt)
        except ValueError as error:
            raise ValueError(
                "prompt must have rows of one length; given rows of several. Pad them "
                "on the right, and give padding_mask."
            ) from error
    shape = tuple(prompt.shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"prompt must be token ids (B, P) with at least one token; given {shape}."
        )
    dtype = keras.backend.standardize_dtype(prompt.dtype)
    if "int" not in dtype:
        raise ValueError(f"prompt must be integers; given {dtype}.")
    values = known(prompt)
    if values is not None and values.min() < 0:
        raise ValueError(
            f"prompt must hold ids of at least 0; given {values.min()}. Give "
            "padding_mask to say where padding is."
        )
    return shape


def _check_padding(padding_mask, shape):
    given = np.shape(padding_mask)
    if given != shape:
        raise ValueError(
            f"padding_mask must have the shape of prompt, {shape}; given {given}."
        )
    values = known(padding_mask)  # (B, P)
    if values is None:
        return
    if values.dtype.kind not in "biu":
        raise ValueError(
            "padding_mask must be boolean, or integers 0 and 1, True for a token; "
            f"given dtype {values.dtype}."
        )
    mask = values.astype(bool)
    wrong = ~mask[:, 0] | (mask[:, 1:] & ~mask[:, :-1]).any(axis=1)  # (B,)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "padding_mask must be True at each row's tokens, at least one, and False "
            f"at the padding to their right; given row {row}: {mask[row].tolist()}."
        )
