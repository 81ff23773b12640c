"""CLIP: images and texts in one space, where those that belong together are near."""

import math
from typing import Any, Self

import keras
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers._saved_policy import set_part_policies
from tlkeras.models._arguments import refuse_unknown, saved_arguments
from tlkeras.models._encoder_model import EncoderModel
from tlkeras.models.contrastive import contrastive_loss, sigmoid_contrastive_loss

TOWERS = ("image_encoder", "text_encoder")
LOSSES = {"softmax": contrastive_loss, "sigmoid": sigmoid_contrastive_loss}
START = {"softmax": 0.07, "sigmoid": 0.1}  # temperatures of CLIP and SigLIP


@keras.saving.register_keras_serializable(package="tlkeras")
class CLIP(keras.Model):
    """Two towers, a projection of each, and a comparison of all with all.

        I = unit(image_encoder(images) Wᵢ)
        T = unit(text_encoder(texts) Wₜ)
        logits = eˢ I Tᵀ                 (objective "sigmoid": + b)

    `unit` divides by the length, so that `I Tᵀ` holds cosines. The temperature 1/eˢ is
    learned as its logarithm s, and eˢ kept at `max_scale` at most. The model is trained
    by `compile(optimizer)` and `fit(inputs)` without labels: pair i of a batch belongs
    together, and all others do not.

    Any two encoders with a `pooled_output` are towers: `ViT` and `CLIPTextEncoder` make
    CLIP and SigLIP, a `VideoEncoder` reads videos, a `Bert` texts. Whoever locks a
    tower sets its `trainable = False`.

    Masking: as in the towers. Axes: B images, C texts (in training as many), E
    embedding.

    Args:
        image_encoder: such as `ViT`. It is shared, not copied.
        text_encoder: such as `CLIPTextEncoder`. It is shared, not copied.
        projection_dim: E. `None` is SigLIP's form: images are not projected, and texts
            to their width. Defaults to 512.
        use_bias: whether the projections have a bias. Defaults to `False`.
        objective: `"softmax"`, `contrastive_loss`, or `"sigmoid"`,
            `sigmoid_contrastive_loss`, with a bias b of the logits that starts at −10.
            Defaults to `"softmax"`.
        temperature: 1/eˢ at the start. Defaults to `None`: 0.07, with the sigmoid 0.1.
        max_scale: the largest eˢ that training leaves; `None`: any. Defaults to 100.
        dtype: of projections and comparison. Defaults to that of the image tower.

    Call arguments:
        inputs: a dictionary of `images`, such as `(B, H, W, channels)`, and `texts`,
            such as `(C, T)`: what the towers are called on.
        training: whether dropout is on.

    Returns:
        A dictionary: `image_embeddings` `(B, E)` and `text_embeddings` `(C, E)`, both
        of length 1, and `logits` `(B, C)` in float32.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> from tlkeras.models import CLIPTextEncoder, ViT
    >>> sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8,
    ...          "intermediate_dim": 16}
    >>> model = CLIP(
    ...     ViT((8, 8, 3), 4, **sizes), CLIPTextEncoder(30, **sizes, end_id=2), 6
    ... )
    >>> images, texts = np.random.rand(3, 8, 8, 3), np.array([[5, 7, 2], [9, 2, 0]])
    >>> tuple(model({"images": images, "texts": texts})["logits"].shape)
    (3, 2)
    >>> tuple(model.embed_texts(texts).shape)
    (2, 6)

    Reference:
        Radford et al. (2021), arXiv:2103.00020, section 2.3; Zhai et al. (2023),
        arXiv:2303.15343, section 3 (SigLIP); Zhai et al. (2021), arXiv:2111.07991,
        section 3 (locked towers).
    """

    towers = TOWERS  # in a checkpoint their weights begin with these names

    def __init__(
        self,
        image_encoder,
        text_encoder,
        projection_dim=512,
        use_bias=False,
        objective="softmax",
        temperature=None,
        max_scale=100.0,
        dtype=None,
        **kwargs,
    ):
        refuse_unknown(CLIP, kwargs)
        widths = [
            _check_tower(name, tower)
            for name, tower in zip(TOWERS, (image_encoder, text_encoder), strict=True)
        ]
        for name, value in (("temperature", temperature), ("max_scale", max_scale)):
            if value is not None:
                check.positive_number(name, value)
        if projection_dim is not None:
            check.positive_integer("projection_dim", projection_dim)
        arguments = {
            "projection_dim": projection_dim,
            "use_bias": check.flag("use_bias", use_bias),
            "objective": check.choice("objective", objective, tuple(LOSSES)),
            "temperature": temperature,
            "max_scale": max_scale,
        }
        dtype = image_encoder.dtype_policy if dtype is None else dtype
        super().__init__(dtype=dtype, **kwargs)
        self.autocast = False  # images are the tower's to cast
        self._arguments = arguments
        self.image_encoder, self.text_encoder = image_encoder, text_encoder

        # ── layers ────────────────────────────────────────────────────────────────────

        def projection(name, width):
            layer = keras.layers.Dense(
                projection_dim or widths[0], use_bias=use_bias, dtype=dtype, name=name
            )
            layer.build((None, width))
            return layer

        self.image_projection = None
        if projection_dim is not None:
            self.image_projection = projection("image_projection", widths[0])
        self.text_projection = projection("text_projection", widths[1])
        self.comparison = _Comparison(
            1 / (temperature or START[objective]),
            max_scale,
            use_bias=objective == "sigmoid",
            dtype=dtype,
            name="comparison",
        )
        self.comparison.build(None)
        set_part_policies(self)
        self.built = True

    # ── graph ─────────────────────────────────────────────────────────────────────────

    def call(self, inputs, training=None):
        if not isinstance(inputs, dict) or set(inputs) != {"images", "texts"}:
            given = sorted(inputs) if isinstance(inputs, dict) else type(inputs)
            raise ValueError(
                f"inputs must be a dictionary of images and texts; given {given}. One "
                "kind alone goes through embed_images or embed_texts."
            )
        images = self.embed_images(inputs["images"], training)  # (B, E)
        texts = self.embed_texts(inputs["texts"], training)  # (C, E)
        logits = self.comparison(images, texts)  # (B, C)
        return {
            "image_embeddings": images,
            "text_embeddings": texts,
            "logits": logits,
        }

    def embed_images(self, images: Any, training: bool | None = None) -> Tensor:
        """Images as unit vectors `(B, E)`.

        Args:
            images: what the image tower is called on.
            training: whether dropout is on.
        """
        pooled = self.image_encoder(images, training=training)["pooled_output"]
        return self._unit(pooled, self.image_projection)

    def embed_texts(self, texts: Any, training: bool | None = None) -> Tensor:
        """Texts as unit vectors `(C, E)`.

        Args:
            texts: what the text tower is called on.
            training: whether dropout is on.
        """
        pooled = self.text_encoder(texts, training=training)["pooled_output"]
        return self._unit(pooled, self.text_projection)

    def _unit(self, pooled, projection):
        """A projection of length 1, `(·, E)`; the length is computed in float32."""
        pooled = ops.cast(pooled, self.compute_dtype)
        x = pooled if projection is None else projection(pooled)
        x = ops.cast(x, "float32")
        square = ops.sum(x * x, axis=-1, keepdims=True)
        return ops.cast(x * ops.rsqrt(ops.maximum(square, 1e-12)), self.compute_dtype)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of the objective, without labels; one that was compiled is not used.

        Raises:
            ValueError: labels or weights are given.
        """
        if y is not None or sample_weight is not None:
            raise ValueError(
                "y and sample_weight must be None: pair i of images and texts is what "
                "belongs together. Call fit(inputs)."
            )
        loss = LOSSES[self._arguments["objective"]](y_pred["logits"])
        return sum((ops.sum(more) for more in self.losses), start=loss)

    # ── config ────────────────────────────────────────────────────────────────────────

    def get_config(self) -> dict[str, Any]:
        towers = (keras.saving.serialize_keras_object(getattr(self, x)) for x in TOWERS)
        return {**saved_arguments(self), **dict(zip(TOWERS, towers, strict=True))}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        towers = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in TOWERS
        }
        return cls(**{**config, **towers})


@keras.saving.register_keras_serializable(package="tlkeras")
class _Comparison(keras.layers.Layer):
    """Cosines times a learned scale, in float32; with a bias, if it has one."""

    def __init__(self, scale, max_scale=None, use_bias=False, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.max_scale, self.use_bias = scale, max_scale, use_bias

    def build(self, images_shape: Any, texts_shape: Any = None) -> None:
        def number(name, value, constraint=None):
            return self.add_weight(
                name=name,
                shape=(),
                initializer=keras.initializers.Constant(value),
                constraint=constraint,
                autocast=False,
            )

        self.logit_scale = number("logit_scale", math.log(self.scale), self._clip)
        self.logit_bias = number("logit_bias", -10.0) if self.use_bias else None
        self.built = True

    def call(self, images, texts):
        cosines = ops.matmul(images, ops.transpose(texts))  # (B, C)
        logits = ops.exp(self.logit_scale) * ops.cast(cosines, "float32")
        return logits if self.logit_bias is None else logits + self.logit_bias

    def _clip(self, logarithm):
        """What an optimizer leaves of s: unlike a clip of logits, s gets a gradient."""
        if self.max_scale is None:
            return logarithm
        return ops.minimum(logarithm, math.log(self.max_scale))

    def get_config(self) -> dict[str, Any]:
        own = {x: getattr(self, x) for x in ("scale", "max_scale", "use_bias")}
        return {**super().get_config(), **own}


def _check_tower(name, tower):
    """Raise unless it is an encoder that pools; return the width of what it pools."""
    pools = isinstance(tower, EncoderModel) and "pooled_output" in tower.output
    if not pools:
        raise ValueError(
            f"{name} must be an encoder of tlkeras.models with a pooled_output, such "
            f"as ViT or CLIPTextEncoder; given {type(tower).__name__}."
        )
    return tower.output["pooled_output"].shape[-1]
