"""Everything that is shipped has a named source and licence, in one table."""

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (DATA / "LICENSES.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]
PATTERNS = [(pattern, row) for row in ROWS for pattern in re.findall("`(.+?)`", row[0])]
# Whoever adds another one has read it, and says here that it may be shipped.
ALLOWED = {
    "Apache-2.0",
    "BSD-3-Clause",
    "CC-BY-4.0",
    "LicenseRef-no-rights-claimed",
    "MIT",
    "Unicode-3.0",
}
SHIPPED = sorted(
    path.relative_to(DATA).as_posix()
    for path in DATA.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_file_is_in_one_row(name):
    depth = name.count("/")
    found = [p for p, _ in PATTERNS if p.count("/") == depth and fnmatchcase(name, p)]
    assert len(found) == 1, found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_has_a_source_and_known_licences_and_files(row):
    _, what, source, licence = row
    assert what
    assert source
    assert set(licence.split(" AND ")) <= ALLOWED
    for pattern in re.findall("`(.+?)`", row[0]):
        assert list(DATA.glob(pattern)), pattern


def test_what_is_checked_when_read_is_there():
    lines = (DATA / "SHA256SUMS").read_text("ascii").splitlines()
    assert {line.split("  ")[1] for line in lines} <= set(SHIPPED)


def test_texts_of_licences_that_ask_for_it_are_shipped():
    for name, words in (
        ("LICENSE", "Apache License"),
        ("data/stickers/LICENSES.md", "Copyright (c) Microsoft Corporation"),
        ("data/emoji/LICENSES.md", "Taehoon Kim"),
        ("data/emoji/LICENSES.md", "Unicode License V3"),
    ):
        assert words in (ROOT / name).read_text("utf-8")


def test_each_folder_says_how_it_was_made():
    folders = [path for path in DATA.iterdir() if path.is_dir()]
    assert folders
    assert [f.name for f in folders if not (f / "README.md").is_file()] == []


def test_the_licences_of_the_package_are_in_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert all((ROOT / name).is_file() for name in project["license-files"])
