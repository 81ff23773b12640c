import json

import pytest

from tlkeras.course import lessons, progress


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    (tmp_path / ".tlkeras").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_lesson_ends_with_what_was_reached(tiny):
    tiny.check(lambda x: x + x, name="double")
    tiny.predict("share", "How many?", ["one", "two"], mine="two")
    tiny.reveal("share", "two")
    shown = str(tiny.end())
    assert "1 of 3 points" in shown
    assert "Solved: `double`." in shown
    assert "Still open: `row_sums`." in shown
    assert "Predictions: 1 of 1 right." in shown
    assert "last lesson so far" in shown


def test_mistakes_that_were_named_are_remembered(tiny):
    mistake = tiny.exercise("row_sums").misconceptions[0]
    wrong = tiny.check(lambda x: x.sum(0), name="row_sums")
    assert wrong.diagnoses == [mistake.id]
    assert "What you met in `row_sums` so far" in str(tiny.end())
    assert progress.kept(progress.started_folder())["mistakes"] == {
        "01_tiny": {"row_sums": [mistake.id]}
    }


def test_what_is_solved_is_known_now(tiny):
    tiny.check(lambda x: x.sum(0), name="row_sums")
    tiny.check(lambda x: x.sum(1), name="row_sums")
    assert "What you met in `row_sums`, and know now" in str(tiny.end())


def test_what_was_given_up_is_not_called_known(tiny):
    tiny.check(lambda x: x.sum(0), name="row_sums")
    tiny.solution("row_sums", give_up=True)
    shown = str(tiny.end())
    assert "What you met in `row_sums`, before you looked at its solution" in shown
    assert "know now" not in shown
    tiny.check(lambda x: x.sum(1), name="row_sums")  # for no points, but by hand
    assert "What you met in `row_sums`, and know now" in str(tiny.end())


def test_a_prediction_may_wait_for_its_experiment(tiny):
    tiny.predict("share", "How many?", ["one", "two"], mine="two")
    shown = str(tiny.end())
    assert "whose experiments have not run: 1." in shown
    assert "none made" not in shown
    tiny.reveal("share", "two")
    assert "have not run" not in str(tiny.end())


def test_the_mistakes_of_an_exercise_share_a_line(tiny):
    exercise = tiny.exercise("row_sums")
    ids = [m.id for m in exercise.misconceptions]
    assert len(ids) > 1
    path = progress.started_folder() / progress.MARK / "progress.json"
    kept = {"lessons": {}, "mistakes": {tiny.name: {"row_sums": ids}}}
    path.write_text(json.dumps(kept), "utf-8")
    lines = [x for x in str(tiny.end()).splitlines() if "What you met" in x]
    assert len(lines) == 1
    assert lines[0].count(" · ") == len(ids) - 1


def test_the_next_lesson_is_one_click_away():
    first, second = lessons()[:2]
    html = first.end()._repr_html_()
    assert f'<a href="{second.name}.ipynb">{second.title}</a>' in html


def test_mistakes_in_an_exercise_that_is_gone_are_passed_over(tiny):
    mistake = tiny.exercise("row_sums").misconceptions[0].id
    kept = {
        "lessons": {},
        "mistakes": {tiny.name: {"gone": ["a"], "row_sums": [mistake]}},
    }
    path = progress.started_folder() / progress.MARK / "progress.json"
    path.write_text(json.dumps(kept), "utf-8")
    assert str(tiny.end()).count("What you met") == 1
