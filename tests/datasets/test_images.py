"""Data sets of images, and files that are not what they should be."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tlkeras.datasets import DataError, cifar10, image_files, mnist, shapes

MIRROR = Path(os.environ.get("TLKERAS_MIRROR", "nowhere"))


@pytest.fixture
def rgb():
    """Smooth, so that a JPEG keeps it well."""
    x, y = np.meshgrid(np.linspace(0, 255, 24), np.linspace(255, 0, 16))
    return np.stack([x, y, (x + y) / 2], axis=-1).astype("uint8")


def save(array, path, mode=None):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_eight_bits(tmp_path, rgb):
    found = image_files.read_image(save(rgb, tmp_path / "a.png"))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, rgb / 255, atol=1e-6)
    jpeg = image_files.read_image(save(rgb, tmp_path / "a.jpg"))
    assert np.abs(jpeg - found).mean() < 0.02


def test_grey_is_repeated_and_colour_becomes_luminance(tmp_path, rgb):
    grey = image_files.read_image(save(rgb[..., 0], tmp_path / "grey.png"))
    assert grey.shape == (16, 24, 3)
    np.testing.assert_allclose(grey[..., 2], rgb[..., 0] / 255, atol=1e-6)
    one = image_files.read_image(save(rgb, tmp_path / "colour.png"), channels=1)
    wanted = (rgb / 255) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(one[..., 0], wanted, atol=1e-6)


def test_transparency_is_laid_on_white(tmp_path, rgb):
    alpha = np.full((16, 24, 1), 255, "uint8")
    alpha[:8] = 0
    alpha[8:10] = 128
    path = save(np.concatenate([rgb, alpha], axis=-1), tmp_path / "alpha.png")
    found = image_files.read_image(path)
    assert np.all(found[:8] == 1)
    np.testing.assert_allclose(found[10:], rgb[10:] / 255, atol=1e-6)
    half = rgb[8:10] / 255 * (128 / 255) + (1 - 128 / 255)
    np.testing.assert_allclose(found[8:10], half, atol=0.006)


def test_sixteen_bits_keep_their_precision(tmp_path):
    deep = (np.arange(16 * 24).reshape(16, 24) * 150).astype("uint16")
    path = save(deep, tmp_path / "deep.png")
    found = image_files.read_image(path, channels=1)
    np.testing.assert_allclose(found[..., 0], deep / 65535, atol=1e-6)
    assert image_files.read_image(path, size=(4, 6)).shape == (4, 6, 3)


def test_sixteen_bits_of_colour_are_read_as_eight(tmp_path, rgb):
    path = tmp_path / "deep colour.png"
    path.write_bytes(deep_colour(rgb.astype("uint16") * 257))
    np.testing.assert_allclose(image_files.read_image(path), rgb / 255, atol=1 / 255)


def deep_colour(pixels):
    """A PNG of 16 bits a channel, which Pillow reads and cannot write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = {
        b"IHDR": struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + name
        + body
        + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )


def test_a_file_that_cannot_be_read_stops_before_the_first_epoch(tmp_path, rgb):
    paths = [save(rgb, tmp_path / f"{n}.png") for n in range(6)]
    for place, kind in ((1, "cut jpeg"), (4, "text")):
        paths[place].write_bytes(broken(kind, rgb))
    with pytest.raises(DataError, match="2 of 6 files") as error:
        image_files.load_images(paths, (8, 8))
    for place, path in enumerate(paths):
        assert (str(path) in str(error.value)) == (place in (1, 4))


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "LA", "I"])
def test_other_kinds_of_pixels(tmp_path, rgb, mode):
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "I") else "a.png")
    save(rgb, path, mode)
    found = image_files.read_image(path)
    assert found.shape == (16, 24, 3)
    assert 0 <= found.min() <= found.max() <= 1


def test_a_picture_turned_by_its_camera_is_upright(tmp_path, rgb):
    image = Image.fromarray(rgb)
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90° to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    assert image_files.read_image(tmp_path / "turned.png").shape == (24, 16, 3)


def chunk(name, content, check=None):
    """A part of a PNG."""
    check = zlib.crc32(name + content) if check is None else check
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


