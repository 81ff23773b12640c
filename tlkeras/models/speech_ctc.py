"""A speech encoder that says a letter, or nothing, at each of its frames."""

import types

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.layers.scaled_dot_product_attention import MASKED
from tlkeras.models._head_model import HeadModel, symbols
from tlkeras.models.speech_encoder import SpeechEncoder


@keras.saving.register_keras_serializable(package="tlkeras")
class SpeechCTC(HeadModel):
    """A linear head on every frame of speech, to be trained with `tlkeras.ctc.CTCLoss`.

        logits = x W + b

    x is what leaves the backbone, one vector for each few frames of the spectrogram
    (`strides`); there must be as many of them as `tlkeras.ctc.frames_needed` says.

    Masking: True in `padding_mask` means keep. Frames of padding come out as certain
    blanks, 0 for the blank and −1e9 for the rest: they add nothing to a text and change
    neither its loss nor its probability, so that nobody need carry lengths along. Axes:
    B batch, S samples, F frames, M mels, T frames that leave the backbone, C labels
    with the blank.

    Args:
        backbone: a `SpeechEncoder`. It is shared, not copied.
        vocabulary_size: C; 0 is the blank.
        dropout: share of each vector set to 0 in training. Defaults to 0.1.
        dtype: of the head. Defaults to that of the backbone.

    Call arguments:
        inputs: as of the backbone: a dictionary of `waveform` `(B, S)` or `features`
            `(B, F, M)` and, if wanted, `padding_mask`.
        training: whether dropout is on.
        mask: not used; Keras hands it over.

    Returns:
        Logits `(B, T, C)`, float32.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: train one step on two recordings of half a second.

    >>> import numpy as np
    >>> from tlkeras.ctc import CTCLoss
    >>> encoder = SpeechEncoder(num_layers=1, num_heads=2, hidden_dim=8,
    ...                         intermediate_dim=16, num_mels=20)
    >>> model = SpeechCTC(encoder, vocabulary_size=5)
    >>> inputs = {"waveform": np.random.rand(2, 8000)}
    >>> tuple(model(inputs).shape)
    (2, 25, 5)
    >>> model.compile("adam", loss=CTCLoss(), jit_compile=False)
    >>> features = encoder.features(inputs["waveform"])
    >>> loss = model.train_on_batch(features, np.array([[3, 1, 1], [4, 0, 0]]))
    >>> bool(loss > 0)
    True

    Reference:
        Graves et al. (2013), arXiv:1303.5778, section 3.1.
    """

    def __init__(self, backbone, vocabulary_size, dropout=0.1, dtype=None, **kwargs):
        wanted = "a tlkeras.models.SpeechEncoder"
        self.check_backbone(backbone, SpeechEncoder, wanted, kwargs)
        arguments = {
            "vocabulary_size": check.natural_number(
                "vocabulary_size", vocabulary_size, 2
            ),
            "dropout": check.rate("dropout", dropout),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        dtype = backbone.dtype_policy if dtype is None else dtype
        parts = types.SimpleNamespace()
        parts.head_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="head_dropout"
        )
        parts.head = keras.layers.Dense(vocabulary_size, dtype=dtype, name="head")

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = symbols(backbone)
        x = backbone(inputs)["sequence_output"]  # (B, T, D)
        logits = parts.head(parts.head_dropout(x))  # (B, T, C)
        keep = backbone.subsampling.compute_mask(
            inputs["features"], inputs["padding_mask"]
        )  # (B, T)
        blank = ops.cast(ops.arange(vocabulary_size) != 0, "float32") * MASKED  # (C,)
        logits = ops.where(keep[..., None], ops.cast(logits, "float32"), blank)
        super().__init__(backbone, parts, inputs, logits, arguments, dtype, **kwargs)
