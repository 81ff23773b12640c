"""A video as a sequence of tubelets, read by a stack of encoders."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import ClassToken, PositionEmbedding, TubeletEmbedding
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders


@keras.saving.register_keras_serializable(package="tlkeras")
class VideoEncoder(EncoderModel):
    """Turn a video into one vector a tubelet, and one for the whole of it.

        x₀ = [class, tubelets E] + position
        xᵢ = Encoderᵢ(xᵢ₋₁)             (each normalises first)
        sequence = Norm(xₗ),  pooled = sequence[0]

    A `ViT` with time as one more axis: each tubelet attends to all others, of any
    frame. Without a class token `pooled` is the mean over the tubelets. Axes: B batch,
    F frames, H height, W width, C channels, P tubelets, T tokens (class token, then
    tubelets by time, row and column), D `hidden_dim`, N heads.

    Masking: videos have no mask.

    Args:
        video_shape: `(F, H, W, C)`.
        tubelet_size: frames, height and width of a tubelet, an integer or a triple,
            which divides F, H and W.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.
        use_class_token: whether there is a class token. Defaults to `True`.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-6.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: floats `(B, F, H, W, C)`, scaled as in training.
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

    Example: four frames, two to a tubelet.

    >>> import numpy as np
    >>> model = VideoEncoder((4, 8, 8, 3), (2, 4, 4), num_layers=1, num_heads=2,
    ...                      hidden_dim=8, intermediate_dim=16)
    >>> outputs = model(np.random.rand(3, 4, 8, 8, 3))
    >>> tuple(outputs["sequence_output"].shape), tuple(outputs["pooled_output"].shape)
    ((3, 9, 8), (3, 8))

    Reference:
        Arnab et al. (2021), arXiv:2103.15691, sections 3.2 and 3.3, model 1.
    """

    def __init__(
        self,
        video_shape,
        tubelet_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.0,
        use_class_token=True,
        activation="gelu",
        layer_norm_epsilon=1e-6,
        dtype=None,
        **kwargs,
    ):
        sizes = check_sizes(
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
        )
        video_shape = check.sizes("video_shape", video_shape, 4)
        tubelet_size = check.sizes("tubelet_size", tubelet_size, 3)
        arguments = {
            "video_shape": video_shape,
            "tubelet_size": tubelet_size,
            **sizes,
            "dropout": check.rate("dropout", dropout),
            "use_class_token": check.flag("use_class_token", use_class_token),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace(class_token=None)
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts.tubelet_embedding = TubeletEmbedding(
            tubelet_size,
            hidden_dim,
            data_format="channels_last",
            kernel_initializer=normal.clone(),
            dtype=dtype,
            name="tubelet_embedding",
        )
        count = parts.tubelet_embedding.compute_output_shape((None, *video_shape))[1]
        if use_class_token:
            parts.class_token = ClassToken(
                normal.clone(), dtype=dtype, name="class_token"
            )
        parts.position_embedding = PositionEmbedding(
            count + int(use_class_token),
            initializer=normal.clone(),
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

        # ── graph ─────────────────────────────────────────────────────────────────────

        videos = keras.Input(video_shape, name="videos")
        super().__init__(parts, videos, arguments, dtype=dtype, **kwargs)

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        x = parts.tubelet_embedding(inputs)  # (B, P, D)
        x = x if parts.class_token is None else parts.class_token(x)  # (B, T, D)
        x = parts.embeddings_add((x, parts.position_embedding(x)))
        return parts.embeddings_dropout(x, training=training), None

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        x = parts.layer_norm(x)
        pooled = ops.mean(x, axis=1) if parts.class_token is None else x[:, 0]
        return {"sequence_output": x, "pooled_output": pooled}  # (B, T, D), (B, D)

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return super().compute_output_spec(self.prepare(inputs), **arguments)

    def prepare(self, videos: Any) -> Any:
        wanted = self._arguments["video_shape"]
        check.floats("videos", videos, "Scale pixels as in training: pixels / 255.")
        if len(videos.shape) != 5 or tuple(videos.shape)[1:] != wanted:
            raise ValueError(
                f"videos must have shape (batch, {', '.join(map(str, wanted))}), with "
                f"frames first; given {tuple(videos.shape)}."
            )
        return videos
