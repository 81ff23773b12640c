"""What an exercise is: a right answer, inputs to try it on, and known wrong answers.

The reference is written as a few named steps, passed as keyword arguments whose
defaults are right::

    def attention(query, key, value, *, scale=by_root_of_size, normalise=softmax):
        return normalise(scale(query @ key.T, query)) @ value

A misconception replaces a step: `Misconception("attention.not-scaled", "scaling",
scale=identity)`. Two misconceptions that replace different steps can be made together,
and are.
"""

import itertools
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tlkeras.grading.messages import Messages

# How the name of a package of exercises begins: a lesson's own code, and no learner's.
PACKAGE = "tlkeras_exercises_"


@dataclass(frozen=True)
class Case:
    """One kind of input that an answer is tried on.

    Args:
        name: stable and unique in its exercise; the lesson's messages describe it.
        inputs: `rng -> tuple`, the positional arguments of the answer.
        tolerance: largest error that still counts as right, relative to the largest
            expected magnitude (at least 1). Defaults to 1e-4.
        diagnostic: carries no points and is tried only on an answer that failed
            elsewhere, to tell mistakes apart: for example square inputs, where a
            forgotten transpose gives numbers and no exception.
    """

    name: str
    inputs: Callable[[np.random.Generator], tuple]
    tolerance: float = 1e-4
    diagnostic: bool = False

    def draw(self, seed: int) -> tuple:
        """The inputs for one seed, always the same."""
        return self.inputs(
            np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        )


@dataclass(frozen=True, init=False, eq=False)
class Misconception:
    """A wrong answer that people really give.

    Args:
        id: stable, as `attention.not-scaled`; the lesson's messages explain it.
        section: key of the lesson section to reread.
        **steps: the steps of the reference that go wrong.
    """

    id: str
    section: str
    steps: Mapping[str, Callable]

    def __init__(self, id, section, **steps):
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "section", section)
        object.__setattr__(self, "steps", steps)

    def combines_with(self, other: "Misconception") -> bool:
        """Whether both can be made at once: they replace different steps."""
        return self.steps.keys().isdisjoint(other.steps)


def call(answer: Callable, *inputs: Any) -> Any:
    """The default probe: call the learner's function."""
    return answer(*inputs)


@dataclass(frozen=True, eq=False)
class Exercise:
    """Something to write, and everything needed to judge it by what it does.

    Args:
        name: name of the function or class that the learner writes.
        section: key of the lesson section that asks for it.
        points: marks for a right answer, shared equally by the cases that carry any.
        reference: the right answer in float64 NumPy, written in steps (see the module).
            Returns an array, or a tuple of arrays.
        cases: from simple to hard.
        misconceptions: known wrong answers.
        accepted: other right answers by name; `tlkeras verify` proves that they pass.
        probe: `(answer, *inputs) -> output`, how the learner's object is exercised.
        hidden: names of inputs that the probe alone sees; a message leaves them out.
        messages: what is said to the learner.
        forbidden: full names of what may not be called instead, as
            `keras.layers.MultiHeadAttention`; of a module, everything in it. Found in
            the text of a submission and reported; it costs no points.
    """

    name: str
    section: str
    points: float
    reference: Callable
    cases: tuple[Case, ...]
    misconceptions: tuple[Misconception, ...]
    accepted: Mapping[str, Callable] = field(default_factory=dict)
    probe: Callable = call
    hidden: tuple[str, ...] = ()
    messages: Messages = field(default_factory=Messages)
    forbidden: tuple[str, ...] = ()

    @cached_property
    def mistakes(self) -> tuple[tuple[Misconception, ...], ...]:
        """Each misconception alone, then every two that can be made at once."""
        singles = [(m,) for m in self.misconceptions]
        pairs = itertools.combinations(self.misconceptions, 2)
        return (*singles, *((a, b) for a, b in pairs if a.combines_with(b)))

    def expected(self, inputs: Iterable, *mistakes: Misconception) -> Any:
        """The reference's output for some inputs, with some misconceptions made."""
        steps = {name: step for m in mistakes for name, step in m.steps.items()}
        with np.errstate(all="ignore"):
            return self.reference(*(_float64(x) for x in inputs), **steps)


def _float64(value: Any):
    """A copy, with floats in float64: no reference can change the inputs."""
    if not isinstance(value, np.ndarray):
        return value
    return value.astype(np.float64 if value.dtype.kind == "f" else value.dtype)
