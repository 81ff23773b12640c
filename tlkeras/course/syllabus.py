"""The lessons: where they are, what they hold, and checking an answer to one."""

import os
import re
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tlkeras import grading
from tlkeras.course import progress, unsolved
from tlkeras.grading import Exercise, Messages, Outcome
from tlkeras.grading.judge.exercise import PACKAGE
from tlkeras.grading.messages import choose

MESSAGES = Messages(Path(__file__).parent)
# Problems of an answer that runs; hints help with these, not with typing mistakes.
WRONG_NUMBERS = {"wrong-values", "wrong-shape", "not-finite", "not-boolean"}


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
        folder: where `lesson.py` and `exercises/` lie.
        draft: still being written: found by its name alone, and in no list.
    """

    name: str
    title: str
    minutes: int
    points: float
    part: str
    folder: Path
    draft: bool = False
    # The arguments on which the last answer with wrong numbers failed first, by name.
    failing: dict[str, Any] = field(default_factory=dict, repr=False)
    _failures: Counter = field(default_factory=Counter, repr=False)
    _asked: Counter = field(default_factory=Counter, repr=False)
    _failed: dict[str, Any] = field(default_factory=dict, repr=False)
    _loaded: dict[str, Exercise] = field(default_factory=dict, repr=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its exercises, in the order of its text."""
        return exercise_names(self.folder)

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises by name, loaded on first use."""
        return {name: self.exercise(name) for name in self.names}

    def check(self, answer: Any, name: str | None = None) -> Outcome:
        """Judge an answer by what it does; wrong numbers make the next hint available.

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
        if outcome.problem in WRONG_NUMBERS:
            self._failures[exercise.name] += 1
        if outcome.failing:
            self.failing = outcome.failing
            heading = MESSAGES.say("failing", "heading")
            outcome.parts.append((heading, MESSAGES.say("failing", "text")))
        if outcome.passed and progress.given_up(self.name, exercise.name):
            outcome.points = 0.0
            outcome.headline = MESSAGES.say("solution", "seen", exercise=exercise.name)
        self._failed[exercise.name] = None if outcome.passed else answer
        progress.record(self.name, outcome)
        return outcome

    def unsolved(self, name: str, answer: Any) -> bool:
        """Whether an answer is still the stub, or failed when it was last checked.

        Args:
            name: of the exercise.
            answer: what the notebook calls by that name.
        """
        return unsolved.is_stub(answer) or self._failed.get(name) is answer

    def hint(self, name: str, number: Any = None) -> Any:
        """The next hint for an exercise; after the last, the first again.

        Args:
            name: of the exercise.
            number: nothing: hints come one after another.

        Returns:
            A card.

        Raises:
            ValueError: the lesson has no such exercise, or a number is given; the
                message says how to ask for the next one.
        """
        from tlkeras.course.hints import hint

        self.exercise(name)
        if number is not None:
            sentence = MESSAGES.say("hint", "one-by-one", name=name, given=number)
            raise CourseError(sentence)
        self._asked[name] += 1
        return hint(self.exercise(name), self._asked[name] - 1)

    def solution(self, name: str, give_up: bool = False) -> Any:
        """The solution of an exercise: after it passed, or for no points.

        Args:
            name: of the exercise.
            give_up: see it although the exercise has not passed; it then counts no
                points in your progress. Defaults to `False`: say what that means.

        Returns:
            A card.

        Raises:
            ValueError: the lesson has no such exercise.
        """
        from tlkeras.course.solutions import solution

        return solution(self, self.exercise(name).name, give_up)

    def predict(
        self,
        name: str,
        question: str,
        choices: list[str] | None = None,
        mine: str | float | None = None,
    ) -> Any:
        """Ask what an experiment will show, before it runs.

        Args:
            name: of the prediction; `reveal` calls it by that.
            question: for people.
            choices: what to choose from. Defaults to `None`: the answer is a number.
            mine: the answer, for notebooks that show no form. Defaults to `None`.

        Returns:
            A form, or a card with the answer.

        Raises:
            ValueError: the answer is none of the choices, or no number.
        """
        from tlkeras.course.predictions import ask

        return ask(self.name, name, question, choices, mine)

    def reveal(
        self,
        name: str,
        result: str | float,
        sentence: str = "",
        within: float | None = None,
    ) -> Any:
        """What the experiment showed, beside what was predicted.

        Args:
            name: of the prediction.
            result: the choice that turned out right, or the number measured.
            sentence: what was found, in words. Defaults to the result itself.
            within: how far from the number a prediction still counts as right.

        Returns:
            A card.

        Raises:
            TypeError: the result is a number, and `within` is missing.
        """
        from tlkeras.course.predictions import reveal

        return reveal(self.name, name, result, sentence, within)

    def end(self) -> Any:
        """The end of the lesson: points, predictions, mistakes met, what is next."""
        from tlkeras.course.ending import ending

        return ending(self)

    @staticmethod
    def progress(items: Any, label: str = "") -> Any:
        """The items one by one, with a bar that shows how far they are.

        Args:
            items: anything to loop over.
            label: what is going on. Defaults to nothing.
        """
        from tqdm import tqdm

        quiet = os.environ.get("TLKERAS_SCALE") == "quick"
        return tqdm(
            items, label, leave=False, disable=quiet, file=sys.stdout, ascii=" ▏▎▍▌▋▊▉█"
        )

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
        if name is None and type(answer).__name__ in self.names:
            name = type(answer).__name__  # an object, where its class was meant
        return name

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name; no other one is loaded.

        Raises:
            CourseError: there is none; the message lists those that exist.
        """
        if name in self.names:
            if name not in self._loaded:
                self._loaded[name] = load_exercise(self.folder, name)
            return self._loaded[name]
        sentence = MESSAGES.say(
            "lookup",
            "no-exercise" if name else "no-name",
            name=name,
            lesson=self.name,
            exercises=", ".join(self.names),
            first=self.names[0],
        )
        raise CourseError(sentence)


def home() -> Path:
    """Where lessons live: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "lessons"
    return installed if installed.is_dir() else package.parents[1] / "course"


