"""What lesson 14 trains: a small ViT in which every patch answers for itself."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.optimize import linear_sum_assignment

from tlkeras.boxes import generalized_iou
from tlkeras.checkpoints import from_preset

PRESET = "tlkeras://vit_digits"
BATCH, NO_OBJECT, WIDTH = 16, 0.1, 48
USUAL_SIZE = 0.35  # of a box, where the network says 0
REACH = 1.5  # patches that a centre may be away from its patch's


class DigitDetector:
    """A ViT's body, and on each patch a head that says what there is, and where.

    The head is two convolutions over the grid of patches and a dense layer. The box of
    a patch has its centre near the patch's own (its **reference point**):

        centre = reference + 1.5 · tanh(a) / patches in a row
        size = 0.35 · exp(b)                         (in shares of the picture)

    Args:
        side: pixels of a picture.
        classes: C; class C is *nothing*.
    """

    def __init__(self, side, classes):
        self.classes, self.grid = classes, side // 2
        body = _body(side, "from scratch")
        patches = body.output["sequence_output"][:, 1:]  # (B, Q, D): no class token
        nothing = np.log(np.r_[np.ones(classes), 20.0])  # most patches see nothing
        x = ops.reshape(patches, (-1, self.grid, self.grid, patches.shape[-1]))
        for number in range(2):  # then a query has seen 5 × 5 patches around it
            x = keras.layers.Conv2D(
                WIDTH, 3, padding="same", activation="relu", name=f"near_{number}"
            )(x)
        x = ops.reshape(x, (-1, self.grid**2, WIDTH))  # (B, Q, WIDTH)
        names = keras.layers.Dense(classes + 1, name="name")(x)
        places = keras.layers.Dense(4, name="place")(x)
        self.model = keras.Model(body.input, ops.concatenate([names, places], axis=-1))
        self.side, self.nothing = side, nothing
        self.one_to_one = True
        at = (np.arange(self.grid) + 0.5) / self.grid
        x, y = np.meshgrid(at, at)
        self.reference = np.stack([x.ravel(), y.ravel()], 1).astype("float32")  # (Q, 2)
        self.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=1e-4, clipnorm=1.0)
        self.optimizer.build(self.model.trainable_variables)
        self._step = tf.function(self._eager_step)
        self._forward = tf.function(self._answers, reduce_retracing=True)

    # ── what it says ──────────────────────────────────────────────────────────────────

    def _answers(self, images, training=False):
        """Logits (B, Q, C + 1) and corners (B, Q, 4)."""
        numbers = self.model(images, training=training)
        logits, place = numbers[..., :-4], numbers[..., -4:]
        centre = self.reference + ops.tanh(place[..., :2]) * (REACH / self.grid)
        half = ops.exp(ops.clip(place[..., 2:], -2, 2)) * (USUAL_SIZE / 2)
        return logits, ops.concatenate([centre - half, centre + half], axis=-1)

    def answers(self, images):
        """Logits (B, Q, C + 1) and corners (B, Q, 4) of some pictures."""
        parts = [self._forward(images[i : i + 50]) for i in range(0, len(images), 50)]
        return [
            np.concatenate([x.numpy() for x in both])
            for both in zip(*parts, strict=True)
        ]

    # ── how it learns ─────────────────────────────────────────────────────────────────

    def begin(self, start, seed, source=None):
        """Set the first weights.

        Args:
            start: `"from scratch"`; `"vit_digits"`, a body that has read digits; or
                `"other digits"`, all but the names' layer of another detector.
            seed: of what is random.
            source: that detector's weights, as `model.get_weights()` gives them.
        """
        keras.utils.set_random_seed(seed)
        body = _body(self.side, start)
        values = {weight.path: ops.convert_to_numpy(weight) for weight in body.weights}
        if start == "other digits":
            paths = [weight.path for weight in self.model.weights]
            kept = dict(zip(paths, source, strict=True))
            values = {p: x for p, x in kept.items() if not p.startswith("name/")}
        for weight in self.model.weights:
            if weight.path in values:
                weight.assign(values[weight.path])
            elif weight.path == "name/bias":
                weight.assign(self.nothing)
            elif weight.path.endswith("bias"):
                weight.assign(ops.zeros(weight.shape))
            else:
                scale = np.sqrt(2 / np.prod(weight.shape[:-1]))
                scale *= 0.1 if "place" in weight.path else 1
                weight.assign(keras.random.normal(weight.shape, stddev=scale))
        for variable in self.optimizer.variables:
            variable.assign(ops.zeros_like(variable))

    def learn(self, scenes, rate, steps, seed):
        """Take some steps of `BATCH` pictures; returns the loss of each."""
        rng, losses = np.random.default_rng(seed), []
        classes, boxes = _padded(scenes)
        for step in range(steps):
            rise = min(1.0, (step + 1) / max(1.0, 0.1 * steps))
            fall = 0.5 * (1 + np.cos(np.pi * step / steps))
            self.optimizer.learning_rate = rate * rise * fall
            chosen = rng.integers(len(classes), size=BATCH)
            inputs = scenes.images[chosen], classes[chosen], boxes[chosen]
            losses.append(float(self._step(*map(tf.constant, inputs))))
        return losses

    def _eager_step(self, images, classes, boxes):
        with tf.GradientTape() as tape:
            logits, found = self._answers(images, training=True)
            loss = self._loss(logits, found, classes, boxes)
        weights = self.model.trainable_variables
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        return loss

    def _loss(self, logits, found, classes, boxes):
        """Classes of all patches, boxes of those that have a thing."""
        wanted, places = tf.numpy_function(
            self._matched,
            [tf.nn.softmax(logits), found, classes, boxes],
            [tf.int32, tf.float32],
            stateful=False,
        )
        wanted.set_shape(logits.shape[:2])  # (B, Q)
        places.set_shape(found.shape)  # (B, Q, 4)
        has_thing = ops.cast(wanted < self.classes, "float32")
        weights = has_thing + NO_OBJECT * (1 - has_thing)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
        far = ops.sum(ops.abs(found - places), axis=-1)
        overlap = generalized_iou(found[:, :, None], places[:, :, None])[..., 0, 0]
        each = has_thing * (5 * far + 2 * (1 - overlap))
        class_loss = ops.sum(weights * entropy) / ops.sum(weights)
        return 2 * class_loss + ops.sum(each) / ops.maximum(ops.sum(has_thing), 1)

    def _matched(self, chances, found, classes, boxes):
        """The class and box that each patch should give: (B, Q) and (B, Q, 4)."""
        wanted = np.full(chances.shape[:2], self.classes, "int32")
        places = np.tile(np.float32([0, 0, 1, 1]), (*wanted.shape, 1))
        for b, names in enumerate(classes):
            names = names[names >= 0]
            truth = boxes[b, : len(names)]
            if self.one_to_one:
                far = np.abs(found[b][:, None] - truth).sum(axis=-1)  # (Q, G)
                overlap = generalized_iou(found[b], truth)
                cost = 5 * far - chances[b][:, names] - 2 * overlap
                rows, columns = linear_sum_assignment(cost)
            else:  # each thing to all whose reference points lie in its box
                at = self.reference[:, None]  # (Q, 1, 2)
                inside = (truth[:, :2] <= at) & (at <= truth[:, 2:])  # (Q, G, 2)
                rows, columns = np.nonzero(inside.all(axis=-1))
            wanted[b, rows], places[b, rows] = names[columns], truth[columns]
        return wanted, places


def _body(side, start):
    """The small ViT for pictures of another size."""
    small = from_preset(PRESET)
    shape = (side, side, 1)
    if start == "vit_digits":
        return small.with_image_shape(shape)
    return type(small).from_config({**small.get_config(), "image_shape": shape})


def _padded(scenes):
    """Classes (B, G), −1 where there is nothing more, and boxes (B, G, 4)."""
    most = max(map(len, scenes.classes))
    classes = np.full((len(scenes.classes), most), -1)
    boxes = np.zeros((*classes.shape, 4), "float32")
    for row, (names, places) in enumerate(
        zip(scenes.classes, scenes.boxes, strict=True)
    ):
        classes[row, : len(names)], boxes[row, : len(names)] = names, places
    return classes, boxes
