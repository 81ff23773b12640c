"""An encoder that puts each token of a text into a class, and one that finds spans."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers.scaled_dot_product_attention import MASKED
from tlkeras.models._encoder_model import EncoderModel
from tlkeras.models._head_model import HeadModel, symbols


class _TokenHead(HeadModel):
    """A linear head on each token of a text. Private: use its subclasses."""

    def __init__(self, backbone, size, arguments, dropout, dtype, kwargs):
        wanted = "an encoder of texts, such as a tlkeras.models.Bert"
        self.check_backbone(backbone, EncoderModel, wanted, kwargs)
        if "token_ids" not in backbone.input:
            raise ValueError(
                f"backbone must be {wanted}; given {type(backbone).__name__}."
            )
        arguments = {**arguments, "dropout": check.rate("dropout", dropout)}

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        parts = types.SimpleNamespace()
        parts.head_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="head_dropout"
        )
        parts.head = keras.layers.Dense(size, dtype=dtype, name="head")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = symbols(backbone)
        x = backbone(inputs)["sequence_output"]  # (B, T, D)
        logits = parts.head(parts.head_dropout(x))  # (B, T, size)
        outputs = self.read_out(logits, ops.not_equal(inputs["padding_mask"], 0))
        super().__init__(backbone, parts, inputs, outputs, arguments, dtype, **kwargs)

    @staticmethod
    def read_out(logits: Tensor, keep: Tensor) -> Any:
        """What the model returns, of logits `(B, T, size)` and a mask `(B, T)`."""
        return logits


@keras.saving.register_keras_serializable(package="tlkeras")
class TokenClassifier(_TokenHead):
    """A linear head on every token of a text, which says what each of them is.

        logits = x W + b

    x is the last output of the backbone. Axes: B batch, T length.

    Masking: True (or 1) in `padding_mask` means keep. Padding gets logits too; leave it
    out of the loss, as a `sample_weight` of 0 does.

    Args:
        backbone: an encoder of texts such as `Bert`. It is shared, not copied.
        num_classes: number of classes.
        dropout: share of each vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of the backbone, a dictionary of tokens `(B, T)`.
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.

    Returns:
        Logits `(B, T, num_classes)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import Bert
    >>> bert = Bert(100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[2, 7, 9, 3, 0]])
    >>> inputs = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> tuple(TokenClassifier(bert, num_classes=3)(inputs).shape)
    (1, 5, 3)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 5.3.
    """

    def __init__(self, backbone, num_classes, dropout=0.1, dtype=None, **kwargs):
        classes = check.positive_integer("num_classes", num_classes)
        arguments = {"num_classes": classes}
        super().__init__(backbone, classes, arguments, dropout, dtype, kwargs)


@keras.saving.register_keras_serializable(package="tlkeras")
class SpanClassifier(_TokenHead):
    """Two numbers for every token: that the answer begins with it, that it ends so.

        start, end = columns of x W + b

    x is the last output of the backbone. Each is trained as a classifier of T places,
    with `SparseCategoricalCrossentropy(from_logits=True)` and the place of the token;
    a text without an answer has 0, its first token. `tlkeras.spans` finds these places,
    and the best span in what comes out. Axes: B batch, T length.

    Masking: True (or 1) in `padding_mask` means keep. Padding gets −1e9, so that no
    answer is there.

    Args:
        backbone: an encoder of texts such as `Bert`. It is shared, not copied.
        dropout: share of each vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of the backbone, a dictionary of tokens `(B, T)`.
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.

    Returns:
        A dictionary of logits `start` and `end`, `(B, T)` each.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import Bert
    >>> bert = Bert(100, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> tokens = np.array([[2, 7, 9, 3, 0]])
    >>> inputs = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> found = SpanClassifier(bert)(inputs)
    >>> tuple(found["start"].shape), bool(found["end"][0, 4] < -1e8)
    ((1, 5), True)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, sections 4.2 and 4.3.
    """

    def __init__(self, backbone, dropout=0.1, dtype=None, **kwargs):
        super().__init__(backbone, 2, {}, dropout, dtype, kwargs)

    @staticmethod
    def read_out(logits, keep):
        logits = ops.cast(logits, "float32")  # no half is as small as −1e9
        logits = ops.where(keep[..., None], logits, MASKED)
        return {"start": logits[..., 0], "end": logits[..., 1]}