def lessons() -> list[Lesson]:
    """All lessons but drafts, in the order of the syllabus."""
    return [each for each in _read(home()) if not each.draft]


def drafts(folder: Path | None = None) -> list[str]:
    """Names of the lessons that are still being written.

    Args:
        folder: where the lessons lie. Defaults to where they are.
    """
    return [each.name for each in _read(folder or home()) if each.draft]


def lesson(name: str, language: str | None = None) -> Lesson:
    """The lesson of that name, always the same object.

    Args:
        name: of the lesson.
        language: in which everything is said from now on, such as `"zh"`. Defaults to
            `None`: as before, or as `TLKERAS_LANGUAGE` asks.

    Raises:
        ValueError: there is none; the message lists those that exist.
    """
    if language is not None:
        choose(language)
    known = {each.name: each for each in _read(home())}
    if name not in known:
        sentence = MESSAGES.say(
            "lookup",
            "no-lesson",
            name=name,
            lessons=", ".join(each.name for each in lessons()),
        )
        raise CourseError(sentence)
    unsolved.stand_in(known[name])
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
    """The exercises of the lesson in a folder, by name, in the order of its text."""
    return {name: load_exercise(folder, name) for name in exercise_names(folder)}


def exercise_names(folder) -> tuple[str, ...]:
    """What the cells of a lesson's text ask for: `# %% exercise="name"`, in order."""
    text = (Path(folder) / "lesson.py").read_text("utf-8")
    found = re.findall(r"^# %%.*\bexercise=\"(\w+)\"", text, re.MULTILINE)
    return tuple(dict.fromkeys(found))


def load_exercise(folder, name) -> Exercise:
    """The `EXERCISE` of `exercises/<name>.py`, with the sentences of its lesson.

    Args:
        folder: of the lesson.
        name: of the exercise, and so of the file.

    Raises:
        CourseError: there is no such file, or not that exercise in it.
    """
    folder = Path(folder)
    path = folder / "exercises" / f"{name}.py"
    if not path.is_file():
        raise CourseError(f"lesson.py asks for the exercise {name}: write {path}.")
    exercise = getattr(import_module(f"{_package(folder)}.{name}"), "EXERCISE", None)
    if exercise is None:
        raise CourseError(f"{path} defines no EXERCISE.")
    if exercise.name != name:
        raise CourseError(f"{path} has the exercise {exercise.name!r}: say {name!r}.")
    return replace(exercise, messages=Messages(folder))


def _package(folder):
    """The name of the package that a lesson's exercises are imported from.

    It is found by its path: a lesson's name, which begins with a digit, is no module
    name. What its files import from each other is looked for beside them alone.
    """
    path, name = folder / "exercises" / "__init__.py", PACKAGE + folder.name
    known = sys.modules.get(name)
    if known is None or known.__file__ != str(path):
        for other in [m for m in sys.modules if f"{m}.".startswith(f"{name}.")]:
            del sys.modules[other]  # of a lesson of this name in another folder
        spec = spec_from_file_location(
            name, path, submodule_search_locations=[str(path.parent)]
        )
        assert spec is not None  # every path that ends in .py has one, with a loader
        assert spec.loader is not None
        sys.modules[name] = module = module_from_spec(spec)
        spec.loader.exec_module(module)
    return name
