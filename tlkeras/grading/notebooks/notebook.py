"""Reading a notebook that anybody may have sent: JSON only, and as leniently as we can.

Nothing in the file is run, imported or trusted. Reordered cells, lost metadata, a byte
order mark or the old notebook format are no reason to refuse it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tlkeras.grading.messages import say


class NotebookError(ValueError):
    """The file cannot be read as a notebook; the message says what to do."""


def refuse(key, file=None, **values):
    """A NotebookError in the words of a key, about a file that may have no name."""
    name = say("file", "this") if file is None else file
    return NotebookError(say("file", key, file=name, **values))


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        kind: `code`, `markdown` or `raw`.
        source: its text.
        tags: its tags.
        has_outputs: whether it shows anything.
    """

    kind: str
    source: str
    tags: frozenset[str] = frozenset()
    has_outputs: bool = False


@dataclass(frozen=True)
class Notebook:
    """The cells of a notebook, and its `tlkeras` metadata."""

    cells: tuple[Cell, ...]
    metadata: dict

    @property
    def code(self):
        """The code cells."""
        return tuple(cell for cell in self.cells if cell.kind == "code")


def read(path) -> Notebook:
    """Read a notebook file.

    Raises:
        NotebookError: there is no such file, or it is not a notebook.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise refuse("unreadable", path, reason=error.strerror) from None
    return parse(content, path)


def parse(content, file=None) -> Notebook:
    """Read the bytes of a notebook.

    Args:
        content: UTF-8, -16 or -32, with or without a byte order mark.
        file: what an error calls it. Defaults to `None`: "The file".

    Raises:
        NotebookError: they are not a notebook.
    """
    try:
        data = json.loads(content)
    except json.JSONDecodeError as error:
        raise refuse("damaged_at", file, line=error.lineno) from None
    except (ValueError, RecursionError):
        raise refuse("damaged", file) from None
    cells = _raw_cells(data)
    if cells is None:
        raise refuse("no_cells", file)
    read_cells = (_cell(cell) for cell in cells if isinstance(cell, dict))
    return Notebook(tuple(read_cells), _table(data, "metadata", "tlkeras"))


def _raw_cells(data):
    """The list of cells, also of format 3, which keeps them on worksheets."""
    cells, sheets = _table(data).get("cells"), _table(data).get("worksheets")
    if not isinstance(cells, list) and isinstance(sheets, list):
        cells = [cell for sheet in sheets for cell in _raw_cells(sheet) or ()]
    return cells if isinstance(cells, list) else None


def _cell(cell):
    tags = _table(cell, "metadata").get("tags")
    return Cell(
        kind=str(cell.get("cell_type", "code")),
        source=_text(cell.get("source") or cell.get("input") or ""),
        tags=frozenset(map(str, tags)) if isinstance(tags, list) else frozenset(),
        has_outputs=bool(cell.get("outputs")),
    )


def _text(source):
    """A cell's text is one string, or a list of lines."""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _table(value, *keys):
    """The table at a path of keys; empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
