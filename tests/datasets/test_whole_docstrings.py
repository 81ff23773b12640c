"""Docstrings as plain text: what stays, what goes, and what splits share."""

import pytest

from tlkeras.datasets import whole_docstrings
from tlkeras.datasets.text._copies import normalized

DOCSTRING = """Return the *mean* of ``x`` over
an axis.

.. versionadded:: 1.2

Parameters
----------
x : array_like
    Numbers, see :class:`~numpy.ndarray`.
axis : int, optional
    Where to go.

Returns
-------
float

Examples
--------
>>> mean([1, 2])
1.5

Notes
-----
The mean is a sum, divided.

>>> mean([])
nan

+---+---+
| a | b |
+---+---+
"""


def test_prose_parameters_and_headings_stay():
    assert whole_docstrings.plain(DOCSTRING).split("\n") == [
        "Return the mean of x over an axis.",
        "Parameters",
        "x : array_like Numbers, see numpy.ndarray.",
        "axis : int, optional Where to go.",
        "Returns",
        "float",
        "Notes",
        "The mean is a sum, divided.",
    ]


@pytest.mark.parametrize("text", ["", ">>> f(1)\n1", "x = {1: 2}", "Ein Maß für x."])
def test_code_and_other_letters_go(text):
    assert whole_docstrings.plain(text) == ""


def test_splits_share_no_text_and_can_be_had_again():
    splits = whole_docstrings.load_data("sklearn")
    keys = [{normalized(text) for text in split} for split in splits]
    assert all(len(k) == len(s) > 100 for k, s in zip(keys, splits, strict=True))
    assert not keys[0] & keys[1]
    assert not (keys[0] | keys[1]) & keys[2]
    assert splits == whole_docstrings.load_data("sklearn")
    assert splits[0] != whole_docstrings.load_data("sklearn", seed=1)[0]


def test_says_which_package_is_missing():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        whole_docstrings.load_data("no_such_package")
