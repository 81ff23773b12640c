import re

import pytest

from tlkeras.course import lessons, progress, solutions
from tlkeras.grading import Outcome, State


@pytest.fixture
def started(tmp_path, monkeypatch):
    (tmp_path / ".tlkeras").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_before_passing_it_says_what_a_solution_costs(tiny, started):
    shown = str(tiny.solution("double"))
    assert "give_up=True" in shown
    assert "none of its" in shown
    assert "return" not in shown
    assert progress.kept(started)["solutions"] == {}


def test_giving_up_shows_it_again_and_again_and_counts_no_points(tiny, started):
    for give_up in (True, False):
        assert "def double(x):" in str(tiny.solution("double", give_up=give_up))
    outcome = tiny.check(lambda x: x + x, name="double")
    assert outcome.passed
    assert "No points" in str(outcome)
    assert "of 1 points" not in str(outcome)
    assert progress.points(started, tiny) == 0
    assert progress.read(started)["01_tiny"]["double"]["state"] == State.PASSED.value
    assert "double" not in progress.waiting(started, tiny)


def test_giving_up_gives_up_the_points_for_a_part_too(tiny, started):
    tiny.check(lambda x: 2 * x if len(x) == 2 else x, name="double")
    assert 0 < progress.points(started, tiny) < tiny.exercise("double").points
    tiny.solution("double", give_up=True)
    assert progress.points(started, tiny) == 0
    tiny.check(lambda x: x + x, name="double")
    assert progress.points(started, tiny) == 0
    assert progress.read(started)["01_tiny"]["double"]["state"] == State.PASSED.value


def test_after_passing_it_costs_nothing(tiny, started):
    tiny.check(lambda x: x + x, name="double")
    assert "def double(x):" in str(tiny.solution("double"))
    assert progress.kept(started)["solutions"] == {}
    assert progress.points(started, tiny) == tiny.exercise("double").points


def test_giving_up_costs_what_a_wrong_answer_had_earned_too(tiny, started):
    outcome = Outcome("row_sums", State.WRONG, 1.5, 2.0, "not yet")
    progress.record(tiny.name, outcome)
    assert progress.points(started, tiny) == 1.5
    tiny.solution("row_sums", give_up=True)
    assert progress.points(started, tiny) == 0


def test_points_earned_before_giving_up_stay(tiny, started):
    tiny.check(lambda x: x + x, name="double")
    tiny.solution("double", give_up=True)
    tiny.check(lambda x: x + x, name="double")
    assert progress.points(started, tiny) == tiny.exercise("double").points


def test_an_unknown_exercise_is_named(tiny, started):
    with pytest.raises(ValueError, match="has no exercise named 'triple'"):
        tiny.solution("triple")


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_each_exercise_has_a_solution_as_a_learner_would_write_it(lesson):
    texts = solutions.texts(lesson.folder)
    assert texts.keys() == set(lesson.names)
    for name, text in texts.items():
        assert "SOLUTION" not in text
        assert "NotImplementedError" not in text
        compile(text, name, "exec")


def test_lines_of_a_solution_stay_whole(tiny, started):
    """In a narrow window the block scrolls; a word is never broken."""
    html = tiny.solution("double", give_up=True)._repr_html_()
    (style,) = re.findall(r'<pre style="([^"]*)"', html)
    rules = dict(rule.split(":", 1) for rule in style.split(";"))
    assert rules["white-space"] == "pre"
    assert rules["overflow-x"] == "auto"
    assert rules["word-break"] == rules["overflow-wrap"] == "normal"
    assert rules["padding"] == "8px 12px"
    assert "--jp-layout-color2" in rules["background"]  # of either theme
