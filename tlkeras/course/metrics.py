"""A lesson's figures must stay in their bands: a version that loses accuracy is found.

`metrics.toml` of a lesson names its figures, each a Python expression over the
variables of the solved notebook at its end, with the lowest and highest value it may
have at default scale::

    "mean[1297].max()" = [0.98, 1.0]

A figure that exists only under a condition, such as data that must be fetched, says so;
where the expression in `when` is false it is left out::

    "accuracy" = { band = [0.6, 1.0], when = "human" }

The cells that took most processor time are named too: wall-clock time depends on what
else the machine does.
"""

import json
import os
import tempfile
import tomllib
from time import perf_counter

import nbformat

from tlkeras.course.build import build
from tlkeras.course.syllabus import CourseError, Lesson
from tlkeras.course.verify import Report

MINUTES, GIGABYTES = 3, 3  # what a notebook may cost on two cores, at default scale
SLOWEST = 5  # cells that are named

# The first cell of the notebook: processor seconds of each cell behind it.
TIMES = """
from time import process_time as _now
_began, _times = [], []
def _before(info):
    _began[:] = [_now()]
def _after(result):
    if _began:  # it is also called behind this cell, which nothing was called before
        _times.append(_now() - _began.pop())
get_ipython().events.register("pre_run_cell", _before)
get_ipython().events.register("post_run_cell", _after)
"""

# The last cell of the notebook: figures as JSON, and what the kernel used of memory.
READ = """
import json as _json
def _figure(expression, when):
    try:
        return float(eval(expression, globals())) if eval(when, globals()) else None
    except Exception as error:
        return repr(error)
def _peak():
    # Not `ru_maxrss`, which begins with that of whoever started the kernel.
    with open("/proc/self/status") as file:
        return next(int(x.split()[1]) for x in file if x.startswith("VmHWM")) / 2**20
print(_json.dumps({{
    "figures": {{name: _figure(name, when) for name, when in {names!r}}},
    "gigabytes": _peak(),
    "times": _times,
}}))
"""


def bands(lesson: Lesson) -> dict[str, tuple[float, float]]:
    """The figures of a lesson, each with its lowest and highest value.

    Raises:
        CourseError: the file is missing, or a band is not two numbers in order.
    """
    return {name: band for name, (band, _) in _figures(lesson).items()}


def _figures(lesson):
    """Name to band and the condition under which the figure exists."""
    path = lesson.folder / "metrics.toml"
    if not path.is_file():
        raise CourseError(f"{path} is missing: name the lesson's figures there.")
    figures = {}
    for name, entry in tomllib.loads(path.read_text("utf-8")).items():
        band, when = entry, "True"
        if isinstance(entry, dict) and entry.keys() == {"band", "when"}:
            band, when = entry["band"], entry["when"]
        if not (isinstance(band, list) and len(band) == 2 and band[0] <= band[1]):
            raise CourseError(
                f"{path}: the band of {name!r} must be [lowest, highest]; it is {band}."
            )
        figures[name] = (float(band[0]), float(band[1])), when
    return figures


def measure(lesson: Lesson):
    """Run a lesson's solved notebook, in a kernel of its own, to its end.

    Returns:
        Its figures by name (a number, the text of an exception, or `None` where the
        condition is not met), seconds, gigabytes of memory at its peak, and the
        processor seconds of each cell of code, `(seconds, first line)`.

    Raises:
        CourseError: a cell of the notebook raised.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.reads(build(lesson, solved=True), as_version=4)
    codes = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    codes = [code.strip() for code in codes if code.strip()]  # no empty cell is run
    conditions = [(name, when) for name, (_, when) in _figures(lesson).items()]
    source = READ.format(names=conditions)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(TIMES))
    notebook.cells.append(nbformat.v4.new_code_cell(source))
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        try:
            NotebookClient(notebook, timeout=1200, resources=resources).execute()
        except CellExecutionError as error:
            raise CourseError(f"{lesson.name}: {error}") from None
    printed = json.loads(notebook.cells[-1].outputs[-1].text)
    lines = [code.partition("\n")[0] for code in codes]
    times = list(zip(printed["times"], lines, strict=True))
    return printed["figures"], perf_counter() - start, printed["gigabytes"], times


def verify_metrics(lesson: Lesson):
    """Measure a lesson and hold its figures against their bands, time and memory too.

    Returns:
        A Report; a row `(name, value, low, high)` for each figure, its value `None`
        where its condition is not met, which is no failure; and the slowest cells, each
        `(processor seconds, first line)`, the slowest first and all together last.
    """
    report = Report(lesson.name)
    figures, seconds, gigabytes, times = measure(lesson)
    rows = [(name, figures[name], *band) for name, band in bands(lesson).items()]
    if os.environ.get("TLKERAS_SCALE", "default") == "default":
        rows.append(("minutes", seconds / 60, 0.0, MINUTES))
        rows.append(("gigabytes", gigabytes, 0.0, GIGABYTES))
    for name, value, low, high in rows:
        if value is None:
            continue
        right = isinstance(value, float) and low <= value <= high
        complaint = f"{name} is {_number(value)}, not in [{low:g}, {high:g}]"
        report.expect("metrics", right, complaint, seed=0)
    slowest = sorted(times, reverse=True)[:SLOWEST]
    return report, rows, [*slowest, (sum(t for t, _ in times), "all cells")]


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else value
