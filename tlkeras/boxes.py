"""Boxes around things in pictures: how they are written, and how much two overlap.

A box lies along the axes of a picture. The origin is the picture's upper left corner, x
grows to the right, y downwards; a pixel in column x reaches from x to x + 1. Where no
format is named, a box is `"xyxy"`: left, top, right, bottom. The other formats are
those of `keras.utils.bounding_boxes`, by its names:

| format | the four numbers |
|---|---|
| `"xyxy"` | left, top, right, bottom, in pixels |
| `"yxyx"` | top, left, bottom, right |
| `"xywh"` | left, top, width, height |
| `"center_xywh"` | x and y of the centre, width, height |
| `"center_yxhw"` | y and x of the centre, height, width |
| `"rel_…"` | the same, x as a share of the width, y of the height |

Overlaps need corners, `"xyxy"` or `"rel_xyxy"`, and no size of the picture. A box whose
right is not beyond its left, or whose bottom is not beyond its top, has area 0; so does
its overlap with any other. A box may reach outside of the picture: what lies there
counts, until `clip` cuts it off.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from tlkeras import checks as check
from tlkeras.annotations import Tensor

__all__ = ["area", "clip", "convert_format", "generalized_iou", "iou"]

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


def convert_format(
    boxes: Tensor,
    source: str,
    target: str,
    height: Any = None,
    width: Any = None,
) -> Tensor:
    """Boxes in another format: same numbers as `keras.utils.bounding_boxes` gives.

    Unlike there, NumPy stays NumPy, float64 stays float64, and each box may be in a
    picture of another size.

    Args:
        boxes: numbers `(…, 4)`: a tensor, NumPy array or list. Integers become floats.
        source: the format they have, one of `FORMATS`.
        target: the format wanted.
        height: of the picture in pixels, a number or an array that broadcasts to `(…)`;
            needed between a relative format and one in pixels. Defaults to `None`.
        width: the same. Defaults to `None`.

    Returns:
        Floats `(…, 4)`.

    Raises:
        ValueError: there is no such format, a box does not have four numbers, or the
            picture's size is needed and missing.

    Example: a box in a picture of 200 × 100 pixels.

    >>> box = [50, 10, 150, 60]
    >>> convert_format(box, "xyxy", "xywh").tolist()
    [50.0, 10.0, 100.0, 50.0]
    >>> convert_format(box, "xyxy", "rel_center_xywh", height=100, width=200).tolist()
    [0.5, 0.35, 0.5, 0.5]
    """
    source = check.choice("source", source, FORMATS)
    target = check.choice("target", target, FORMATS)
    boxes, library = _floats(boxes=boxes)
    corners = _to_corners(library, boxes, source.removeprefix("rel_"))  # (…, 4)
    relative = source.startswith("rel_"), target.startswith("rel_")
    if relative[0] != relative[1]:
        if height is None or width is None:
            raise ValueError(
                "height and width must be given between a relative format and one in "
                f"pixels; given {source!r} to {target!r}, height={height!r} and "
                f"width={width!r}."
            )
        size = _corner_of(library, boxes, height, width)
        corners = corners * size if relative[0] else corners / size
    return _from_corners(library, corners, target.removeprefix("rel_"))


def area(boxes: Tensor) -> Tensor:
    """How large boxes are; never below 0.

    Args:
        boxes: floats `(…, 4)`, corners.

    Returns:
        Floats `(…)`; 0 for a box whose corners are in the wrong order.

    Raises:
        ValueError: a box does not have four numbers.

    Example:

    >>> area([[0.0, 0.0, 4.0, 2.0], [3.0, 3.0, 1.0, 5.0]]).tolist()
    [8.0, 0.0]
    """
    boxes, library = _floats(boxes=boxes)
    return _rectangle(library, boxes[..., :2], boxes[..., 2:])


def clip(boxes: Tensor, height: Any = 1.0, width: Any = 1.0) -> Tensor:
    """Boxes without what lies outside of the picture.

    A box that lies outside as a whole becomes one of area 0 on the edge.

    Args:
        boxes: floats `(…, 4)`, corners.
        height: of the picture, a number or an array that broadcasts to `(…)`. Defaults
            to 1, for relative corners.
        width: the same. Defaults to 1.

    Returns:
        Floats `(…, 4)`.

    Raises:
        ValueError: a box does not have four numbers.

    Example:

    >>> clip([[-5.0, 2.0, 8.0, 30.0]], height=20, width=10).tolist()
    [[0.0, 2.0, 8.0, 20.0]]
    """
    boxes, library = _floats(boxes=boxes)
    most = _corner_of(library, boxes, height, width)
    return library.minimum(library.maximum(boxes, 0), most)


def iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The overlap of each box with each other one: intersection over union.

        IoU = |A ∩ B| / |A ∪ B|

    It can be differentiated; where boxes do not touch, the slope is 0.

    Args:
        boxes1: floats `(…, N, 4)`, corners.
        boxes2: floats `(…, M, 4)`, corners in the same unit.

    Returns:
        Floats `(…, N, M)` from 0 to 1; 0 where a box has no area.

    Raises:
        ValueError: a box does not have four numbers, or there is no axis of boxes.

    Example:

    >>> iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [2, 0, 4, 2]]).round(3).tolist()
    [[0.333, 0.0]]

    Reference:
        Everingham et al. (2010), *The Pascal Visual Object Classes (VOC) Challenge*,
        IJCV 88, section 4.2.
    """
    library, intersection, union, _ = _overlaps(boxes1, boxes2)
    return _share(library, intersection, union)


