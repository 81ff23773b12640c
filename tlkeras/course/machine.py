"""What of this machine the course can use, and what to do about the rest."""

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from tlkeras.extras import command

PYTHON = (3, 11)
INSTALL = f"Run: {command('course')}"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    Args:
        name: what.
        found: whether it is there, and new enough.
        detail: what was seen.
        advice: what to do when it is missing.
        required: whether the course needs it.
    """

    name: str
    found: bool
    detail: str
    advice: str = ""
    required: bool = True

    def to_dict(self):
        """JSON-ready data."""
        return asdict(self)


def findings():
    """Look for everything, one Finding after another."""
    yield _python()
    yield _package("tlkeras", "tlkeras", f"Run: pip install -e {_root()}")
    for title, name in (
        ("NumPy", "numpy"),
        ("Keras", "keras"),
        ("TensorFlow", "tensorflow"),
        ("KerasHub", "keras-hub"),
        ("JupyterLab", "jupyterlab"),
    ):
        yield _package(title, name, INSTALL)
    yield from _accelerators()
    yield _sandbox()


COUNT = 11  # how many findings there are, for a progress bar


def _root():
    return Path(__file__).resolve().parents[2]


def _python():
    wanted = ".".join(map(str, PYTHON))
    return Finding(
        "Python",
        sys.version_info >= PYTHON,
        platform.python_version(),
        f"Install Python {wanted} or newer, and make a new environment with it.",
    )


def _package(title, name, advice):
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(title, False, "not installed", advice)
    wanted = _requirements().get(name)
    tested = _constraints().get(name)
    detail = version if tested in (None, version) else f"{version} (tested: {tested})"
    if wanted is not None and not wanted.contains(version, prereleases=True):
        return Finding(title, False, f"{version}, but {wanted} is needed", advice)
    return Finding(title, True, detail, advice)


def _requirements():
    """What the installed tlkeras asks for: package to versions."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("tlkeras") or []
    except metadata.PackageNotFoundError:
        return {}
    return {one.name: one.specifier for one in map(Requirement, lines)}


def _constraints():
    """The versions that the course was tested with, where this is a checkout."""
    path = _root() / "constraints.txt"
    text = path.read_text("utf-8") if path.is_file() else ""
    return dict(re.findall(r"^([\w.-]+)==([\w.+-]+)", text, re.MULTILINE))


# In a process of its own: a broken TensorFlow ends it, writes pages of log, or hangs.
PROBE = """
import json, keras
found = {"backend": keras.backend.backend()}
if found["backend"] == "tensorflow":
    import tensorflow as tf
    found["gpus"] = [gpu.name for gpu in tf.config.list_physical_devices("GPU")]
    try:
        triple = tf.function(lambda x: 3 * x, jit_compile=True)
        found["xla"] = float(triple(tf.constant(2.0))) == 6
    except Exception as error:
        found["xla_error"] = str(error).splitlines()[0]
print("FOUND" + json.dumps(found))
"""


def _accelerators():
    found = _probe()
    backend = found.get("backend")
    yield Finding(
        "Keras backend",
        backend == "tensorflow",
        backend or found["error"],
        "The course runs on TensorFlow. Run: export KERAS_BACKEND=tensorflow",
    )
    yield Finding(
        "GPU",
        bool(found.get("gpus")),
        ", ".join(found.get("gpus", ())) or "none seen",
        "Nothing in the course needs one. On Linux with an NVIDIA GPU: "
        + command("gpu"),
        required=False,
    )
    yield Finding(
        "XLA",
        found.get("xla", False),
        "compiled a function"
        if found.get("xla")
        else found.get("xla_error", "not seen"),
        "jit_compile=True will not work. Install the tested TensorFlow again: "
        "pip install --force-reinstall tensorflow",
        required=False,
    )


def _probe(seconds=180):
    run = partial(subprocess.run, capture_output=True, text=True, timeout=seconds)
    try:
        done = run([sys.executable, "-P", "-c", PROBE])
    except subprocess.TimeoutExpired:
        return {"error": f"Keras did not load within {seconds} s"}
    lines = [x for x in done.stdout.splitlines() if x.startswith("FOUND")]
    if lines:
        return json.loads(lines[-1].removeprefix("FOUND"))
    errors = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return {"error": f"Keras does not load: {errors[-1]}"}


def _sandbox():
    from tlkeras.grading.sandbox import jail

    advice = (
        "Only instructors need it, to grade for marks. Install bubblewrap "
        "(Debian, Ubuntu: apt install bubblewrap) on Linux."
    )
    finding = partial(Finding, "Sandbox", advice=advice, required=False)
    program = jail.bubblewrap()
    if program is None:
        return finding(False, "bwrap is not installed")
    jailed = [program, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/"]
    try:
        done = subprocess.run(
            [*jailed, "true"],
            capture_output=True,
            text=True,
            timeout=20,
            env={"PATH": os.defpath},
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return finding(False, f"bwrap does not run: {error}")
    if done.returncode:
        return finding(False, f"bwrap does not run: {done.stderr.strip()}")
    return finding(True, f"bwrap ran ({program})")
