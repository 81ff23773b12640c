"""The process that runs a submission: cells first, then calls of its answers.

It is locked up before it gets here. Nothing that it says is believed: it can only hurt
the submission that it runs.
"""

import contextlib
import os
import sys
from dataclasses import asdict

import numpy as np

from tlkeras.grading.judge import attempt, exercise
from tlkeras.grading.judge.deadline import CheckTimeoutError, deadline
from tlkeras.grading.judge.form import Form
from tlkeras.grading.running.cells import Cells
from tlkeras.grading.sandbox import packing, probes
from tlkeras.grading.sandbox.channel import ARRAYS, LARGEST, Channel

MOST = 50  # failures of a cell, and names of a failure, that are told


def serve(connection):
    """Answer requests until the other side goes."""
    channel = Channel(connection, trusting=True)
    notebook = _Notebook()
    channel.send({"ready": True})
    while True:
        request, arrays = channel.receive()
        reply, returned = getattr(notebook, request["do"])(request, arrays)
        _flush()
        channel.send({"id": request["id"], **reply}, returned)


class _Notebook:
    """What the cells have defined, and what can be asked of it."""

    def __init__(self):
        self._cells = Cells()
        self._names = self._cells.names
        self._probes = {}
        os.environ["HOME"] = os.getcwd()

    def run(self, request, _):
        """Run a cell."""
        try:
            with deadline(request["seconds"]):
                failures = self._cells.run(request["number"], request["text"])
        except CheckTimeoutError:
            return {"timeout": True}, []
        return {"failures": [_told(failure) for failure in failures[:MOST]]}, []

    def look(self, request, _):
        """The forms of what the names asked for are."""
        found = {
            name: asdict(Form.of(self._names[name]))
            for name in request["names"]
            if name in self._names
        }
        return {"found": found}, []

    def probe(self, request, _):
        """Define how an answer is to be exercised."""
        names = {"__name__": "probe"}
        exec(compile(request["text"], "<probe>", "exec"), names)
        self._probes[request["name"]] = names
        return {}, []

    def call(self, request, arrays):
        """Exercise an answer."""
        name, count = request["name"], request["count"]
        names = self._probes.get(name, {})
        probe = names.get(probes.NAME, exercise.call)
        inputs = packing.unpack(request["inputs"], arrays, names)
        like = None if count is None else (None,) * count
        try:
            with deadline(request["seconds"]):
                reply = attempt.ask(probe, self._names[name], inputs, like)
                return _reply(reply)
        except CheckTimeoutError:
            return {"timeout": True}, []


def _reply(reply):
    if reply.problem is not None:
        problem = reply.problem
        values = {key: str(value)[:200] for key, value in problem.values.items()}
        return {"problem": problem.id, "values": values}, []
    if reply.raised is not None:
        return {"raised": _described(reply.raised)}, []
    if sum(array.nbytes for array in reply.arrays) > LARGEST:
        shapes = [[str(array.dtype), *array.shape] for array in reply.arrays]
        return {"shapes": shapes[:ARRAYS]}, []
    return {"changed": reply.changed}, [_portable(array) for array in reply.arrays]


def _portable(array):
    """The array in a type that may travel: no number longer than usual."""
    usual = {"f": np.float64, "c": np.complex128}.get(array.dtype.kind)
    if usual is not None and array.dtype.itemsize > np.dtype(usual).itemsize:
        return array.astype(usual)
    return array


def _described(raised):
    cut = {"name": raised.name[:200], "text": raised.text, "stub": raised.stub[:200]}
    lines = [[int(number), source[:500]] for number, source in raised.lines]
    return asdict(raised) | cut | {"whole": raised.whole[:1000], "lines": lines}


def _told(failure):
    names = sorted(name[:200] for name in failure.names)[:MOST]
    return {"names": names, "raised": _described(failure.raised)}


def _flush():
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
