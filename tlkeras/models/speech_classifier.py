"""A speech encoder that puts a recording into one of several classes."""

import keras

from tlkeras.models.classifier import Classifier
from tlkeras.models.speech_encoder import SpeechEncoder


@keras.saving.register_keras_serializable(package="tlkeras")
class SpeechClassifier(Classifier):
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

    takes = (SpeechEncoder, "a tlkeras.models.SpeechEncoder")

    def __init__(self, backbone, num_classes, dropout=0.1, dtype=None, **kwargs):
        super().__init__(backbone, num_classes, "pooler", dropout, dtype, **kwargs)
        del self._arguments["pooling"]  # no argument of this one
