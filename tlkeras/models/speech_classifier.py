"""A speech encoder that puts a recording into one of several classes."""

from typing import Any, Self

import keras

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers._saved_policy import saved_policy, settle
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models.speech_encoder import SpeechEncoder


@keras.saving.register_keras_serializable(package="tlkeras")
class SpeechClassifier(keras.Model):
    """One vector a recording out of a speech encoder, and a linear head on it.

        pooled = mean of the vectors of real tokens
        logits = pooled W + b

    Axes: B batch, S samples, F frames, M mels. Masking: True in `padding_mask` means
    keep; the mean is over these.

    Args:
        backbone: a `SpeechEncoder`. It is shared, not copied.
        num_classes: number of classes.
        dropout: share of the pooled vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of `SpeechEncoder`: a dictionary of `waveform` `(B, S)` or `features`
            `(B, F, M)` and, if wanted, `padding_mask`.
        training: whether dropout is on.
        mask: not used; Keras hands it over.

    Returns:
        Logits `(B, num_classes)`.

    Raises:
        ValueError: an argument does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> encoder = SpeechEncoder(num_layers=1, num_heads=2, hidden_dim=8,
    ...                         intermediate_dim=16, num_mels=20)
    >>> model = SpeechClassifier(encoder, num_classes=3)
    >>> tuple(model({"waveform": np.random.rand(2, 8000)}).shape)
    (2, 3)

    Reference:
        Radford et al. (2022), arXiv:2212.04356, section 2.2 (the encoder).
    """

    input_spec = None  # the backbone's messages say more

    def __init__(self, backbone, num_classes, dropout=0.1, dtype=None, **kwargs):
        refuse_unknown(SpeechClassifier, kwargs)
        if not isinstance(backbone, SpeechEncoder):
            raise ValueError(
                "backbone must be a tlkeras.models.SpeechEncoder; given "
                f"{type(backbone).__name__}."
            )
        check.positive_integer("num_classes", num_classes)
        check.rate("dropout", dropout)

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        head_dropout = keras.layers.Dropout(dropout, dtype=dtype, name="head_dropout")
        head = keras.layers.Dense(num_classes, dtype=dtype, name="head")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {
            name: keras.Input(x.shape[1:], dtype=x.dtype, name=name)
            for name, x in backbone.input.items()
        }
        pooled = backbone(inputs)["pooled_output"]  # (B, D)
        logits = head(head_dropout(pooled))  # (B, classes)
        super().__init__(inputs=inputs, outputs=logits, **kwargs)
        self.dtype_policy = dtype  # as in Bert
        self.backbone, self.head_dropout, self.head = backbone, head_dropout, head
        self._arguments = {"num_classes": num_classes, "dropout": dropout}
        settle(self)

    def call(self, inputs, training=None, mask=None):
        ready = self.backbone.prepare(inputs)
        return super().call(ready, training=training)

    def compute_output_spec(
        self, inputs: Any, training: bool | None = None, mask: Tensor | None = None
    ) -> Any:
        return keras.Operation.compute_output_spec(self, inputs, training=training)

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
