"""Lesson 22's program gives on four devices what it gives on one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "course" / "22_capstone" / "devices.py"


def test_four_devices_learn_what_one_learns():
    command = [sys.executable, str(PROGRAM), "linear"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    assert found["one"][-1] < found["one"][0]
    assert found["several"] == pytest.approx(found["one"], rel=1e-5)
    assert found["apart"] < 1e-5
