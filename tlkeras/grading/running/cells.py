"""Running a notebook's cells: one way, in practice and for marks alike.

Statement by statement, because a statement that only works elsewhere, such as
`from google.colab import drive`, must not cost the definitions below it.
"""

import __future__

import ast
import inspect
import linecache
import random
import subprocess
import sys
import types

import numpy as np

from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.failures import Failure
from tlkeras.grading.judge.raised import Raised
from tlkeras.grading.notebooks.source import defined

# Such an error tells of the surroundings: elsewhere the statement may have worked.
SURROUNDINGS = (ImportError, OSError, EOFError, MemoryError, subprocess.SubprocessError)
ENDINGS = (SystemExit, KeyboardInterrupt)
FUTURES = sum(
    getattr(__future__, name).compiler_flag for name in __future__.all_feature_names
)


class Cells:
    """The names that cells define as they run, one after the other."""

    def __init__(self):
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module  # where dataclasses and pickles look
        self.names = module.__dict__
        self.names.update(display=_nothing, get_ipython=_Shell)
        self.names.update(exit=sys.exit, quit=sys.exit)
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop = None
        random.seed(0)
        np.random.seed(0)

    def run(self, number, text):
        """Run a cell, as far as it can.

        After an error that comes from the surroundings everything else runs, as if the
        statement had worked. After any other one the notebook had stopped, too: what
        follows may only add names that are missing, and change none. A `raise` or
        `exit()` at the cell's own level ends it.

        Args:
            number: of the cell, for tracebacks.
            text: Python, as `source.python` makes it.

        Returns:
            Failures, in order.

        Raises:
            CheckTimeoutError: a `deadline` around it has passed.
        """
        file = f"<cell {number + 1}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        try:
            statements = ast.parse(text, file).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return [Failure(frozenset(), Raised.of(error))]
        failures: list[Failure] = []
        lost: set[str] = set()  # names that are missing because of the surroundings
        stopped = False  # whether the notebook had stopped as well
        for statement in statements:
            names = _names(statement)
            if stopped and (not names or names & self.names.keys()):
                continue
            raised = self._error(statement, file)
            if raised is None:
                continue
            failures.append(Failure(frozenset(names), Raised.of(raised)))
            if isinstance(statement, ast.Raise) or isinstance(raised, ENDINGS):
                break
            if _of_surroundings(raised, lost):
                lost |= names
            else:
                stopped = True
        return failures

    def _error(self, statement, file):
        """Run a statement; what it raised, or `None`."""
        try:
            module = ast.Module([statement], [])
            code = compile(module, file, "exec", self._flags, dont_inherit=True)
            self._flags |= code.co_flags & FUTURES  # they hold from here on
            result = eval(code, self.names)
            if code.co_flags & inspect.CO_COROUTINE:  # `await` outside any function
                self._wait_for(result)
        except CheckTimeoutError:
            raise
        except BaseException as error:
            return error
        return None

    def _wait_for(self, coroutine):
        import asyncio  # few notebooks need it

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(coroutine)


def _names(statement):
    """What a statement defines or deletes."""
    deleted = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)
    }
    return defined(statement) | deleted


def _of_surroundings(error, lost):
    if isinstance(error, NameError):
        return error.name in lost
    return isinstance(error, SURROUNDINGS)


def _nothing(*_, **__):
    return None


class _Shell:
    """Stands in for a notebook's shell, whose magics do nothing here."""

    def __getattr__(self, _):
        return _nothing
