"""The rest of a notebook runs although an exercise is not solved yet.

While a cell runs that is no exercise, the course's own solution stands in for each
exercise whose stub is still there or whose last check failed. Afterwards the learner's
own is back: checks and marks never see anything else.
"""

import re
import sys
import types

from tlkeras.course import solutions
from tlkeras.course.cards import MESSAGES


def stand_in(lesson):
    """From now on, in this notebook, if it is one.

    Args:
        lesson: the Lesson that the notebook is about.
    """
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if shell is None:
        return
    for event in ("pre_run_cell", "post_run_cell"):
        for callback in list(shell.events.callbacks[event]):
            earlier = getattr(callback, "__self__", None)
            if isinstance(earlier, _StandIns):
                earlier.after()
                shell.events.unregister(event, callback)
    ours = _StandIns(shell.user_ns, lesson)
    shell.events.register("pre_run_cell", ours.before)
    shell.events.register("post_run_cell", ours.after)


class _StandIns:
    """Solutions that stand in while one cell runs.

    Args:
        names: the notebook's names.
        lesson: the Lesson.
    """

    def __init__(self, names, lesson):
        self._names, self._lesson = names, lesson
        self._texts = solutions.texts(lesson.folder)  # by name of an exercise
        self._put: dict = {}  # what stands in now, by name
        self._instead_of: dict = {}  # the learner's own, where there is one, by name
        self._used: set[str] = set()

    def before(self, info):
        """Put solutions in the place of what is not solved."""
        self.after()
        cell = info.raw_cell or ""
        if self._is_about_exercises(cell):
            return
        solved, names = dict(self._names), self._names
        made = [
            name
            for name in self._texts
            if (name not in names or self._lesson.unsolved(name, names[name]))
            and self._make(name, solved)
        ]
        for name in made:
            self._put[name] = self._noting(name, solved[name])
            if name in self._names:
                self._instead_of[name] = self._names[name]
            self._names[name] = self._put[name]

    def after(self, result=None):
        """Put the learner's own back; say which solutions were used."""
        for name, ours in self._put.items():
            if self._names.get(name) is ours:
                self._names.pop(name)
                if name in self._instead_of:
                    self._names[name] = self._instead_of[name]
        used = sorted(self._used & self._put.keys())
        self._put, self._instead_of, self._used = {}, {}, set()
        if used:
            print(MESSAGES.say("unsolved", "used", names=", ".join(used)))

    def _is_about_exercises(self, cell):
        """Whether a cell defines an exercise or checks one."""
        if re.search(r"^\s*(?:this\.)?check\(", cell, re.MULTILINE):
            return True
        words = re.findall(r"^(?:def|class) +(\w+)", cell, re.MULTILINE)
        return any(name in self._texts for name in words)

    def _make(self, name, solved):
        """Define a solution among some names; whether that worked."""
        try:
            exec(compile(self._texts[name], f"<solution of {name}>", "exec"), solved)
        except Exception:  # the cells that it needs have not run yet
            return False
        return name in solved

    def _noting(self, name, ours):
        """A solution that notes that it was used."""
        if isinstance(ours, types.FunctionType):
            return self._noting_function(name, ours)
        first = ours.__init__

        def noted(this, *args, **kwargs):
            self._used.add(name)
            first(this, *args, **kwargs)

        ours.__init__ = noted
        return ours

    def _noting_function(self, name, ours):
        from functools import wraps

        @wraps(ours)
        def noted(*args, **kwargs):
            self._used.add(name)
            return ours(*args, **kwargs)

        return noted


def is_stub(answer) -> bool:
    """Whether any part of a learner's function or class is not written yet."""
    return any("NotImplementedError" in code.co_names for code in _codes(answer))


def _codes(answer):
    if isinstance(answer, types.FunctionType):
        yield answer.__code__
    elif isinstance(answer, type):
        for value in vars(answer).values():
            function = getattr(value, "__func__", value)
            if isinstance(function, types.FunctionType):
                yield function.__code__
