"""From pictures of any size to the numbers that a model was trained on."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tlkeras import checks as check
from tlkeras.checkpoints.config_files import dictionary, entry, read_json
from tlkeras.checkpoints.sources import locate

FILES = ("preprocessor_config.json", "processor_config.json")
INSIDE = "image_processor"  # what the second holds it under
NEAREST, LANCZOS, BILINEAR, BICUBIC = range(4)  # Pillow's numbers
FILTERS = (NEAREST, LANCZOS, BILINEAR, BICUBIC)


@dataclasses.dataclass(frozen=True)
class ImagePreprocessor:
    """Resize, crop, scale, normalise: made by `load_image_preprocessor`.

        x = (crop(resize(image)) · scale − mean) / deviation

    Args:
        size: `(height, width)` to resize to; or `(shortest,)`, the length of the
            shorter side, which keeps proportions; or `None`: no resizing. Defaults to
            `None`.
        crop_size: `(height, width)` that is cut out of the middle, or `None`. Defaults
            to `None`.
        mean: of each channel, after scaling, or `None`. Defaults to `None`.
        deviation: of each channel, or `None`. Defaults to `None`.
        scale: what integers from 0 to 255 are multiplied by. Defaults to 1 / 255.
        resample: Pillow's filter, 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, each
            smoothed. Defaults to 3.

    Call arguments:
        images: one picture or several: integers from 0 to 255 or floats from 0 to 1,
            `(height, width, channels)` each, in a list or, of one size, in an array.

    Returns:
        Floats `(B, height, width, channels)`, float32, of all pictures.

    Raises:
        ValueError: something is no picture, smaller than what is cut out, or they come
            out in several sizes.

    Example:

    >>> import numpy as np
    >>> prepare = ImagePreprocessor(size=(8,), crop_size=(8, 8), mean=(0.5,),
    ...                             deviation=(0.5,))
    >>> prepare([np.zeros((20, 30, 3), "uint8"), np.ones((9, 8, 3))]).shape
    (2, 8, 8, 3)
    """

    size: tuple[int, ...] | None = None
    crop_size: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    scale: float = 1 / 255
    resample: int = BICUBIC

    def __call__(self, images: Any) -> np.ndarray:
        if isinstance(images, np.ndarray) and images.ndim == 3:
            images = images[None]
        found = [self._one(n, np.asarray(image)) for n, image in enumerate(images)]
        shapes = {image.shape for image in found}
        if len(shapes) != 1:
            raise ValueError(
                f"images must come out in one size; they have {sorted(shapes)}. Resize "
                "them, or leave none out."
            )
        return np.stack(found)  # (B, height, width, channels)

    def output_shape(self, channels: int = 3) -> tuple[int, ...] | None:
        """The shape of each picture that comes out, `None` where that is not fixed."""
        fixed = self.crop_size or self.size
        return (*fixed, channels) if fixed and len(fixed) == 2 else None

    def _one(self, place, image):
        whole = image.dtype.kind in "iu"
        if image.ndim != 3 or not image.size or not (whole or image.dtype.kind == "f"):
            raise ValueError(
                f"images[{place}] must be integers from 0 to 255 or floats from 0 to "
                f"1, (height, width, channels); given {image.dtype} of shape "
                f"{image.shape}."
            )
        image = self._resized(image.astype("uint8" if whole else "float32"))
        image = self._cropped(place, image).astype("float32")
        image = image * np.float32(self.scale) if whole else image * (255 * self.scale)
        if self.mean is not None:
            image = image - np.asarray(self.mean, "float32")
        if self.deviation is not None:
            image = image / np.asarray(self.deviation, "float32")
        return image.astype("float32")

    def _resized(self, image):
        """Each channel resized by Pillow; integers stay, as in `transformers`."""
        from PIL import Image

        size = self._size(*image.shape[:2])
        if size == image.shape[:2]:
            return image
        channels = [
            Image.fromarray(channel).resize(size[::-1], Image.Resampling(self.resample))
            for channel in np.moveaxis(image, -1, 0)
        ]
        found = np.stack([np.asarray(x) for x in channels], axis=-1)
        return found if found.dtype == "uint8" else found.clip(0, 1)  # as integers are

    def _size(self, height, width):
        if self.size is None:
            return height, width
        if len(self.size) == 2:
            return tuple(self.size)
        (shortest,) = self.size
        longest = int(shortest * max(height, width) / min(height, width))
        return (shortest, longest) if height <= width else (longest, shortest)

    def _cropped(self, place, image):
        if self.crop_size is None:
            return image
        height, width = self.crop_size
        spare = image.shape[0] - height, image.shape[1] - width
        if min(spare) < 0:
            raise ValueError(
                f"images[{place}] must be at least {self.crop_size} after resizing; it "
                f"is {image.shape[:2]}."
            )
        top, left = (n // 2 for n in spare)
        return image[top : top + height, left : left + width]


def load_image_preprocessor(
    preset: Path | str, revision: str | None = None
) -> ImagePreprocessor:
    """What turns pictures into the inputs of a preset's image model.

    `preprocessor_config.json` says it, or `image_processor` in `processor_config.json`.

    Args:
        preset: as in `from_preset`.
        revision: as in `from_preset`.

    Returns:
        An `ImagePreprocessor`.

    Raises:
        ValueError: there is no such file, or an entry is not known here.
    """
    folder = locate(preset, revision)
    config: dict[str, Any] = {}
    for name in FILES:
        if (folder / name).is_file():
            found = read_json(folder / name)
            config = found if name == FILES[0] else entry(found, INSIDE, dictionary)
            break
    else:
        raise ValueError(
            f"{folder} must hold {FILES[0]}; it does not. Make an ImagePreprocessor "
            "with the size, mean and deviation of the training."
        )

    def wanted(step, name, checked):  # a step that is not named is done if it can be
        do = config.get(step, config.get(name) is not None)
        return entry(config, name, checked) if do else None

    factor = entry(config, "rescale_factor", check.positive_number, 1 / 255)

    return ImagePreprocessor(
        size=wanted("do_resize", "size", _size),
        crop_size=wanted("do_center_crop", "crop_size", _crop),
        mean=wanted("do_normalize", "image_mean", _numbers),
        deviation=wanted("do_normalize", "image_std", _numbers),
        scale=factor if config.get("do_rescale", True) else 1.0,
        resample=entry(
            config, "resample", lambda name, x: check.choice(name, x, FILTERS), BICUBIC
        ),
    )


def _size(name, value):
    """Height and width, or the shorter side alone."""
    if isinstance(value, dict) and "shortest_edge" in value:
        value = value["shortest_edge"]
    if not isinstance(value, dict):
        return (check.positive_integer(name, value),)
    return _crop(name, value)


def _crop(name, value):
    """Height and width, from a dictionary or one number."""
    if isinstance(value, dict):
        return tuple(
            entry(value, side, check.positive_integer) for side in ("height", "width")
        )
    return check.sizes(name, value, 2)


def _numbers(name, value):
    """A number for each channel."""
    several = value if isinstance(value, list) else [value]
    return tuple(check.number(name, x) for x in several)
