"""One result as the `results.json` of a Gradescope autograder.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/ (section
"Output format"). Everything is sent as plain text, which Gradescope escapes.
"""

import json
from pathlib import Path

from tlkeras.files import write_atomically
from tlkeras.grading.export.marks import make_sure_of_marks, refuse, say
from tlkeras.grading.judge.outcome import State
from tlkeras.grading.report.text import clean, number, one_line


def gradescope(results, path, allow_practice=False):
    """Write the `results.json` of the one submission that Gradescope hands over.

    Args:
        results: what `result.json` holds; exactly one.
        path: where Gradescope looks: `/autograder/results/results.json`.
        allow_practice: also for a result graded without a sandbox. Defaults to `False`.

    Returns:
        What was written.

    Raises:
        ExportError: there is not exactly one result, or it is not for marks.
        OSError: it cannot be written.
    """
    results = list(results)
    if len(results) != 1:
        raise refuse("not-one", count=len(results))
    make_sure_of_marks(results[0], allow_practice)
    data = as_gradescope(results[0])
    write_atomically(Path(path), json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    return data


def as_gradescope(result):
    """The data of `results.json`."""
    graded = result["graded"]
    tests = [_test(n, entry) for n, entry in enumerate(result["exercises"], start=1)]
    return {
        "score": result["points"],
        "execution_time": round(graded["seconds"]),
        "output": _output(result),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "schema": result["schema"],
            "lesson": result["lesson"],
            "sha256": result["submission"]["sha256"],
            "tlkeras": graded["tlkeras"],
            "seed": graded["seed"],
            "isolation": graded["isolation"],
        },
        "tests": tests + [_finding(entry) for entry in result["policy"]],
    }


def _output(result):
    lines = [
        say(
            "gradescope",
            result["state"],
            points=number(result["points"]),
            max_points=number(result["max_points"]),
            reason=clean(result["reason"] or "–"),
        )
    ]
    if not result["graded"]["isolation"]["for_marks"]:
        lines.append(say("gradescope", "practice"))
    return "\n".join([*lines, *map(clean, result["notes"])])


def _test(place, entry):
    return {
        "number": str(place),
        "name": entry["name"],
        "score": entry["points"],
        "max_score": entry["max_points"],
        "status": "passed" if entry["state"] == State.PASSED.value else "failed",
        "output": clean(entry["message"]),
        "output_format": "text",
        "visibility": "visible",
    }


def _finding(entry):
    """A finding of policy, which instructors alone see: it is theirs to decide."""
    name, where = one_line(entry["exercise"], 120), entry["line"]
    return {
        "name": say("gradescope", "policy", exercise=name, line=where),
        "status": "failed",
        "output": clean(entry["text"]),
        "output_format": "text",
        "visibility": "hidden",
    }
