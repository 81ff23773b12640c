"""Pictures become what `transformers` makes of them, by Pillow as well."""

import json

import numpy as np
import pytest

from tlkeras.checkpoints import (
    ImagePreprocessor,
    load_image_preprocessor,
    save_to_preset,
)
from tlkeras.models import ViT

SIZES = {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "intermediate_dim": 6}


def pictures():
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (*size, 3)).astype("uint8")
        for size in ((20, 33), (41, 17), (12, 12), (13, 12))
    ]


@pytest.mark.parity
@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("CLIP", {"size": {"shortest_edge": 12}, "crop_size": 12}),
        ("CLIP", {"size": {"shortest_edge": 15}, "crop_size": 12, "resample": 2}),
        ("Siglip", {"size": {"height": 10, "width": 12}}),
        ("Siglip", {"size": {"height": 10, "width": 12}, "do_normalize": False}),
    ],
)
def test_the_numbers_of_transformers(tmp_path, family, settings):
    from transformers.models.clip.image_processing_pil_clip import (
        CLIPImageProcessorPil,
    )
    from transformers.models.siglip.image_processing_pil_siglip import (
        SiglipImageProcessorPil,
    )

    kinds = {"CLIP": CLIPImageProcessorPil, "Siglip": SiglipImageProcessorPil}
    theirs = kinds[family](**settings)
    save_to_preset(ViT((12, 12, 3), 4, **SIZES), tmp_path)
    theirs.save_pretrained(tmp_path)
    prepare = load_image_preprocessor(tmp_path)
    wanted = theirs(pictures(), return_tensors="np")["pixel_values"]
    found = prepare(pictures())
    np.testing.assert_allclose(found, wanted.transpose(0, 2, 3, 1), atol=1e-5)
    assert prepare.output_shape() == found.shape[1:]


def smoothed_bicubic(before, after):
    """Weights `(after, before)`: Keys (1981), a = -0.5, as wide as a new pixel."""
    stretch = max(before / after, 1)
    middle = (np.arange(after)[:, None] + 0.5) * before / after
    x = np.abs((np.arange(before) + 0.5 - middle) / stretch)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("image", pictures(), ids=lambda x: str(x.shape))
def test_floats_are_exact_and_integers_are_rounded_twice(image):
    prepare = ImagePreprocessor((7, 9))
    down, across = (
        smoothed_bicubic(*n) for n in zip(image.shape[:2], (7, 9), strict=True)
    )
    exact = np.einsum("ih,jw,hwc->ijc", down, across, image.astype("float64"))
    floats = prepare(image / np.float32(255))[0] * 255
    np.testing.assert_allclose(floats, exact.clip(0, 255), atol=1e-3)
    once = 0.5 * np.abs(down).sum(1)  # half a step of each row that is added up
    error = np.abs(prepare(image)[0] * 255 - exact.clip(0, 255))
    assert (error <= once[:, None, None] + 0.5 + 1e-3).all()
    assert error.max() > 0.5


def test_floats_are_integers_over_255():
    prepare = ImagePreprocessor(crop_size=(7, 9), mean=(0.4,), deviation=(0.3,))
    whole = pictures()
    floats = [x.astype("float32") / 255 for x in whole]
    np.testing.assert_allclose(prepare(whole), prepare(floats), atol=1e-6)
    same = ImagePreprocessor()
    np.testing.assert_array_equal(same(floats[2][None]), floats[2][None])
    np.testing.assert_allclose(same(whole[2]), floats[2][None], atol=1e-7)


def test_what_a_folder_says(tmp_path):
    save_to_preset(ViT((12, 12, 3), 4, **SIZES), tmp_path)
    with pytest.raises(ValueError, match=r"must hold preprocessor_config\.json"):
        load_image_preprocessor(tmp_path)
    old = {"size": 12, "crop_size": 10, "do_normalize": False, "resample": 3}
    (tmp_path / "processor_config.json").write_text(
        json.dumps({"image_processor": old})
    )
    found = load_image_preprocessor(tmp_path)
    assert found == ImagePreprocessor((12,), (10, 10))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"resample": 5}))
    with pytest.raises(ValueError, match="resample must be one of 0, 1, 2, 3"):
        load_image_preprocessor(tmp_path)
    plain = {"do_resize": False, "do_rescale": False, "do_center_crop": False}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(plain))
    assert load_image_preprocessor(tmp_path) == ImagePreprocessor(scale=1.0)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([np.zeros((20, 20))], r"images\[0\] must be integers"),
        ([np.zeros((20, 20, 3)), np.zeros((20, 20, 3), bool)], r"images\[1\]"),
        ([np.zeros((20, 20, 3)), np.zeros((9, 20, 3))], r"images\[1\] must be at leas"),
        (
            [np.zeros((20, 20, 3)), np.zeros((20, 20, 1))],
            "must come out in one size",
        ),
    ],
)
def test_what_is_no_picture_is_named(images, message):
    with pytest.raises(ValueError, match=message):
        ImagePreprocessor(crop_size=(10, 10))(images)
