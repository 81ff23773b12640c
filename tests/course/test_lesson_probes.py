"""Lessons whose probes hand functions to the learner."""

import re
import runpy

import pytest

from tlkeras.course import lesson, lessons
from tlkeras.grading import check
from tlkeras.grading.sandbox import probes


def shape_mistake(
    x, memory, memory_mask, attend_self, attend_memory, think, norm_1, norm_2, norm_3
):
    return attend_self(x, memory[..., :2], None)


@pytest.fixture(scope="module")
def outcome():
    return check(lesson("04_blocks").exercises["decoder_block"], shape_mistake)


def test_an_exception_inside_a_part_is_shown_at_the_learners_line(outcome):
    shown = dict(outcome.parts)["Your lines"]
    assert "return attend_self(x, memory[..., :2], None)" in shown


def test_lines_of_the_probe_are_not_shown(outcome):
    assert outcome.state.value == "raised"
    assert len(dict(outcome.parts)["Your lines"].splitlines()) == 1


def test_a_part_is_called_what_the_lesson_calls_it():
    exercise = lesson("04_blocks").exercises["encoder_block"]
    outcome = check(exercise, lambda x, mask, attend, *others: attend(x, x, x, mask))
    assert "attend()" in dict(outcome.parts)["Your code raised"]


def test_an_output_is_called_what_the_lesson_calls_it():
    exercise = lesson("05_transformer").exercises["teacher_forcing"]
    shown = dict(check(exercise, lambda ids: (ids[:, :-1], ids[:, :-1])).parts)
    assert shown["You returned"].startswith("in what it is to say: ")


NAMED = [
    (one.name, exercise.name)
    for one in lessons()
    for exercise in one.exercises.values()
    if exercise.messages.get("outputs", exercise.name)
]


@pytest.mark.parametrize(("lesson_name", "name"), NAMED)
def test_each_output_has_a_name_or_none_has(lesson_name, name):
    exercise = lesson(lesson_name).exercises[name]
    outputs = exercise.reference(*exercise.cases[0].draw(0))
    assert len(exercise.messages.get("outputs", name)) == len(outputs)


def test_the_card_lists_only_what_the_learner_was_given(outcome):
    shown = dict(outcome.parts)["Smallest failing case"]
    assert "memory_mask (1, 3)" in shown
    assert "widen" not in shown
    assert "attentions" not in shown


def test_a_learners_own_file_is_shown_whatever_it_is_called(tmp_path):
    path = tmp_path / "exercises" / "exercises.py"
    path.parent.mkdir()
    path.write_text("def softmax(x):\n    return x.nowhere\n")
    answer = runpy.run_path(str(path))["softmax"]
    found = check(lesson("01_attention").exercises["softmax"], answer)
    assert "return x.nowhere" in dict(found.parts)["Your lines"]


@pytest.mark.parametrize("each", lessons(), ids=lambda each: each.name)
def test_probes_carry_no_answer_that_may_not_be_taken_from_a_library(each):
    """A probe is read by whoever is graded; one of 04 hands out a normalisation."""
    answers = {e.reference.__name__: e for e in each.exercises.values()}
    for exercise in each.exercises.values():
        defined = re.findall(r"^def (\w+)", probes.source(exercise), re.MULTILINE)
        for name in answers.keys() & set(defined):
            assert "keras layer" in answers[name].accepted, (exercise.name, name)
            assert not answers[name].forbidden
