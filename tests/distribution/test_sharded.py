"""Four devices give what one does, in a process that has four."""

import os
import pathlib
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_four_devices_give_what_one_does():
    file = pathlib.Path(__file__).with_name("sharded.py")
    flags = "--xla_force_host_platform_device_count=4"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
