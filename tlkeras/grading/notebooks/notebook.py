"""Reading a notebook that anybody may have sent: JSON only, and as leniently as we can.

Nothing in the file is run, imported or trusted. Reordered cells, lost metadata, a byte
order mark or the old notebook format are no reason to refuse it.
"""

import json
from dataclasses import dataclass
from pathlib import Path


class NotebookError(ValueError):
    """The file cannot be read as a notebook; the message says what to do."""


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
    path = Path(path)
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise NotebookError(f"{path} cannot be read: {error.strerror}.") from None
    except NotebookError as error:
        raise NotebookError(f"{path} {error}") from None


def parse(content) -> Notebook:
    """Read the bytes of a notebook.

    Raises:
        NotebookError: they are not a notebook.
    """
    try:
        data = json.loads(
            content
        )  # finds out UTF-8, -16 and -32, with or without a mark
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if hasattr(error, "lineno") else ""
        raise NotebookError(
            f"is damaged{where}: it is not JSON. Open it in JupyterLab and save it "
            "again, or go back to a copy (File, Revert Notebook to Checkpoint)."
        ) from None
    cells = _raw_cells(data)
    if cells is None:
        raise NotebookError("holds no cells: it is JSON, but not a notebook.")
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
