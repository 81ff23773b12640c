"""`grades.csv`: a row a submission and a column an exercise, for any spreadsheet."""

import csv
import io

from tlkeras.grading.report.summary import columns
from tlkeras.grading.report.text import number, one_line

# A cell that begins with one of these is run as a formula by some spreadsheet.
FORMULA = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
BEFORE = ("submission", "points", "max_points")
AFTER = (
    "state",
    "reason",
    "for_marks",
    "isolation",
    "seconds",
    "graded_at",
    "seed",
    "file",
    "sha256",
)


def table(rows, lesson):
    """The text of `grades.csv`, in UTF-8 without a byte order mark.

    Args:
        rows: Rows, in the order in which they are to stand.
        lesson: the Lesson.
    """
    exercises = columns(lesson, rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*BEFORE, *map(safe, exercises), *AFTER])
    writer.writerows(_cells(row, exercises) for row in rows)
    return file.getvalue()


def safe(text):
    """Text that no spreadsheet runs as a formula: a `'` stands before what might be."""
    line = one_line("" if text is None else text)
    return f"'{line}" if line.startswith(FORMULA) else line


def _cells(row, exercises):
    result, graded = row.result, row.result["graded"]
    points = (row.exercises.get(name) for name in exercises)
    return [
        safe(result["submission"]["name"]),
        number(result["points"]),
        number(result["max_points"]),
        *("" if entry is None else number(entry["points"]) for entry in points),
        result["state"],
        safe(result["reason"]),
        "yes" if graded["isolation"]["for_marks"] else "no",
        safe(graded["isolation"]["tier"]),
        f"{graded['seconds']:.2f}",
        safe(graded["at"]),
        graded["seed"],
        safe(result["submission"]["file"]),
        safe(result["submission"]["sha256"]),
    ]
