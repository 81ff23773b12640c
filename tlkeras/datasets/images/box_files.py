"""Pictures with a box around each thing, as files of Pascal VOC and of YOLO hold them.

Boxes become left, top, right, bottom in pixels, `"xyxy"` of `tlkeras.boxes`. Whatever
does not fit is an error that names the file. With `mend=True` what people drew a little
wrong is put right instead: what reaches outside of the picture is cut off, and boxes
without area are left out.
"""

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.images._image_metadata import upright
from tlkeras.datasets.images.image_files import load_images

LARGEST = 2**22  # bytes; a file about one picture has a few thousand
ROUNDING = 1e-5  # of a side: what six decimals may put outside
VOC_SIDES = ("xmin", "ymin", "xmax", "ymax")


class Picture(NamedTuple):
    """A picture file, and what is in it.

    Args:
        path: of the picture.
        size: its height and width in pixels.
        boxes: float32 `(N, 4)`: left, top, right, bottom in pixels.
        classes: integers `(N,)`, indices into the names of the data set.
    """

    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    classes: np.ndarray


def read_voc(
    path: Path | str | PathLike[str],
    names: Sequence[str],
    folder: Path | str | PathLike[str],
    mend: bool = False,
) -> Picture:
    """Read an XML file of Pascal VOC.

    VOC counts pixels from 1 and names the first and the last that a box covers, so that
    left = xmin − 1. A box whose last pixel is not beyond its first has no area: it is a
    slip of the hand. Only UTF-8 without a document type is read, so that no entity can
    be expanded.

    Args:
        path: of the XML file.
        names: of the classes, in the order of their numbers.
        folder: where the picture lies, which the file names.
        mend: whether to put boxes right. Defaults to `False`.

    Returns:
        A `Picture`.

    Raises:
        DataError: the file or the picture is not there, is damaged or another one; a
            class is unknown; a box is outside or has no area, unless it is mended.
    """
    path = Path(path)
    root = _parsed(path)
    name = _text(path, root, "filename")
    if not name or name != Path(name).name or "\\" in name or name in (".", ".."):
        raise DataError(f"{path}: filename must be the name of a file; given {name!r}.")
    size = tuple(_number(path, root, f"size/{side}") for side in ("height", "width"))
    picture = Path(folder) / name
    seen = picture_size(picture)
    if size != seen:
        raise DataError(
            f"{path} is about a picture of {size[0]:g} × {size[1]:g}, and {picture} "
            f"has {seen[0]} × {seen[1]} pixels (height × width)."
        )
    rows, classes = [], []
    for thing in root.iter("object"):
        classes.append(_class(path, _text(path, thing, "name"), names))
        first, top, last, bottom = (
            _number(path, thing, f"bndbox/{side}") for side in VOC_SIDES
        )
        empty = last <= first or bottom <= top
        rows.append(
            (first - 1, top - 1, *((first - 1, top - 1) if empty else (last, bottom)))
        )
    return _picture(path, picture, seen, rows, classes, mend)


