"""What counts as a text, as several, and as none."""

import numpy as np
import pytest

from tlkeras.pipelines.texts import texts_of, two_of


@pytest.mark.parametrize(
    ("given", "expected", "one"),
    [
        ("a", ["a"], True),
        ("", [""], True),
        (np.str_("a"), ["a"], True),
        (["a", "b"], ["a", "b"], False),
        (("a",), ["a"], False),
        (np.array(["a", "b"]), ["a", "b"], False),
        ((x for x in "ab"), ["a", "b"], False),
        ([], [], False),
        (iter(()), [], False),
        ({"a": 1}.keys(), ["a"], False),
        ("😀é", ["😀é"], True),
    ],
)
def test_one_text_or_any_iterable_of_them(given, expected, one):
    assert texts_of("texts", given) == (expected, one)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"a", r"texts must be .*bytes.*decode"),
        ([b"a"], r"texts\[0\] must be .*bytes.*decode"),
        (None, r"texts must be .*None.*missing"),
        (["a", None], r"texts\[1\] .*None.*missing"),
        (["a", "b", float("nan")], r"texts\[2\] .*float.*missing"),
        (7, r"texts must be .*int.*str\("),
        ([["a"]], r"texts\[0\] .*list.*str\("),
        ({"a": "b"}, r"texts must be .*dict.*list"),
        ({"a", "b"}, r"texts must be .*set.*no order"),
        (np.array(3), r"texts must be .*ndarray"),
        (["a", "\ud83d"], r"texts\[1\] must be Unicode.*character 0.*encoding"),
    ],
)
def test_all_else_is_refused_and_says_what_to_do(given, says):
    with pytest.raises(ValueError, match=says):
        texts_of("texts", given)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a", "b", (["a"], ["b"], True)),
        (["a"], ["b"], (["a"], ["b"], False)),
        (["a", "c"], "b", (["a", "c"], ["b", "b"], False)),
        ("a", ["b", "d"], (["a", "a"], ["b", "d"], False)),
        ([], "b", ([], [], False)),
    ],
)
def test_one_text_goes_with_several(first, second, expected):
    assert two_of(("x", "y"), first, second) == expected


def test_two_lists_of_different_length():
    with pytest.raises(ValueError, match="y must be one text, or as many as x, 2; giv"):
        two_of(("x", "y"), ["a", "b"], ["c"])
