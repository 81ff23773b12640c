"""BCCD: 364 pictures of blood under a microscope, a box around each cell.

Red cells are many and overlap, white ones and platelets are few. The pictures have 640
× 480 pixels. Two boxes have no area, and are left out.

Reference:
    The BCCD Dataset, github.com/Shenggan/BCCD_Dataset, MIT licence.
"""

from tlkeras.datasets.images._box_mirror import check_files, mirrored
from tlkeras.datasets.images.box_files import Picture, read_voc

NAMES = ("RBC", "WBC", "Platelets")
REPOSITORY = "Shenggan/BCCD_Dataset"
COMMIT = "d272fb14cdff6e473fafeeeba32aba5f560e9e43"
# Of the list of a split and its XML files, one after another.
SHA256 = {
    "train": "5ce56334f2f4870f2511ac0b1d76b9d7899481e2f8a29287362ca1d609498720",
    "val": "caf3c3ca7caceea4202d70c52f8d3c3eacc5d4bfc63ef9e13d99a1334ed83343",
    "test": "eaf4081eabded1c3668c0acc702435def96f0e468e74f039063eb6186f2767bb",
}


def load_data(split: str = "train") -> list[Picture]:
    """The pictures of a split with their boxes, from the mirror.

    Args:
        split: `"train"` (205), `"val"` (87) or `"test"` (72). Defaults to `"train"`.

    Returns:
        A list of `Picture`; `tlkeras.datasets.box_files.load_arrays` makes arrays of
        them.

    Raises:
        ValueError: there is no such split.
        DataError: there is no mirror, a file is missing, or one is another file.
    """
    if split not in SHA256:
        raise ValueError(f"split must be one of {', '.join(SHA256)}; given {split!r}.")
    folder = mirrored(REPOSITORY, COMMIT) / "BCCD"
    listed = folder / "ImageSets" / "Main" / f"{split}.txt"
    names = listed.read_text("utf-8").split() if listed.is_file() else []
    paths = [folder / "Annotations" / f"{name}.xml" for name in names]
    check_files([listed, *paths], SHA256[split], folder)
    return [read_voc(path, NAMES, folder / "JPEGImages", mend=True) for path in paths]
