"""In tiers without mounts no submission leaves anything where the next one looks."""

import os
import shutil
import time
from pathlib import Path

import pytest
from arena import LIMITS, TINY

from tlkeras.course import grade
from tlkeras.grading.sandbox import isolation as tiers

WRITE = """
import os
def put(path, text="backend: Agg"):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write(text)
    except OSError:
        print("refused")
package = next(p for p in os.environ["PYTHONPATH"].split(":") if "tlkeras-" in p)
home, above = os.environ["HOME"], os.path.dirname(package)
"""
CELLS = {
    "a package": "put(above + '/package/tlkeras/layers/__init__.py', 'LEAK')",
    "another package": "os.rename(package, above + '/old')",
    "a link for a package": "os.rename(package, 'p'); os.symlink(home, package)",
    "keras.json": "put(os.environ['KERAS_HOME'] + '/keras.json', '{}')",
    "keras.json of all": "put(above + '/keras/keras.json', '{}')",
    "matplotlibrc": "put(os.environ['MPLCONFIGDIR'] + '/matplotlibrc')",
    "matplotlibrc of all": "put(above + '/matplotlib/matplotlibrc')",
    "a module": "put(home + '/numpy.py', 'LEAK'); put(home + '/usercustomize.py')",
    "a module of all": "put(above + '/numpy.py', 'LEAK')",
    "settings": "put(home + '/.ipython/profile_default/startup/00.py')",
    "a temporary file": "import tempfile; tempfile.mkstemp()",
    "files nobody may read": "put(home + '/x/y'); os.chmod(home, 0)",
    "a deep folder": (
        "for n in range(900):\n    os.mkdir('d' * 99); os.chdir('d' * 99)"
    ),
    "a folder too deep to walk": (
        "for n in range(1300):\n    os.mkdir('d'); os.chdir('d')\nput('x')"
    ),
    "locked folders": "put('a/b/c/d'); os.chmod('a/b', 0); os.chmod('a', 0)",
    "links": "os.symlink('/etc', 'x'); os.symlink(package, 'y'); os.symlink('x', 'z')",
}
LOOK = """
import os, sys, tempfile
home = os.environ["HOME"]
left = os.listdir(home) + os.listdir(tempfile.gettempdir())
left += [p for p in sys.path if p in ("", ".", os.getcwd())]
left += [k for k in ("KERAS_HOME", "MPLCONFIGDIR") if os.path.exists(os.environ[k])]
others = set(os.listdir(os.path.dirname(home)))
left += others - {"package", "keras", "matplotlib", os.path.basename(home)}
if left or home != os.getcwd():
    print("LEAK", left)
"""


# Tier C runs as the grader itself: what belongs to all is open to it.
CASES = [("B", name) for name in CELLS] + [
    ("C", name) for name in CELLS if not name.endswith(("package", "of all"))
]


@pytest.fixture(scope="module")
def tier(request, tmp_path_factory):
    if request.param == "C":
        return tiers.choose([TINY], "C")
    if os.geteuid():
        pytest.skip("tier B is for root in a container")
    hidden = tmp_path_factory.mktemp("hidden") / "lessons"
    shutil.copytree(TINY, hidden)
    hidden.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiers, "in_container", lambda: True)
        return tiers.choose([hidden], "B")


@pytest.mark.parametrize(("tier", "name"), CASES, indirect=["tier"])
def test_nothing_is_left_for_the_next(tier, tmp_path, grader, solved_cells, name):
    cells = [WRITE, CELLS[name], "double = row_sums = 3"]
    found, printed = grader(*cells, tier=tier, limits=LIMITS)
    assert found["points"] == 0
    _wait_until_removed(tier.tier)
    found, printed = grader(LOOK, *solved_cells, name="next", tier=tier, limits=LIMITS)
    assert found["points"] == 3, printed
    assert "LEAK" not in printed


def _wait_until_removed(tier, seconds=30):
    """The folders of submissions go as they end."""
    parent = grade._warm(tier, grade.PLAIN, TINY)
    end = time.monotonic() + seconds
    while left := {p.name for p in Path(parent._folder).iterdir()} - {
        "package",
        "keras",
        "matplotlib",
    }:
        assert time.monotonic() < end, left
        time.sleep(0.02)


@pytest.mark.parametrize("tier", ["B", "C"], indirect=True)
def test_what_is_left_would_be_seen(tier, grader):
    _, printed = grader("open('x', 'w')", LOOK, tier=tier, limits=LIMITS)
    assert "LEAK" in printed
