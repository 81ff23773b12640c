"""`result.json`: what grading one submission found, as plain data, one file each.

A folder of results holds `submissions/<name>/result.json`. Exporters, feedback and the
class report read these files and nothing else. `docs/grading.md` describes the schema.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tlkeras.files import write_atomically
from tlkeras.grading.outcome import State

SCHEMA = "tlkeras.result/1"
FOLDER, FILE = "submissions", "result.json"
STATES = ("graded", "unreadable", "stopped")
TIERS = ("A", "B", "C")

NUMBER = (int, float)
OPTIONAL_TEXT = (str, type(None))
SUBMISSION = {
    "name": str,
    "file": str,
    "sha256": OPTIONAL_TEXT,
    "bytes": (int, type(None)),
}
ISOLATION = {"tier": str, "name": str, "for_marks": bool}
GRADED = {"at": str, "tlkeras": str, "seed": int, "seconds": NUMBER, "isolation": dict}
MISCONCEPTION = {"id": str, "idea": str, "section": str}
EXERCISE = {
    "name": str,
    "section": str,
    "state": str,
    "points": NUMBER,
    "max_points": NUMBER,
    "cases": dict,
    "misconceptions": list,
    "headline": str,
    "message": str,
    "card": OPTIONAL_TEXT,
    "seconds": NUMBER,
}
POLICY = {"exercise": str, "line": int, "name": str, "text": str}
RESULT = {
    "schema": str,
    "submission": dict,
    "graded": dict,
    "lesson": OPTIONAL_TEXT,
    "state": str,
    "reason": OPTIONAL_TEXT,
    "points": NUMBER,
    "max_points": NUMBER,
    "exercises": list,
    "policy": list,
    "notes": list,
}


class ResultError(ValueError):
    """A file is no result that this version can read; the message says why."""


def write(result, path):
    """Write a result in one step: a reader sees all of it or none of it.

    Raises:
        ResultError: it does not have the schema.
        OSError: it cannot be written.
    """
    _check_result(result, str(path))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def read(path) -> dict:
    """Read a result, and make sure that it has the schema.

    Raises:
        ResultError: it is missing, damaged, or of another version.
    """
    try:
        result = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ResultError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ResultError(f"{path} is damaged: it is not JSON.") from None
    _check_result(result, str(path))
    return result


def path_of(folder, name) -> Path:
    """Where the result of the submission of that name lies."""
    return Path(folder) / FOLDER / name / FILE


def paths(folder) -> list[Path]:
    """All results in a folder, by name of the submission."""
    found = (p for p in (Path(folder) / FOLDER).rglob(FILE) if p.is_file())
    return sorted(found, key=lambda p: p.parent.parts)


def read_all(folder) -> Iterator[dict]:
    """The results in a folder, one after the other, so that few are held at once.

    Raises:
        ResultError: as `read`.
    """
    return map(read, paths(folder))


def without_times(result) -> dict:
    """All that is the same whenever a submission is graded again with one seed."""
    graded = {k: v for k, v in result["graded"].items() if k not in ("at", "seconds")}
    exercises = [
        {k: v for k, v in exercise.items() if k != "seconds"}
        for exercise in result["exercises"]
    ]
    return result | {"graded": graded, "exercises": exercises}


def _check_result(result, where):
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        given = result.get("schema") if isinstance(result, dict) else None
        raise ResultError(
            f"{where}: schema is {given!r}, expected {SCHEMA!r}. "
            "Grade again with this version of tlkeras."
        )
    _check(result, RESULT, where)
    _check(result["submission"], SUBMISSION, f"{where}: submission")
    _check(result["graded"], GRADED, f"{where}: graded")
    isolation = result["graded"]["isolation"]
    _check(isolation, ISOLATION, f"{where}: graded.isolation")
    _one_of(isolation["tier"], TIERS, f"{where}: graded.isolation.tier")
    _one_of(result["state"], STATES, f"{where}: state")
    for exercise in result["exercises"]:
        place = f"{where}: exercise"
        _check(exercise, EXERCISE, place)
        _one_of(exercise["state"], [s.value for s in State], f"{place}.state")
        for entry in exercise["misconceptions"]:
            _check(entry, MISCONCEPTION, f"{place}.misconceptions")
    for entry in result["policy"]:
        _check(entry, POLICY, f"{where}: policy")


def _check(table, fields, where):
    if not isinstance(table, dict):
        raise ResultError(f"{where}: {table!r} is not a table.")
    for name, kind in fields.items():
        if name not in table or not isinstance(table[name], kind):
            raise ResultError(
                f"{where}: {name} is {table.get(name, 'missing')!r}, "
                f"which schema {SCHEMA!r} does not allow."
            )


def _one_of(value, allowed, where):
    if value not in allowed:
        raise ResultError(f"{where} is {value!r}; allowed are {', '.join(allowed)}.")
