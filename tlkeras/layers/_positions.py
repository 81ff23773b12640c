"""Which positions a call is about."""

from keras import ops

from tlkeras.layers import _input_checks as check


def check_positions(positions, length, batch=None):
    """Positions `(T,)` or `(B, T)` as `(1, T)` or `(B, T)`."""
    positions = ops.convert_to_tensor(positions)
    shape = tuple(positions.shape)
    known = isinstance(length, int) and shape and shape[-1] is not None
    if len(shape) not in (1, 2) or (known and shape[-1] != length):
        raise ValueError(
            f"positions must have shape (length,) or (batch, length), length {length} "
            f"as the inputs; given shape {shape}."
        )
    known = isinstance(batch, int) and len(shape) == 2 and shape[0] is not None
    if known and shape[0] not in (1, batch):
        raise ValueError(
            f"positions must have the {batch} rows of the inputs, or one for all of "
            f"them; given shape {shape}."
        )
    return positions if len(shape) == 2 else positions[None]  # (·, T)


def float_positions(length, start_index=0, positions=None, batch=None):
    """The positions of T = `length` tokens from `start_index` on, or those given.

    Returns:
        float32 `(1, T)` or `(B, T)`.
    """
    if positions is None:
        check.integer("start_index", start_index)
        return ops.cast(ops.arange(length) + start_index, "float32")[None]  # (1, T)
    return ops.cast(check_positions(positions, length, batch), "float32")  # (·, T)
