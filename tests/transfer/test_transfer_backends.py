"""Changes of models on the other backends, each in a process of its own."""

import os
import pathlib
import subprocess
import sys

import pytest

FILES = ["test_changes_take_effect.py", "test_saving.py", "test_layer_names.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.parity)]
)
def test_backend(backend):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    here = pathlib.Path(__file__).parent
    done = subprocess.run(
        [*command, *(str(here / name) for name in FILES)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
