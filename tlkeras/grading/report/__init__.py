"""What people read of a class's results: marks as a table, feedback, the class report.

`write` makes all three from the results of one lesson, `write_all` from a folder.
"""

import contextlib
from pathlib import Path
from types import SimpleNamespace

from tlkeras.files import write_atomically
from tlkeras.grading.report import grades, summary
from tlkeras.grading.report.class_report import class_report
from tlkeras.grading.report.feedback import feedback
from tlkeras.grading.report.text import FileNames
from tlkeras.grading.submissions import result as result_files

__all__ = ["class_report", "feedback", "not_counted", "write", "write_all"]

GRADES, REPORT = "grades.csv", "report.html"
NONE = SimpleNamespace(name="–", title="–", exercises={})  # where nothing could be read


def write_all(folder, lesson, names=None):
    """Write what `write` writes for every lesson that a folder has results of.

    With one lesson it goes into the folder itself, with several into a folder for each.
    A submission that could not be read may be of any lesson, and is in every report.
    Tables and reports of an earlier batch that are not replaced get other names.

    Args:
        folder: with `submissions/<name>/result.json`.
        lesson: from the name of a lesson to the Lesson.
        names: of the submissions that count. Defaults to all that have a result; of
            others the report says how many there are.

    Returns:
        The paths that `write` returns, by name of the lesson; `None` if nothing could
        be read, so that there is no lesson.

    Raises:
        ResultError: a result is damaged.
        OSError: a file cannot be written.
    """
    folder, others = Path(folder), len(not_counted(folder, names))
    lessons = {result["lesson"] for result in result_files.read_all(folder, names)}
    lessons -= {None}
    written = {}
    for name in sorted(lessons) or [None]:
        results = (
            result
            for result in result_files.read_all(folder, names)
            if result["lesson"] in (name, None)
        )
        place = folder / name if len(lessons) > 1 else folder
        written[name] = write(results, place, lesson(name) if name else NONE, others)
    places = {paths["grades"].parent for paths in written.values()}
    _set_aside({folder, *_of_lessons(folder, lesson)} - places)
    return written


def not_counted(folder, names):
    """Paths of the results in a folder that are of none of these submissions."""
    if names is None:
        return []
    counted = {result_files.path_of(folder, name) for name in names}
    return [path for path in result_files.paths(folder) if path not in counted]


def _of_lessons(folder, lesson):
    """Folders in a folder that are called like a lesson."""
    for place in folder.iterdir():
        with contextlib.suppress(ValueError):
            lesson(place.name)
            yield place


def _set_aside(places):
    """Give what an earlier batch left, and this one did not replace, another name."""
    for path in (place / file for place in places for file in (GRADES, REPORT)):
        number, free = 1, path.with_stem(f"{path.stem}.earlier")
        while free.exists():
            number, free = number + 1, path.with_stem(f"{path.stem}.earlier-{number}")
        if path.is_file():
            path.rename(free)


def write(results, folder, lesson, others=0):
    """Write `grades.csv`, `report.html` and `feedback/<name>.html` into a folder.

    Results are read one by one and their cards let go at once, so that an iterator over
    thousands, such as `submissions.result.read_all(folder)`, needs little memory.

    Args:
        results: what each `result.json` holds; all of one lesson, or of none.
        folder: made if it is not there; files of the same names are replaced.
        lesson: the Lesson.
        others: how many results the folder has that are not counted. Defaults to 0.

    Returns:
        The paths by what they hold: `grades`, `report`, `feedback` (a folder).

    Raises:
        ValueError: a result is of another lesson.
        OSError: a file cannot be written.
    """
    folder = Path(folder)
    paths = {
        "grades": folder / GRADES,
        "report": folder / REPORT,
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
    write_atomically(paths["report"], class_report(rows, lesson, others))
    return paths


def _same_lesson(result, lesson):
    if result["lesson"] not in (None, lesson.name):
        raise ValueError(
            f"submission {result['submission']['name']!r} is of lesson "
            f"{result['lesson']!r}, and this report is of {lesson.name!r}: "
            "write a report for each lesson, in a folder of its own"
        )
