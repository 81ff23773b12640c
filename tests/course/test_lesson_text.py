"""A lesson's text is read in one place."""

import pytest

from tlkeras.course import lesson_text, lessons
from tlkeras.course.sentences import lesson_failures

TEXT = """# %% [markdown]
# # Title
# Prose, and `# code`.
# ## Part

# %%
# # not a heading
import numpy as np

# %% name="sums" tags=["check"]
def f(x):
    # BEGIN SOLUTION
    return x
    # END SOLUTION

# %% tags=["experiment"]
print(f(1))
"""


def test_cells_know_what_they_are():
    cells = lesson_text.cells(TEXT)
    kinds = [(c.is_code, c.is_experiment, c.has_solution) for c in cells]
    assert kinds == [
        (False, False, False),
        (True, False, False),
        (True, False, True),
        (True, True, False),
    ]
    assert cells[2].header == ' name="sums" tags=["check"]'
    assert cells[3].source.strip() == "print(f(1))"


def test_headings_are_those_of_the_prose():
    assert lesson_text.headings(TEXT) == ["Title", "Part"]


@pytest.mark.parametrize(
    ("solved", "body"),
    [
        (True, "    return x"),
        (False, "    # YOUR CODE HERE\n    raise NotImplementedError"),
    ],
)
def test_a_solution_is_there_or_a_stub_is(solved, body):
    text = lesson_text.replace_solutions(TEXT.splitlines(), solved)
    assert f"def f(x):\n{body}\n\n# %%" in text
    assert "SOLUTION" not in text


@pytest.mark.parametrize(
    ("old", "new", "number", "problem"),
    [
        ("# END SOLUTION", "pass", 16, "begins inside the solution of line 12"),
        ("# BEGIN", "# Begin", 12, "write exactly"),
        ("sums", "the sums", 10, "no cell name"),
        ("    return x\n", "", 13, "line 12 is empty"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old, new, number, problem):
    assert list(lesson_text.problems(TEXT.splitlines())) == []
    lines = TEXT.replace(old, new, 1).splitlines()
    first, *_ = lesson_text.problems(lines)
    assert first[0] == number
    assert problem in first[1]


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_a_lesson_its_exercises_and_the_syllabus_agree(lesson):
    assert list(lesson_failures(lesson)) == []