def generalized_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU that also says how far apart boxes are that do not touch.

        GIoU = IoU − |C \\ (A ∪ B)| / |C|

    C is the smallest box around both. Where boxes are apart, its slope brings them
    together, so that 1 − GIoU is a loss.

    Args:
        boxes1: floats `(…, N, 4)`, corners.
        boxes2: floats `(…, M, 4)`, corners in the same unit.

    Returns:
        Floats `(…, N, M)`, above −1 and up to 1; where C has no area, 0.

    Raises:
        ValueError: a box does not have four numbers, or there is no axis of boxes.

    Example: the same gap, seen from a small and from a larger box.

    >>> generalized_iou([[0, 0, 1, 1]], [[2, 0, 3, 1], [2, 0, 5, 1]]).round(3).tolist()
    [[-0.333, -0.2]]

    Reference:
        Rezatofighi et al. (2019), arXiv:1902.09630, section 3, algorithm 1.
    """
    library, intersection, union, around = _overlaps(boxes1, boxes2)
    gap = _share(library, around - union, around)
    return _share(library, intersection, union) - gap


def _overlaps(boxes1, boxes2):
    """Areas, each `(…, N, M)`: of the intersection, the union, the box around both."""
    boxes1, boxes2, library = _floats(boxes1=boxes1, boxes2=boxes2)
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if len(boxes.shape) < 2:
            raise ValueError(
                f"{name} must have shape (…, boxes, 4); given {tuple(boxes.shape)}. "
                "Put one box into a list."
            )
    one, other = boxes1[..., :, None, :], boxes2[..., None, :, :]  # (…, N, M, 4)
    starts, ends = (one[..., :2], other[..., :2]), (one[..., 2:], other[..., 2:])
    intersection = _rectangle(
        library, library.maximum(*starts), library.minimum(*ends)
    )  # (…, N, M)
    areas = [_rectangle(library, *both) for both in zip(starts, ends, strict=True)]
    union = areas[0] + areas[1] - intersection
    around = _rectangle(library, library.minimum(*starts), library.maximum(*ends))
    return library, intersection, union, around


def _rectangle(library, start, end):
    """The area between two corners, each `(…, 2)`; 0 when they are in wrong order."""
    sides = library.maximum(end - start, 0)
    return sides[..., 0] * sides[..., 1]


def _share(library, part, whole):
    """part / whole, and 0 with slope 0 where the whole is 0."""
    something = whole > 0
    divisor = library.where(something, whole, library.ones_like(whole))
    return library.where(something, part / divisor, library.zeros_like(part))


def _to_corners(library, boxes, source):
    a, b, c, d = (boxes[..., i] for i in range(4))
    if source == "xyxy":
        corners = (a, b, c, d)
    elif source == "yxyx":
        corners = (b, a, d, c)
    elif source == "xywh":
        corners = (a, b, a + c, b + d)
    elif source == "center_xywh":
        corners = (a - c / 2, b - d / 2, a + c / 2, b + d / 2)
    else:
        corners = (b - d / 2, a - c / 2, b + d / 2, a + c / 2)
    return library.stack(corners, axis=-1)


def _from_corners(library, boxes, target):
    left, top, right, bottom = (boxes[..., i] for i in range(4))
    size = (right - left, bottom - top)
    centre = ((left + right) / 2, (top + bottom) / 2)
    numbers = {
        "xyxy": (left, top, right, bottom),
        "yxyx": (top, left, bottom, right),
        "xywh": (left, top, *size),
        "center_xywh": (*centre, *size),
        "center_yxhw": (*centre[::-1], *size[::-1]),
    }
    return library.stack(numbers[target], axis=-1)


def _corner_of(library, boxes, height, width):
    """What the corners of boxes are divided by to be relative: `(4,)` or `(…, 4)`."""
    if library is np:
        width, height = (np.asarray(side, boxes.dtype) for side in (width, height))
    else:
        width, height = (ops.cast(side, boxes.dtype) for side in (width, height))
    return library.stack([width, height, width, height], axis=-1)


def _floats(**named):
    """Each as floats `(…, 4)`, and what computes with them: NumPy or `keras.ops`."""
    tensors = [x for x in named.values() if _is_tensor(x)]
    found = []
    for name, boxes in named.items():
        if not _is_tensor(boxes):
            boxes = _array(name, boxes)
        if tensors:
            kinds = [keras.backend.standardize_dtype(x.dtype) for x in tensors]
            kinds = [kind for kind in kinds if keras.backend.is_float_dtype(kind)]
            boxes = ops.cast(boxes, keras.backend.result_type(*kinds or ["float32"]))
        if not boxes.shape or boxes.shape[-1] != 4:
            raise ValueError(
                f"{name} must have four numbers a box, shape (…, 4); given shape "
                f"{tuple(boxes.shape)}."
            )
        found.append(boxes)
    return *found, ops if tensors else np


def _is_tensor(boxes):
    return ops.is_tensor(boxes) or isinstance(boxes, keras.KerasTensor)


def _array(name, boxes):
    check.array(name, boxes)
    boxes = np.asarray(boxes)
    if boxes.shape == (0,):  # an empty list of boxes
        boxes = boxes.reshape(0, 4)
    return boxes if boxes.dtype.kind == "f" else boxes.astype("float64")