HUGE = b"note\0\0" + zlib.compress(bytes(80 << 20))
ODD_PNG = {
    "empty profile": chunk(b"iCCP", b""),
    "profile of another method": chunk(b"iCCP", b"name\0\5x"),
    "huge profile": chunk(b"iCCP", HUGE),
    "huge text": chunk(b"zTXt", HUGE),
    "text of another method": chunk(b"zTXt", b"note\0\7x"),
    "text with a wrong check sum": chunk(b"tEXt", b"note\0x", 5),
    "short gamma": chunk(b"gAMA", b""),
    "short size": chunk(b"pHYs", b"x"),
    "no EXIF": chunk(b"eXIf", b"no table"),
    "short animation": chunk(b"acTL", b"\0"),
}
# A camera's table: turned by 90°, and another entry of which the type is wrong.
TURNED = b"II*\0\x08\0\0\0\2\0\x12\1\3\0\1\0\0\0\6\0\0\0"
TURNED += b"\x1a\1\2\0\4\0\0\0abc\0\0\0\0\0"
ODD_JPEG = {
    "EXIF of text": (0xE1, b"Exif\0\0no table"),
    "short profile": (0xE2, b"ICC_PROFILE\0"),
    "short Photoshop": (0xED, b"Photoshop 3.0\x008BIM\4\4"),
    "short Adobe": (0xEE, b"Adobe"),
    "short JFIF": (0xE0, b"JFIF\0"),
}


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("name", ODD_PNG)
def test_odd_notes_in_a_png_cost_no_pixel(tmp_path, rgb, name, behind):
    path = save(rgb, tmp_path / "odd.png")
    data = path.read_bytes()
    place = len(data) - 12 if behind else 33
    path.write_bytes(data[:place] + ODD_PNG[name] + data[place:])
    np.testing.assert_allclose(image_files.read_image(path), rgb / 255, atol=1e-6)
    path.write_bytes(path.read_bytes().replace(b"IDAT\x78", b"IDAT\x79"))
    with pytest.raises(DataError, match=r"odd\.png is (corrupt|no image)"):
        image_files.read_image(path)


@pytest.mark.parametrize("end", [b"", b"\0" * 9, b"\0\0\1\0tEXtcut"])
def test_what_stands_behind_the_pixels_of_a_png_costs_none(tmp_path, rgb, end):
    path = save(rgb, tmp_path / "end.png")
    path.write_bytes(path.read_bytes()[:-12] + end)
    np.testing.assert_allclose(image_files.read_image(path), rgb / 255, atol=1e-6)


def with_segment(path, marker, content):
    data = path.read_bytes()
    head = struct.pack(">BBH", 0xFF, marker, len(content) + 2)
    path.write_bytes(data[:2] + head + content + data[2:])


@pytest.mark.parametrize("name", ODD_JPEG)
def test_odd_notes_in_a_jpeg_cost_no_pixel(tmp_path, rgb, name):
    path = save(rgb, tmp_path / "odd.jpg")
    wanted = image_files.read_image(path)
    with_segment(path, *ODD_JPEG[name])
    np.testing.assert_array_equal(image_files.read_image(path), wanted)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"odd\.jpg (is corrupt|is no image)"):
        image_files.read_image(path)


def test_an_odd_table_still_tells_which_way_is_up(tmp_path, rgb):
    path = save(rgb, tmp_path / "turned.jpg")
    wanted = np.rot90(image_files.read_image(path), -1)
    with_segment(path, 0xE1, b"Exif\0\0" + TURNED)
    np.testing.assert_array_equal(image_files.read_image(path), wanted)


