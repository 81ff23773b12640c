"""A worker as the verdict sees it: requests out, and replies that nobody believes."""

import contextlib
import math
import time

import numpy as np

from tlkeras.grading.judge.attempt import Reply
from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.judge.failures import Failure
from tlkeras.grading.judge.form import KINDS, Form
from tlkeras.grading.judge.problems import NO_ARRAYS, Problem
from tlkeras.grading.judge.raised import Raised
from tlkeras.grading.messages import say
from tlkeras.grading.sandbox import packing, probes
from tlkeras.grading.sandbox.channel import (
    DTYPES,
    LARGEST,
    ChannelError,
    Closed,
    Late,
    refuse,
)

NAMES = [np.dtype(each).name for each in sorted(DTYPES)]
FAILURES = 50  # of a cell, and names of a failure, that are looked at
GRACE = 2  # seconds between the worker's own alarm and its end


class Lost(Exception):  # noqa: N818
    """The worker is of no more use.

    Args:
        reason: id of a sentence: `late`, `exit`, `signal`, `memory` or `channel`.
        **values: what fills it in.
    """

    def __init__(self, reason, **values):
        super().__init__(reason)
        self.reason = reason
        self.values = values

    @property
    def late(self):
        """Whether it overstayed."""
        return self.reason == "late"

    @property
    def raised(self):
        """As if it were an exception of the submission's."""
        text = say("ended", self.reason, **self.values)
        return Raised(say("ended", "name"), text, whole=text)


