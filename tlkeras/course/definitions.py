"""One name of a notebook, and just enough of the notebook to define it.

Running a whole lesson to get at one function would take a minute; the statements that
the function needs, and those that these need, take a moment.
"""

import ast
import json

from tlkeras.grading.notebooks.source import defined, used


class UndefinedError(LookupError):
    """The notebook does not define the name."""


def define(text, name):
    """What a name stands for at the end of a notebook.

    Args:
        text: the notebook, as text.
        name: of a function, class or variable at the top level of a code cell.

    Raises:
        UndefinedError: nothing there defines it.
    """
    statements = _statements(text)
    wanted, needed = [name], set()
    while wanted:
        one = wanted.pop()
        definers = [i for i, s in enumerate(statements) if one in defined(s)]
        for index in definers:
            if index not in needed:
                needed.add(index)
                wanted.extend(used(statements[index]))
    body = [statements[index] for index in sorted(needed)]
    names = {"__name__": "__main__"}
    exec(compile(ast.Module(body, type_ignores=[]), f"<{name}>", "exec"), names)
    if name not in names:
        raise UndefinedError(f"no cell defines {name}")
    return names[name]


def _statements(text):
    """The top-level statements of all code cells that are nothing but Python."""
    cells = [c for c in json.loads(text)["cells"] if c["cell_type"] == "code"]
    statements = []
    for cell in cells:
        try:
            statements.extend(ast.parse("".join(cell["source"])).body)
        except SyntaxError:  # magics
            continue
    return statements
