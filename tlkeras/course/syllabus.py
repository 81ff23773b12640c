"""The lessons: where they are, what they hold, and checking an answer to one."""

import os
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tlkeras import grading
from tlkeras.course import progress
from tlkeras.grading import Exercise, Messages, Outcome, State

MESSAGES = Messages(Path(__file__).parent)


class CourseError(ValueError):
    """Something that whoever reads the message can mend; it says how."""

    def _render_traceback_(self):
        """What Jupyter shows: the message alone, for a traceback would bury it."""
        return [str(self)]


@dataclass(eq=False)
class Lesson:
    """One lesson of the course.

    Args:
        name: as in the syllabus and in the notebook's file name.
        title: for people.
        minutes: how long a learner takes.
        points: sum of the points of its exercises.
        part: title of the part of the course.
        folder: where `lesson.py` and `exercises.py` lie.
    """

    name: str
    title: str
    minutes: int
    points: float
    part: str
    folder: Path
    _failures: Counter = field(default_factory=Counter, repr=False)

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises by name, loaded on first use."""
        return load_exercises(self.folder)

    def check(self, answer: Any, name: str | None = None) -> Outcome:
        """Judge an answer by what it does; each failure shows the next hint.

        Args:
            answer: the learner's function or class.
            name: the exercise. Defaults to the answer's own name.

        Returns:
            An Outcome, which displays itself as a card in a notebook.

        Raises:
            ValueError: the lesson has no such exercise.
        """
        exercise = self.exercise(self._name_of(answer) if name is None else name)
        shown = self._failures[exercise.name]
        outcome = grading.check(exercise, answer, hint=shown)
        if outcome.state not in (State.PASSED, State.NOT_ATTEMPTED):
            self._failures[exercise.name] += 1
        progress.record(self.name, outcome)
        return outcome

    @staticmethod
    def at_scale(quick: Any, default: Any, full: Any = None) -> Any:
        """The one of three settings that `TLKERAS_SCALE` asks for.

        Args:
            quick: for tests, seconds.
            default: for a laptop with two cores, minutes.
            full: for a GPU. Defaults to `default`.

        Raises:
            ValueError: `TLKERAS_SCALE` is none of the three.
        """
        settings = {
            "quick": quick,
            "default": default,
            "full": default if full is None else full,
        }
        scale = os.environ.get("TLKERAS_SCALE", "default")
        if scale not in settings:
            raise CourseError(MESSAGES.say("lookup", "no-scale", scale=scale))
        return settings[scale]

    def _name_of(self, answer):
        name = getattr(answer, "__name__", None)
        if name is None and type(answer).__name__ in self.exercises:
            name = type(answer).__name__  # an object, where its class was meant
        return name

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name.

        Raises:
            CourseError: there is none; the message lists those that exist.
        """
        if name in self.exercises:
            return self.exercises[name]
        sentence = MESSAGES.say(
            "lookup",
            "no-exercise" if name else "no-name",
            name=name,
            lesson=self.name,
            exercises=", ".join(self.exercises),
            first=next(iter(self.exercises)),
        )
        raise CourseError(sentence)


def home() -> Path:
    """Where lessons live: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "lessons"
    return installed if installed.is_dir() else package.parents[1] / "course"


def lessons() -> list[Lesson]:
    """All lessons, in the order of the syllabus."""
    return list(_read(home()))


def lesson(name: str) -> Lesson:
    """The lesson of that name, always the same object.

    Raises:
        ValueError: there is none; the message lists those that exist.
    """
    known = {each.name: each for each in _read(home())}
    if name not in known:
        sentence = MESSAGES.say(
            "lookup", "no-lesson", name=name, lessons=", ".join(known)
        )
        raise CourseError(sentence)
    return known[name]


@cache
def _read(folder):
    path = folder / "syllabus.toml"
    if not path.is_file():
        raise CourseError(MESSAGES.say("lookup", "no-syllabus", file=path))
    parts = tomllib.loads(path.read_text("utf-8"))["parts"]
    return tuple(
        Lesson(**entry, part=part["title"], folder=folder / entry["name"])
        for part in parts
        for entry in part["lessons"]
    )


def load_exercises(folder) -> dict[str, Exercise]:
    """The exercises of the lesson in a folder, by name.

    The file is loaded by its path: a lesson's name, which begins with a digit, is no
    module name, and two lessons may both have an `exercises.py`.
    """
    path = Path(folder) / "exercises.py"
    name = f"tlkeras_exercises_{path.parent.name}"
    spec = spec_from_file_location(name, path)
    assert spec is not None  # every path that ends in .py has one, with a loader
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up
    spec.loader.exec_module(module)
    return {exercise.name: exercise for exercise in module.EXERCISES}
