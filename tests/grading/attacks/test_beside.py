"""Files beside the notebooks: nothing of them runs outside a sandbox, or is believed.

A class is graded from inside its folder, as instructors do, by a process that starts as
the `tlkeras` command does. Each file leaves its name in a list when it is run.
"""

import os
import shutil

import pytest
from arena import TINY, command, notebook, run

from tlkeras.course import grade
from tlkeras.grading import sandbox
from tlkeras.grading.submissions import batch, result

# What processes import first, what they import later, and what is not installed.
MODULES = """
    __future__ _collections_abc abc argparse ast atexit base64 bisect codecs
    collections concurrent concurrent/futures contextlib copyreg ctypes dataclasses
    datetime encodings enum errno fcntl functools gc genericpath hashlib heapq
    importlib inspect io itertools json keras linecache locale logging math
    multiprocessing multiprocessing/spawn numbers numpy operator os pathlib pickle
    platform posixpath queue random re readline resource rich runpy secrets select
    selectors shutil signal site sitecustomize socket stat string struct subprocess
    tempfile tensorflow threading time tlkeras token tomllib tornado torch traceback
    types typer typing usercustomize uuid warnings weakref zipfile zoneinfo
""".split()  # noqa: SIM905
PROGRAMS = ["bwrap", "python", "python3", "ldconfig", "gcc", "uname", "env", "sh"]
SETTINGS = {
    "matplotlibrc": "backend: module://backdoor\n",
    "keras.json": '{"backend": "backdoor", "floatx": "float16"}',
    ".keras/keras.json": '{"backend": "backdoor", "floatx": "float16"}',
    "pyvenv.cfg": "home = .\ninclude-system-site-packages = true\n",
    "python._pth": ".\nimport site\n",
    "backdoor.pth": "import backdoor\n",
    "pyproject.toml": "[project]\nname = 'tlkeras'\n",
    "setup.cfg": "[options]\n",
    "dask.yaml": "distributed: {worker: {preload: [backdoor]}}\n",
    ".dask/config.yaml": "distributed: {worker: {preload: [backdoor]}}\n",
    "tlkeras-9.dist-info/METADATA": "Name: tlkeras\nVersion: 9\n",
    "tlkeras-9.dist-info/entry_points.txt": "[console_scripts]\nx = backdoor:x\n",
    "syllabus.toml": "parts = []\n",
    "messages.en.toml": "",
    "grading.json": '{"seed": 1}',
}
# Run by these programs if they look for their settings in the working folder.
SCRIPTS = """
    backdoor ipython_config jupyter_config jupyter_lab_config jupyter_server_config
    nbgrader_config startup .ipython/profile_default/startup/00 .pythonrc
    _shared double row_sums exercises exercises/_shared exercises/double
    tlkeras_exercises_01_tiny tlkeras_exercises_01_tiny/_shared
    tlkeras_exercises_01_tiny/double
""".split()  # noqa: SIM905
# Leaves its name, and is then what it stands for, so that nobody notices.
MARK = """
open({list!r}, "a").write({name!r} + chr(10))
import sys
path, sys.path[:] = sys.path[:], [p for p in sys.path if p not in ("", {folder!r})]
del sys.modules[__name__]
try:
    __import__(__name__)
finally:
    sys.path[:] = path
"""
# What an instructor's shell may hold.
SHELL = {
    "PYTHONSTARTUP": "startup.py",
    "PYTHONPYCACHEPREFIX": "cache",
    "PYTHONUSERBASE": ".",
    "PYTHONWARNINGS": "ignore::backdoor.Backdoor",
    "PYTHONBREAKPOINT": "backdoor.open",
    "DASK_CONFIG": ".dask",
}


