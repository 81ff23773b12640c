"""ViT: an image as a sequence of patches, read by a stack of encoders."""

import types
from typing import Any

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import (
    ClassToken,
    PatchEmbedding,
    PositionEmbedding,
    Registers,
)
from tlkeras.layers._resample import stretch_positions
from tlkeras.models._attention_pooling import AttentionPooling
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders


@keras.saving.register_keras_serializable(package="tlkeras")
class ViT(EncoderModel):
    """Turn an image into one vector a patch, and one for the whole of it.

        x₀ = [class, patches E] + position
        xᵢ = Encoderᵢ(xᵢ₋₁)             (each normalises first)
        sequence = Norm(xₗ),  pooled = sequence[0]

    Without a class token `pooled` is the mean over the patches, or what a learned query
    reads from them (`use_attention_pooling`). The GELU is the exact one, as in
    `transformers`. Axes: B batch, H height, W width, C channels, P patches,
    T tokens (class token, distillation token, registers, then patches row by row), D
    `hidden_dim`, N heads.

    Masking: images have no mask.

    Args:
        image_shape: `(H, W, C)`.
        patch_size: pixels, an integer or a pair, which divides H and W.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.
        use_class_token: whether there is a class token. Defaults to `True`.
        use_distillation_token: whether DeiT's second one is there. Defaults to `False`.
        num_registers: tokens that belong to no patch. Defaults to 0.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-6.
        normalize_embeddings: whether what enters the stack is normalised, as in CLIP.
            Defaults to `False`.
        use_attention_pooling: whether a learned query pools, as in SigLIP; it needs
            `use_class_token=False`. Defaults to `False`.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: floats `(B, H, W, C)`, scaled as in training.
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
    >>> model = ViT((8, 12, 1), 4, num_layers=2, num_heads=2, hidden_dim=8,
    ...             intermediate_dim=16)
    >>> outputs = model(np.random.rand(3, 8, 12, 1), return_attention_scores=True)
    >>> tuple(outputs["sequence_output"].shape), len(outputs["attention_scores"])
    ((3, 7, 8), 2)

    Reference:
        Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.1.
        Touvron et al. (2020), arXiv:2012.12877, section 4 (distillation token).
        Darcet et al. (2023), arXiv:2309.16588, section 2.2 (registers).
        Zhai et al. (2021), arXiv:2106.04560, section 3.3 (attention pooling).
    """

    def __init__(
        self,
        image_shape,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        dropout=0.0,
        use_class_token=True,
        use_distillation_token=False,
        num_registers=0,
        activation="gelu",
        layer_norm_epsilon=1e-6,
        normalize_embeddings=False,
        use_attention_pooling=False,
        dtype=None,
        **kwargs,
    ):
        sizes = check_sizes(
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
        )
        image_shape = check.sizes("image_shape", image_shape, 3)
        patch_size = check.sizes("patch_size", patch_size, 2)
        grid = patch_grid(image_shape, patch_size)
        arguments = {
            "image_shape": image_shape,
            "patch_size": patch_size,
            **sizes,
            "dropout": check.rate("dropout", dropout),
            "use_class_token": check.flag("use_class_token", use_class_token),
            "use_distillation_token": check.flag(
                "use_distillation_token", use_distillation_token
            ),
            "num_registers": check.natural_number("num_registers", num_registers),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "normalize_embeddings": check.flag(
                "normalize_embeddings", normalize_embeddings
            ),
            "use_attention_pooling": check.flag(
                "use_attention_pooling", use_attention_pooling
            ),
        }
        if use_attention_pooling and use_class_token:
            raise ValueError(
                "use_class_token must be False with use_attention_pooling=True: one of "
                "them gives pooled_output; given True."
            )
        tokens = int(use_class_token) + int(use_distillation_token)

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace()
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts.patch_embedding = PatchEmbedding(
            patch_size,
            hidden_dim,
            data_format="channels_last",
            kernel_initializer=normal.clone(),
            dtype=dtype,
            name="patch_embedding",
        )
        parts.front_tokens = [  # each is put in front of those before it
            ClassToken(normal.clone(), dtype=dtype, name=name)
            for name in ("distillation_token", "class_token")
            if arguments[f"use_{name}"]
        ]
        parts.position_embedding = PositionEmbedding(
            tokens + grid[0] * grid[1],
            initializer=normal.clone(),
            dtype=dtype,
            name="position_embedding",
        )
        parts.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
        parts.embeddings_layer_norm = parts.attention_pooling = None
        if normalize_embeddings:
            parts.embeddings_layer_norm = keras.layers.LayerNormalization(
                epsilon=layer_norm_epsilon, dtype=dtype, name="embeddings_layer_norm"
            )
        parts.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        parts.registers = None
        if num_registers:
            parts.registers = Registers(
                num_registers, tokens, dtype=dtype, name="registers"
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
        if use_attention_pooling:
            parts.attention_pooling = AttentionPooling(
                num_heads,
                intermediate_dim,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                kernel_initializer=normal.clone(),
                dtype=dtype,
                name="attention_pooling",
            )

        parts.use_class_token = bool(use_class_token)
        parts.num_front_tokens = tokens + num_registers  # before those of the patches

        # ── graph ─────────────────────────────────────────────────────────────────────

        images = keras.Input(image_shape, name="images")
        super().__init__(parts, images, arguments, dtype=dtype, **kwargs)
        self.grid = grid

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        x = parts.patch_embedding(inputs)  # (B, P, D)
        for layer in parts.front_tokens:
            x = layer(x)
        x = parts.embeddings_add((x, parts.position_embedding(x)))
        x = parts.registers(x) if parts.registers is not None else x  # (B, T, D)
        if parts.embeddings_layer_norm is not None:
            x = parts.embeddings_layer_norm(x)
        return parts.embeddings_dropout(x, training=training), None

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        x = parts.layer_norm(x)
        patches = x[:, parts.num_front_tokens :]
        if parts.attention_pooling is not None:
            pooled = parts.attention_pooling(patches)
        else:
            pooled = x[:, 0] if parts.use_class_token else ops.mean(patches, axis=1)
        return {"sequence_output": x, "pooled_output": pooled}  # (B, T, D), (B, D)

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return super().compute_output_spec(self.prepare(inputs), **arguments)

    def prepare(self, images: Any) -> Any:
        return check_images(images, self._arguments["image_shape"])

    def with_image_shape(self, image_shape: tuple[int, int, int]) -> "ViT":
        """The same model for another size of images, its positions interpolated.

        Args:
            image_shape: `(H, W, C)`; the channels must stay.

        Returns:
            A new `ViT` with a copy of the weights.

        Raises:
            ValueError: the patches do not divide the size, or C changes.

        Reference:
            Dosovitskiy et al. (2020), arXiv:2010.11929, section 3.2.
        """
        image_shape = same_channels(image_shape, self._arguments["image_shape"])
        config = {**self.get_config(), "image_shape": image_shape}
        model = ViT.from_config({**config, "dtype": self.dtype_policy})
        for old, new in zip(self.weights, model.weights, strict=True):
            value = ops.convert_to_numpy(old)
            if old.path.startswith("position_embedding/"):
                value = stretch_positions(value, self.grid, model.grid)
            new.assign(value)
        return model


def check_images(images, wanted):
    """Raise unless images are floats of a shape; return them."""
    check.floats("images", images, "Scale pixels as in training: pixels / 255.")
    given = tuple(images.shape)
    if len(given) != 4 or given[1:] != wanted:
        raise ValueError(
            f"images must have shape (batch, {', '.join(map(str, wanted))}); given "
            f"{given}. For another size: model.with_image_shape((height, width, "
            "channels)). One image needs images[None], and grey ones a last axis."
        )
    return images


def same_channels(image_shape, before):
    """Raise unless a new shape has as many channels as before; return it."""
    image_shape = check.sizes("image_shape", image_shape, 3)
    if image_shape[-1] != before[-1]:
        raise ValueError(
            f"image_shape must have {before[-1]} channels, as before; given "
            f"{image_shape}."
        )
    return image_shape


def patch_grid(image_shape, patch_size):
    """Rows and columns of patches."""
    for axis, length, size in zip("HW", image_shape, patch_size, strict=False):
        if length % size:
            raise ValueError(
                f"image_shape must be divided by patch_size; given {axis}={length} and "
                f"{size}, which leaves {length % size}."
            )
    return image_shape[0] // patch_size[0], image_shape[1] // patch_size[1]
