"""The wheel works by itself: installed in an empty environment, lessons included."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tlkeras

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
    ]
    subprocess.run([*command, "-q", "-w", folder, ROOT], check=True)
    (path,) = folder.glob("tlkeras-*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of an environment with the wheel, its dependencies and one backend."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv = [sys.executable, "-m", "venv", "--without-pip", folder]
    subprocess.run(venv, check=True)
    # Python compiles what is imported; compiling all of jax takes longer than the test.
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    pip += ["install", "-q", "--no-compile"]
    constraints = ["--constraint", ROOT / "constraints.txt"]
    subprocess.run([*pip, *constraints, wheel, "jax"], check=True)
    return folder / "bin" / "python"


def run(python, *arguments, folder):
    return subprocess.run(
        [python, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": ""},
    )


def test_the_lessons_travel_inside_the_wheel_and_nothing_else_does(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    at = "tlkeras/course/lessons/01_attention/"
    inside = {n.removeprefix(at) for n in names if n.startswith(at)}
    assert {"lesson.py", "messages.en.toml"} <= inside
    exercises = {path.name for path in ROOT.glob("course/01_attention/exercises/*.py")}
    assert "softmax.py" in exercises
    assert {f"exercises/{name}" for name in exercises} <= inside
    assert "tlkeras/course/lessons/syllabus.toml" in names
    report = {"page.html", "style.css", "sort.js", "messages.en.toml"}
    assert {f"tlkeras/grading/report/{name}" for name in report} <= set(names)
    assert "tlkeras/grading/export/messages.en.toml" in names
    assert "tlkeras/course/locale/zh/01_attention.po" in names
    assert not [n for n in names if n.startswith(("tests/", "notebooks/", "course/"))]
    assert not [n for n in names if "__pycache__" in n]


def test_the_wheel_says_its_version_and_that_it_is_typed(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "tlkeras/py.typed" in names
    (path,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    metadata = zipfile.ZipFile(wheel).read(path).decode().splitlines()
    assert f"Version: {tlkeras.__version__}" in metadata


@pytest.mark.slow
def test_layers_run_and_lessons_check(python, tmp_path):
    code = (
        "import numpy as np, tlkeras\n"
        "x = np.ones((2, 3, 4), 'float32')\n"
        "print(tlkeras.layers.scaled_dot_product_attention(x, x, x).shape)\n"
        "from tlkeras.course import lesson\n"
        "outcome = lesson('01_attention').check(lambda x: x.argmax(), name='softmax')\n"
        "print(outcome.state, outcome.problem)\n"
    )
    result = run(python, "-c", code, folder=tmp_path)
    assert result.stdout.splitlines() == ["(2, 3, 4)", "wrong wrong-shape"], (
        result.stderr
    )


@pytest.mark.slow
def test_a_missing_extra_is_one_line_that_says_which(python, tmp_path):
    for command in (["-m", "tlkeras", "list"], ["-m", "tlkeras", "start"]):
        result = run(python, *command, folder=tmp_path)
        assert result.returncode == 2
        (line,) = (result.stdout + result.stderr).splitlines()
        assert "tlkeras[course]" in line
    assert not list(tmp_path.iterdir())
