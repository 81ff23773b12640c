"""The checks are checked: each exercise tells right answers from every known mistake.

Proved for each exercise, over many seeds, through the very `check` that learners call:

- the blank stub is *not attempted*; the solution and every accepted variant pass;
- every misconception fails with its own id, and no two look alike;
- every two misconceptions that can be made at once fail, and both are named; where
  a simpler explanation gives the same numbers, it is what is said (*masked*), and where
  several pairs do, what they share is named (*shared*).
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import import_module

from tlkeras.course.alike import Simulations
from tlkeras.course.build import build
from tlkeras.course.definitions import UndefinedError, define
from tlkeras.course.sentences import lesson_failures, missing_sentences
from tlkeras.grading import State, check
from tlkeras.grading.judge.exercise import call

SECONDS = 60  # for an answer on all cases: a first call may load or compile a library,
# and a stub meets it first, since its inputs may be models that have to be made


@dataclass
class Report:
    """What was proved about one exercise.

    Args:
        name: of the exercise, or of the lesson for what concerns all of them.
        tried: how many checks there were of each kind.
        right: how many came out as they should.
        failures: what went wrong, and for which seeds; no seed where none matters.
    """

    name: str
    tried: Counter = field(default_factory=Counter)
    right: Counter = field(default_factory=Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)

    def expect(self, kind, right, complaint, seed):
        """Count a check of some kind, and keep the complaint if it is not right."""
        self.tried[kind] += 1
        self.right[kind] += bool(right)
        if not right:
            self.failures.setdefault(complaint, []).append(seed)

    def to_dict(self):
        """JSON-ready data."""
        kinds = {k: {"tried": n, "right": self.right[k]} for k, n in self.tried.items()}
        return {"name": self.name, "kinds": kinds, "failures": self.failures}


def verify(lesson, seeds=5, advance=lambda: None, only=None):
    """Verify a lesson.

    Args:
        lesson: a Lesson.
        seeds: how many different draws of the inputs. Defaults to 5.
        advance: called after each seed of each exercise, for a progress bar.
        only: name of the one exercise to verify. Defaults to `None`: all of them.

    Returns:
        A Report for each exercise, and a last one for the lesson as a whole. Of one
        exercise alone a Report of it alone: no other one is loaded.

    Raises:
        CourseError: the lesson cannot be built, or has no such exercise.
    """
    exercises = lesson.exercises.values() if only is None else [lesson.exercise(only)]
    _load_libraries()
    blank, solved = build(lesson), build(lesson, solved=True)
    reports = []
    for exercise in exercises:
        report = Report(exercise.name)
        report.failures.update({text: [] for text in missing_sentences(exercise)})
        answers = _Answers(exercise, blank, solved, report)
        for seed in range(seeds):
            _verify_right_answers(report, exercise, answers, seed)
            _verify_mistakes(report, exercise, seed)
            advance()
        reports.append(report)
    if only is not None:
        return reports
    whole = Report(lesson.name)
    whole.failures.update({text: [] for text in lesson_failures(lesson)})
    return [*reports, whole]


def _load_libraries():
    """Import what accepted variants use: half an import, cut off by a deadline, breaks
    every later one.
    """
    for name in ("tensorflow", "keras"):
        with suppress(ImportError):
            import_module(name)


class _Answers:
    """The stub, and everything that should pass, by kind and name."""

    def __init__(self, exercise, blank, solved, report):
        self.stub = _defined(exercise, blank, "learner's", report)
        solution = _defined(exercise, solved, "solved", report)
        self.right = [("solution", "the solution", solution)] if solution else []
        self.right += [
            ("accepted", f"the accepted variant {name!r}", answer)
            for name, answer in exercise.accepted.items()
        ]


def _defined(exercise, notebook, which, report):
    try:
        return define(notebook, exercise.name)
    except UndefinedError as error:
        report.failures[f"{error} in the {which} notebook"] = []
    except Exception as error:
        report.failures[
            f"defining {exercise.name} in the {which} notebook: {error!r}"
        ] = []
    return None


def _verify_right_answers(report, exercise, answers, seed):
    if answers.stub is not None:
        state = check(exercise, answers.stub, seed, seconds=SECONDS).state
        right = state is State.NOT_ATTEMPTED
        report.expect("stub", right, f"the blank stub is {state.value!r}", seed)
    for kind, name, answer in answers.right:
        outcome = check(exercise, answer, seed, seconds=SECONDS)
        complaint = f"{name} is {outcome.state.value!r}: {_seen(outcome)}"
        report.expect(kind, outcome.passed, complaint, seed)


def _seen(outcome):
    return f"{outcome.problem} in case {outcome.case}"


def _verify_mistakes(report, exercise, seed):
    # A simulated answer gives arrays at once: it is called, never built and probed.
    exercise = replace(exercise, probe=call)
    simulations = Simulations(exercise, seed)
    for mistakes in ((), *exercise.mistakes):
        kind, wanted, problem = simulations.verdict(mistakes)
        outcome = check(
            exercise,
            lambda *inputs, m=mistakes: exercise.expected(inputs, *m),
            seed,
            seconds=SECONDS,
        )
        ids = " + ".join(m.id for m in mistakes) or "the reference"
        named = " + ".join(outcome.diagnoses) or "nothing"
        right_state = outcome.passed == (wanted is None)
        right = not problem and right_state and outcome.diagnoses == list(wanted or ())
        said = "passes" if outcome.passed else f"is named as {named}"
        report.expect(kind, right, f"{ids} {said}{problem and f': {problem}'}", seed)
