"""Files of images become arrays of one shape; what cannot is named at once."""

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tlkeras.datasets._fetch import DataError
from tlkeras.datasets.images._image_metadata import upright, without_metadata

DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # grey, 16 bits a pixel


def read_image(
    path: Path | str, size: tuple[int, int] | None = None, channels: int = 3
) -> np.ndarray:
    """Read one file of an image.

    Whatever the file holds, the result has the same range and channels:

    | in the file | becomes |
    |---|---|
    | grey, and 3 channels wanted | the same number three times |
    | colour, and 1 channel wanted | its luminance, ITU-R 601 |
    | transparency | laid on white |
    | grey of 16 bits | divided by 65535, as 8 bits by 255 |
    | colour of 16 bits | the higher 8 of them, which is all that Pillow reads |
    | a palette, CMYK | RGB |
    | turned by its camera (EXIF) | upright |
    | several frames | the first |
    | a damaged colour profile, text or EXIF table | the pixels, without it |

    Args:
        path: of the file, in any format that Pillow reads, such as PNG or JPEG.
        size: `(height, width)` to resize to, bilinear and smoothed, whatever the
            proportions were. Defaults to `None`, as it is.
        channels: 1 or 3. Defaults to 3.

    Returns:
        Floats `(height, width, channels)`, float32 from 0 to 1.

    Raises:
        ValueError: `channels` is neither 1 nor 3.
        DataError: the file is missing, empty, no image, corrupt or cut off, too large
            to be one, or holds floats, whose range is unknown; the message names it.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3; given {channels!r}.")
    image = _opened(Path(path))
    pixels = _grey_deep(image, size) if image.mode in DEEP else _plain(image, size)
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    return pixels @ np.array([[0.299], [0.587], [0.114]], "float32")


def load_images(
    paths: Iterable[Path | str], size: tuple[int, int], channels: int = 3
) -> np.ndarray:
    """Read many files into one array, before a training that one of them would stop.

    Args:
        paths: of the files, N of them.
        size: `(height, width)` of all.
        channels: 1 or 3. Defaults to 3.

    Returns:
        Floats `(N, height, width, channels)`, float32 from 0 to 1; see `read_image`.

    Raises:
        DataError: some files cannot be read; the message names every one of them.
    """
    images, problems = [], []
    for path in paths:
        try:
            images.append(read_image(path, size, channels))
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError(
            f"{len(problems)} of {len(problems) + len(images)} files cannot be read. "
            "Mend them, or leave them out:\n" + "\n".join(problems)
        )
    return np.stack(images) if images else np.zeros((0, *size, channels), "float32")


def _opened(path):
    """The whole image, decoded and upright."""
    from PIL import Image, UnidentifiedImageError

    try:
        data = path.read_bytes()
        if not data:
            raise DataError(f"{path} is empty.")
        image = _leniently_decoded(data)
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there.") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is no image in a format that Pillow reads.") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} says that it is huge: {error}") from error
    except DataError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError …
        raise DataError(f"{path} is corrupt or cut off: {error}") from error
    if image.mode == "F":
        raise DataError(
            f"{path} holds floats, whose range is unknown. Save it with 8 or 16 bits."
        )
    return image


def _leniently_decoded(data):
    """The image upright; without its metadata if these are what is damaged."""
    from PIL import Image

    try:
        return upright(_decoded(data))
    except Image.DecompressionBombError:
        raise
    except Exception:
        bare, exif = without_metadata(data)
        if bare is not None and bare != data:
            with contextlib.suppress(Exception):  # then the first error counts
                return upright(_decoded(bare), exif)
        raise


def _decoded(data):
    from PIL import Image

    image: Image.Image = Image.open(io.BytesIO(data))
    image.load()  # reads every pixel, so that a cut-off file is found here
    return image


def _plain(image, size):
    """8 bits a channel, transparency laid on white: `(H, W, 1 or 3)`."""
    from PIL import Image

    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    if transparent or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image).convert("RGB")
    image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    if size is not None:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype="float32") / 255
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _grey_deep(image, size):
    """16 bits of grey: `(H, W, 1)`."""
    from PIL import Image

    pixels = np.asarray(image).astype("float32") / 65535
    if size is not None:
        picture = Image.fromarray(pixels)  # mode F keeps every bit
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        pixels = np.asarray(picture)
    return pixels.clip(0, 1)[..., None]
