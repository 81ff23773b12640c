"""A Transformer that finds things in pictures: YOLOS, an encoder and nothing else."""

import types
from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import boxes as box
from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.layers import ClassToken, PatchEmbedding, PositionEmbedding, Registers
from tlkeras.layers._resample import stretch_positions
from tlkeras.models._encoder_model import EncoderModel, check_sizes, encoders
from tlkeras.models.set_loss import SetPredictionLoss
from tlkeras.models.vit import ViT, check_images, patch_grid, same_channels

HEAD_DEPTH = 3  # dense layers of each head
# What a ViT and a detector have in common.
SHARED = (
    "image_shape",
    "patch_size",
    "num_layers",
    "num_heads",
    "hidden_dim",
    "intermediate_dim",
    "dropout",
    "activation",
    "layer_norm_epsilon",
)


@keras.saving.register_keras_serializable(package="tlkeras")
class Detector(EncoderModel):
    """Find the things in a picture: for each a class and a box.

        x₀ = [class, patches E, detection tokens] + position
        xᵢ = Encoderᵢ(xᵢ₋₁)             (each normalises first)
        d = the last Q rows of Norm(xₗ)
        logits = MLP(d),  boxes = σ(MLP(d))

    A detection token is a learned question, *is there something?*, which reads the
    patches and the other tokens; what it answers is one prediction. Train it with
    `SetPredictionLoss`, which gives each true box to one token: they learn to share the
    things out, so that no duplicates need to be removed. There is no auxiliary loss.

    A ViT that has been trained is a good beginning: `Detector.from_vit`. The GELU is
    the exact one, as in `transformers`. Axes: B batch, H height, W width, C classes, P
    patches, Q detection tokens, T = 1 + P + Q tokens, D `hidden_dim`.

    Masking: images have no mask.

    Args:
        image_shape: `(H, W, channels)`.
        patch_size: pixels, an integer or a pair, which divides H and W.
        num_classes: C, without *no object*, which is added as the last one.
        num_layers: encoders in the stack.
        num_heads: N, a divisor of `hidden_dim`.
        hidden_dim: D.
        intermediate_dim: width of the feed-forward networks.
        num_detections: Q, more than there are things in any picture. Defaults to 100.
        middle_positions: whether positions are added again before each encoder but the
            first, each time other ones. Defaults to `False`.
        dropout: share set to 0 in training, of embeddings and in each encoder. Defaults
            to 0.
        activation: of the feed-forward networks. Defaults to `"gelu"`.
        layer_norm_epsilon: added to the variance. Defaults to 1e-6.
        dtype: of computations and weights, or a policy. Defaults to Keras's own.

    Call arguments:
        inputs: floats `(B, H, W, channels)`, scaled as in training.
        training: whether dropout is on.
        mask: not used; Keras hands it over.
        return_hidden_states: also return what enters every encoder and leaves the last.
            Defaults to `False`.
        return_attention_scores: also return the scores. Defaults to `False`.

    Returns:
        A dictionary: `logits` `(B, Q, C + 1)`; `boxes` `(B, Q, 4)`, from 0 to 1,
        `"rel_center_xywh"` of `tlkeras.boxes`; `sequence_output` `(B, T, D)`; if asked
        for, `hidden_states` and `attention_scores` as of `ViT`. `detect` makes boxes in
        pixels of them.

    Raises:
        ValueError: an argument or input does not fit; the message says which.

    Example: targets are padded to the picture with the most things in it.

    >>> import numpy as np
    >>> model = Detector((8, 12, 1), 4, num_classes=3, num_layers=1, num_heads=2,
    ...                  hidden_dim=8, intermediate_dim=16, num_detections=5)
    >>> images = np.random.rand(2, 8, 12, 1).astype("float32")
    >>> tuple(model(images)["logits"].shape), tuple(model(images)["boxes"].shape)
    ((2, 5, 4), (2, 5, 4))
    >>> model.compile("adam", loss=SetPredictionLoss())
    >>> place, none = [0.5, 0.5, 0.2, 0.4], [0, 0, 0, 0]
    >>> truths = {
    ...     "classes": np.array([[2, -1], [0, 1]]),
    ...     "boxes": np.array([[place, none], [place, place]], "float32"),
    ... }
    >>> history = model.fit(images, truths, verbose=0)
    >>> [sorted(found) for found in model.detect(images, threshold=0.9)]
    [['boxes', 'classes', 'scores'], ['boxes', 'classes', 'scores']]

    Reference:
        Fang et al. (2021), arXiv:2106.00666, section 3.1; Carion et al. (2020),
        arXiv:2005.12872, section 3 (a set of predictions).
    """

    def __init__(
        self,
        image_shape,
        patch_size,
        num_classes,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        num_detections=100,
        middle_positions=False,
        dropout=0.0,
        activation="gelu",
        layer_norm_epsilon=1e-6,
        dtype=None,
        **kwargs,
    ):
        sizes = check_sizes(
            num_classes=num_classes,
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            num_detections=num_detections,
        )
        image_shape = check.sizes("image_shape", image_shape, 3)
        patch_size = check.sizes("patch_size", patch_size, 2)
        grid = patch_grid(image_shape, patch_size)
        arguments = {
            "image_shape": image_shape,
            "patch_size": patch_size,
            **sizes,
            "middle_positions": check.flag("middle_positions", middle_positions),
            "dropout": check.rate("dropout", dropout),
            "activation": activation,
            "layer_norm_epsilon": check.positive_number(
                "layer_norm_epsilon", layer_norm_epsilon
            ),
        }

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
        parts.class_token = ClassToken(normal.clone(), dtype=dtype, name="class_token")
        parts.detection_tokens = Registers(
            num_detections, 1 + grid[0] * grid[1], dtype=dtype, name="detection_tokens"
        )
        parts.position_embedding = PositionEmbedding(
            1 + grid[0] * grid[1] + num_detections,
            initializer=normal.clone(),
            dtype=dtype,
            name="position_embedding",
        )
        parts.embeddings_add = keras.layers.Add(dtype=dtype, name="embeddings_add")
        parts.embeddings_dropout = keras.layers.Dropout(
            dropout, dtype=dtype, name="embeddings_dropout"
        )
        parts.middle_positions = None
        if middle_positions and num_layers > 1:
            parts.middle_positions = _MiddlePositions(
                num_layers - 1, dtype=dtype, name="middle_positions"
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
        parts.class_head = _head("class_head", hidden_dim, num_classes + 1, dtype)
        parts.box_head = _head("box_head", hidden_dim, 4, dtype)
        parts.num_detections = int(num_detections)

        # ── graph ─────────────────────────────────────────────────────────────────────

        images = keras.Input(image_shape, name="images")
        super().__init__(parts, images, arguments, dtype=dtype, **kwargs)
        self.grid = grid
        # XLA of TensorFlow cannot compile a step of training: see SetPredictionLoss.
        self.supports_jit = keras.backend.backend() != "tensorflow"

    @staticmethod
    def embed(
        parts: Any, inputs: Any, training: bool | None = None
    ) -> tuple[Tensor, Tensor | None]:
        x = parts.class_token(parts.patch_embedding(inputs))  # (B, 1 + P, D)
        x = parts.detection_tokens(x)  # (B, T, D)
        x = parts.embeddings_add((x, parts.position_embedding(x)))
        return parts.embeddings_dropout(x, training=training), None

    @staticmethod
    def before_layer(parts: Any, x: Tensor, number: int) -> Tensor:
        if parts.middle_positions is None or number == 0:
            return x
        return parts.middle_positions(x, number=number - 1)  # (B, T, D)

    @staticmethod
    def read_out(
        parts: Any, x: Tensor, padding_mask: Tensor | None
    ) -> dict[str, Tensor]:
        x = parts.layer_norm(x)
        logits = boxes = x[:, -parts.num_detections :]  # (B, Q, D)
        for layer in parts.class_head:
            logits = layer(logits)  # (B, Q, C + 1) at last
        for layer in parts.box_head:
            boxes = layer(boxes)  # (B, Q, 4) at last
        return {
            "logits": logits,
            "boxes": ops.sigmoid(boxes),
            "sequence_output": x,  # (B, T, D)
        }

    def compute_output_spec(self, inputs: Any, **arguments: Any) -> Any:
        return super().compute_output_spec(self.prepare(inputs), **arguments)

    def prepare(self, images: Any) -> Any:
        return check_images(images, self._arguments["image_shape"])

    # ── training and use ──────────────────────────────────────────────────────────────

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of a batch; a `SetPredictionLoss` is of both outputs together."""
        if not isinstance(self.loss, SetPredictionLoss):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = self.loss(y, y_pred, sample_weight)
        return sum((ops.sum(more) for more in self.losses), start=loss)

    def detect(
        self,
        images: Tensor,
        threshold: float = 0.5,
        sizes: Any = None,
        batch_size: int = 32,
    ) -> list[dict[str, np.ndarray]]:
        """The things found in each picture, the surest first.

        Args:
            images: floats `(B, H, W, channels)`, scaled as in training.
            threshold: the least score that counts; 0 for all, as for
                `tlkeras.scores.average_precision`. Defaults to 0.5.
            sizes: height and width of the pictures before they were resized, integers
                `(B, 2)`, or one pair for all. Defaults to `None`, H and W.
            batch_size: pictures at a time. Defaults to 32.

        Returns:
            For each picture a dictionary: `boxes`, floats `(N, 4)`, left, top, right,
            bottom in pixels, clipped to the picture; `classes`, integers `(N,)`; and
            `scores`, their probabilities, `(N,)`. A detection token gives at most one:
            its most probable class besides *no object*.

        Raises:
            ValueError: the images or sizes have another shape, or `threshold` is not
                from 0 to 1.
        """
        check.fraction("threshold", threshold)
        images = self.prepare(ops.convert_to_tensor(images))
        sizes = self._arguments["image_shape"][:2] if sizes is None else sizes
        if np.shape(sizes) not in ((2,), (len(images), 2)):
            raise ValueError(
                f"sizes must be height and width of each picture, ({len(images)}, 2); "
                f"given shape {np.shape(sizes)}."
            )
        if not len(images):
            return []
        sizes = np.broadcast_to(np.asarray(sizes, "float64"), (len(images), 2))
        found = self.predict(
            ops.convert_to_numpy(images), batch_size=batch_size, verbose=0
        )
        chances = _softmax(np.asarray(found["logits"], "float64"))[..., :-1]
        boxes = np.asarray(found["boxes"], "float64")  # (B, Q, 4)
        return [
            _kept(*one, threshold) for one in zip(chances, boxes, sizes, strict=True)
        ]

    def with_image_shape(self, image_shape: tuple[int, int, int]) -> "Detector":
        """The same model for another size of images, its positions interpolated.

        Args:
            image_shape: `(H, W, channels)`; the channels must stay.

        Returns:
            A new `Detector` with a copy of the weights.

        Raises:
            ValueError: the patches do not divide the size, or the channels change.
        """
        image_shape = same_channels(image_shape, self._arguments["image_shape"])
        config = {**self.get_config(), "image_shape": image_shape}
        model = Detector.from_config({**config, "dtype": self.dtype_policy})
        for old, new in zip(self.weights, model.weights, strict=True):
            value = ops.convert_to_numpy(old)
            if old.path.startswith(("position_embedding/", "middle_positions/")):
                value = self._stretched(value, model.grid)
            new.assign(value)
        return model

    def _stretched(self, tables, grid):
        """Tables of positions `(…, T, D)` for another grid; only patches move."""
        flat = tables.reshape(-1, *tables.shape[-2:])
        count = self.num_detections
        made = [
            np.concatenate(
                [stretch_positions(one[:-count], self.grid, grid), one[-count:]]
            )
            for one in flat
        ]
        return np.stack(made).reshape(*tables.shape[:-2], *made[0].shape)

    @classmethod
    def from_vit(
        cls, vit: ViT, num_classes: int, num_detections: int = 100, **arguments: Any
    ) -> "Detector":
        """A detector that begins with what a ViT has learned.

        Patches, encoders and positions are copied; the detection tokens, their
        positions and both heads are new.

        Args:
            vit: with a class token; a distillation token and registers are left out.
            num_classes: C.
            num_detections: Q. Defaults to 100.
            **arguments: others of a `Detector`, such as `dropout=0.1`.

        Returns:
            A `Detector` for images of the same shape.

        Raises:
            ValueError: it is no ViT, or one without a class token.

        Reference:
            Fang et al. (2021), arXiv:2106.00666, section 3.1.
        """
        if not isinstance(vit, ViT) or not vit.use_class_token:
            raise ValueError(
                "vit must be a tlkeras.models.ViT with a class token; given a "
                f"{type(vit).__name__}."
            )
        config = vit.get_config()
        same = {key: config[key] for key in SHARED}
        model = cls(
            **{**same, "dtype": vit.dtype_policy, **arguments},
            num_classes=num_classes,
            num_detections=num_detections,
        )
        old = {weight.path: ops.convert_to_numpy(weight) for weight in vit.weights}
        positions = old.pop("position_embedding/embeddings")
        patches = vit.grid[0] * vit.grid[1]
        positions = np.concatenate([positions[:1], positions[-patches:]])
        for weight in model.weights:
            if weight.path in old:
                weight.assign(old[weight.path])
            elif weight.path == "position_embedding/embeddings":
                new = ops.convert_to_numpy(weight)[1 + patches :]
                weight.assign(np.concatenate([positions, new]))
        return model


@keras.saving.register_keras_serializable(package="tlkeras")
class _MiddlePositions(keras.layers.Layer):
    """Learned positions added between encoders, one table `(T, D)` before each."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        self.tables = self.add_weight(
            name="tables",
            shape=(self.count, 1, *input_shape[1:]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, inputs, number=0):
        return inputs + ops.convert_to_tensor(self.tables)[number]  # (B, T, D)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "count": self.count}


def _head(name, hidden_dim, size, dtype):
    """The layers of an MLP."""
    last = HEAD_DEPTH - 1
    return [
        keras.layers.Dense(
            size if i == last else hidden_dim,
            activation=None if i == last else "relu",
            dtype=dtype,
            name=f"{name}_{i}",
        )
        for i in range(HEAD_DEPTH)
    ]


def _softmax(logits):
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return chances / chances.sum(axis=-1, keepdims=True)


def _kept(chances, boxes, size, threshold):
    """The detections of one picture, of chances `(Q, C)` and boxes `(Q, 4)`."""
    scores = chances.max(axis=-1)  # (Q,)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    corners = box.convert_format(boxes[order], "rel_center_xywh", "xyxy", *size)
    return {
        "boxes": box.clip(corners, *size),
        "classes": chances.argmax(axis=-1)[order],
        "scores": scores[order],
    }
