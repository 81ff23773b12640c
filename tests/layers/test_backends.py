"""The layers on the other backends: each runs its tests in a process of its own."""

import os
import pathlib
import subprocess
import sys

import pytest
from helpers import FAST_COMPILER

HERE = pathlib.Path(__file__).parent
# A process takes seconds to begin: two of about the same length can run side by side.
FILES = {
    "contract": ["test_contract.py"],
    "others": [
        "test_multi_head_attention.py",
        "test_chunked.py",
        "test_linear.py",
        "test_precision.py",
        "../models/test_generation_precision.py",
        "../ctc/test_ctc_loss.py",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.parity)]
)
def test_backend(backend, files):
    # float16, whose range is the smaller one, stands for both halves here.
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    command += ["-k", "not bfloat16"]
    done = subprocess.run(
        [*command, *(str(HERE / name) for name in files)],
        env={**os.environ, "KERAS_BACKEND": backend, **FAST_COMPILER},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
