"""`result.json`: what grading one submission found, as plain data, one file each.

A folder of results holds `submissions/NAME/result.json`, one folder a submission, side
by side whatever their names hold (`folder_of`). Exporters, feedback and the
class report read these files and nothing else. `docs/grading.md` describes the schema.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from tlkeras.files import write_atomically
from tlkeras.grading.judge.outcome import State
from tlkeras.grading.messages import say

SCHEMA = "tlkeras.result/1"
FOLDER, FILE = "submissions", "result.json"
STATES = ("graded", "unreadable", "stopped")
TIERS = ("A", "B", "C")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # Windows
KEPT = frozenset("-_ .,()@+'")  # besides letters and digits, in the name of a folder
LONGEST = 120  # bytes of such a name; systems allow 255

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


def refuse(key, **values):
    """A ResultError in the words of a key."""
    return ResultError(say("result", key, schema=repr(SCHEMA), **values))


def write(result, path):
    """Write a result in one step: a reader sees all of it or none of it.

    What no file can hold as text, such as half of a pair of surrogates, becomes `?`.

    Raises:
        ResultError: it does not have the schema.
        OSError: it cannot be written.
    """
    _require_schema(result, str(path))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode("utf-8", "replace").decode())


def read(path) -> dict:
    """Read a result, and make sure that it has the schema.

    Raises:
        ResultError: it is missing, damaged, or of another version.
    """
    try:
        result = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise refuse("unreadable", file=path, reason=error.strerror) from None
    except (ValueError, RecursionError):
        raise refuse("damaged", file=path) from None
    _require_schema(result, str(path))
    return result


def path_of(folder, name) -> Path:
    """Where the result of the submission of that name lies."""
    return Path(folder) / FOLDER / folder_of(name) / FILE


def folder_of(name) -> str:
    """The name of a submission's own folder: no two submissions have the same.

    Letters, digits and most signs stay; the others become `%` and two hexadecimal
    digits, as in a URL: `group 1/ada` lies in `group 1%2Fada`. A long name is cut, and
    ends in `~` and the beginning of its SHA-256.
    """
    last = len(name) - 1
    escaped = "".join(
        c if _is_kept(c, place in (0, last)) else _escape(c)
        for place, c in enumerate(name)
    )
    if RESERVED.match(escaped):
        escaped = _escape(escaped[0]) + escaped[1:]
    content = escaped.encode("utf-8")
    if len(content) > LONGEST:
        digest = hashlib.sha256(content).hexdigest()[:16]
        return f"{content[: LONGEST - 17].decode('utf-8', 'ignore')}~{digest}"
    return escaped or "%"


def _escape(character):
    code = character.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in code)


def _is_kept(character, at_an_end):
    if unicodedata.category(character)[0] in "LMN":  # letters, marks on them, digits
        return True
    return character in KEPT and not (at_an_end and character in ".- ")


def paths(folder) -> list[Path]:
    """All results in a folder, by name of the submission's folder."""
    found = (p for p in (Path(folder) / FOLDER).glob(f"*/{FILE}") if p.is_file())
    return sorted(found, key=lambda p: p.parent.name)


def read_all(folder, names=None) -> Iterator[dict]:
    """The results in a folder, one after the other, so that few are held at once.

    Args:
        folder: of results.
        names: of the submissions. Defaults to all that have a result there.

    Raises:
        ResultError: as `read`.
    """
    if names is None:
        return map(read, paths(folder))
    return (read(path_of(folder, name)) for name in names)


def without_times(result) -> dict:
    """All that is the same whenever a submission is graded again with one seed."""
    graded = {k: v for k, v in result["graded"].items() if k not in ("at", "seconds")}
    exercises = [
        {k: v for k, v in exercise.items() if k != "seconds"}
        for exercise in result["exercises"]
    ]
    return result | {"graded": graded, "exercises": exercises}


def _require_schema(result, where):
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        given = result.get("schema") if isinstance(result, dict) else None
        raise refuse("schema", file=where, given=repr(given))
    _require_fields(result, RESULT, where)
    _require_fields(result["submission"], SUBMISSION, f"{where}: submission")
    _require_fields(result["graded"], GRADED, f"{where}: graded")
    isolation = result["graded"]["isolation"]
    _require_fields(isolation, ISOLATION, f"{where}: graded.isolation")
    _require_one_of(isolation["tier"], TIERS, f"{where}: graded.isolation.tier")
    _require_one_of(result["state"], STATES, f"{where}: state")
    for exercise in result["exercises"]:
        place = f"{where}: exercise"
        _require_fields(exercise, EXERCISE, place)
        _require_one_of(exercise["state"], [s.value for s in State], f"{place}.state")
        for entry in exercise["misconceptions"]:
            _require_fields(entry, MISCONCEPTION, f"{place}.misconceptions")
    for entry in result["policy"]:
        _require_fields(entry, POLICY, f"{where}: policy")


def _require_fields(table, fields, where):
    if not isinstance(table, dict):
        raise refuse("no_table", field=where, given=repr(table))
    for name, kind in fields.items():
        if name not in table:
            raise refuse("missing", field=where, name=name)
        if not isinstance(table[name], kind):
            raise refuse("wrong", field=where, name=name, given=repr(table[name]))


def _require_one_of(value, allowed, where):
    if value not in allowed:
        known = ", ".join(allowed)
        raise refuse("unknown", field=where, given=repr(value), allowed=known)
