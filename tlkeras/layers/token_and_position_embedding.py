"""What a token is, plus where it stands."""

from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._saved_policy import saved_policy, set_part_policies
from tlkeras.layers.position_embedding import PositionEmbedding
from tlkeras.masks import padding_mask


@keras.saving.register_keras_serializable(package="tlkeras")
class TokenAndPositionEmbedding(keras.layers.Layer):
    """Add the vector of each token to the vector of its position, both learned.

    A drop-in for `keras_hub.layers.TokenAndPositionEmbedding`. Axes: T length, D
    `embedding_dim`; others, such as the batch, stand before them, or none.

    Masking: with `mask_zero=True` the output carries the mask `token_ids != 0`.

    Args:
        vocabulary_size: number of different tokens.
        sequence_length: the largest T.
        embedding_dim: D.
        tie_weights: `token_embedding(…, reverse=True)` uses the transposed table of
            tokens, not one of its own. Defaults to `True`.
        embeddings_initializer: of both tables. Defaults to `"uniform"`.
        mask_zero: token 0 is padding. Defaults to `False`.

    Call arguments:
        inputs: integers `(…, T)`.
        start_index: the position of the first token. Defaults to 0.
        positions: integers used instead, `(T,)` or any shape that broadcasts to
            `(…, T)`. Defaults to `None`.

    Returns:
        Floats `(…, T, D)`.

    Raises:
        ValueError: the sequence is empty or longer than `sequence_length`, or an id is
            not below `vocabulary_size`, as far as the values are known.

    Example:

    >>> import numpy as np
    >>> layer = TokenAndPositionEmbedding(
    ...     vocabulary_size=100, sequence_length=10, embedding_dim=8
    ... )
    >>> tuple(layer(np.array([[5, 7, 0]])).shape)
    (1, 3, 8)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 3.
        Press & Wolf (2016), arXiv:1608.05859, section 3 (tied weights).
    """

    def __init__(
        self,
        vocabulary_size,
        sequence_length,
        embedding_dim,
        tie_weights=True,
        embeddings_initializer="uniform",
        mask_zero=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = check.positive_integer(
            "vocabulary_size", vocabulary_size
        )
        self.sequence_length = check.positive_integer(
            "sequence_length", sequence_length
        )
        self.embedding_dim = check.positive_integer("embedding_dim", embedding_dim)
        self.tie_weights = check.flag("tie_weights", tie_weights)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)
        self.mask_zero = check.flag("mask_zero", mask_zero)
        self.token_embedding = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            embedding_dim,
            tie_weights=tie_weights,
            embeddings_initializer=self.embeddings_initializer.clone(),
            mask_zero=mask_zero,
            dtype=self.dtype_policy,
            name="token_embedding",
        )
        self.position_embedding = PositionEmbedding(
            sequence_length,
            initializer=self.embeddings_initializer.clone(),
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self._check_shape(input_shape)
        self.token_embedding.build(input_shape)
        self.position_embedding.build((*input_shape, self.embedding_dim))
        set_part_policies(self)

    def call(self, inputs, start_index=0, positions=None):
        self._check_shape(inputs.shape)
        limit = f"vocabulary_size = {self.vocabulary_size}"
        check.indices("inputs", inputs, self.vocabulary_size, limit)
        tokens = self.token_embedding(inputs)  # (…, T, D)
        tokens = ops.cast(tokens, self.compute_dtype)  # float32 where it is quantised
        return tokens + self.position_embedding(
            tokens, start_index=start_index, positions=positions
        )

    def _check_shape(self, shape):
        if not shape:
            raise ValueError(f"inputs must have an axis, (…, T); given shape {shape}.")

    def compute_mask(
        self, inputs: Tensor, previous_mask: Tensor | None = None
    ) -> Tensor | None:
        return padding_mask(inputs) if self.mask_zero else previous_mask

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.embedding_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dtype": saved_policy(self),
            "vocabulary_size": self.vocabulary_size,
            "sequence_length": self.sequence_length,
            "embedding_dim": self.embedding_dim,
            "tie_weights": self.tie_weights,
            "embeddings_initializer": keras.initializers.serialize(
                self.embeddings_initializer
            ),
            "mask_zero": self.mask_zero,
        }
