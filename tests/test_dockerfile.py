"""The container's steps are scripts that run without Docker, as an ordinary user."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINES = (ROOT / "Dockerfile").read_text("utf-8").splitlines()


def test_the_dockerfile_has_no_step_of_its_own():
    steps = [line for line in LINES if line.startswith("RUN ")]
    scripts = [re.search(r" /source/(container/\w+\.sh)( /source)?$", s) for s in steps]
    assert [found[1] for found in scripts] == [
        "container/system.sh",
        "container/install.sh",
    ]


def test_only_what_debian_brings_is_installed_as_root():
    user = LINES.index("USER learner")
    as_root = [line for line in LINES[:user] if line.startswith("RUN ")]
    assert [line.split()[-1] for line in as_root] == ["/source/container/system.sh"]
    assert not any(line.startswith("USER ") for line in LINES[user + 1 :])


@pytest.mark.parametrize("name", ["system.sh", "install.sh"])
def test_the_scripts_are_ones(name):
    path = ROOT / "container" / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["sh", "-n", path]).returncode == 0


def test_the_course_is_installed_for_the_user_alone(tmp_path):
    """With a Python that makes an environment whose pip notes what it is asked."""
    python, home = tmp_path / "python", tmp_path / "home"
    home.mkdir()
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\n'
        'printf \'#!/bin/sh\\necho "$@" >>"$HOME/asked"\\n\' >"$3/bin/pip"\n'
        'chmod +x "$3/bin/pip"\n'
    )
    python.chmod(0o755)
    environment = {**os.environ, "HOME": str(home), "PYTHON": str(python)}
    command = [ROOT / "container" / "install.sh", ROOT]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    asked = (home / "asked").read_text()
    assert asked.endswith(f"--constraint {ROOT}/constraints.txt {ROOT}[course]\n")
    settings = json.loads((home / ".jupyter/jupyter_server_config.json").read_text())
    assert settings["ServerApp"]["ip"] == "0.0.0.0"
    assert "token" not in json.dumps(settings)  # Jupyter draws one
    assert {path.name for path in tmp_path.iterdir()} == {"python", "home"}


def test_what_the_build_needs_is_not_left_out():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    needed = {"tlkeras", "course", "data", "README.md", "LICENSE", "pyproject.toml"}
    assert not needed & set(ignored)
