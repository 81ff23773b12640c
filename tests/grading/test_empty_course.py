"""What a submission finds as `tlkeras.course`: the same names, nothing behind."""

import ast
import inspect

from tlkeras import course
from tlkeras.grading.sandbox import empty_course


def test_a_notebooks_first_cell_works():
    assert set(course.__all__) <= set(vars(empty_course))
    lesson = empty_course.lesson("01_attention")
    outcome = lesson.check(len)
    assert outcome.passed
    assert (outcome.points, repr(outcome)) == (0, "")
    assert lesson.at_scale(1, 2, 3) == 1
    assert isinstance(empty_course.CourseError("x"), ValueError)


def test_there_are_no_lessons_and_nothing_is_imported():
    assert empty_course.lessons() == []
    assert empty_course.lesson("01_attention").exercises == {}
    tree = ast.parse(inspect.getsource(empty_course))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
