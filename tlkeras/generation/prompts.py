"""What greedy decoding, sampling and beam search do alike with a prompt."""

import keras
import numpy as np
from keras import ops

from tlkeras import masks


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
    if not all(isinstance(one, int | np.integer) for one in ids):
        raise ValueError(f"end_id must be an integer or several; given {end_id!r}.")
    return ids


def check(step, prompt, max_length, end_id, padding_mask):
    """Refuse arguments that do not fit each other."""
    if not callable(step):
        raise ValueError(
            "step must be a function (token_ids, cache, index) → (logits, cache); "
            f"given {type(step).__name__}."
        )
    shape = _check_prompt(prompt)
    if not isinstance(max_length, int | np.integer) or max_length < shape[1]:
        raise ValueError(
            f"max_length must be an integer of at least the prompt's {shape[1]} "
            f"positions, which it includes; given {max_length!r}."
        )
    end_ids(end_id)
    if padding_mask is not None:
        _check_padding(padding_mask, shape)


def _check_prompt(prompt):
    prompt = prompt if hasattr(prompt, "dtype") else np.array(prompt)
    shape = tuple(prompt.shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"prompt must be token ids (B, P) with at least one token; given {shape}."
        )
    dtype = keras.backend.standardize_dtype(prompt.dtype)
    if "int" not in dtype:
        raise ValueError(f"prompt must be integers; given {dtype}.")
    return shape


def _check_padding(padding_mask, shape):
    given = np.shape(padding_mask)
    if given != shape:
        raise ValueError(
            f"padding_mask must have the shape of prompt, {shape}; given {given}."
        )
    try:
        mask = ops.convert_to_numpy(padding_mask).astype(bool)  # (B, P)
    except (NotImplementedError, TypeError):  # traced: there are no values yet
        return
    wrong = ~mask[:, 0] | (mask[:, 1:] & ~mask[:, :-1]).any(axis=1)  # (B,)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "padding_mask must be True at each row's tokens, at least one, and False "
            f"at the padding to their right; given row {row}: {mask[row].tolist()}."
        )
