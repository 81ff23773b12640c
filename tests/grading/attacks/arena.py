"""What attacks and honest submissions are graded with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlkeras.grading.sandbox import Limits, SandboxError, choose

ROOT = Path(__file__).resolve().parents[3]
TINY = Path(__file__).parents[2] / "course" / "tiny"
LIMITS = Limits(
    memory=3 << 30, cpu=20, wall=12, cell=1, exercise=1, disk=32 << 20, processes=64
)

# Starts as the `tlkeras` command does, with other lessons.
COMMAND = """
import sys
from pathlib import Path
sys.path.append({root!r})
from tlkeras.course import grade, syllabus
syllabus.home = grade.home = lambda: Path({lessons!r})
if __name__ == "__main__":
    from tlkeras.__main__ import main
    sys.exit(main())
"""


def command(place, lessons=TINY):
    """The beginning of a command line: a `tlkeras` of its own in a folder."""
    path = place / "bin" / "command.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(COMMAND.format(root=str(ROOT), lessons=str(lessons)))
    return [sys.executable, str(path)]


def run(words, folder, **environment):
    """What a command says, run from inside a folder."""
    return subprocess.run(
        words,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def isolation_or_skip(tier):
    """The tier, if this machine has it; where CI is set it must have it."""
    try:
        return choose([TINY], tier)
    except SandboxError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have tier {tier}: {error}")
        pytest.skip(str(error))


def notebook(*cells):
    """A notebook of the tiny lesson as JSON."""
    made = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
    metadata = {"tlkeras": {"lesson": "01_tiny"}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4})
