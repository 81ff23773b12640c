"""The website, built once a session: lesson 01 with outputs, the others without."""

import fcntl
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "site"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sys.path.insert(0, str(SITE))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of the built website; `TLKERAS_SITE` may name one that is there."""
    if "TLKERAS_SITE" in os.environ:
        return Path(os.environ["TLKERAS_SITE"]).resolve()
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # one site for all workers: the first one builds it
    folder = place / "site"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            _build(folder)
            (folder / "built").touch()
    return folder / "html"


def _build(folder):
    command = [sys.executable, SITE / "build.py", "--scale", "quick", "--run", "01"]
    command += ["--out", folder / "html", "--pages", folder / "pages"]
    command += ["--solved", folder / "solved"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="session")
def address(site):
    """Where the website is served."""
    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a line for each."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def browser():
    """Chromium, which reaches this machine and nothing else."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("no chromium: apt-get install chromium")
    assert CHROMIUM, "CI needs chromium: .ci/run installs it"
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update"]
    # No name leads anywhere but to this machine.
    arguments.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()