def lay_out(folder, ran):
    """Every hostile file, and two notebooks, in a folder."""
    for name in [*MODULES, *SCRIPTS]:
        path = folder / f"{name}.py"
        if any(other.startswith(f"{name}/") for other in MODULES):
            path = folder / name / "__init__.py"
        write(path, MARK.format(list=str(ran), name=name, folder=str(folder)))
    for name in PROGRAMS:
        text = f"#!/bin/sh\necho {name} >> {ran}\nexit 1\n"
        write(folder / name, text).chmod(0o755)
    for name, text in SETTINGS.items():
        write(folder / name, text)
    wrong = "def double(x): return 3 * x\ndef row_sums(x): return x"
    write(folder / "wrong.ipynb", notebook(wrong))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module", params=["A", "B", "C"])
def graded(request, tmp_path_factory, solved_cells):
    """The names of the files that were run, the results by name, and what was said."""
    tier, place = request.param, tmp_path_factory.mktemp("beside")
    if tier == "A" and not shutil.which("bwrap") and "CI" not in os.environ:
        pytest.skip("no bubblewrap")
    if tier == "B" and os.geteuid():
        pytest.skip("tier B is for root in a container")
    ran, folder, lessons = place / "ran.txt", place / "class", place / "lessons"
    shutil.copytree(TINY, lessons)
    lessons.chmod(0o700)
    lay_out(folder, ran)
    write(folder / "right.ipynb", notebook(*solved_cells))
    path = os.pathsep.join([".", "", os.environ["PATH"]])
    done = run(
        [
            *command(place, lessons),
            *f"grade . --out ../out --jobs 2 --tier {tier}".split(),
        ],
        folder,
        **SHELL,
        PATH=path,
        container="1",
    )
    names = set(ran.read_text().split()) if ran.exists() else set()
    found = {r["submission"]["name"]: r for r in result.read_all(place / "out")}
    return names, found, done


# Each would run a file of the folder, or read its settings, if a process heeded it.
VARIABLES = {
    **SHELL,
    **dict.fromkeys(["PYTHONPATH", "PYTHONHOME", "KERAS_HOME", "MPLCONFIGDIR"], "."),
    **dict.fromkeys(["HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"], "."),
    **dict.fromkeys(["XDG_CONFIG_HOME", "LD_LIBRARY_PATH", "PYTHONPLATLIBDIR"], "."),
    "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2",
    "MPLBACKEND": "module://backdoor",
    "PYTHONEXECUTABLE": "./python",
}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A folder to work in, an environment that leads there, and what was run of it."""
    ran = tmp_path / "ran.txt"
    lay_out(tmp_path, ran)
    monkeypatch.chdir(tmp_path)
    for name, value in VARIABLES.items():
        absolute = str(tmp_path / value) if value.startswith(".") else value
        monkeypatch.setenv(name, absolute)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", os.environ["PATH"]]))
    return lambda: set(ran.read_text().split()) if ran.exists() else set()


@pytest.mark.parametrize("tier", ["A", "C"])
def test_a_worker_heeds_no_variable_of_the_shell(
    isolation, hostile, grader, solved_cells, tier
):
    grade._warm.cache_clear()  # a parent that starts under these variables
    look = f"import os\nfor name in {sorted(VARIABLES)}:\n    "
    look += "print('LEAK' * ('backdoor' in os.environ.get(name, '')), end='')"
    found, printed = grader(look, *solved_cells, tier=sandbox.Isolation(tier))
    assert (found["points"], printed) == (3, "")
    assert hostile() == set()


def test_the_batchs_processes_heed_no_variable_of_pythons(hostile, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    before = dict(os.environ)
    with batch._pool(2) as pool:
        assert pool.submit(os.getcwd).result() == "/"
        assert pool.submit(os.getenv, "KERAS_BACKEND").result() == "jax"
        safe = [pool.submit(os.getenv, name).result() for name in VARIABLES]
        found = dict(zip(VARIABLES, safe, strict=True))
    assert hostile() == set()
    assert not {n for n, v in found.items() if v and n.startswith("PYTHON")}
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", [*MODULES, *SCRIPTS, *PROGRAMS])
def test_a_file_beside_the_notebooks_does_not_run(graded, name):
    assert name not in graded[0]


def test_files_beside_the_notebooks_change_no_result(graded):
    names, found, done = graded
    assert names == set()
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: r["points"] for name, r in found.items()} == {"right": 3, "wrong": 0}
