"""A Whisper-style encoder: speech as a spectrogram, and a stack that reads it."""

import types
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras import masks
from tlkeras.annotations import Tensor
from tlkeras.layers import (
    ConvSubsampling,
    LogMelSpectrogram,
    PositionEmbedding,
    UtteranceNormalization,
)
from tlkeras.layers.utterance_normalization import masked_mean
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders

FRONT_END = (
    "sample_rate",
    "num_mels",
    "fft_length",
    "frame_step",
    "window_length",
    "min_frequency",
    "max_frequency",
    "mel_scale",
    "mel_norm",
    "scaling",
    "min_power",
)


def whisper_sinusoids(length, hidden_dim):
    """Whisper's fixed positions: the sines first, then the cosines.

    Args:
        length: T.
        hidden_dim: D, even and at least 4.

    Returns:
        float32 `(T, D)`.

    Raises:
        ValueError: D is odd or too small.
    """
    if hidden_dim % 2 or hidden_dim < 4:
        raise ValueError(
            "hidden_dim must be even and at least 4 for sinusoidal positions; given "
            f"{hidden_dim}."
        )
    half = hidden_dim // 2
    frequency = 10000.0 ** -(np.arange(half) / (half - 1))  # (D / 2,)
    angles = np.arange(length)[:, None] * frequency  # (T, D / 2)
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype("float32")


@keras.saving.register_keras_serializable(package="tlkeras")
class WhisperSinusoids(keras.initializers.Initializer):
    """Fills a table `(T, D)` with `whisper_sinusoids`."""

    def __call__(self, shape, dtype=None):
        return ops.cast(whisper_sinusoids(*shape), dtype or "float32")


