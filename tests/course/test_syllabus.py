import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tlkeras
from tlkeras.course import CourseError, lesson, lessons, syllabus, verify

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


@pytest.mark.parametrize("number", [0, 2, "next"])
def test_hints_have_no_numbers(tiny, number):
    """Whoever asks for the second hint is told how to get there."""
    with pytest.raises(CourseError, match=r"one after another.*this\.hint\('double'\)"):
        tiny.hint("double", number)
    with pytest.raises(CourseError, match="no exercise named 'triple'"):
        tiny.hint("triple", number)
    assert "hint 1 of" in str(tiny.hint("double"))


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
        assert (each.folder / "exercises" / "__init__.py").is_file()
        assert each.names


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


def test_one_exercise_loads_and_is_verified_without_the_others(tiny_copy):
    broken = tiny_copy.folder / "exercises" / "double.py"
    broken.write_text("this is half written")
    assert tiny_copy.exercise("row_sums").name == "row_sums"
    (report,) = verify.verify(tiny_copy, 1, only="row_sums")
    assert report.failures == {}
    with pytest.raises(SyntaxError):
        tiny_copy.exercises


def test_exercises_come_in_the_order_of_the_text(tiny_copy):
    path = tiny_copy.folder / "lesson.py"
    first, second = 'exercise="double"', 'exercise="row_sums"'
    text = path.read_text("utf-8").replace(first, "one").replace(second, first)
    path.write_text(text.replace("one", second), "utf-8")
    assert [*tiny_copy.exercises] == ["row_sums", "double"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda path: path.unlink(),
            "asks for the exercise double: write .*double",
        ),
        (
            lambda path: path.write_text(path.read_text().replace('"double",', '"x",')),
            r"double.py has the exercise 'x': say 'double'",
        ),
        (lambda path: path.write_text("CASES = ()"), r"double.py defines no EXERCISE"),
    ],
)
def test_a_file_that_is_missing_or_has_another_exercise(tiny_copy, change, said):
    change(tiny_copy.folder / "exercises" / "double.py")
    with pytest.raises(CourseError, match=said):
        tiny_copy.exercise("double")
    assert tiny_copy.exercise("row_sums").name == "row_sums"


def test_lessons_of_one_name_in_two_folders_are_two(tiny, tmp_path):
    copy = shutil.copytree(tiny.folder, tmp_path / tiny.folder.name)
    shared = copy / "exercises" / "_shared.py"
    shared.write_text(shared.read_text().replace("rng.normal", "rng.random"))
    for folder, least in ((tiny.folder, -np.inf), (copy, 0), (tiny.folder, -np.inf)):
        exercise = syllabus.load_exercises(folder)["double"]
        (x,) = exercise.cases[1].draw(0)
        assert (x.min() >= 0) == (least == 0)


def test_what_lies_beside_the_process_is_not_taken_for_a_lessons_own(tiny, tmp_path):
    for name in ("_shared", "double", "tlkeras_exercises_01_tiny"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')")
    code = (
        "from tlkeras.course import syllabus\n"
        f"print(*syllabus.load_exercises({str(tiny.folder)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["double", "row_sums"], done.stderr


def test_a_draft_is_in_no_list_and_is_found_by_its_name(tmp_path, monkeypatch):
    entry = '[[parts.lessons]]\nname = "{}"\ntitle = "T"\nminutes = 5\npoints = 1\n'
    text = '[[parts]]\ntitle = "P"\n' + entry.format("01_a")
    text += entry.format("02_b") + "draft = true\n"
    (tmp_path / "syllabus.toml").write_text(text, "utf-8")
    monkeypatch.setattr(syllabus, "home", lambda: tmp_path)
    assert [each.name for each in syllabus.lessons()] == ["01_a"]
    assert syllabus.drafts() == ["02_b"]
    assert syllabus.lesson("02_b").draft
    with pytest.raises(ValueError, match=r"01_a\.?$"):
        syllabus.lesson("03_c")
