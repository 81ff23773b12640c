"""Questions about parameters: where answers stand, and what splits share."""

import pytest

from tlkeras.datasets import parameter_questions as data
from tlkeras.datasets.text._copies import normalized

DOCSTRING = """Minimise a function.

Parameters
----------
fun : callable
    The *function* to be minimised, see :func:`~scipy.optimize.minimize`.
tol : float, optional
    Tolerance for termination of the search. Its default is ``1e-3``.
method : {'a', 'b'}, default='a'
    How it is to be done, in one word.

    More about it.
maxiter : int or None, by default None
    How many steps there are, at most, in all.
short : int
    Too short.

Returns
-------
x : float
    Where the smallest value of the function is.
"""


def test_entries_of_a_docstring():
    found = list(data.entries(DOCSTRING))
    assert [one.name for one in found] == ["fun", "tol", "method", "maxiter"]
    assert [one.kind for one in found][:3] == ["callable", "float", "{'a', 'b'}"]
    assert found[0].line == (
        "fun : callable. The function to be minimised, see scipy.optimize.minimize."
    )


@pytest.mark.parametrize(
    ("head", "text", "default"),
    [
        ("float, default=0.5", "The rate of learning, as usual.", "0.5"),
        ("float, default: 0.5", "The rate of learning, as usual.", "0.5"),
        ("str", "The kind of norm. The default is 'l2'.", "'l2'"),
        ("bool", "Whether to copy the data first. Default to False.", "False"),
        ("int", "How many are drawn (10 by default) at once.", "10"),
        ("int", "How many are drawn at once, in all.", None),
    ],
)
def test_a_default_is_found_where_it_stands(head, text, default):
    one = data.entry("x", head, text)
    if default is None:
        assert one.default is None
    else:
        assert one.line[slice(*one.default)] == default


@pytest.mark.parametrize(
    "text",
    [
        "Default is None, but the default of the other is 3.",  # two
        "The default is whatever was said before that.",  # no value
        "Too short.",
        "no capital letter at the beginning of it.",
        "Maß für alle Dinge, die es so gibt.",
    ],
)
def test_what_is_unclear_is_left_out(text):
    assert data.entry("x", "int", text) is None


def test_answers_stand_where_they_are_said_to_be():
    for split in data.load_data():
        assert len(split) > 200
        assert len({question.id for question in split}) == len(split)
        for question in split:
            assert data.kind(question) in data.KINDS
            assert len(question.passage.split("\n")) == data.ENTRIES
            for text, start in question.answers:
                assert question.passage.startswith(text, start)


def test_the_name_is_not_in_the_description_that_asks_for_it():
    asked = [q for q in data.load_data()[0] if data.kind(q) == "which" and q.answers]
    assert len(asked) > 100
    for question in asked:
        assert f" {question.answers[0].text} " not in f" {question.text} "


def test_splits_share_no_passage_and_can_be_had_again():
    splits = data.load_data()
    keys = [{normalized(q.passage) for q in split} for split in splits]
    assert not keys[0] & keys[1]
    assert not (keys[0] | keys[1]) & keys[2]
    assert splits == data.load_data()
    assert splits[0] != data.load_data(seed=1)[0]


def test_another_package_has_passages_of_its_own():
    home = {q.passage for split in data.load_data() for q in split}
    away = {q.passage for split in data.load_data(("matplotlib",)) for q in split}
    assert len(away) > 50
    assert not home & away


def test_some_questions_have_no_answer():
    for split in data.load_data():
        silent = [not q.answers for q in split if data.kind(q) != "type"]
        assert 0.1 < sum(silent) / len(silent) < 0.4


def test_says_what_is_wrong():
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        data.load_data(("no_such_package",))
    with pytest.raises(ValueError, match="packages"):
        data.load_data("numpy")
