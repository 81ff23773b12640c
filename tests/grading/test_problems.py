"""Every problem has its sentences, and every such sentence its problem."""

import ast
import string
from pathlib import Path

import pytest

from tlkeras.grading import Messages
from tlkeras.grading.judge import problems
from tlkeras.grading.judge.problems import PROBLEMS, Problem

JUDGE = Path(problems.__file__).parent
MESSAGES = Messages()
EXCEPTION = {"raised"}  # `returned.raised` tells of an exception


def fields(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("name", PROBLEMS)
def test_its_sentences_are_filled_in_by_its_fields_and_need_them_all(name):
    expected = MESSAGES.get("expected", name)
    assert isinstance(expected, str), f"no sentence expected.{name}"
    returned = MESSAGES.get("returned", name) or ""
    assert fields(expected) | fields(returned) == PROBLEMS[name]


def test_every_sentence_about_a_problem_has_one():
    assert MESSAGES.get("expected").keys() == PROBLEMS.keys()
    assert MESSAGES.get("returned").keys() - EXCEPTION <= PROBLEMS.keys()


def test_the_ids_that_the_judge_makes_are_those_of_the_table():
    made = set()
    for path in JUDGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                made |= (
                    {node.value} & PROBLEMS.keys()
                    if path.name != "problems.py"
                    else set()
                )
    built = {name for name in PROBLEMS if name.startswith("gave-")}  # f"gave-{kind}"
    assert made | built == PROBLEMS.keys()


def test_a_problem_of_another_name_or_without_its_values_is_refused():
    with pytest.raises(ValueError, match="no problem is called 'odd'"):
        Problem("odd", {})
    with pytest.raises(ValueError, match="not-boolean lacks given"):
        Problem("not-boolean", {})
