"""A number for each distance of two positions, which attention adds to its logits."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.layers._output_spec import traced_output_spec


@keras.saving.register_keras_serializable(package="tlkeras")
class RelativePositionBias(keras.layers.Layer):
    """Prefer some distances to others, in each head in its own way.

    `bias[n, t, s] = E[bucket(s − t), n]`: a learned number for each head and bucket,
    which is added to the logit of query t and key s. Half of the buckets hold one
    distance each; the others grow with the logarithm of it, up to `max_distance`, and
    the last holds all that is farther. A text may so be longer than any that was seen
    in training.

    Masking: none; what is hidden stays hidden, whatever is added. Axes: B batch, T
    query length, S key length, N heads.

    Args:
        num_heads: N.
        num_buckets: E has as many rows. Defaults to 32.
        max_distance: from this one on all distances share a bucket. Defaults to 128.
        bidirectional: keys before and after the query have buckets of their own, half
            of them each; `False` is for causal attention, and gives every later key the
            bucket of distance 0. Defaults to `True`.
        initializer: of E. Defaults to `"glorot_uniform"`.

    Call arguments:
        inputs: floats `(B, T, ·)`, of which only the shape counts.
        start_index: the position of the first query among the keys, which may be
            traced. Defaults to 0.
        key_length: S, such as the length of a cache. Defaults to T.

    Returns:
        Floats `(B, N, T, S)`, the same for each B: the `attention_bias` of a
        `MultiHeadAttention`.

    Raises:
        ValueError: an argument or the shape does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> from tlkeras.layers import MultiHeadAttention
    >>> x = np.random.rand(3, 5, 8)
    >>> bias = RelativePositionBias(num_heads=2)(x)
    >>> tuple(bias.shape)
    (3, 2, 5, 5)
    >>> attention = MultiHeadAttention(num_heads=2, key_dim=4)
    >>> tuple(attention(query=x, value=x, attention_bias=bias).shape)
    (3, 5, 8)

    Reference:
        Raffel et al. (2019), arXiv:1910.10683, section 2.1 (the idea); the rule of the
        buckets is that of their code.
        Shaw et al. (2018), arXiv:1803.02155, section 3.2 (distances that are cut off).
    """

    def __init__(
        self,
        num_heads,
        num_buckets=32,
        max_distance=128,
        bidirectional=True,
        initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = check.positive_integer("num_heads", num_heads)
        self.num_buckets = check.positive_integer("num_buckets", num_buckets)
        self.max_distance = check.positive_integer("max_distance", max_distance)
        self.bidirectional = check.flag("bidirectional", bidirectional)
        self.initializer = keras.initializers.get(initializer)
        self._buckets = self._table()  # of the distances −max_distance … max_distance

    def build(self, inputs_shape: Shape) -> None:
        check.axes("inputs", inputs_shape, "B T D")
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.num_buckets, self.num_heads),
            initializer=self.initializer,
        )

    def call(self, inputs, start_index=0, key_length=None):
        check.axes("inputs", inputs.shape, "B T D")
        check.integer("start_index", start_index)
        if key_length is not None:
            check.length("key_length", key_length, 1)
        batch, length = ops.shape(inputs)[:2]
        key_length = length if key_length is None else key_length
        queries = ops.arange(length, dtype="int32") + ops.cast(start_index, "int32")
        keys = ops.arange(key_length, dtype="int32")  # (S,)
        distance = keys[None] - queries[:, None]  # (T, S)
        farthest = self.max_distance
        place = ops.clip(distance, -farthest, farthest) + farthest  # (T, S)
        each = ops.take(self.embeddings, self._buckets, axis=0)  # (2 · farthest + 1, N)
        bias = ops.take(each, place, axis=0)  # (T, S, N)
        bias = ops.cast(ops.transpose(bias, (2, 0, 1)), self.compute_dtype)  # (N, T, S)
        return ops.broadcast_to(bias, (batch, self.num_heads, length, key_length))

    def _table(self):
        """The bucket of each distance s − t from −`max_distance` to `max_distance`."""
        distance = np.arange(-self.max_distance, self.max_distance + 1)
        if not self.bidirectional:
            return self._one_way(np.maximum(-distance, 0), self.num_buckets)
        count = self.num_buckets // 2
        return self._one_way(np.abs(distance), count) + np.where(distance > 0, count, 0)

    def _one_way(self, distance, count):
        """One of `count` buckets for each distance of at least 0."""
        exact = count // 2
        if exact < 1 or self.max_distance <= exact or self.num_buckets % 2:
            least = 4 if self.bidirectional else 2
            raise ValueError(
                f"num_buckets must be even, at least {least} and below "
                f"{least} · max_distance; given num_buckets={self.num_buckets} and "
                f"max_distance={self.max_distance}."
            )
        # In float32, as everywhere: where a bucket ends is a matter of rounding.
        ratio = np.log(np.maximum(distance, 1).astype("float32") / np.float32(exact))
        ratio = ratio / np.float32(math.log(self.max_distance / exact))
        far = exact + (ratio * np.float32(count - exact)).astype("int32")
        return np.where(distance < exact, distance, np.minimum(far, count - 1))

    def compute_output_spec(self, inputs: Tensor, **arguments: Any) -> Any:
        return traced_output_spec(self, inputs, **arguments)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "num_buckets": self.num_buckets,
            "max_distance": self.max_distance,
            "bidirectional": self.bidirectional,
            "initializer": keras.initializers.serialize(self.initializer),
        }