class Worker:
    """Asks a Session's worker.

    Args:
        session: a Session.
        limits: Limits.
        end: when it must be over, on the clock of `time.monotonic()`.
    """

    def __init__(self, session, limits, end):
        self.alive = True
        self._session = session
        self._limits = limits
        self._end = end
        self._until = end
        self._number = 0
        self._probes: dict[str, str] = {}

    @contextlib.contextmanager
    def within(self, seconds):
        """What is asked for inside shares some seconds."""
        self._until = min(self._end, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._until = self._end

    def run(self, step):
        """Run a cell; its Failures.

        Raises:
            CheckTimeoutError: it was stopped, and the worker goes on.
            Lost: it spoilt the worker.
        """
        with self.within(self._limits.cell):
            request = {"do": "run", "number": step.number, "text": step.text}
            reply, _ = self._ask(request)
        return _failures(reply.get("failures"))

    def look(self, names):
        """The Forms of what exists, by name."""
        with self.within(self._limits.cell):
            reply, _ = self._ask({"do": "look", "names": list(names)})
        found = _table(reply.get("found"))
        return {name: _form(_table(found[name])) for name in names if name in found}

    def reply(self, exercise, drawn):
        """The Reply to a Trial, also if it ends the worker.

        Raises:
            CheckTimeoutError: it took too long.
        """
        try:
            return self.call(exercise, drawn)
        except Lost as lost:
            if lost.late:
                raise CheckTimeoutError from None
            return Reply(raised=lost.raised)

    def call(self, exercise, drawn):
        """Exercise an answer on the inputs of a Trial; a Reply.

        Raises:
            CheckTimeoutError: it was stopped, and the worker goes on.
            Lost: it spoilt the worker.
            PackingError, ProbeError: the exercise cannot be sent.
        """
        arrays: list[np.ndarray] = []
        classes: list[type] = []
        inputs = packing.pack(tuple(drawn.inputs), arrays, classes)
        self._send_probe(exercise, classes)
        count = len(drawn.expected) if isinstance(drawn.expected, tuple) else None
        request = {
            "do": "call",
            "name": exercise.name,
            "inputs": inputs,
            "count": count,
        }
        reply, returned = self._ask(request, arrays)
        return self._reply(reply, returned, 1 if count is None else count)

    def _send_probe(self, exercise, classes):
        text = probes.source(exercise, classes)
        if text != self._probes.get(exercise.name, ""):
            self._ask({"do": "probe", "name": exercise.name, "text": text})
            self._probes[exercise.name] = text

    def _ask(self, request, arrays=()):
        self._number += 1
        left = self._until - time.monotonic()
        if left <= 0:
            raise CheckTimeoutError
        until = self._until + GRACE
        request |= {"id": self._number, "seconds": left}
        try:
            self._session.channel.send(request, arrays, until)
            reply, returned = self._session.channel.receive(until)
        except ChannelError as error:
            raise self._lost(error) from None
        if reply.get("id") != self._number:
            raise self._lost(refuse("not_asked"))
        if reply.get("timeout") is True:
            raise CheckTimeoutError
        return reply, returned

    def _lost(self, error):
        """Why the worker is of no more use; it is not asked again."""
        self.alive = False
        if isinstance(error, Late):
            return Lost("late")
        if not isinstance(error, Closed):
            return Lost("channel", error=str(error))
        self._session.wait_for_end(GRACE)
        ending = self._session.ending or {}
        status = ending.get("status", -9)
        if ending.get("reason") == "memory":
            return Lost("memory", gigabytes=f"{self._limits.memory / 2**30:g}")
        return Lost("exit" if status >= 0 else "signal", number=abs(status))

    def _reply(self, reply, arrays, count):
        if "raised" in reply:
            return Reply(raised=_raised(reply["raised"]) or Raised("?", ""))
        if "problem" in reply:
            return Reply(problem=self._problem(reply))
        if "shapes" in reply:
            arrays = _empty_arrays(reply["shapes"])
            if sum(array.nbytes for array in arrays) <= LARGEST:
                raise self._lost(refuse("small"))
        if len(arrays) != count:
            raise self._lost(refuse("number", given=len(arrays), expected=count))
        return Reply(tuple(arrays), changed=reply.get("changed") is True)

    def _problem(self, reply):
        name = reply["problem"]
        if not isinstance(name, str) or name not in NO_ARRAYS:
            raise self._lost(refuse("problem"))
        values = _table(reply.get("values"))
        return Problem(name, {key: _text(values, key) for key in NO_ARRAYS[name]})


def _empty_arrays(shapes):
    """For arrays too large to send: their shapes, with nothing in them.

    They are larger than any right answer, so their shape is all that matters.
    """
    entries = shapes if isinstance(shapes, list) else []
    return [_empty_array(e[0], e[1:]) for e in entries if _is_shape(e)]


def _is_shape(entry):
    if not isinstance(entry, list) or not entry or entry[0] not in NAMES:
        return False
    good = all(type(n) is int and 0 <= n < 1 << 40 for n in entry[1:])
    return good and len(entry) <= 33 and math.prod(entry[1:]) < 1 << 50


def _empty_array(name, shape):
    empty = np.full((), np.nan if name.startswith("f") else 0, np.dtype(name))
    return np.broadcast_to(empty, shape)


def _form(data):
    kind, names = data.get("kind"), data.get("parameters")
    known = isinstance(names, list) and len(names) <= FAILURES
    return Form(
        kind=kind if kind in KINDS else "instance",
        type=_text(data, "type")[:200],
        parameters=tuple(map(_printable, names)) if known else None,
        callable=data.get("callable") is True,
    )


def _failures(data):
    entries = map(_table, data[:FAILURES] if isinstance(data, list) else [])
    pairs = [(entry.get("names"), _raised(entry.get("raised"))) for entry in entries]
    return tuple(Failure(_names(names), raised) for names, raised in pairs if raised)


def _names(names):
    names = names[:FAILURES] if isinstance(names, list) else []
    return frozenset(name[:200] for name in names if isinstance(name, str))


def _raised(data):
    if not isinstance(data, dict):
        return None
    lines = data.get("lines")
    pairs = (
        [line for line in lines if _is_line(line)] if isinstance(lines, list) else []
    )
    return Raised(
        name=_text(data, "name"),
        text=_text(data, "text"),
        lines=tuple((number, text[:500]) for number, text in pairs[-4:]),
        untouched=data.get("untouched") is True,
        stub=_text(data, "stub")[:200],
        whole=_text(data, "whole"),
    )


def _is_line(line):
    return (
        isinstance(line, list)
        and len(line) == 2
        and type(line[0]) is int
        and isinstance(line[1], str)
    )


def _table(value):
    return value if isinstance(value, dict) else {}


def _text(table, key):
    return _printable(table.get(key, ""))


def _printable(value):
    """A text of a worker's, not too long, and fit to be written to a file."""
    text = str(value)[:1000]
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
