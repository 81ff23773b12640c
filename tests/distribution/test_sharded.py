"""Several devices, and several processes, give what one does."""

import os
import pathlib
import socket
import subprocess
import sys

import pytest
from layers.helpers import FAST_COMPILER

HERE = pathlib.Path(__file__).parent


def environment(backend, devices):
    flags = f"--xla_force_host_platform_device_count={devices}"
    if backend == "jax":
        flags += f" {FAST_COMPILER['XLA_FLAGS']}"
    return {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "backend"), [("sharded", "jax"), ("mirrored", "tensorflow")]
)
def test_four_devices_give_what_one_does(name, backend):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(HERE / f"{name}.py")],
        env=environment(backend, 4),
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def losses(text):
    (line,) = [x for x in text.splitlines() if x.startswith("losses ")]
    return [float(x) for x in line.split()[1:]]


@pytest.mark.slow
def test_two_processes_of_two_devices_learn_what_one_does():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    processes = [
        subprocess.Popen(
            [sys.executable, str(HERE / "hosts.py"), address, "2", str(number)],
            env=environment("jax", 2),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(2)
    ]
    printed = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    alone = "from hosts import *; print('losses', *train(make(), *data()))"
    one = subprocess.run(
        [sys.executable, "-c", alone],
        env=environment("jax", 1),
        cwd=HERE,
        capture_output=True,
        text=True,
    )
    for text in printed:
        assert losses(text) == pytest.approx(losses(one.stdout), abs=1e-5)
