"""An encoder that puts what it reads into one of several classes."""

import types

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.models._encoder_model import EncoderModel
from tlkeras.models._head_model import HeadModel, symbols

POOLINGS = ("mean", "cls", "pooler")


@keras.saving.register_keras_serializable(package="tlkeras")
class Classifier(HeadModel):
    """One vector a text, image or recording out of an encoder, and a linear head on it.

        pooled = what the encoder pooled; for a text also the mean or [CLS]
        logits = pooled W + b

    Axes: B batch, D width of the backbone. Masking: as in the backbone; the mean of a
    text is over real tokens.

    Args:
        backbone: an encoder such as `Bert`, `ViT` or `SpeechEncoder`. It is shared, not
            copied.
        num_classes: number of classes.
        pooling: `"pooler"` takes the backbone's `pooled_output`: the class token of a
            ViT, or the mean over its patches; the mean over the frames of speech. For a
            text there are also `"mean"` and `"cls"`, see `BertClassifier`. Defaults to
            `"pooler"`.
        dropout: share of the pooled vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of the backbone: images `(B, H, W, C)`, or a dictionary of tokens
            `(B, T)` or of a waveform `(B, S)`.
        training: whether dropout is on.
        mask: implicit masks, which Keras hands over; the inputs say what counts.

    Returns:
        Logits `(B, num_classes)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import ViT
    >>> vit = ViT((8, 12, 3), 4, num_layers=1, num_heads=2, hidden_dim=8,
    ...           intermediate_dim=16)
    >>> model = Classifier(vit, num_classes=5)
    >>> tuple(model(np.random.rand(2, 8, 12, 3)).shape)
    (2, 5)

    Reference:
        Devlin et al. (2018), arXiv:1810.04805, section 4.1 (texts); Dosovitskiy et al.
        (2020), arXiv:2010.11929, section 3.1 (images).
    """

    takes: tuple[type, str] = (
        EncoderModel,
        "an encoder of tlkeras.models, such as Bert, ViT or SpeechEncoder",
    )

    def __init__(
        self,
        backbone,
        num_classes,
        pooling="pooler",
        dropout=0.1,
        dtype=None,
        **kwargs,
    ):
        self.check_backbone(backbone, *self.takes, kwargs)
        arguments = {
            "num_classes": check.positive_integer("num_classes", num_classes),
            "pooling": _check_pooling(pooling, backbone),
            "dropout": check.rate("dropout", dropout),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        parts = types.SimpleNamespace(pooling=None)
        if pooling == "mean":
            parts.pooling = keras.layers.GlobalAveragePooling1D(
                dtype=dtype, name="pooling"
            )
        parts.head_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="head_dropout"
        )
        parts.head = keras.layers.Dense(num_classes, dtype=dtype, name="head")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = symbols(backbone)
        outputs = backbone(inputs)
        if pooling == "mean":
            keep = ops.not_equal(inputs["padding_mask"], 0)  # (B, T)
            pooled = parts.pooling(outputs["sequence_output"], mask=keep)  # (B, D)
        elif pooling == "cls":
            pooled = outputs["sequence_output"][:, 0]  # (B, D)
        else:
            pooled = outputs["pooled_output"]  # (B, D)
        logits = parts.head(parts.head_dropout(pooled))  # (B, classes)
        super().__init__(backbone, parts, inputs, logits, arguments, dtype, **kwargs)


def _check_pooling(pooling, backbone):
    check.choice("pooling", pooling, POOLINGS)
    reads_text = isinstance(backbone.input, dict) and "token_ids" in backbone.input
    if pooling != "pooler" and not reads_text:
        raise ValueError(
            f"pooling must be 'pooler' for a {type(backbone).__name__}, which pools by "
            f"itself; given {pooling!r}, which is for texts."
        )
    if pooling == "pooler" and "pooled_output" not in backbone.output:
        raise ValueError(
            "pooling 'pooler' needs a backbone with use_pooler=True; this one has "
            "no pooled output. Take 'cls' or 'mean'."
        )
    return pooling
