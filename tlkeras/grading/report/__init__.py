"""What people read of a class's results: marks as a table, feedback, the class report.

`write` makes all three from the results of one lesson, `write_all` from a folder.
"""

from pathlib import Path
from types import SimpleNamespace

from tlkeras.files import write_atomically
from tlkeras.grading import result as results_room
from tlkeras.grading.report import grades, summary
from tlkeras.grading.report.class_report import class_report
from tlkeras.grading.report.feedback import feedback
from tlkeras.grading.report.text import FileNames

__all__ = ["class_report", "feedback", "write", "write_all"]


def write_all(folder, lesson):
    """Write what `write` writes for every lesson that a folder has results of.

    With one lesson it goes into the folder itself, with several into a folder for each.
    A submission that could not be read may be of any lesson, and is in every report.

    Args:
        folder: with `submissions/<name>/result.json`.
        lesson: from the name of a lesson to the Lesson.

    Returns:
        The paths that `write` returns, by name of the lesson; `None` if nothing could
        be read, so that there is no lesson.

    Raises:
        ResultError: a result is damaged.
        OSError: a file cannot be written.
    """
    found = {result["lesson"] for result in results_room.read_all(folder)} - {None}
    if not found:
        nothing = SimpleNamespace(name="–", title="–", exercises={})
        return {None: write(results_room.read_all(folder), folder, nothing)}
    return {
        name: write(
            (r for r in results_room.read_all(folder) if r["lesson"] in (name, None)),
            folder if len(found) == 1 else Path(folder) / name,
            lesson(name),
        )
        for name in sorted(found)
    }


def write(results, folder, lesson):
    """Write `grades.csv`, `report.html` and `feedback/<name>.html` into a folder.

    Results are read one by one and their cards let go at once, so that an iterator over
    thousands, such as `tlkeras.grading.result.read_all(folder)`, needs little memory.

    Args:
        results: what each `result.json` holds; all of one lesson, or of none.
        folder: made if it is not there; files of the same names are replaced.
        lesson: the Lesson.

    Returns:
        The paths by what they hold: `grades`, `report`, `feedback` (a folder).

    Raises:
        ValueError: a result is of another lesson.
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    paths = {
        "grades": folder / "grades.csv",
        "report": folder / "report.html",
        "feedback": folder / "feedback",
    }
    paths["feedback"].mkdir(parents=True, exist_ok=True)
    names, rows = FileNames(), []
    for result in results:
        _same_lesson(result, lesson)
        page = f"{names.of(result['submission']['name'])}.html"
        write_atomically(paths["feedback"] / page, feedback(result, lesson))
        rows.append(summary.row(result, page))
    rows.sort(key=summary.order)
    write_atomically(paths["grades"], grades.table(rows, lesson))
    write_atomically(paths["report"], class_report(rows, lesson))
    return paths


def _same_lesson(result, lesson):
    if result["lesson"] not in (None, lesson.name):
        raise ValueError(
            f"submission {result['submission']['name']!r} is of lesson "
            f"{result['lesson']!r}, and this report is of {lesson.name!r}: "
            "write a report for each lesson, in a folder of its own"
        )
