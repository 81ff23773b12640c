"""What grading knows of a lesson's own cells, and the command."""

import builtins
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from tlkeras import cli
from tlkeras.course import anywhere, build, grade, lesson_text, lessons, material
from tlkeras.grading.notebooks import notebook, source
from tlkeras.grading.submissions import batch

run = CliRunner().invoke


def test_a_lessons_cells_are_those_of_its_notebook():
    for lesson in lessons():
        cells = notebook.parse(build.build(lesson)).code
        cells = [c for c in cells if lesson_text.STUB[0] not in c.source]
        cells = [c for c in cells if anywhere.TAG not in c.tags]  # not the lesson's
        given, experiments = material.material(lesson.folder)
        for found, tagged in ((given, False), (experiments, True)):
            wanted = [c.source for c in cells if ("experiment" in c.tags) == tagged]
            assert list(map(source.bare, found)) == list(map(source.bare, wanted))


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_no_answer_needs_a_name_that_only_an_experiment_defines(lesson):
    cells = notebook.parse(build.build(lesson, solved=True)).code
    texts = {number: cell.source for number, cell in enumerate(cells)}
    steps = source.steps(texts, *material.material(lesson.folder))
    known = set(dir(builtins)).union(*(step.defines for step in steps))
    assert not {
        step.text: step.mentions - known for step in steps if step.mentions - known
    }


@pytest.mark.slow
def test_every_solved_notebook_gets_all_points(tmp_path):
    (tmp_path / "class").mkdir()
    for lesson in lessons():
        path = tmp_path / "class" / f"{lesson.name}.ipynb"
        path.write_text(build.build(lesson, solved=True), "utf-8")
    arguments = [sys.executable, "-m", "tlkeras", "grade", tmp_path / "class"]
    run_it = [*arguments, "--out", tmp_path / "out"]
    done = subprocess.run(run_it, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for lesson in lessons():
        text = (tmp_path / "out/submissions" / lesson.name / "result.json").read_text()
        assert json.loads(text)["points"] == lesson.points, text


def test_a_class_from_the_command_line(tiny, solved, tmp_path, monkeypatch):
    # Another process would not know of the tiny course.
    monkeypatch.setattr(batch, "_pool", ThreadPoolExecutor)
    monkeypatch.setattr(grade, "home", lambda: tiny.folder.parent)
    (tmp_path / "class").mkdir()
    solved.rename(tmp_path / "class" / solved.name)
    (tmp_path / "class" / "broken.ipynb").write_text("{")
    places = [str(tmp_path / "class"), "--out", str(tmp_path / "out")]
    arguments = ["grade", *places, "--seed", "4"]
    first = run(cli.app, arguments)
    assert first.exit_code == 1, first.output
    assert "3 of 3" in first.output
    assert "is damaged" in first.output
    path = tmp_path / "out" / "submissions" / "01_tiny" / "result.json"
    before = path.read_bytes()
    assert json.loads(before)["graded"]["seed"] == 4
    again = run(cli.app, arguments)
    assert "2 of them were graded before" in again.output.replace("\n", " ")
    assert path.read_bytes() == before


def test_what_cannot_be_graded_at_all_is_one_line(tmp_path):
    result = run(cli.app, ["grade", str(tmp_path / "no"), "--out", str(tmp_path)])
    assert result.exit_code
    assert "does not exist" in str(result.exception)
