import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tlkeras
from tlkeras.course import lesson, lessons

PACKAGE = Path(tlkeras.__file__).parent


def test_check_takes_the_exercise_from_the_name_of_the_function(tiny):
    def double(x):
        return x + x

    outcome = tiny.check(double)
    assert (outcome.exercise, outcome.passed, outcome.points) == ("double", True, 1)


def test_check_takes_a_name_for_anything_else(tiny):
    assert tiny.check(lambda x: np.sum(x, axis=1), name="row_sums").passed


@pytest.mark.parametrize("answer", [lambda x: x, np.ones(3), None])
def test_check_of_an_unknown_name_says_what_to_do(tiny, answer):
    with pytest.raises(
        ValueError, match=r"double, row_sums.*check\(f, name=\"double\"\)"
    ):
        tiny.check(answer)


def test_each_failure_shows_the_next_hint_of_that_exercise(tiny):
    def double(x):
        return x

    first, second, third = (tiny.check(double).message for _ in range(3))
    assert "Hint 1 of 2" in first
    assert "Hint 2 of 2" in second
    assert "Hint 2 of 2" in third
    assert "Hint 1 of 1" in tiny.check(lambda x: x, name="row_sums").message


def test_a_blank_shows_no_hint_and_counts_as_no_failure(tiny):
    def double(x):
        raise NotImplementedError

    assert tiny.check(double).state == "not attempted"
    assert "Hint 1 of 2" in tiny.check(lambda x: x, name="double").message


def test_the_same_lesson_is_the_same_object(tiny):
    assert lesson("01_tiny") is lesson("01_tiny") is tiny


def test_an_unknown_lesson_names_those_that_exist(tiny):
    with pytest.raises(ValueError, match=r"'02_huge'.*01_tiny"):
        lesson("02_huge")


def test_the_course_lists_only_lessons_that_exist():
    for each in lessons():
        assert (each.folder / "lesson.py").is_file()
        assert (each.folder / "exercises.py").is_file()


def run_in(folder, code):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("lessons_at", "found_at"),
    [("tlkeras/course/lessons", "tlkeras/course/lessons"), ("course", "course")],
)
def test_lessons_are_found_in_a_wheel_and_in_a_checkout(tmp_path, lessons_at, found_at):
    shutil.copytree(PACKAGE, tmp_path / "tlkeras")
    shutil.copytree(Path(__file__).parent / "tiny", tmp_path / lessons_at)
    code = (
        "from tlkeras.course import lesson, syllabus\n"
        "assert lesson('01_tiny').check(lambda x: x + x, name='double').passed\n"
        "print(syllabus.home())"
    )
    assert run_in(tmp_path, code) == str(tmp_path / found_at)


def test_a_first_check_loads_numpy_and_no_heavier_library():
    code = (
        "import sys\n"
        "from tlkeras.course import lessons\n"
        "exercise = next(iter(lessons()[0].exercises.values()))\n"
        "outcome = lessons()[0].check(lambda *x: None, name=exercise.name)\n"
        "assert outcome.state == 'wrong', outcome\n"
        "heavy = {'keras', 'tensorflow', 'jupytext', 'matplotlib', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run_in(PACKAGE.parent, code) == "[]"
