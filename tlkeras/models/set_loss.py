"""How wrong a set of boxes is: each truth is given to one prediction, then compared."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import boxes as box
from tlkeras import checks as check
from tlkeras.annotations import Tensor
from tlkeras.models._arguments import refuse_unknown
from tlkeras.models._matching import match

KEYS = ("logits", "boxes"), ("classes", "boxes")  # of predictions, and of truths
FARTHEST = 2.0  # from the picture's corner, in its sides: what is beyond is in pixels


@keras.saving.register_keras_serializable(package="tlkeras")
class SetPredictionLoss(keras.losses.Loss):
    """The loss of a detector: predictions are a set, and each truth wants one of them.

        cost[q, m] = −P_q(class of m) + w_box |b_q − b_m|₁ − w_giou GIoU(b_q, b_m)
        loss = cross-entropy + (w_box Σ |b_q − b_m|₁ + w_giou Σ (1 − GIoU)) / truths

    First each truth m of a picture is given to a prediction q of its own, so that the
    costs add up to the least: a second box around the same thing gets none. Then the
    boxes of these pairs are compared, and the classes of all predictions: those without
    a truth should say *no object*, the last class, which counts less, for there are
    many. Cross-entropy is the mean by weight; the number of truths is that of the whole
    batch, at least 1. Axes: B batch, Q predictions, M most truths, C classes.

    Matching runs in SciPy, outside of what is compiled: XLA cannot compile a training
    step of TensorFlow with it (`jit_compile=True`); JAX can.

    Masking: a truth of class −1 is not there. More truths than predictions can never
    all be found: those that cost the most are left out.

    Args:
        no_object_weight: weight of predictions without a truth. Defaults to 0.1.
        box_weight: of the L1 distance of boxes, in cost and loss. Defaults to 5.
        giou_weight: of GIoU, in cost and loss. Defaults to 2.
        name: of the loss. Defaults to `"set_prediction_loss"`.
        dtype: of the computation. Defaults to Keras's own.

    Call arguments:
        y_true: a dictionary of `classes`, integers `(B, M)` from 0, or −1; and `boxes`,
            floats `(B, M, 4)`, `"rel_center_xywh"` of `tlkeras.boxes`.
        y_pred: a dictionary of `logits` `(B, Q, C + 1)` and `boxes` `(B, Q, 4)`.

    Returns:
        A number.

    Raises:
        ValueError: a weight is negative, an entry is missing or has another shape, a
            class is unknown, or a box is not finite or in pixels (what is compiled is
            compared without looking). A box of no area is a truth like any other; one
            may reach outside of the picture.

    Example: one thing, found by one of two predictions.

    >>> import numpy as np
    >>> place = [0.5, 0.5, 0.2, 0.4]
    >>> truth = {"classes": np.array([[1, -1]]), "boxes": np.array([[place, 4 * [0]]])}
    >>> logits = np.array([[[0, 9, 0], [0, 0, 9]]], "float32")
    >>> found = {"logits": logits, "boxes": np.array([[place, place]], "float32")}
    >>> bool(SetPredictionLoss()(truth, found) < 0.001)
    True

    Reference:
        Carion et al. (2020), arXiv:2005.12872, section 3.1; Fang et al. (2021),
        arXiv:2106.00666, section 3.1 (the same without a decoder).
    """

    def __init__(
        self,
        no_object_weight=0.1,
        box_weight=5.0,
        giou_weight=2.0,
        name="set_prediction_loss",
        dtype=None,
        **kwargs,
    ):
        refuse_unknown(SetPredictionLoss, kwargs)
        super().__init__(name=name, reduction=None, dtype=dtype)
        given = {
            "no_object_weight": no_object_weight,
            "box_weight": box_weight,
            "giou_weight": giou_weight,
        }
        for key, value in given.items():
            if check.number(key, value) < 0:
                raise ValueError(f"{key} must be at least 0; given {value!r}.")
        self._weights = given

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Tensor | None = None
    ) -> Tensor:
        """The loss of a batch; `sample_weight` is not known to it."""
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None: a truth of class −1 is left out; given "
                f"shape {tuple(sample_weight.shape)}."
            )
        _check(y_true, y_pred)
        return self.call(y_true, y_pred)

    def call(self, y_true, y_pred):
        logits, found = (ops.cast(y_pred[key], "float32") for key in KEYS[0])
        classes = ops.cast(y_true["classes"], "int32")  # (B, M)
        wanted = ops.cast(y_true["boxes"], "float32")  # (B, M, 4)
        cost = self._cost(logits, found, classes, wanted)  # (B, Q, M)
        places = match(cost, classes >= 0)  # (B, M)
        matched = ops.cast(places >= 0, "float32")
        near = ops.take_along_axis(found, ops.maximum(places, 0)[..., None], axis=1)
        distance = ops.sum(ops.abs(near - wanted), axis=-1)  # (B, M)
        overlap = _giou(near[..., None, :], wanted[..., None, :])[..., 0, 0]  # (B, M)
        each = self._weights["box_weight"] * distance
        each = each + self._weights["giou_weight"] * (1 - overlap)
        of_boxes = ops.sum(matched * each) / ops.maximum(ops.sum(matched), 1)
        return self._of_classes(logits, classes, places) + of_boxes

    def _cost(self, logits, found, classes, wanted):
        """What it costs to give prediction q the truth m, `(B, Q, M)`."""
        chances = ops.softmax(logits, axis=-1)  # (B, Q, C + 1)
        wanted_class = ops.one_hot(ops.maximum(classes, 0), ops.shape(logits)[-1])
        chance = ops.einsum("bqc,bmc->bqm", chances, wanted_class)
        gap = ops.abs(found[:, :, None] - wanted[:, None])  # (B, Q, M, 4)
        return (
            self._weights["box_weight"] * ops.sum(gap, axis=-1)
            - chance
            - self._weights["giou_weight"] * _giou(found, wanted)
        )

    def _of_classes(self, logits, classes, places):
        """The cross-entropy of all predictions; one without a truth is no object."""
        count, kinds = ops.shape(logits)[1:]
        taken = ops.one_hot(ops.maximum(places, 0), count)  # (B, M, Q)
        taken = taken * ops.cast(places >= 0, "float32")[..., None]
        kind = ops.one_hot(ops.maximum(classes, 0), kinds)  # (B, M, C + 1)
        target = ops.einsum("bmq,bmc->bqc", taken, kind)  # (B, Q, C + 1)
        free = 1 - ops.sum(taken, axis=1)  # (B, Q)
        nothing = ops.one_hot(ops.full((1, 1), kinds - 1, "int32"), kinds)
        target = target + free[..., None] * nothing  # (B, Q, C + 1)
        weight = 1 - free + self._weights["no_object_weight"] * free  # (B, Q)
        wrong = -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
        total = ops.maximum(ops.sum(weight), keras.config.epsilon())
        return ops.sum(weight * wrong) / total

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self._weights}


def _giou(found, wanted):
    """GIoU of all pairs of boxes in centre form, `(…, Q, M)`."""
    corners = [
        box.convert_format(x, "rel_center_xywh", "rel_xyxy") for x in (found, wanted)
    ]
    return box.generalized_iou(*corners)


def _check(y_true, y_pred):
    for name, given, keys in (
        ("y_pred", y_pred, KEYS[0]),
        ("y_true", y_true, KEYS[1]),
    ):
        if not isinstance(given, dict) or not set(keys) <= set(given):
            held = sorted(given) if isinstance(given, dict) else type(given).__name__
            raise ValueError(
                f"{name} must be a dictionary with {' and '.join(keys)}; given {held}."
            )
    check.axes("classes", y_true["classes"].shape, "B M")
    check.axes("boxes of y_true", y_true["boxes"].shape, "B M 4")
    check.axes("logits", y_pred["logits"].shape, "B Q C+1")
    classes, last = check.known(y_true["classes"]), y_pred["logits"].shape[-1] - 1
    if (
        classes is not None
        and classes.size
        and not -1 <= classes.min() <= classes.max() < last
    ):
        raise ValueError(
            f"classes must be from 0 to {last - 1}, or −1 where there is none; given "
            f"{classes.min()} to {classes.max()}."
        )
    _check_boxes(classes, y_true["boxes"], y_true["classes"].shape)


def _check_boxes(classes, boxes, shape):
    """As many as classes, finite, and shares of the picture."""
    counts = tuple(shape[:2]), tuple(boxes.shape[:2])
    if None not in counts[0] + counts[1] and counts[0] != counts[1]:
        raise ValueError(
            "boxes of y_true must be as many as classes; given shapes "
            f"{tuple(boxes.shape)} and {tuple(shape)}."
        )
    values = check.known(boxes)
    if classes is None or values is None:
        return
    real = values[classes >= 0]  # (N, 4)
    if not np.all(np.abs(real) <= FARTHEST):
        raise ValueError(
            "boxes of y_true must be finite shares of the picture: x and y of the "
            f"centre, width and height; given {real.min()} to {real.max()}. Divide "
            "pixels by the picture's size: tlkeras.boxes.convert_format."
        )
