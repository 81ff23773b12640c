"""Handing marks on: to Gradescope as `results.json`, to nbgrader as its gradebook."""

from pathlib import Path, PurePath

from tlkeras.grading.export.gradebook import nbgrader
from tlkeras.grading.export.gradescope import gradescope
from tlkeras.grading.export.marks import ExportError, refuse
from tlkeras.grading.submissions import result as result_files
from tlkeras.grading.submissions.output import writing

__all__ = ["ExportError", "gradescope", "nbgrader", "write"]


def write(kind, folder, lesson, database=None, allow_practice=False, names=None):
    """Hand on the results in a folder.

    For nbgrader, each lesson is an assignment. A submission that could not be read
    belongs to the assignment in whose folder it lies, or to the only one.

    Args:
        kind: `"gradescope"` or `"nbgrader"`.
        folder: with `submissions/<name>/result.json`. Gradescope's `results.json` goes
            there.
        lesson: from the name of a lesson to the Lesson.
        database: nbgrader's, as in `nbgrader`.
        allow_practice: also results graded without a sandbox. Defaults to `False`.
        names: of the submissions that count. Defaults to all that have a result.

    Returns:
        How many results were handed on.

    Raises:
        ExportError: as in `gradescope` and `nbgrader`.
        OutputError: `results.json` cannot be written.
        ResultError: a result is damaged.
        ValueError: there is no such kind.
    """
    if kind == "gradescope":
        path = Path(folder) / "results.json"
        with writing(folder):
            gradescope(result_files.read_all(folder, names), path, allow_practice)
        return 1
    if kind != "nbgrader":
        raise ValueError(f"kind is {kind!r}; allowed are gradescope and nbgrader")
    if database is None:
        raise refuse("no-gradebook")
    lessons = {result["lesson"] for result in result_files.read_all(folder, names)}
    lessons -= {None}
    return sum(
        len(nbgrader(of_lesson, lesson(name), database, allow_practice=allow_practice))
        for name in sorted(lessons)
        for of_lesson in [_of_lesson(folder, names, name, only=len(lessons) == 1)]
    )


def _of_lesson(folder, names, name, only):
    for result in result_files.read_all(folder, names):
        place = PurePath(result["submission"]["file"]).parent.name
        lost = result["lesson"] is None and (only or place == name)
        if lost or result["lesson"] == name:
            yield result