@keras.saving.register_keras_serializable(package="tlkeras")
class SpeechEncoder(EncoderModel):
    """Turn speech into one vector for each few frames, and one for the whole of it.

        x = Convolutions(log-mel(waveform)) + position
        xᵢ = Encoderᵢ(xᵢ₋₁)             (each normalises first)
        sequence = Norm(xₗ),  pooled = its mean over real frames

    The defaults are Whisper's. Axes: B batch, S samples,
    F frames, M mels, T tokens (F shortened by `strides`), D `hidden_dim`, N heads.

    Masking: True in `padding_mask` means keep. Padded samples and frames change
    nothing: they count as silence to the front end, as zeros to the convolutions, and
    are hidden from attention and from the mean. Whisper itself was trained on 30
    seconds of padded audio *without* a mask: for its checkpoints, pad with zeros and
    give none.

    Args:
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        strides: of the convolutions, in order. Defaults to `(1, 2)`.
        max_sequence_length: the largest T. Defaults to 1500, 30 seconds.
        positions: `"sinusoidal"`, fixed as Whisper's, or `"learned"`. Defaults to
            `"sinusoidal"`.
        normalize_features: give the features of each utterance mean 0 and variance 1,
            whatever its loudness. Defaults to `False`.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.
        activation: of the feed-forward networks; that of the convolutions is the exact
            GELU. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        sample_rate, num_mels, fft_length, frame_step, window_length, min_frequency,
            max_frequency, mel_scale, mel_norm, scaling, min_power: of the front end,
            see `tlkeras.layers.LogMelSpectrogram`, with the same defaults.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: a dictionary of `waveform`, floats `(B, S)`, or `features`, floats
            `(B, F, M)` as `features()` gives them; and if wanted `padding_mask`,
            boolean `(B, S)` or `(B, F)`.
        training: whether dropout is on.
        mask: not used; Keras hands it over.
        return_hidden_states: also return what enters and leaves every encoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `sequence_output` `(B, T, D)`, `pooled_output` `(B, D)`; if asked
        for, `hidden_states`, one more than encoders, each `(B, T, D)` and before the
        last normalisation, and `attention_scores`, one an encoder, each `(B, N, T, T)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> model = SpeechEncoder(num_layers=2, num_heads=2, hidden_dim=8,
    ...                       intermediate_dim=16, num_mels=20)
    >>> outputs = model({"waveform": np.random.rand(3, 8000)})  # half a second
    >>> tuple(outputs["sequence_output"].shape), tuple(outputs["pooled_output"].shape)
    ((3, 25, 8), (3, 8))

    Reference:
        Radford et al. (2022), arXiv:2212.04356, section 2.2.
    """

    def __init__(
        self,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        strides=(1, 2),
        max_sequence_length=1500,
        positions="sinusoidal",
        normalize_features=False,
        dropout=0.0,
        activation="gelu",
        layer_norm_epsilon=1e-5,
        sample_rate=16000,
        num_mels=80,
        fft_length=400,
        frame_step=160,
        window_length=None,
        min_frequency=0.0,
        max_frequency=None,
        mel_scale="slaney",
        mel_norm="slaney",
        scaling="whisper",
        min_power=1e-10,
        dtype=None,
        **kwargs,
    ):
        sizes = check_sizes(
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            max_sequence_length=max_sequence_length,
        )
        check.choice("positions", positions, ("sinusoidal", "learned"))

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace()
        parts.log_mel = LogMelSpectrogram(
            sample_rate=sample_rate,
            num_mels=num_mels,
            fft_length=fft_length,
            frame_step=frame_step,
            window_length=window_length,
            min_frequency=min_frequency,
            max_frequency=max_frequency,
            mel_scale=mel_scale,
            mel_norm=mel_norm,
            scaling=scaling,
            min_power=min_power,
            dtype=dtype,
            name="log_mel",
        )
        parts.log_mel.built = True  # nothing to build
        parts.feature_normalization = None
        if check.flag("normalize_features", normalize_features):
            parts.feature_normalization = UtteranceNormalization(
                dtype=dtype, name="feature_normalization"
            )
            parts.feature_normalization.built = True
        parts.subsampling = ConvSubsampling(
            hidden_dim,
            strides=strides,
            dtype=dtype,
            name="subsampling",
        )
        fixed = positions == "sinusoidal"
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts.position_embedding = PositionEmbedding(
            max_sequence_length,
            initializer=WhisperSinusoids() if fixed else normal.clone(),
            trainable=not fixed,
            dtype=dtype,
            name="position_embedding",
        )
        parts.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
        parts.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        parts.transformer_layers = encoders(
            num_layers,
            num_heads,
            intermediate_dim,
            kernel_initializer=normal,
            dropout=dropout,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            normalize_first=True,
            dtype=dtype,
        )
        parts.layer_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, dtype=dtype, name="layer_norm"
        )
        arguments = {
            **sizes,
            "strides": parts.subsampling.strides,
            "positions": positions,
            "normalize_features": normalize_features,
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            **{name: getattr(parts.log_mel, name) for name in FRONT_END},
        }

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {
            "features": keras.Input((None, num_mels), name="features"),
            "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        }
        super().__init__(parts, inputs, arguments, dtype=dtype, **kwargs)

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        features, keep = inputs["features"], inputs["padding_mask"]
        x = parts.subsampling(features, mask=keep)  # (B, T, D)
        keep = parts.subsampling.compute_mask(features, keep)  # (B, T)
        x = masks.without_mask(x)
        x = parts.embeddings_add((x, parts.position_embedding(x)))
        return parts.embeddings_dropout(x, training=training), keep

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        x = parts.layer_norm(x)
        pooled = masked_mean(x, padding_mask)  # (B, D)
        return {"sequence_output": x, "pooled_output": pooled}

    def features(
        self, waveform: Tensor, padding_mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What the encoder reads: log-mel frames and the mask of the real ones.

        Args:
            waveform: floats `(B, S)` at the model's sample rate.
            padding_mask: boolean `(B, S)`. Defaults to `None`: every sample is real.

        Returns:
            A dictionary of `features` `(B, F, M)` and `padding_mask` `(B, F)`, on which
            the model can be called again and again.
        """
        x = self.log_mel(waveform, mask=padding_mask)  # (B, F, M)
        keep = self.log_mel.compute_mask(waveform, padding_mask)  # (B, F)
        if self.feature_normalization is not None:
            x = self.feature_normalization(x, mask=keep)
        x = masks.without_mask(x)
        return {"features": x, "padding_mask": _all_real(x) if keep is None else keep}

    def prepare(self, inputs: Any) -> Any:
        """Features and their mask, from a waveform or from features.

        Args:
            inputs: as the model takes them.

        Returns:
            A dictionary of `features` `(B, F, M)` and `padding_mask` `(B, F)`.

        Raises:
            ValueError: they are something else.
        """
        given = set(inputs) if isinstance(inputs, dict) else {type(inputs).__name__}
        if given - {"padding_mask"} == {"waveform"}:
            inputs = self.features(inputs["waveform"], inputs.get("padding_mask"))
        elif given - {"padding_mask"} != {"features"}:
            raise ValueError(
                "inputs must be a dictionary of waveform or features and, if wanted, "
                f"padding_mask; given {', '.join(sorted(map(str, given)))}."
            )
        features, keep = inputs["features"], inputs.get("padding_mask")
        mels = self._arguments["num_mels"]
        check.axes("features", features.shape, "B F M")
        check.floats("features", features, "See SpeechEncoder.features().")
        if features.shape[-1] != mels:
            raise ValueError(
                f"features must have {mels} mels; given shape {tuple(features.shape)}."
            )
        check.keep_mask("padding_mask", keep, features.shape[:2])
        keep = _all_real(features) if keep is None else ops.cast(keep, "bool")
        self._check_length(features.shape)
        return {"features": features, "padding_mask": keep}

    def _check_length(self, shape):
        length = self.subsampling.compute_output_shape(shape)[1]
        most = self._arguments["max_sequence_length"]
        if isinstance(length, int) and length > most:
            raise ValueError(
                f"features must be at most max_sequence_length={most} long after the "
                f"convolutions; given {shape[1]} frames, which become {length}."
            )


def _all_real(features):
    return ops.cast(ops.ones_like(features[:, :, 0]), "bool")  # (B, F)
