"""A real JupyterLab, started as a learner starts it, in a real browser."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The notebook keeps only cells in sight in the page; a test wants them all.
SETTINGS = {"tracker": {"windowingMode": "none", "recordTiming": False}}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")
            if CHROMIUM is None and "CI" not in os.environ:
                reason = "no chromium: apt-get install chromium"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("learner") / "course"


@pytest.fixture(scope="session")
def lab(folder, tmp_path_factory):
    """The address of JupyterLab, as `tlkeras start` opens it."""
    home = tmp_path_factory.mktemp("jupyter")
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.write_text(json.dumps(values), "utf-8")
    environment = {
        **os.environ,
        "BROWSER": "true",  # a browser that opens nothing
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "TLKERAS_SCALE": "quick",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tlkeras", "start", folder],
        env=environment,
        cwd=home,
        start_new_session=True,
        stdout=(log := (home / "log").open("w")),
        stderr=subprocess.STDOUT,
    )
    try:
        yield _address(process, home)
    finally:
        log.close()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address(process, home, seconds=60):
    for _ in range(seconds * 5):
        assert process.poll() is None, (home / "log").read_text("utf-8")
        for path in (home / "runtime").glob("jpserver-*.json"):
            server = json.loads(path.read_text("utf-8"))
            return f"{server['url']}lab/tree/{{}}?token={server['token']}"
        time.sleep(0.2)
    raise TimeoutError((home / "log").read_text("utf-8"))


@pytest.fixture(scope="module")  # as long as it is open, asyncio is taken
def browser():
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "CI needs chromium: .ci/run installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
