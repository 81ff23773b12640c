"""Which positions a call is about."""

from keras import ops


def check_positions(positions, length):
    """Positions `(T,)` or `(B, T)` as `(1, T)` or `(B, T)`."""
    positions = ops.convert_to_tensor(positions)
    shape = tuple(positions.shape)
    known = isinstance(length, int) and shape and shape[-1] is not None
    if len(shape) not in (1, 2) or (known and shape[-1] != length):
        raise ValueError(
            f"positions must have shape (length,) or (batch, length), length {length} "
            f"as the inputs; given shape {shape}."
        )
    return positions if len(shape) == 2 else positions[None]  # (·, T)


def float_positions(length, start_index=0, positions=None):
    """The positions of T = `length` tokens from `start_index` on, or those given.

    Returns:
        float32 `(1, T)` or `(B, T)`.
    """
    if positions is None:
        return ops.cast(ops.arange(length) + start_index, "float32")[None]  # (1, T)
    return ops.cast(check_positions(positions, length), "float32")  # (·, T)
