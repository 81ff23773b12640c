"""Files of boxes: read as they are meant, and refused by name when they are wrong."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlkeras.datasets import DataError, bccd, box_files, coco128
from tlkeras.datasets.box_files import load_arrays, read_voc, read_yolo

MIRROR = Path(os.environ.get("TLKERAS_MIRROR", "/nowhere"))
NAMES = ("cat", "dog")
BOX = (
    "<object><name>{name}</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin>"
    "<xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)
VOC = (
    "<annotation><filename>{file}</filename><size><width>{width}</width>"
    "<height>8</height></size>{things}</annotation>"
)


def voc_text(*boxes, name="dog", file="a.png", width=12):
    things = "".join(BOX.format(*box, name=name) for box in boxes)
    return VOC.format(file=file, width=width, things=things)


@pytest.fixture
def folder(tmp_path):
    pixels = np.zeros((8, 12, 3), "uint8")
    pixels[2:6, 3:9] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path


def voc(folder, text, **arguments):
    (folder / "a.xml").write_text(text, "utf-8")
    return read_voc(folder / "a.xml", NAMES, folder, **arguments)


def yolo(folder, text, **arguments):
    (folder / "a.txt").write_text(text, "utf-8")
    return read_yolo(folder / "a.txt", NAMES, folder / "a.png", **arguments)


def test_both_formats_say_the_same(folder):
    """White pixels in columns 3 to 8 and rows 2 to 5, counted from 0."""
    first = voc(folder, voc_text((4, 3, 9, 6)))
    second = yolo(folder, "1 0.5 0.5 0.5 0.5\n")
    for found in (first, second):
        assert found.path == folder / "a.png"
        assert found.size == (8, 12)
        assert found.classes.tolist() == [1]
        assert found.boxes.dtype == np.float32
        np.testing.assert_allclose(found.boxes, [[3, 2, 9, 6]])


def test_a_picture_without_things(folder):
    for found in (voc(folder, voc_text()), yolo(folder, "\n")):
        assert found.boxes.shape == (0, 4)
        assert found.classes.shape == (0,)


def test_arrays_of_one_size(folder):
    found = [yolo(folder, "1 0.5 0.5 0.5 0.5\n0 0.5 0.5 1 1"), yolo(folder, "")]
    images, boxes, labels = load_arrays(found, (16, 6))
    assert images.shape == (2, 16, 6, 3)
    np.testing.assert_allclose(boxes[0], [[1.5, 4, 4.5, 12], [0, 0, 6, 16]])
    np.testing.assert_array_equal(boxes[1], 0)
    assert labels.tolist() == [[1, 0], [-1, -1]]
    images, boxes, labels = load_arrays([], (16, 6))
    assert (images.shape, boxes.shape) == ((0, 16, 6, 3), (0, 0, 4))


def test_a_picture_that_ends_too_early_is_named(folder):
    found = yolo(folder, "1 0.5 0.5 0.5 0.5")
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.png"):
        load_arrays([found], (8, 12))
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png is no picture, or damaged"):
        yolo(folder, "1 0.5 0.5 0.5 0.5")


def test_edges_are_inside_and_rounding_is_cut_off(folder):
    found = voc(folder, voc_text((1, 1, 12, 8)))
    np.testing.assert_array_equal(found.boxes, [[0, 0, 12, 8]])
    found = yolo(folder, "0 0.500001 0.5 1.000004 1.0")
    np.testing.assert_array_equal(found.boxes, [[0, 0, 12, 8]])


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (voc, voc_text((4, 3, 13, 6)), "box 1 reaches outside of .* 8 × 12"),
        (voc, voc_text((0, 3, 9, 6)), "box 1 reaches outside of"),
        (voc, voc_text((1, 1, 2, 2), (4, 3, 4, 6)), "box 2 has no area"),
        (yolo, "0 0.9 0.5 0.4 0.5", "box 1 reaches outside of"),
        (yolo, "0 0.5 0.5 0 0.5", "box 1 has no area"),
        (yolo, "0 0.5 0.5 -0.2 0.5", "box 1 has no area"),
    ],
)
def test_wrong_boxes_are_refused_or_mended(folder, read, text, message):
    with pytest.raises(DataError, match=message):
        read(folder, text)
    found = read(folder, text, mend=True)
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [12, 8, 12, 8]).all()
    assert len(found.boxes) == len(found.classes)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + voc_text(
    (4, 3, 9, 6), name="&b;"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "without a document type"),
        ("<annotation>", "a.xml is damaged: no element found"),
        ("<x/>", "must hold an <annotation>; it holds a <x>"),
        (voc_text((4, 3, 9, 6), name="cow"), "one of cat, dog; it is 'cow'"),
        (voc_text(("x", 3, 9, 6)), "bndbox/xmin must be a number; it is 'x'"),
        (voc_text(("nan", 3, 9, 6)), "bndbox/xmin must be a number"),
        (voc_text(file="../a.png"), "filename must be the name of a file"),
        (voc_text(file="b.png"), "b.png is not there"),
        (voc_text(file="a.xml"), "a.xml is no picture, or damaged"),
        (voc_text(width=13), "picture of 8 × 13, and .*a.png has 8 × 12 pixels"),
        (voc_text().replace("<width>12</width>", ""), "lacks <size/width>"),
    ],
)
def test_files_of_voc_that_are_wrong(folder, text, message):
    with pytest.raises(DataError, match=message):
        voc(folder, text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", "line 2: the class must be .* 0 to 1; given '2'"),
        ("-1 0.5 0.5 0.1 0.1", "the class must be an integer from 0 to 1"),
        ("0.5 0.5 0.5 0.1 0.1", "the class must be an integer"),
        ("0 0.5 0.5 0.1", "a.txt, line 2, must be class x y width height; it is"),
        ("0 0.5 0.5 0.1 x", "line 2, must be class x y width height"),
        ("0 0.5 0.5 0.1 inf", "line 2, must be class x y width height"),
        ("cat 0.5 0.5 0.1 0.1", "line 2, must be class x y width height"),
    ],
)
def test_lines_of_yolo_that_are_wrong(folder, line, message):
    with pytest.raises(DataError, match=message):
        yolo(folder, f"0 0.5 0.5 0.1 0.1\n{line}\n")


def test_files_that_are_none(folder, monkeypatch):
    with pytest.raises(DataError, match=r"none.xml is not there"):
        read_voc(folder / "none.xml", NAMES, folder)
    (folder / "a.xml").write_bytes(voc_text().encode("utf-16"))
    with pytest.raises(DataError, match=r"a.xml must be text in UTF-8"):
        read_voc(folder / "a.xml", NAMES, folder)
    monkeypatch.setattr(box_files, "LARGEST", 10)
    with pytest.raises(DataError, match="too large"):
        voc(folder, voc_text())


def test_a_picture_turned_by_its_camera(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("RGB", (12, 8)).save(folder / "a.jpg", exif=exif)
    assert box_files.picture_size(folder / "a.jpg") == (12, 8)


def test_without_a_mirror(monkeypatch, tmp_path):
    monkeypatch.delenv("TLKERAS_MIRROR", raising=False)
    with pytest.raises(DataError, match="TLKERAS_MIRROR must name a folder"):
        bccd.load_data()
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    with pytest.raises(DataError, match="missing from the mirror"):
        coco128.load_data()
    with pytest.raises(ValueError, match="split must be one of train, val, test"):
        bccd.load_data("all")


@pytest.mark.skipif(not (MIRROR / bccd.REPOSITORY).is_dir(), reason="no mirror")
def test_blood_cells():
    splits = {name: bccd.load_data(name) for name in ("train", "val", "test")}
    assert {name: len(found) for name, found in splits.items()} == {
        "train": 205,
        "val": 87,
        "test": 72,
    }
    classes = np.concatenate([x.classes for found in splits.values() for x in found])
    assert np.bincount(classes).tolist() == [4153, 372, 361]  # 2 red ones had no area


@pytest.mark.skipif(not (MIRROR / coco128.REPOSITORY).is_dir(), reason="no mirror")
def test_photographs():
    found = coco128.load_data()
    assert len(found) == 128
    assert sum(len(picture.boxes) for picture in found) == 898
    assert len(coco128.NAMES) == 80


@pytest.mark.skipif(not (MIRROR / bccd.REPOSITORY).is_dir(), reason="no mirror")
def test_another_file_in_the_mirror(tmp_path, monkeypatch):
    folder = tmp_path / bccd.REPOSITORY / bccd.COMMIT / "BCCD"
    theirs = MIRROR / bccd.REPOSITORY / bccd.COMMIT / "BCCD"
    (folder / "ImageSets/Main").mkdir(parents=True)
    (folder / "Annotations").mkdir()
    listed = "ImageSets/Main/test.txt"
    (folder / listed).write_bytes((theirs / listed).read_bytes())
    for path in (theirs / "Annotations").iterdir():
        (folder / "Annotations" / path.name).write_bytes(path.read_bytes() + b" ")
    monkeypatch.setenv("TLKERAS_MIRROR", str(tmp_path))
    with pytest.raises(DataError, match="are damaged, or others"):
        bccd.load_data("test")
