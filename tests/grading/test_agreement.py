"""`check` in a notebook and `tlkeras grade` say the same of the same answer."""

import json
import shutil

import pytest

from tlkeras.course import grade, lesson
from tlkeras.grading import check
from tlkeras.grading.sandbox import Limits, choose

TIER = "A" if shutil.which("bwrap") else "C"  # what is said does not depend on it
LESSON = lesson("01_attention")
SEED = 7
# Run here, on the lesson's exercises, and in the notebook, on a copy of their text.
ANSWERS = '''
import sys
import numpy as np
def answers(exercise):
    """Known mistakes, accepted variants that need NumPy alone, and odd ones."""
    right = exercise.reference
    yield right
    for mistakes in exercise.mistakes[:40]:
        yield lambda *inputs, m=mistakes: exercise.expected(inputs, *m)
    for name, answer in exercise.accepted.items():
        if not any(word in name for word in ("keras", "tensorflow")):
            yield answer
    yield from odd(right)

def odd(right):
    yield lambda *inputs: None
    yield lambda *inputs: right(*inputs).tolist()
    yield lambda *inputs: right(*inputs).astype(complex)
    yield lambda *inputs: right(*inputs).astype(np.longdouble)
    yield lambda *inputs: right(*inputs).astype(">f4")
    yield lambda *inputs: np.asfortranarray(right(*inputs))
    yield lambda *inputs: (right(*inputs),)
    yield lambda *inputs: (row for row in right(*inputs))
    yield lambda *inputs: "0.5"
    yield lambda *inputs: {"a": 1}
    yield lambda *inputs: np.exp
    yield lambda *inputs: [[1.0], [1.0, 2.0]]
    yield lambda *inputs: np.full(3, None)
    yield lambda: 3
    yield lambda *inputs: 1 / 0
    yield lambda *inputs: sys.exit(1)
    yield lambda *inputs: np.zeros(3)
    yield lambda *inputs: np.zeros((300, 300, 300))
    yield lambda *inputs: right(*inputs) + 1e-3
    yield lambda *inputs: right(*inputs) + 1e-6
    yield lambda *inputs: right(*inputs)[..., :1]
    yield lambda *inputs: right(*inputs) if np.ndim(inputs[0]) == 2 else None
    yield changes_inputs(right)
    yield only_three_times(right)
    yield not_implemented
    yield 3

def changes_inputs(right):
    def answer(*inputs):
        output = right(*inputs)
        if isinstance(inputs[0], np.ndarray):
            inputs[0][...] = 1
        return output
    return answer

def only_three_times(right):
    calls = []
    def answer(*inputs):
        calls.append(1)
        return right(*inputs) if len(calls) <= 3 else None
    return answer

def not_implemented(*inputs):
    raise NotImplementedError
'''

# The exercises, written down where the notebook runs.
COPY = """
import importlib, pathlib, sys, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "copied").mkdir()
for name, text in {texts!r}.items():
    (folder / "copied" / name).write_text(text, "utf-8")
sys.path.insert(0, str(folder))
exercises = [importlib.import_module("copied." + n).EXERCISE for n in {names!r}]
"""


def notebook(number):
    """The answers of that number, to the exercises that have as many."""
    files = LESSON.folder.glob("exercises/*.py")
    texts = {path.name: path.read_text("utf-8") for path in files}
    cell = (
        f"{COPY.format(texts=texts, names=LESSON.names)}{ANSWERS}\n"
        "for exercise in exercises:\n"
        "    own = list(answers(exercise))\n"
        f"    if {number} < len(own):\n"
        f"        globals()[exercise.name] = own[{number}]\n"
    )
    made = [{"cell_type": "code", "source": cell, "metadata": {}}]
    metadata = {"tlkeras": {"lesson": LESSON.name}}
    return json.dumps({"cells": made, "metadata": metadata})


@pytest.mark.slow
def test_practice_and_marks_agree(tmp_path):
    names: dict = {}
    exec(ANSWERS, names)
    own = {n: list(names["answers"](e)) for n, e in LESSON.exercises.items()}
    isolation = choose([LESSON.folder.parent], TIER)
    compared, points = 0, set()
    for number in range(max(map(len, own.values()))):
        path = tmp_path / "answers.ipynb"
        path.write_text(notebook(number), "utf-8")
        job = grade.Job("answers", str(path), SEED, isolation, Limits(), LESSON.name)
        result, _ = grade.grade(job)
        for found in result["exercises"]:
            answers = own[found["name"]]
            if number >= len(answers):
                continue
            exercise = LESSON.exercises[found["name"]]
            outcome = check(exercise, answers[number], seed=SEED)
            assert (found["state"], found["points"], found["cases"]) == (
                outcome.state.value,
                outcome.points,
                outcome.cases,
            ), (number - len(answers), found["message"], outcome.message)
            named = [m["id"] for m in found["misconceptions"]]
            assert named == outcome.diagnoses
            points.add(outcome.points)
            compared += 1
    assert compared >= 100
    assert len(points) > 10  # some right, some wrong, some in between
    print(f"\n{compared} answers compared, {len(points)} different scores")
