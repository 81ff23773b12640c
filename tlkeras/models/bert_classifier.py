"""A BERT that puts a text into one of several classes."""

import keras

from tlkeras.models.bert import Bert
from tlkeras.models.classifier import Classifier


@keras.saving.register_keras_serializable(package="tlkeras")
class BertClassifier(Classifier):
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

    takes = (Bert, "a tlkeras.models.Bert")

    def __init__(
        self,
        backbone,
        num_classes,
        pooling="mean",
        dropout=0.1,
        dtype=None,
        **kwargs,
    ):
        super().__init__(backbone, num_classes, pooling, dropout, dtype, **kwargs)
