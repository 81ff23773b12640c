import json

import pytest

from tlkeras.grading.notebooks.notebook import NotebookError, parse, read

CELL = {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {}}


def document(**changes):
    return json.dumps({"cells": [CELL], "metadata": {}, "nbformat": 4} | changes)


def test_sources_come_as_lines_or_as_one_string():
    whole = CELL | {"source": "a = 1\nb = 2"}
    cells = parse(document(cells=[CELL, whole])).cells
    assert [cell.source for cell in cells] == ["a = 1\nb = 2"] * 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_unicode_encoding_is_read(encoding):
    content = document(cells=[CELL | {"source": "é = 1"}]).encode(encoding)
    assert parse(content).cells[0].source == "é = 1"


def test_format_3_keeps_cells_on_worksheets():
    old = {"cell_type": "code", "input": "a = 1", "outputs": []}
    content = json.dumps({"worksheets": [{"cells": [old]}, {}], "nbformat": 3})
    assert [cell.source for cell in parse(content).code] == ["a = 1"]


@pytest.mark.parametrize("metadata", [None, [], "x", {"tlkeras": 3}])
def test_metadata_may_be_missing_or_nonsense(metadata):
    assert parse(document(metadata=metadata)).metadata == {}


def test_metadata_tags_and_outputs_are_read():
    cell = CELL | {"metadata": {"tags": ["experiment"]}, "outputs": [{}]}
    found = parse(document(cells=[cell], metadata={"tlkeras": {"lesson": "01_tiny"}}))
    assert found.metadata == {"lesson": "01_tiny"}
    assert found.cells[0].tags == {"experiment"}
    assert found.cells[0].has_outputs


def test_cells_that_are_no_cells_are_left_out():
    cells = [3, None, {"source": None}, {"metadata": {"tags": "x"}}, CELL]
    assert [cell.source for cell in parse(document(cells=cells)).code][2:] == [
        "a = 1\nb = 2"
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b'{"cells": [\n<<<<<<< HEAD', r"\(line 2\)"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "holds no cells"),
        (b'{"cells": 3}', "holds no cells"),
    ],
)
def test_what_is_no_notebook_is_an_error_of_one_line(content, words, tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError, match=words) as error:
        read(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing.ipynb", "."])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, name):
    with pytest.raises(NotebookError, match="cannot be read"):
        read(tmp_path / name)
