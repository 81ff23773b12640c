"""A BERT that puts a text into one of several classes."""

from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.layers._saved_policy import saved_policy, settle
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models.bert import INPUTS, Bert

POOLINGS = ("mean", "cls", "pooler")


@keras.saving.register_keras_serializable(package="tlkeras")
class BertClassifier(keras.Model):
    """One vector a text out of a BERT, and a linear head on it.

        pooled = mean of the vectors of real tokens, or the vector of [CLS]
        logits = pooled W + b

    The vector of [CLS] (or BERT's pooled output, a dense layer on it) is what the paper
    puts a head on; a checkpoint that was never trained with a whole-sentence objective
    has taught [CLS] nothing, and there the mean is better. Axes: B batch, T length, D
    width of the backbone.

    Only `"pooler"` uses the dense layer of a backbone with `use_pooler=True`. With the
    others `fit` warns that it has no gradients, which is true and harmless: it stays
    among the weights, for the files and for other users of the backbone.
    `tlkeras.transfer.unfreeze(model)` leaves it out, and the warning goes.

    Masking: True (or 1) in `padding_mask` means keep; the mean is over these.

    Args:
        backbone: a `Bert`. It is shared, not copied.
        num_classes: number of classes.
        pooling: `"mean"`, `"cls"` or `"pooler"`. Defaults to `"mean"`.
        dropout: share of the pooled vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of `Bert`, a dictionary of integers `(B, T)`: `token_ids`,
            `segment_ids` and `padding_mask`.
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; `padding_mask` is what counts.

    Returns:
        Logits `(B, num_classes)`.

    Raises:
        ValueError: an argument does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> bert = Bert(100, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=16)
    >>> model = BertClassifier(bert, num_classes=3)
    >>> tokens = np.array([[2, 7, 9, 3, 0]])
    >>> inputs = {
    ...     "token_ids": tokens,
    ...     "segment_ids": np.zeros_like(tokens),
    ...     "padding_mask": tokens != 0,
    ... }
    >>> tuple(model(inputs).shape)
    (1, 3)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 4.1; Reimers & Gurevych (2019),
        arXiv:1908.10084, section 3 (the mean).
    """

    def __init__(
        self,
        backbone,
        num_classes,
        pooling="mean",
        dropout=0.1,
        dtype=None,
        **kwargs,
    ):
        refuse_unknown(BertClassifier, kwargs)
        if not isinstance(backbone, Bert):
            raise ValueError(
                "backbone must be a tlkeras.models.Bert; given "
                f"{type(backbone).__name__}."
            )
        check.positive_integer("num_classes", num_classes)
        if pooling not in POOLINGS:
            raise ValueError(
                f"pooling must be one of {', '.join(POOLINGS)}; given {pooling!r}."
            )
        if pooling == "pooler" and backbone.pooled_dense is None:
            raise ValueError(
                "pooling 'pooler' needs a backbone with use_pooler=True; this one has "
                "no pooled output. Take 'cls' or 'mean'."
            )

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        pool = None
        if pooling == "mean":
            pool = keras.layers.GlobalAveragePooling1D(dtype=dtype, name="pooling")
        head_dropout = keras.layers.Dropout(
            check.rate("dropout", dropout), dtype=dtype, name="head_dropout"
        )
        head = keras.layers.Dense(num_classes, dtype=dtype, name="head")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {
            name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS
        }
        outputs = backbone(inputs)
        if pool is not None:
            keep = ops.not_equal(inputs["padding_mask"], 0)  # (B, T)
            pooled = pool(outputs["sequence_output"], mask=keep)  # (B, D)
        elif pooling == "cls":
            pooled = outputs["sequence_output"][:, 0]  # (B, D)
        else:
            pooled = outputs["pooled_output"]  # (B, D)
        logits = head(head_dropout(pooled))  # (B, classes)
        super().__init__(inputs=inputs, outputs=logits, **kwargs)
        self.dtype_policy = dtype  # as in Bert
        self.backbone, self.pooling = backbone, pool
        self.head_dropout, self.head = head_dropout, head
        self._arguments = {
            "num_classes": num_classes,
            "pooling": pooling,
            "dropout": dropout,
        }
        settle(self)

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training, mask=mask)

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": saved_policy(self),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            **self._arguments,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        backbone = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects
        )
        return cls(**{**config, "backbone": backbone})
