"""Run a lesson of the installed wheel at quick scale: as handed out, and solved."""

import os
import re
import sys

import nbclient
import nbformat

import tlkeras
from tlkeras.course import build, lesson


def main(name):
    """Both notebooks run to their ends; every exercise of the solved one passes."""
    if "site-packages" not in tlkeras.__file__:
        raise SystemExit(f"{tlkeras.__file__} is no installed package")
    os.environ["TLKERAS_SCALE"] = "quick"
    this = lesson(name)
    for solved, state in ((False, "not attempted"), (True, "passed")):
        book = nbformat.reads(build.build(this, solved=solved), as_version=4)
        nbclient.NotebookClient(book, timeout=600).execute()
        html = "".join(
            output.get("data", {}).get("text/html", "")
            for cell in book.cells
            for output in cell.get("outputs", [])
        )
        states = re.findall(r'class="tlkeras-card" data-state="([^"]*)"', html)
        assert states == [state] * len(this.names), states


if __name__ == "__main__":
    main(sys.argv[1])
