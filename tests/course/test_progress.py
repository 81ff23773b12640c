import json

import pytest

from tlkeras.course import progress
from tlkeras.grading import Outcome, State


def outcome(points, state=State.WRONG, exercise="double"):
    return Outcome(exercise, state, points, 3, headline="")


@pytest.fixture
def started(tmp_path, monkeypatch):
    (tmp_path / ".tlkeras").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_best_outcome_is_kept(started):
    for points, state in [(1, State.WRONG), (3, State.PASSED), (0, State.RAISED)]:
        progress.record("01_tiny", outcome(points, state))
    assert progress.read(started) == {
        "01_tiny": {"double": {"state": "passed", "points": 3}}
    }


def test_trying_counts_for_more_than_not_trying(started):
    progress.record("01_tiny", outcome(0, State.NOT_ATTEMPTED))
    progress.record("01_tiny", outcome(0, State.RAISED))
    progress.record("01_tiny", outcome(0, State.NOT_ATTEMPTED))
    assert progress.read(started)["01_tiny"]["double"]["state"] == "raised"


def test_a_broken_check_is_not_recorded(started):
    progress.record("01_tiny", outcome(0, State.UNCHECKABLE))
    assert progress.read(started) == {}


def test_a_folder_inside_a_started_one_belongs_to_it(started, monkeypatch):
    (started / "sub").mkdir()
    monkeypatch.chdir(started / "sub")
    progress.record("01_tiny", outcome(2))
    assert progress.read(started)["01_tiny"]["double"]["points"] == 2


def test_nothing_is_written_anywhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    progress.record("01_tiny", outcome(2))
    assert list(tmp_path.iterdir()) == []


def test_check_records_what_it_finds(tiny, started):
    tiny.check(lambda x: x + x, name="double")
    assert progress.points(started, tiny) == 1


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[]", '{"lessons": 3}', '{"lessons": {"a": {"b": {}}}}', "\x00"],
)
def test_a_damaged_file_is_set_aside_and_nothing_is_lost(started, damaged):
    path = started / ".tlkeras" / "progress.json"
    for number in (1, 2):
        path.write_text(damaged)
        progress.record("01_tiny", outcome(number))
        aside = started / ".tlkeras" / f"progress.damaged-{number}.json"
        assert aside.read_text() == damaged
        assert progress.read(started)["01_tiny"]["double"]["points"] == number


def test_a_crash_while_writing_leaves_the_old_file(started, monkeypatch):
    progress.record("01_tiny", outcome(1))

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr("tlkeras.files.os.replace", crash)
    with pytest.warns(UserWarning, match="disk full"):
        progress.record("01_tiny", outcome(2))
    assert progress.read(started)["01_tiny"]["double"]["points"] == 1
    assert (
        json.loads((started / ".tlkeras" / "progress.json").read_text())["format"] == 1
    )
    assert not list((started / ".tlkeras").glob(".progress*"))


def test_what_an_older_file_does_not_have_is_empty(started):
    path = started / ".tlkeras" / "progress.json"
    older = {
        "format": 1,
        "lessons": {"01_tiny": {"double": {"state": "passed", "points": 1}}},
    }
    path.write_text(json.dumps(older))
    progress.predict("01_tiny", "share", {"said": "two"})
    kept = progress.kept(started)
    assert kept["lessons"] == older["lessons"]
    assert kept["predictions"] == {"01_tiny": {"share": {"said": "two"}}}


@pytest.mark.parametrize(
    "damaged",
    [
        '{"lessons": {}, "predictions": {"a": {"b": 3}}}',
        '{"lessons": {}, "predictions": {"a": {"b": {"right": "yes"}}}}',
        '{"lessons": {}, "mistakes": {"a": {"b": [3]}}}',
        '{"lessons": {}, "solutions": {"a": 3}}',
    ],
)
def test_damage_anywhere_in_the_file_is_found_when_it_is_read(started, damaged):
    path = started / ".tlkeras" / "progress.json"
    path.write_text(damaged)
    assert progress.read(started) == {}
    aside = started / ".tlkeras" / "progress.damaged-1.json"
    assert aside.read_text() == damaged


def test_how_well_one_predicts_is_counted_when_the_result_is_known(tiny, started):
    assert progress.predictions(started, tiny) == (0, 0)
    progress.predict("01_tiny", "a", {"said": "one"})
    progress.predict("01_tiny", "b", {"said": "one", "right": True})
    progress.predict("01_tiny", "c", {"said": "one", "right": False})
    assert progress.predictions(started, tiny) == (1, 2)
