"""A learner runs cells in any order: what a cell gives must not depend on it."""

import ast
import builtins
import json

import pytest

from tlkeras.course import build, lessons, metrics
from tlkeras.grading.notebooks.source import defined, parse, python, used


def cells(lesson):
    """The text of each code cell of the solved notebook, in order."""
    document = json.loads(build.build(lesson, solved=True))
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    return [python("".join(cell["source"])) for cell in code]


def needs_and_gives(text):
    """Names that a cell takes from other cells, and names that it defines."""
    needs, gives = set(), set()
    for statement in parse(text).body:
        own = set() if isinstance(statement, SIMPLE) else defined(statement)
        needs |= used(statement) - gives - own - inner(statement)
        gives |= defined(statement) - inner(statement)
    return needs, gives


SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Assert)


def inner(statement):
    """The variables of the comprehensions in a statement."""
    loops = (n for n in ast.walk(statement) if isinstance(n, ast.comprehension))
    return {
        name.id
        for loop in loops
        for name in ast.walk(loop.target)
        if isinstance(name, ast.Name)
    }


def generators(text):
    """Names of random generators that a cell makes: they change as they are used."""
    for statement in parse(text).body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(value, ast.Call) and "default_rng" in ast.unparse(value.func):
            yield from defined(statement)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_what_a_cell_needs_has_one_source_and_no_hidden_state(lesson):
    texts = cells(lesson)
    found = [needs_and_gives(text) for text in texts]
    makers = {name for text in texts for name in generators(text)}
    problems = []
    for number, (needs, _) in enumerate(found):
        for name in sorted(needs):
            sources = [n for n, (_, gives) in enumerate(found) if name in gives]
            imported = all(f"import {name}" in texts[n] for n in sources)
            if len(sources) > 1 and not imported:
                problems.append(f"cell {number} needs {name}, defined in {sources}")
            if name in makers and sources != [number]:
                problems.append(f"cell {number} uses the random state of {name}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_every_name_that_a_cell_or_a_figure_needs_is_defined(lesson):
    found = [needs_and_gives(text) for text in cells(lesson)]
    known = set().union(*(gives for _, gives in found), dir(builtins), {"display"})
    for number, (needs, _) in enumerate(found):
        assert needs <= known, f"cell {number}: {needs - known}"
    for figure in metrics.bands(lesson):
        needs, _ = needs_and_gives(figure)
        assert needs <= known, f"{figure}: {needs - known}"


def calls(text, name):
    """The calls `this.<name>(…)` of a cell."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"this.{name}":
            yield node


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_each_prediction_is_revealed_later_and_can_come_true(lesson):
    asked, revealed = {}, {}
    for number, text in enumerate(cells(lesson)):
        for call in calls(text, "predict"):
            name, _, *rest = call.args
            assert name.value not in asked, f"{name.value} is asked twice"
            choices = ast.literal_eval(rest[0]) if rest else None
            asked[name.value] = number, choices
        for call in calls(text, "reveal"):
            name, result = call.args[:2]
            assert name.value not in revealed, f"{name.value} is revealed twice"
            revealed[name.value] = number
            before, choices = asked[name.value]
            assert before < number
            if isinstance(result, ast.Constant) and isinstance(result.value, str):
                assert result.value in choices, f"{name.value}: {result.value!r}"
            within = any(keyword.arg == "within" for keyword in call.keywords)
            assert within == (choices is None), name.value
    assert revealed.keys() == asked.keys()
