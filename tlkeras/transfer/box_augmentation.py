"""New pictures from old ones, and the boxes that move with them."""

from typing import Any

import keras
from keras import ops

from tlkeras import boxes as box
from tlkeras import checks as check
from tlkeras.annotations import Shape, Tensor
from tlkeras.transfer.augmentation import _Augmentation

KEYS = ("images", "boxes", "classes")
LEAST_SIDE = 1e-3  # of the picture; what is narrower is dropped


@keras.saving.register_keras_serializable(package="tlkeras")
class BoxAugmentation(_Augmentation):
    """Flip pictures and cut pieces out of them while training, boxes as well.

    Of each picture a piece is enlarged to the whole: its height and width are 1 / s of
    the picture's, with s drawn from 1 to `zoom`, and it lies anywhere. A picture is
    mirrored left to right with a probability of `flip`. Each box is moved alike and cut
    off at the edge; it is dropped, its class becoming −1 and its numbers 0, when less
    than `keep` of its area is left, or a side of less than a thousandth of the picture.
    Axes: B batch, H height, W width, C channels, M most boxes.

    Args:
        flip: probability of a mirrored picture, from 0 to 1. Defaults to 0.5.
        zoom: the largest enlargement, at least 1. Defaults to 1.5.
        keep: share of a box's area that must be left, from 0 to 1. Defaults to 0.3.
        seed: an integer. Defaults to `None`.

    Call arguments:
        inputs: a dictionary of `images`, floats `(B, H, W, C)`; `boxes`, floats
            `(B, M, 4)`, `"rel_center_xywh"` of `tlkeras.boxes`, as `Detector` learns
            from; and `classes`, integers `(B, M)`, −1 where there is none.
        training: whether to change anything. Defaults to `False`.

    Returns:
        A dictionary of the same shapes.

    Raises:
        ValueError: an argument is out of range, or an entry is missing or has other
            axes.

    Example: a box at the left, always mirrored.

    >>> import numpy as np
    >>> augment = BoxAugmentation(flip=1.0, zoom=1.0)
    >>> boxes = np.array([[[0.25, 0.5, 0.5, 0.5]]], "float32")
    >>> batch = {"images": np.ones((1, 4, 4, 3), "float32"), "boxes": boxes,
    ...          "classes": np.array([[2]])}
    >>> keras.ops.convert_to_numpy(augment(batch, training=True)["boxes"]).tolist()
    [[[0.75, 0.5, 0.5, 0.5]]]

    Reference:
        Fang et al. (2021), arXiv:2106.00666, section 4.1; Carion et al. (2020),
        arXiv:2005.12872, section 4 (crops).
    """

    def __init__(self, flip=0.5, zoom=1.5, keep=0.3, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.flip, self.keep = (
            check.fraction("flip", flip),
            check.fraction("keep", keep),
        )
        self.zoom = check.positive_number("zoom", zoom)
        if zoom < 1:
            raise ValueError(f"zoom must be at least 1; given {zoom!r}.")

    def call(self, inputs, training=False):
        _check(inputs)
        if not training:
            return inputs
        images, classes = inputs["images"], inputs["classes"]
        batch = ops.shape(images)[0]
        side = 1 / self._uniform((batch, 1), 1.0, float(self.zoom))  # (B, 1)
        start = self._uniform((batch, 2)) * (1 - side)  # x and y of the piece, (B, 2)
        mirrored = self._uniform((batch, 1)) < self.flip  # (B, 1)
        boxes, left = self._moved(inputs["boxes"], side, start, mirrored)
        classes = ops.where(left, classes, ops.full_like(classes, -1))
        boxes = ops.where(left[..., None], boxes, ops.zeros_like(boxes))
        boxes = ops.cast(boxes, inputs["boxes"].dtype)
        pieces = _pieces(images, side, start, mirrored)
        return {**inputs, "images": pieces, "boxes": boxes, "classes": classes}

    def _moved(self, boxes, side, start, mirrored):
        """Boxes in the piece, `(B, M, 4)`, and which of them are kept, `(B, M)`."""
        boxes = ops.cast(boxes, "float32")
        corners = box.convert_format(boxes, "rel_center_xywh", "rel_xyxy")
        origin = ops.concatenate([start, start], axis=-1)[:, None]  # (B, 1, 4)
        corners = (corners - origin) / side[:, None]
        other = ops.stack(  # right becomes left
            [
                1 - corners[..., 2],
                corners[..., 1],
                1 - corners[..., 0],
                corners[..., 3],
            ],
            axis=-1,
        )
        corners = ops.where(mirrored[:, None], other, corners)
        inside = box.clip(corners)
        sides = inside[..., 2:] - inside[..., :2]  # (B, M, 2)
        enough = box.area(inside) >= self.keep * box.area(corners)
        left = ops.logical_and(enough, ops.min(sides, axis=-1) >= LEAST_SIDE)
        return box.convert_format(inside, "rel_xyxy", "rel_center_xywh"), left

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        return {
            name: keras.KerasTensor(x.shape, dtype=x.dtype)
            for name, x in inputs.items()
        }

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"flip": self.flip, "zoom": self.zoom, "keep": self.keep}
        return {**super().get_config(), **own}


def _pieces(images: Tensor, side: Tensor, start: Tensor, mirrored: Tensor) -> Tensor:
    """A piece of each picture, as large as the whole: bilinear, edges repeated.

    Pixel u of the piece looks at x = start·W + (u + ½)·side − ½ of the picture; of a
    mirrored one at that of W − 1 − u.
    """
    height, width = images.shape[1:3]
    columns = ops.arange(width, dtype="float32")[None]  # (1, W)
    columns = ops.where(mirrored, width - 1 - columns, columns)  # (B, W)
    rows = ops.arange(height, dtype="float32")[None]  # (1, H)
    x = start[:, :1] * width + (columns + 0.5) * side - 0.5  # (B, W)
    y = start[:, 1:] * height + (rows + 0.5) * side - 0.5  # (B, H)
    across, down = _weights(x, width), _weights(y, height)  # (B, W, W), (B, H, H)
    pixels = ops.cast(images, "float32")
    pixels = ops.einsum("buw,bhwc->bhuc", across, pixels)
    pixels = ops.einsum("bvh,bhuc->bvuc", down, pixels)  # (B, H, W, C)
    return ops.cast(pixels, images.dtype)


def _weights(places, count):
    """How much each of `count` pixels counts at each place: `(B, places, count)`."""
    places = ops.clip(places, 0, count - 1)[..., None]
    near = 1 - ops.abs(places - ops.arange(count, dtype="float32"))
    return ops.maximum(near, 0)


def _check(inputs):
    if not isinstance(inputs, dict) or not set(KEYS) <= set(inputs):
        held = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(
            f"inputs must be a dictionary with {', '.join(KEYS)}; given {held}."
        )
    for name, axes in zip(KEYS, ("B H W C", "B M 4", "B M"), strict=True):
        check.axes(name, inputs[name].shape, axes)
