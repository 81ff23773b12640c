"""The oldest packages that are allowed are those that `make test-oldest` installs."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINES = [*PROJECT["dependencies"], *EXTRAS["lessons"], *EXTRAS["course"]]
NEEDS = [r for r in map(Requirement, LINES) if r.name != "tlkeras"]


def pinned(name):
    text = (ROOT / name).read_text("utf-8")
    found = re.findall(r"^([\w.-]+)==([\w.+-]+)", text, re.MULTILINE)
    return {package.lower().replace("_", "-"): Version(v) for package, v in found}


def bounds(requirement, operator):
    return [Version(s.version) for s in requirement.specifier if s.operator == operator]


def test_oldest_are_the_lower_bounds():
    lowest = {need.name: bounds(need, ">=")[0] for need in NEEDS}
    oldest = pinned("constraints-oldest.txt")
    assert lowest.keys() <= oldest.keys()
    assert {n: v for n, v in lowest.items() if oldest[n] != v} == {}


def test_the_versions_that_are_tested_are_allowed():
    tested = pinned("constraints.txt")
    assert [n.name for n in NEEDS if not n.specifier.contains(tested[n.name])] == []


def test_upper_bounds_are_those_that_were_decided():
    capped = {need.name: bounds(need, "<")[0] for need in NEEDS if bounds(need, "<")}
    assert {name: v.major for name, v in capped.items()} == {
        "keras": 4,
        "numpy": 3,
        "tensorflow": 3,
    }
