"""Whisper: an encoder that hears, and a decoder that writes down what was said."""

import keras

from tlkeras.models.seq2seq import Seq2Seq
from tlkeras.models.speech_encoder import SpeechEncoder

# Arguments of a `Seq2Seq` that are not free here.
FIXED = (
    "hidden_dim",
    "normalize_first",
    "share_embedding",
    "tie_weights",
    "copy",
    "positions",
    "num_buckets",
    "max_distance",
    "normalization",
    "use_bias",
    "key_dim",
)


@keras.saving.register_keras_serializable(package="tlkeras")
class Whisper(Seq2Seq):
    """Speech to text: a `SpeechEncoder`, and a decoder that attends to its frames.

        memory = Encoder(log-mel(waveform))
        logits = Norm(Decoder(E(target) + positions, memory)) Eᵀ

    It is a `Seq2Seq` of one form: learned positions, blocks that normalise first, one
    table for reading and writing, the width of the encoder. What it does is said by the
    first tokens of a target: `<|startoftranscript|>`, and in a model of many languages
    the language (`<|en|>`) and the task (`<|transcribe|>` or `<|translate|>`); then
    `<|notimestamps|>`, or else tokens of time stand between the words. The pipeline
    `tlkeras.pipelines.SpeechToText` writes these.

    Masking: True means keep. Whisper itself was trained on 30 seconds of padded audio
    *without* a mask: for its checkpoints, pad with zeros and give none. No target
    position sees later ones. Axes: B batch, S samples, F frames of the spectrogram, M
    mels, A frames of the memory (F shortened by the encoder), T target length, D width
    of the encoder, N heads, V vocabulary.

    Args:
        encoder: a `SpeechEncoder`, with its weights. It is shared, not copied.
        num_layers: decoders in the stack.
        num_heads: N, a divisor of D.
        intermediate_dim: width of the feed-forward networks.
        vocabulary_size: V.
        dropout: share set to 0 in training, of embeddings and in each decoder. Defaults
            to 0.
        max_sequence_length: the longest target, in tokens. Defaults to 448.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-5.
        dtype: of the decoder. Defaults to that of the encoder.

    Call arguments:
        inputs: a dictionary of `source`, itself one of `waveform` `(B, S)` or
            `features` `(B, F, M)` and, if wanted, `padding_mask`; of `target_ids`,
            integers `(B, T)`; and, if wanted, `target_padding_mask`, boolean `(B, T)`.
        training: whether dropout is on.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        Logits `(B, T, V)`. With the scores a pair of them and a dictionary of lists,
        one entry a block: `"encoder"` `(B, N, A, A)`, `"decoder"` `(B, N, T, T)` and
        `"memory"` `(B, N, T, A)`, which shows where in the sound each token is.

    Raises:
        ValueError: an argument, shape or mask does not fit; the message says which.

    Example: write with a cache; 1 begins and 2 ends a transcript.

    >>> import numpy as np
    >>> from tlkeras.generation import generate
    >>> encoder = SpeechEncoder(num_layers=1, num_heads=2, hidden_dim=8,
    ...                         intermediate_dim=16, num_mels=20)
    >>> model = Whisper(encoder, 1, 2, 16, vocabulary_size=30)
    >>> speech = {"waveform": np.random.rand(1, 8000)}
    >>> tuple(model({"source": speech, "target_ids": np.array([[1, 9]])}).shape)
    (1, 2, 30)
    >>> cache = model.initial_cache(speech, max_length=6)
    >>> tuple(generate(model.step, np.array([[1]]), 6, end_id=2, cache=cache).shape)
    (1, 6)

    Reference:
        Radford et al. (2022), arXiv:2212.04356, sections 2.2 and 2.3.
    """

    def __init__(
        self,
        encoder,
        num_layers,
        num_heads,
        intermediate_dim,
        vocabulary_size,
        dropout=0.0,
        max_sequence_length=448,
        activation="gelu",
        layer_norm_epsilon=1e-5,
        dtype=None,
        **kwargs,
    ):
        if not isinstance(encoder, SpeechEncoder):
            raise ValueError(
                "encoder must be a tlkeras.models.SpeechEncoder; given "
                f"{type(encoder).__name__}. A Seq2Seq takes any other."
            )
        super().__init__(
            encoder,
            num_layers,
            num_heads,
            intermediate_dim,
            vocabulary_size=vocabulary_size,
            dropout=dropout,
            max_sequence_length=max_sequence_length,
            activation=activation,
            layer_norm_epsilon=layer_norm_epsilon,
            dtype=dtype,
            **kwargs,
        )
        for name in FIXED:
            del self._arguments[name]  # no arguments of this one
