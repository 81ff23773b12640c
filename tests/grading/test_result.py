"""Results are written whole, read back the same, and refused when damaged."""

import copy
import json

import pytest

from tlkeras.grading.submissions import result

EXERCISE = {
    "name": "softmax",
    "title": "softmax",
    "section": "From scores to weights",
    "state": "wrong",
    "points": 1.2,
    "max_points": 3,
    "cases": {"vector": True, "rows": False},
    "misconceptions": [{"id": "softmax.first-axis", "idea": "…", "section": "…"}],
    "headline": "✗ softmax",
    "message": "✗ softmax\n  You returned  …",
    "card": "<div></div>",
    "seconds": 0.01,
}
RESULT = {
    "schema": result.SCHEMA,
    "submission": {"name": "ada", "file": "ada.ipynb", "sha256": "0" * 64, "bytes": 9},
    "graded": {
        "at": "2026-01-01T00:00:00Z",
        "tlkeras": "0.1.0",
        "seed": 7,
        "seconds": 0.2,
        "isolation": {"tier": "A", "name": "bubblewrap", "for_marks": True},
    },
    "lesson": "01_attention",
    "state": "graded",
    "reason": None,
    "points": 1.2,
    "max_points": 20,
    "exercises": [EXERCISE],
    "policy": [{"exercise": "softmax", "line": 3, "name": "scipy", "text": "import"}],
    "notes": [],
}


def damaged(*keys, value=None, remove=False):
    table = changed = copy.deepcopy(RESULT)
    for key in keys[:-1]:
        table = table[key]
    if remove:
        del table[keys[-1]]
    else:
        table[keys[-1]] = value
    return changed


def test_a_result_is_read_as_it_was_written(tmp_path):
    path = result.path_of(tmp_path, "class/ada")
    result.write(RESULT, path)
    assert result.read(path) == RESULT
    assert result.paths(tmp_path) == [path]
    assert list(result.read_all(tmp_path)) == [RESULT]
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    "wrong",
    [
        damaged("schema", value="tlkeras.result/99"),
        damaged("state", value="fine"),
        damaged("points", value="20"),
        damaged("graded", "seed", remove=True),
        damaged("graded", "isolation", "tier", value="Z"),
        damaged("submission", "name", value=None),
        damaged("exercises", 0, "state", value="excellent"),
        damaged("exercises", 0, "misconceptions", value=[{"id": "x"}]),
        damaged("exercises", 0, value="softmax"),
        damaged("policy", 0, "line", value="3"),
        [],
    ],
)
def test_what_has_not_the_schema_is_neither_written_nor_read(tmp_path, wrong):
    path = tmp_path / "result.json"
    with pytest.raises(result.ResultError):
        result.write(wrong, path)
    assert not path.exists()
    path.write_text(json.dumps(wrong))
    with pytest.raises(result.ResultError, match=r"result\.json"):
        result.read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_damaged_files_are_errors_that_name_the_file(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(result.ResultError, match=r"result\.json"):
        result.read(path)


def test_results_that_differ_in_time_alone_are_the_same():
    later = damaged("graded", "seconds", value=9.9)
    later["graded"]["at"] = "2027-01-01T00:00:00Z"
    later["exercises"][0]["seconds"] = 5
    assert result.without_times(later) == result.without_times(RESULT)
    other = damaged("exercises", 0, "points", value=3)
    assert result.without_times(other) != result.without_times(RESULT)
