import sys

import numpy as np
import pytest

from tlkeras.course import CourseError, verify
from tlkeras.course.sentences import lesson_failures
from tlkeras.grading import Misconception


def reports(lesson, seeds=2):
    return {report.name: report for report in verify.verify(lesson, seeds)}


def edit(lesson, file, old, new):
    path = lesson.folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def failures(lesson, seeds=2):
    found = reports(lesson, seeds).values()
    return [f"{r.name}: {text}" for r in found for text in r.failures]


def test_all_answers_have_time_for_a_busy_machine_the_stub_too(tiny, monkeypatch):
    given = []
    plain = verify.check

    def check(*arguments, seconds=None):
        given.append(seconds)
        return plain(*arguments, seconds=seconds)

    monkeypatch.setattr(verify, "check", check)
    assert all(not report.failures for report in reports(tiny, seeds=1).values())
    assert set(given) == {verify.SECONDS}


def test_a_sound_lesson_has_no_failures_and_all_is_counted(tiny):
    found = reports(tiny, seeds=3)
    assert {name: report.failures for name, report in found.items()} == {
        "double": {},
        "row_sums": {},
        "01_tiny": {},
    }
    assert found["double"].right == found["double"].tried
    assert found["double"].tried == {
        "stub": 3,
        "solution": 3,
        "accepted": 6,
        "reference": 3,
        "misconceptions": 9,
        "pairs": 6,
    }
    # Zeros stay zeros, whether signs were dropped before or not.
    assert found["row_sums"].right["masked"] == 3


@pytest.mark.parametrize(
    ("file", "old", "new", "failure"),
    [
        (
            "lesson.py",
            "return 2 * x",
            "return 3 * x",
            "double: the solution is 'wrong'",
        ),
        (
            "lesson.py",
            "    # BEGIN",
            "    x = 2 * x\n    return x\n    # BEGIN",
            "stub",
        ),
        ("lesson.py", "def double(", "def twice(", "no cell defines double"),
        ("lesson.py", "return 2 * x", "return two * x", "the solution is 'raised'"),
        ("lesson.py", "# ## Doubling", "# ## Doubled", "no heading of lesson.py"),
        (
            "exercises/double.py",
            "x + x,",
            "x + 1,",
            "accepted variant 'added' is 'wrong'",
        ),
        (
            "exercises/double.py",
            "3 * x)",
            "2 * x)",
            "double.tripled passes: it gives the right",
        ),
        ("exercises/double.py", "3 * x)", "x * x)", "it looks like double.squared"),
        (
            "exercises/double.py",
            "3 * x)",
            "nothing * x)",
            "it only ever raises exceptions",
        ),
        (
            "exercises/row_sums.py",
            "points=2",
            "points=5",
            "its exercises have 6 points",
        ),
        (
            "exercises/double.py",
            '"double.squared"',
            '"double.tripled"',
            "two misconceptions are",
        ),
        ("lesson.py", 'exercise="double"', "", 'no cell has exercise="double"'),
        (
            "messages.en.toml",
            '"sums.zero" =',
            '"sums.none" =',
            "no message misconceptions",
        ),
        ("messages.en.toml", "large =", "huge =", "no message cases.double.large"),
        ("messages.en.toml", 'sums = "Summing"', "", "no message sections.sums"),
        ("messages.en.toml", '["Which axis runs along a row?"]', "[]", "no hints"),
        (
            "messages.en.toml",
            '"This adds one."',
            '" "',
            "misconceptions.double.one-more",
        ),
    ],
)
def test_each_kind_of_defect_is_found(tiny_copy, file, old, new, failure):
    edit(tiny_copy, file, old, new)
    assert any(failure in text for text in failures(tiny_copy)), failures(tiny_copy)


def test_a_failure_names_its_seeds(tiny_copy):
    edit(tiny_copy, "exercises/double.py", "x + x,", "x + 1,")
    found = reports(tiny_copy, seeds=3)["double"]
    assert list(found.failures.values()) == [[0, 1, 2]]
    assert (found.right["accepted"], found.tried["accepted"]) == (3, 6)


def test_a_reference_that_is_never_the_same_twice_is_found(tiny_copy, monkeypatch):
    exercise = tiny_copy.exercises["double"]
    noise = iter(range(10**6))
    reference = lambda x, **_: 2 * x + next(noise)  # noqa: E731
    monkeypatch.setitem(exercise.__dict__, "reference", reference)
    assert any("the reference is named as" in text for text in failures(tiny_copy))


def pairs_of(lesson, monkeypatch, **steps):
    """Replace the misconceptions of an exercise by ones that give certain steps."""
    exercise = lesson.exercises["double"]
    made = tuple(
        Misconception(f"double.{name}", "double", **{step: change})
        for name, (step, change) in steps.items()
    )
    monkeypatch.setitem(exercise.__dict__, "misconceptions", made)
    sentences = exercise.messages.get("misconceptions")
    for name in steps:
        monkeypatch.setitem(sentences, f"double.{name}", "for the tests")
    return reports(lesson)["double"]


def test_a_pair_that_undoes_itself_passes_and_is_masked(tiny_copy, monkeypatch):
    found = pairs_of(
        tiny_copy,
        monkeypatch,
        quadrupled=("scale", lambda x: 4 * x),
        halved=("shift", lambda x: x / 2),
    )
    assert found.failures == {}
    assert found.right["masked"] == found.tried["masked"] == 2


def test_pairs_with_something_in_common_name_what_they_share(tiny_copy, monkeypatch):
    found = pairs_of(
        tiny_copy,
        monkeypatch,
        zero=("scale", np.zeros_like),
        one_more=("shift", lambda x: x + 1),
        # As far as zeros go, the same as adding one.
        exponential=("shift", np.exp),
    )
    assert found.failures == {}
    assert found.right["shared"] == found.tried["shared"] == 4


def test_pairs_with_nothing_in_common_are_ambiguous(tiny_copy, monkeypatch):
    found = pairs_of(
        tiny_copy,
        monkeypatch,
        tripled=("scale", lambda x: 3 * x),
        sixfold=("scale", lambda x: 6 * x),
        one_more=("shift", lambda x: 2 * x + 1),
        two_more=("shift", lambda x: x + 1),
    )
    assert any(
        "ambiguous: double.tripled + double.one_more" in x for x in found.failures
    )


def test_the_real_check_is_what_is_verified(tiny, monkeypatch):
    monkeypatch.setattr(
        sys.modules["tlkeras.grading.judge.check"], "diagnose", lambda *_: ()
    )
    texts = failures(tiny)
    assert "double: double.tripled is named as nothing" in texts
    assert "double: double.tripled + double.one-more is named as nothing" in texts


def test_progress_advances_once_a_seed_and_exercise(tiny):
    steps = []
    verify.verify(tiny, 3, lambda: steps.append(1))
    assert len(steps) == 6


def test_one_exercise_alone(tiny):
    names = [report.name for report in verify.verify(tiny, 1, only="row_sums")]
    assert names == ["row_sums"]
    with pytest.raises(CourseError, match="no exercise named 'sums'"):
        verify.verify(tiny, 1, only="sums")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# # Tiny", "# # Tiny\n#\n# About 5 minutes, 4 points.", "says 4 points"),
        (
            "# ## Doubling",
            "# ## Doubling\n#\n# ### Exercise: double (2 points, 1 minutes, easy)",
            "double: its heading says 2 points, it has 1",
        ),
    ],
)
def test_points_in_the_text_are_those_of_the_exercises(tiny_copy, old, new, said):
    path = tiny_copy.folder / "lesson.py"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert any(said in failure for failure in lesson_failures(tiny_copy))