@pytest.mark.parametrize("direction", range(10))
def test_every_direction_of_a_camera(tmp_path, rgb, direction):
    image = Image.fromarray(rgb)
    exif = image.getexif()
    exif[0x0112] = direction
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as saved:
        wanted = np.asarray(ImageOps.exif_transpose(saved)) / 255
    found = image_files.read_image(tmp_path / "turned.png")
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def broken(kind, rgb):
    """The bytes of a file that is not what its name says."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG" if "jpeg" in kind else "PNG")
    data = bytearray(file.getvalue())
    if kind.startswith("cut"):
        return bytes(data[: len(data) // 2])
    if kind.startswith("corrupt"):
        middle = len(data) // 2 if "png" in kind else 20  # JPEG mends its numbers
        data[middle : middle + 40] = b"\xff" * 40
        return bytes(data)
    return {"text": b"no image at all\n", "empty": b"", "header": bytes(data[:8])}[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut png", "corrupt or cut off"),
        ("cut jpeg", "corrupt or cut off"),
        ("corrupt png", "corrupt or cut off"),
        ("corrupt jpeg", "no image|corrupt or cut off"),
        ("text", "no image"),
        ("empty", "is empty"),
        ("header", "no image|corrupt or cut off"),
    ],
)
def test_the_file_is_named(tmp_path, rgb, kind, message):
    bad = tmp_path / "bad one.png"
    bad.write_bytes(broken(kind, rgb))
    with pytest.raises(DataError, match=f"bad one.png.*({message})"):
        image_files.read_image(bad)
    good = save(rgb, tmp_path / "good.png")
    with pytest.raises(DataError, match="2 of 3 files") as error:
        image_files.load_images([bad, good, tmp_path / "gone.png"], (8, 8))
    assert "bad one.png" in str(error.value)
    assert "gone.png is not there" in str(error.value)
    assert "good.png" not in str(error.value)


def test_floats_have_no_known_range(tmp_path, rgb):
    save(rgb[..., 0], tmp_path / "floats.tiff", "F")
    with pytest.raises(DataError, match=r"floats.tiff.*range is unknown"):
        image_files.read_image(tmp_path / "floats.tiff")


def test_many_files(tmp_path, rgb):
    paths = [save(rgb[:, : 10 + n], tmp_path / f"{n}.png") for n in range(3)]
    assert image_files.load_images(paths, (8, 12)).shape == (3, 8, 12, 3)
    assert image_files.load_images([], (8, 12), 1).shape == (0, 8, 12, 1)
    with pytest.raises(ValueError, match="channels must be 1 or 3; given 4"):
        image_files.read_image(paths[0], channels=4)


# ── shapes ────────────────────────────────────────────────────────────────────────────


def test_shapes_lie_in_their_boxes():
    images, boxes, labels = shapes.load_data(count=30, size=48, seed=3)
    again = shapes.load_data(count=10, size=48, seed=3)
    np.testing.assert_array_equal(images[:10], again[0])
    assert images.min() >= 0
    assert images.max() <= 1
    real = labels >= 0
    assert real.any(axis=1).all()
    assert set(labels[real]) == {0, 1, 2}
    assert np.all(boxes[~real] == 0)
    assert np.all((boxes[real] >= 0) & (boxes[real] <= 48))


@pytest.mark.parametrize("name", shapes.NAMES)
def test_what_is_drawn_fills_its_box_to_every_side(name):
    box = np.array([5.0, 9.0, 25.0, 29.0])
    cover = shapes._cover(name, box, 40)
    rows, columns = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (5, 9, 25, 29)
    area = {"circle": np.pi / 4, "square": 1, "triangle": 0.5}[name]
    assert cover.sum() / 400 == pytest.approx(area, abs=0.02)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 8}, {"most": 1.5}])
def test_wrong_numbers_of_shapes(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be an integer"):
        shapes.load_data(**wrong)


# ── MNIST and CIFAR-10 ────────────────────────────────────────────────────────────────


@pytest.mark.skipif(
    not (MIRROR / mnist.IMAGES.repository).is_dir(), reason="needs TLKERAS_MIRROR"
)
def test_mnist_from_the_mirror():
    images, labels = mnist.load_data()
    assert images.shape == (10000, 28, 28)
    assert images.min() == 0
    assert images.max() == 1
    assert np.bincount(labels).tolist()[:2] == [980, 1135]  # published counts


@pytest.mark.skipif(
    not (MIRROR / cifar10.REPOSITORY).is_dir(), reason="needs TLKERAS_MIRROR"
)
def test_cifar10_from_the_mirror():
    images, labels = cifar10.load_part("test", per_class=20)
    assert images.shape == (200, 32, 32, 3)
    assert np.bincount(labels).tolist() == [20] * 10
    assert 0.3 < images.mean() < 0.6


def test_what_cannot_be_had(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="split must be 'train' or 'test'"):
        mnist.load_data("valid")
    with pytest.raises(ValueError, match="split must be 'train' or 'test'"):
        cifar10.load_part("valid")
    with pytest.raises(ValueError, match="per_class must be from 1 to 100; given 101"):
        cifar10.load_part("test", per_class=101)
    monkeypatch.delenv("TLKERAS_MIRROR", raising=False)
    with pytest.raises(DataError, match="TLKERAS_MIRROR must name a folder"):
        cifar10.load_part()
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    with pytest.raises(DataError, match=r"0000.jpg is missing"):
        cifar10.load_part()


def test_a_mirror_with_other_files(monkeypatch, tmp_path):
    folder = tmp_path / cifar10.REPOSITORY / cifar10.COMMIT / "test"
    for name in cifar10.NAMES:
        (folder / name).mkdir(parents=True)
        for number in range(100):
            (folder / name / f"{number:04}.jpg").write_bytes(b"x")
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    with pytest.raises(DataError, match="damaged, or others"):
        cifar10.load_part("test")
