"""DiT: which way a noisy image should change, told by a stack of encoders."""

import types
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import PatchEmbedding
from tlkeras.layers.adaptive_encoder import (
    AdaptiveTransformerEncoder,
    modulate,
    plain_layer_norm,
)
from tlkeras.models._diffusion_parts import (
    GridPositions,
    TimeEmbedding,
    check_rows,
    from_patches,
)
from tlkeras.models._encoder_model import EncoderModel, check_sizes
from tlkeras.models.vit import check_images, patch_grid, same_channels


@keras.saving.register_keras_serializable(package="tlkeras")
class DiffusionTransformer(EncoderModel):
    """A noisy image and its time to what `tlkeras.diffusion` asks of it.

        c = time(t) + labels[y] + text W
        x₀ = patches E + position,  xᵢ = Encoderᵢ(xᵢ₋₁, c)
        prediction = ((1 + scale) ⊙ Norm(xₗ) + shift) Wₒ,  [shift, scale] = SiLU(c) Wₘ

    The encoders are `AdaptiveTransformerEncoder`s, positions are fixed waves, and the
    prediction is all zeros until the model has been trained. What it means is for the
    trainer to say: the velocity in `FlowMatching`, the noise in `Diffusion`.

    Masking: images have no mask. Axes: B batch, H height, W width, C channels, P
    patches, D `hidden_dim`, N heads, E size of the vector of a text.

    Args:
        image_shape: `(H, W, C)`.
        patch_size: pixels, an integer or a pair, which divides H and W.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D, a multiple of 4.
        intermediate_dim: width of the feed-forward networks.
        num_classes: labels are from 0 to below it; this number itself means that the
            label is not known. Defaults to 0: no labels.
        text_dim: E. Defaults to 0: no texts.
        output_channels: of the prediction. Defaults to `None`: C.
        dropout: share set to 0 in training in each encoder. Defaults to 0.
        activation: of the feed-forward networks. Defaults to `"gelu_tanh"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-6.
        modulation_initializer: of what makes shifts, scales and gates of a condition,
            and of Wₒ. Defaults to `"zeros"`.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: a dictionary. `images`: floats `(B, H, W, C)`. `times`: floats `(B,)`,
            best from 0 to 1000. `labels`: integers `(B,)`; left out, no label is known.
            `texts`: floats `(B, E)`; zeros, or left out: there is no text.
        training: whether dropout is on.
        mask: not used; Keras hands it over.
        return_hidden_states: also return what enters and leaves every encoder.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `prediction` `(B, H, W, output_channels)`, `sequence_output` `(B,
        P, D)`, normalised; if asked for, `hidden_states`, one more than encoders, each
        `(B, P, D)`, and `attention_scores`, one an encoder, each `(B, N, P, P)`.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example:

    >>> import numpy as np
    >>> model = DiffusionTransformer((8, 12, 1), 4, num_layers=2, num_heads=2,
    ...                              hidden_dim=8, intermediate_dim=16, num_classes=10)
    >>> inputs = {"images": np.random.rand(3, 8, 12, 1),
    ...           "times": np.array([0.0, 9.5, 99.0]), "labels": np.array([7, 0, 10])}
    >>> tuple(model(inputs)["prediction"].shape)
    (3, 8, 12, 1)

    Reference:
        Peebles & Xie (2022), arXiv:2212.09748, section 3.2.
    """

    def __init__(
        self,
        image_shape,
        patch_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        num_classes=0,
        text_dim=0,
        output_channels=None,
        dropout=0.0,
        activation="gelu_tanh",
        layer_norm_epsilon=1e-6,
        modulation_initializer="zeros",
        dtype=None,
        **kwargs,
    ):
        sizes = check_sizes(
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
        )
        check.multiple("hidden_dim", hidden_dim, "4", 4)
        image_shape = check.sizes("image_shape", image_shape, 3)
        patch_size = check.sizes("patch_size", patch_size, 2)
        grid = patch_grid(image_shape, patch_size)
        channels = image_shape[-1] if output_channels is None else output_channels
        check.positive_integer("output_channels", channels)
        first = keras.initializers.get(modulation_initializer)
        arguments = {
            "image_shape": image_shape,
            "patch_size": patch_size,
            **sizes,
            "num_classes": check.natural_number("num_classes", num_classes),
            "text_dim": check.natural_number("text_dim", text_dim),
            "output_channels": output_channels,
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
            "modulation_initializer": keras.initializers.serialize(first),
        }

        # ── layers ────────────────────────────────────────────────────────────────────

        parts = types.SimpleNamespace()
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        parts.time_embedding = TimeEmbedding(
            hidden_dim, normal, dtype=dtype, name="time_embedding"
        )
        parts.label_embedding = parts.text_dense = None
        if num_classes:
            parts.label_embedding = keras.layers.Embedding(
                num_classes + 1,
                hidden_dim,
                normal.clone(),
                name="label_embedding",
                dtype=dtype,
            )
        if text_dim:
            parts.text_dense = keras.layers.Dense(
                hidden_dim, dtype=dtype, name="text_dense"
            )
        parts.patch_embedding = PatchEmbedding(
            patch_size,
            hidden_dim,
            data_format="channels_last",
            dtype=dtype,
            name="patch_embedding",
        )
        parts.positions = GridPositions(grid, dtype=dtype, name="positions")
        parts.transformer_layers = [
            AdaptiveTransformerEncoder(
                intermediate_dim,
                num_heads,
                dropout=dropout,
                activation=activation,
                layer_norm_epsilon=layer_norm_epsilon,
                modulation_initializer=first.clone(),
                dtype=dtype,
                name=f"transformer_layer_{i}",
            )
            for i in range(num_layers)
        ]
        parts.layer_norm = plain_layer_norm(layer_norm_epsilon, dtype, "layer_norm")
        parts.output_modulation = keras.layers.Dense(
            2 * hidden_dim,
            kernel_initializer=first.clone(),
            dtype=dtype,
            name="output_modulation",
        )
        parts.output_dense = keras.layers.Dense(
            patch_size[0] * patch_size[1] * channels,
            kernel_initializer=first.clone(),
            dtype=dtype,
            name="output_dense",
        )
        parts.grid, parts.patch_size = grid, patch_size

        # ── graph ─────────────────────────────────────────────────────────────────────

        inputs = {
            "images": keras.Input(image_shape, name="images"),
            "times": keras.Input((), name="times"),
        }
        if num_classes:
            inputs["labels"] = keras.Input((), dtype="int32", name="labels")
        if text_dim:
            inputs["texts"] = keras.Input((text_dim,), name="texts")
        super().__init__(parts, inputs, arguments, dtype=dtype, **kwargs)
        self.autocast = False  # each layer casts for itself, and times stay float32

    @staticmethod
    def condition(parts: Any, inputs: dict[str, Tensor]) -> Tensor:
        """What steers every encoder, `(B, D)`: the time, and what is asked for."""
        condition = parts.time_embedding(inputs["times"])
        if parts.label_embedding is not None:
            condition = condition + parts.label_embedding(inputs["labels"])
        if parts.text_dense is not None:
            condition = condition + parts.text_dense(inputs["texts"])
        return condition

    @classmethod
    def _encode(cls, parts, inputs, training=None, states=None, scores=None):
        condition = cls.condition(parts, inputs)  # (B, D)
        x = parts.positions(parts.patch_embedding(inputs["images"]))  # (B, P, D)
        for layer in parts.transformer_layers:
            if states is not None:
                states.append(x)
            x = layer(
                x,
                condition,
                training=training,
                return_attention_scores=scores is not None,
            )
            if scores is not None:
                x, one = x
                scores.append(one)  # (B, N, P, P)
        if states is not None:
            states.append(x)
        steering = parts.output_modulation(ops.silu(condition))[:, None]  # (B, 1, 2 D)
        x = parts.layer_norm(x)
        y = parts.output_dense(modulate(x, *ops.split(steering, 2, axis=-1)))
        return {
            "prediction": from_patches(y, parts.grid, parts.patch_size),
            "sequence_output": x,  # (B, P, D)
        }

    def read(
        self, inputs: Any, training: bool | None = None, scores: list | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states `(B, P, D)`, normalised; all are real, so `None`."""
        outputs = self._encode(self, self.prepare(inputs), training, None, scores)
        return outputs["sequence_output"], None

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return super().compute_output_spec(self.prepare(inputs), **arguments)

    def prepare(self, inputs: Any) -> Any:
        known = list(self.input)
        if not isinstance(inputs, dict) or not {"images", "times"} <= set(inputs):
            given = list(inputs) if isinstance(inputs, dict) else type(inputs).__name__
            raise ValueError(
                f"inputs must be a dictionary of images and times; given {given}."
            )
        if set(inputs) - set(known):
            raise ValueError(
                f"inputs may have {', '.join(known)}; given {', '.join(inputs)}. "
                "Labels need num_classes, texts need text_dim."
            )
        images = check_images(inputs["images"], self._arguments["image_shape"])
        times = inputs["times"]
        check_rows("times", times, images.shape[0], "B")
        check.values("times", times, "Cast them.")
        found = {"images": images, "times": times}
        if "labels" in known:
            found["labels"] = self._labels(inputs.get("labels"), images)
        if "texts" in known:
            found["texts"] = self._texts(inputs.get("texts"), images)
        return found

    def _labels(self, labels, images):
        count = self._arguments["num_classes"]
        if labels is None:
            return ops.full((ops.shape(images)[0],), count, dtype="int32")
        check_rows("labels", labels, images.shape[0], "B")
        limit = f"num_classes = {count}, which means that no label is known"
        check.integer("labels", labels)
        check.indices("labels", labels, count + 1, limit)
        return ops.cast(labels, "int32")

    def _texts(self, texts, images):
        size = self._arguments["text_dim"]
        if texts is None:
            return ops.zeros((ops.shape(images)[0], size))
        check_rows("texts", texts, images.shape[0], "B E")
        check.features("texts", texts.shape, size)
        check.values("texts", texts, "Give the vector of each text.")
        return texts

    def with_image_shape(
        self, image_shape: tuple[int, int, int]
    ) -> "DiffusionTransformer":
        """The same model for another size of images; its positions go on.

        Args:
            image_shape: `(H, W, C)`; the channels must stay.

        Returns:
            A new `DiffusionTransformer` with a copy of the weights.

        Raises:
            ValueError: the patches do not divide the size, or C changes.
        """
        image_shape = same_channels(image_shape, self._arguments["image_shape"])
        config = {**self.get_config(), "image_shape": image_shape}
        model = type(self).from_config({**config, "dtype": self.dtype_policy})
        for old, new in zip(self.weights, model.weights, strict=True):
            new.assign(np.array(ops.convert_to_numpy(old)))
        return model
