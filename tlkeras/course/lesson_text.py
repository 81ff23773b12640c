"""A lesson's text: its cells, its solutions, and what is wrong with either.

`lesson.py` is a py:percent script: `# %%` begins a cell, and may name it, tag it or say
that it is `[markdown]`. What stands between `# BEGIN SOLUTION` and `# END SOLUTION` is
left out of the learner's notebook. jupytext, which makes notebooks of such scripts,
takes seconds to import; what a check needs to know is read here.
"""

import re
from dataclasses import dataclass

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError")
CELL = "# %%"
# What the notebooks of the course run on.
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson.

    Args:
        header: what stands behind `# %%`.
        source: the lines below it.
    """

    header: str
    source: str

    @property
    def is_code(self):
        """Whether it is no prose."""
        return "[markdown]" not in self.header

    @property
    def is_experiment(self):
        """Whether no answer needs it, so that no check runs it."""
        return '"experiment"' in self.header

    @property
    def has_solution(self):
        """Whether learners write a part of it."""
        return BEGIN in self.source


def cells(text):
    """The Cells of a lesson's text, in order."""
    pieces = iter(re.split(rf"^{CELL}(.*)$", text, flags=re.MULTILINE)[1:])
    return [Cell(head, source) for head, source in zip(pieces, pieces, strict=True)]


def headings(text):
    """The headings in the prose of a lesson, without their `#`."""
    prose = (cell.source for cell in cells(text) if not cell.is_code)
    lines = (line.removeprefix("# ") for each in prose for line in each.splitlines())
    return [line.lstrip("#").strip() for line in lines if line.startswith("#")]


def replace_solutions(lines, solved):
    """The text of these lines with solutions but no markers, or with stubs instead."""
    kept: list[str] = []
    inside = False
    for line in lines:
        marker = line.strip()
        if marker == BEGIN and not solved:
            indent = line[: line.index(BEGIN)]
            kept.extend(indent + text for text in STUB)
        if marker in (BEGIN, END):
            inside = marker == BEGIN
        elif solved or not inside:
            kept.append(line)
    return "\n".join(kept) + "\n"


def problems(lines):
    """Numbers of lines that are wrong, counted from 1, and why."""
    yield from _wrong_markers(lines)
    yield from _wrong_names(lines)


def _wrong_markers(lines):
    """Line numbers where solutions do not begin and end properly, and why."""
    begun = None  # line number of the BEGIN that waits for its END
    for number, line in enumerate(lines, start=1):
        problem = _wrong_marker(lines, number, begun)
        if problem:
            yield number, problem
        if line.strip() in (BEGIN, END):
            begun = number if line.strip() == BEGIN else None
    if begun:
        yield begun, f"no `{END}` follows this `{BEGIN}`"


def _wrong_marker(lines, number, begun):
    line = lines[number - 1].rstrip()
    marker = line.strip()
    if begun and line.startswith(CELL):
        return f"this cell begins inside the solution of line {begun}"
    if marker not in (BEGIN, END):
        # A misspelt marker would show learners the solution.
        misspelt = re.match(r"\s*#\W*(begin|end)[\W_]*solution", line, re.IGNORECASE)
        return f"write exactly `{BEGIN}` or `{END}`" if misspelt else None
    if marker == BEGIN:
        return f"the solution of line {begun} has not ended" if begun else None
    if not begun:
        return f"no `{BEGIN}` stands before this `{END}`"
    if line != lines[begun - 1].rstrip().replace(BEGIN, END):
        return f"indented differently from the `{BEGIN}` of line {begun}"
    if not any(text.strip() for text in lines[begun : number - 1]):
        return f"the solution of line {begun} is empty"
    return None


def _wrong_names(lines):
    """Line numbers of cells whose declared names cannot be ids, and why."""
    taken = set()
    for number, line in enumerate(lines, start=1):
        header = re.match(r"# %%.*\bname=\"(.*?)\"", line)
        if header and not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", header[1]):
            yield number, f"{header[1]!r} is no cell name: use letters, digits and -"
        if header and header[1] in taken:
            yield number, f"another cell is called {header[1]!r}"
        taken.add(header and header[1])
