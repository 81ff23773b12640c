"""Everything that can be wrong with an answer, by id: the only list of these.

The sentences about a problem stand in the messages, at `returned.<id>` and
`expected.<id>`; the fields are what these sentences need to be filled in.
"""

from dataclasses import dataclass

# The output is no arrays. A worker tells these, because the output itself stays there.
NO_ARRAYS = {
    "array-of-text": set(),
    "not-an-array": {"given", "error"},
    "returned-callable": {"given"},
    "returned-coroutine": set(),
    "returned-generator": set(),
    "returned-none": set(),
    "returned-other": {"given"},
    "returned-tuple": {"count"},
    "wrong-count": {"given", "count"},
}
# The numbers may even be right; what was expected says all there is to say.
WRONG_KIND = {
    "changed-inputs": set(),
    "not-boolean": {"given"},
    "not-floating": {"given"},
}
# The numbers are wrong, and a known mistake may explain them.
WRONG_NUMBERS = {
    "not-finite": {"position", "size", "wanted", "wrong", "yours"},
    "wrong-shape": {"given", "wanted"},
    "wrong-values": {"position", "size", "wanted", "wrong", "yours"},
}
# The answer has not the form of an answer, or not the same one at every call.
WRONG_FORM = {
    "arguments-refused": set(),
    "gave-class": {"exercise", "signature"},
    "gave-function": {"exercise"},
    "gave-instance": {"exercise", "given"},
    "moved-arguments": {"exercise", "given", "signature"},
    "not-callable": {"exercise", "given"},
    "other-arguments": {"exercise", "signature"},
    "other-numbers": {"position", "wanted", "yours"},
    "other-output": set(),
}
PROBLEMS = NO_ARRAYS | WRONG_KIND | WRONG_NUMBERS | WRONG_FORM
OWN_CAUSE = {*NO_ARRAYS, *WRONG_KIND}  # no other cause is looked for


@dataclass(frozen=True)
class Problem:
    """What is wrong with an answer.

    Args:
        id: one of PROBLEMS.
        values: what fills in its sentences, and perhaps more.

    Raises:
        ValueError: there is no such problem, or a value is missing.
    """

    id: str
    values: dict

    def __post_init__(self):
        if self.id not in PROBLEMS:
            raise ValueError(f"no problem is called {self.id!r}: add it to PROBLEMS")
        if missing := PROBLEMS[self.id] - self.values.keys():
            raise ValueError(f"problem {self.id} lacks {', '.join(sorted(missing))}")
