"""Docstrings without their first line: what is a pair, and what splits share."""

import pytest

from tlkeras.datasets.text import first_lines
from tlkeras.datasets.text._copies import normalized, without_copies

REST = """
Values are added, and the sum is divided by how many there are. Values that are
missing are left out, so that their number does not matter.

Parameters
----------
x : array_like
    The values.
"""


def test_the_first_line_goes_and_the_rest_becomes_plain():
    text, line = first_lines.divided(f"Return the mean of\n`x`.\n{REST}")
    assert line == "Return the mean of x"
    assert text.split("\n")[0].startswith("Values are added, and the sum")
    assert text.split("\n")[1:] == ["Parameters", "x : array_like The values."]


@pytest.mark.parametrize(
    "docstring",
    [
        "Return the mean of `x`.",  # nothing below
        f"Mean.\n{REST}",  # too short a line
        f"mean(x, axis=None)\n{REST}",  # a signature
        f"Return the mean. It is a sum.\n{REST}",  # two sentences
        f"One\nof three\nlines here\n{REST}",
        f"Values are added, and the sum is divided\n{REST}",  # stands below again
        "Return the mean of x.\n\nSee the mean.",  # too short a text
        f"Gibt das Maß für x zurück.\n{REST}",
    ],
)
def test_what_is_no_pair(docstring):
    assert first_lines.divided(docstring) is None


@pytest.fixture(scope="module")
def splits():
    return first_lines.load_data(120)


def test_no_line_stands_in_its_text(splits):
    for row in (row for split in splits for row in split):
        assert normalized(row.line) not in normalized(row.text)


def test_splits_have_their_sizes_and_packages(splits):
    train, validation, test, new = splits
    assert len(train) > 3 * len(test) > 3 * len(validation) > 0
    assert len(new) == 40
    known = {row.package for split in splits[:3] for row in split}
    assert known == set(first_lines.PACKAGES)
    assert {row.package for row in new} == {first_lines.NEW_PACKAGE}


def test_splits_share_no_line_and_hardly_resemble_each_other(splits):
    lines = [normalized(row.line) for split in splits for row in split]
    assert len(lines) == len(set(lines))
    train, validation, *tests = (
        [" ".join(row.text.split()[: first_lines.COMPARED]) for row in split]
        for split in splits
    )
    for heads in (train, validation):
        assert without_copies(heads, [*tests[0], *tests[1]]) == list(range(len(heads)))


def test_no_beginning_is_more_than_a_fiftieth_of_a_package(splits):
    rows = [row for split in splits for row in split]
    begun = {}
    for row in rows:
        start = (row.package, *row.line.lower().split()[:2])
        begun[start] = begun.get(start, 0) + 1
    assert max(begun.values()) <= 2


def test_the_same_again_and_other_files_for_another_seed(splits):
    assert splits == first_lines.load_data(120)
    assert splits[0] != first_lines.load_data(120, seed=1)[0]


def test_says_which_package_is_missing(monkeypatch):
    monkeypatch.setattr(first_lines, "PACKAGES", ("no_such_package",))
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        first_lines.load_data(3)