def read_yolo(
    path: Path | str | PathLike[str],
    names: Sequence[str],
    picture: Path | str | PathLike[str],
    mend: bool = False,
) -> Picture:
    """Read a text file of YOLO: `class x y width height` a line, shares of the picture.

    x and y are those of the centre. An empty file says that nothing is there. What
    rounding to six decimals puts outside is always cut off.

    Args:
        path: of the text file.
        names: of the classes, in the order of their numbers.
        picture: path of the picture.
        mend: whether to put boxes right. Defaults to `False`.

    Returns:
        A `Picture`.

    Raises:
        DataError: as of `read_voc`.
    """
    path = Path(path)
    size = picture_size(Path(picture))
    rows, classes = [], []
    for number, line in enumerate(_content(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            kind, *values = map(float, line.split())
            x, y, width, height = values
        except ValueError:
            kind = math.nan
        if not math.isfinite(kind) or not all(map(math.isfinite, values)):
            raise DataError(
                f"{path}, line {number}, must be class x y width height; it is "
                f"{line[:80]!r}."
            )
        if kind not in range(len(names)):
            raise DataError(
                f"{path}, line {number}: the class must be an integer from 0 to "
                f"{len(names) - 1}; given {line.split()[0]!r}."
            )
        classes.append(int(kind))
        width, height = max(width, 0), max(height, 0)
        corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        # a share that rounding put outside lies on the edge
        corners = [
            min(max(c, 0.0), 1.0) if -ROUNDING <= c <= 1 + ROUNDING else c
            for c in corners
        ]
        rows.append(np.array(corners) * (size[1], size[0], size[1], size[0]))
    return _picture(path, Path(picture), size, rows, classes, mend)


def load_arrays(
    pictures: Sequence[Picture], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures of one size, and their boxes in it, as `datasets.shapes` gives them.

    Args:
        pictures: N of them.
        size: height and width that all are resized to, whatever their proportions.

    Returns:
        images: `(N, height, width, 3)`, float32 from 0 to 1.
        boxes: `(N, M, 4)`, float32, in pixels of the new size; 0 where there is none.
            M is the most in one picture.
        labels: `(N, M)`, integers; −1 where there is none.

    Raises:
        DataError: pictures cannot be read; the message names every one of them.
    """
    images = load_images([picture.path for picture in pictures], size)
    most = max((len(picture.boxes) for picture in pictures), default=0)
    boxes = np.zeros((len(pictures), most, 4), "float32")
    labels = np.full((len(pictures), most), -1)
    for row, picture in enumerate(pictures):
        scale = np.divide(size, picture.size)[[1, 0, 1, 0]]
        boxes[row, : len(picture.boxes)] = picture.boxes * scale
        labels[row, : len(picture.boxes)] = picture.classes
    return images, boxes, labels


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture that is turned as its camera says.

    Args:
        path: of the file; its pixels are not read.

    Returns:
        A pair of integers.

    Raises:
        DataError: it is not there, or no picture.
    """
    from PIL import Image

    if not path.is_file():
        raise DataError(f"{path} is not there.")
    try:
        with Image.open(path) as image:
            width, height = upright(image).size
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError …
        raise DataError(f"{path} is no picture, or damaged: {error}") from error
    return height, width


def _picture(path, picture, size, rows, classes, mend):
    """The `Picture`, its boxes found sound or mended."""
    boxes = np.array(rows, "float64").reshape(-1, 4)
    most = np.array([size[1], size[0], size[1], size[0]])
    inside = boxes.clip(0, most)
    outside = (boxes != inside).any(axis=1)
    empty = (inside[:, 2:] <= inside[:, :2]).any(axis=1)
    for wrong, what in ((outside, "reaches outside of"), (empty, "has no area in")):
        if wrong.any() and not mend:
            number = int(wrong.argmax())
            raise DataError(
                f"{path}: box {number + 1} {what} the picture of {size[0]} × {size[1]}"
                f"; its corners are {boxes[number].round(3).tolist()}. mend=True cuts "
                "off what is outside and leaves out what has no area."
            )
    kept = inside[~empty].astype("float32")
    return Picture(picture, size, kept, np.array(classes, "int64")[~empty])


def _content(path):
    """The text of a file."""
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} is too large: it should be about one picture.")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} must be text in UTF-8: {error}") from error


def _parsed(path):
    """The root of an XML file, which must not define entities."""
    text = _content(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(
            f"{path} must be XML without a document type: what it defines could "
            "expand without end."
        )
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if root.tag != "annotation":
        raise DataError(f"{path} must hold an <annotation>; it holds a <{root.tag}>.")
    return root


def _text(path, element, name):
    found = element.findtext(name)
    if found is None:
        raise DataError(f"{path} lacks <{name}> in an <{element.tag}>.")
    return found.strip()


def _number(path, element, name):
    text = _text(path, element, name)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{path}: {name} must be a number; it is {text[:40]!r}.")
    return number


def _class(path, name, names):
    if name not in names:
        known = ", ".join(names)
        raise DataError(f"{path}: a class must be one of {known}; it is {name[:40]!r}.")
    return list(names).index(name)
