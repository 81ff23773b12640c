"""Positions as vectors that are learned, and how to stretch them to other sizes."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._positions import check_inputs, check_positions


def interpolate_positions(
    embeddings: Tensor,
    old_shape: tuple[int, int],
    new_shape: tuple[int, int],
    interpolation: str = "bicubic",
) -> Tensor:
    """Learned positions of one length or grid, resampled for another.

    A sequence is a grid of one row: `old_shape=(1, 128)`, `new_shape=(1, 256)`. A class
    token has no place in a grid: set it aside before, and put it back after.

    Args:
        embeddings: floats `(rows · columns, D)`, row by row.
        old_shape: `(rows, columns)` that they were learned on.
        new_shape: `(rows, columns)` wanted.
        interpolation: as in `keras.ops.image.resize`. Defaults to `"bicubic"`.

    Returns:
        Floats `(new rows · new columns, D)`.

    Raises:
        ValueError: `old_shape` does not have as many places as there are embeddings,
            which must be finite floats.

    Example:

    >>> import numpy as np
    >>> tuple(interpolate_positions(np.random.rand(4 * 4, 8), (4, 4), (6, 5)).shape)
    (30, 8)

    Reference:
        Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.2.
    """
    embeddings = ops.convert_to_tensor(embeddings)
    check.axes("embeddings", embeddings.shape, "positions D")
    check.values("embeddings", embeddings, "They are learned vectors.")
    old_shape = check.sizes("old_shape", old_shape, 2)
    new_shape = check.sizes("new_shape", new_shape, 2)
    count, hidden_dim = embeddings.shape
    if old_shape[0] * old_shape[1] != count:
        raise ValueError(
            "old_shape must have one place for each of the embeddings; given "
            f"{old_shape[0]} × {old_shape[1]} places and {count} embeddings."
        )
    if old_shape == new_shape:
        return embeddings
    grid = ops.reshape(embeddings, (1, *old_shape, hidden_dim))  # (1, rows, columns, D)
    grid = ops.image.resize(
        grid, new_shape, interpolation=interpolation, data_format="channels_last"
    )
    return ops.reshape(grid, (-1, hidden_dim))  # (rows · columns, D)


@keras.saving.register_keras_serializable(package="tlkeras")
class PositionEmbedding(keras.layers.Layer):
    """Give each position a vector that is learned.

    Row t of a table `(sequence_length, D)`. `interpolate_positions` stretches the table
    of a trained model for longer inputs.

    A drop-in for `keras_hub.layers.PositionEmbedding`. Add the result to the
    embeddings. Axes: T length, D model size; others stand before them, or none.
    Masking: passed on.

    Args:
        sequence_length: the number of positions in the table, at least T.
        initializer: of the table. Defaults to `"glorot_uniform"`.

    Call arguments:
        inputs: floats `(…, T, D)`, of which only the shape matters.
        start_index: the position of the first token. Defaults to 0.
        positions: integers used instead, `(T,)` or any shape that broadcasts to
            `(…, T)`. Defaults to `None`.

    Returns:
        Floats of the shape of the inputs.

    Raises:
        ValueError: the sequence does not fit into the table, is empty, or has other
            features than when the layer was built; positions are not integers.

    Example:

    >>> import numpy as np
    >>> layer = PositionEmbedding(sequence_length=10)
    >>> tuple(layer(np.zeros((2, 5, 8))).shape)
    (2, 5, 8)

    Reference:
        Gehring et al. (2017), arXiv:1705.03122, section 3.1.
        Devlin et al. (2018), arXiv:1810.04805, section 3.
    """

    def __init__(self, sequence_length, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.sequence_length = check.positive_integer(
            "sequence_length", sequence_length
        )
        self.initializer = keras.initializers.get(initializer)

    def build(self, inputs_shape: Shape) -> None:
        self._check_shape(inputs_shape)
        check.features("inputs", inputs_shape)
        self._hidden_dim = inputs_shape[-1]
        self.position_embeddings = self.add_weight(
            name="embeddings",
            shape=(self.sequence_length, inputs_shape[-1]),
            initializer=self.initializer,
        )

    def call(self, inputs, start_index=0, positions=None):
        check.features("inputs", inputs.shape, self._hidden_dim)
        self._check_shape(inputs.shape, start_index if positions is None else 0)
        *_, length, hidden_dim = shape = ops.shape(inputs)
        table = ops.convert_to_tensor(self.position_embeddings)  # (sequence_length, D)
        if positions is None and not (isinstance(length, int) or ops.is_tensor(length)):
            # JAX exports an unknown length as a symbol, which `slice` does not take.
            places = ops.arange(length) + start_index  # (T,)
            rows = ops.take(table, places, axis=0)  # (T, D)
        elif positions is None:
            rows = ops.slice(table, (start_index, 0), (length, hidden_dim))  # (T, D)
        else:
            positions = check_positions(positions, shape[:-1])  # (…, T)
            self._check_values(positions)
            rows = ops.take(table, positions, axis=0)  # (…, T, D)
        return ops.broadcast_to(rows, shape)

    def _check_values(self, positions):
        dtype = keras.backend.standardize_dtype(positions.dtype)
        if "int" not in dtype:
            raise ValueError(f"positions must be integers; given {dtype}.")
        limit = f"sequence_length = {self.sequence_length}"
        check.indices("positions", positions, self.sequence_length, limit)

    def _check_shape(self, shape, start_index=0):
        check_inputs(shape)
        check.integer("start_index", start_index)
        if isinstance(start_index, int) and start_index < 0:
            raise ValueError(f"start_index must be at least 0; given {start_index}.")
        length = shape[-2]
        known = isinstance(length, int) and isinstance(start_index, int)  # no symbol
        if known and start_index + length > self.sequence_length:
            raise ValueError(
                f"inputs must end at position {self.sequence_length} = sequence_length "
                f"at most; given length {length} from start_index {start_index}. See "
                "interpolate_positions."
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
        }
