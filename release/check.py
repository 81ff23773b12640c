"""`make release-check`: is what would be published complete, small, licensed, usable?

Builds wheel and sdist; makes the wheel again from the sdist; checks sizes, metadata and
what is inside; installs the wheel into an empty environment of each supported Python
that this machine has, and runs lessons there, outside the checkout; writes the list of
everything that was installed (CycloneDX). Results lie in `build/release`, figures in
`build/release/report.json`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "release"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LARGEST = 30_000_000  # bytes of a wheel
TOOLS = ("cyclonedx-bom==7.5.0", "twine==7.0.0")
LESSONS = ("01_attention", "08_bert")


def main():
    """Check, print what was found, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="run every lesson")
    parser.add_argument("--pythons", nargs="*", help="versions, such as 3.12")
    parser.add_argument("--newest", action="store_true", help="without constraints.txt")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    dist = OUT / "dist"
    report: dict = {}
    timed(report, "build", lambda: build(dist))
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    report["bytes"] = {path.name: path.stat().st_size for path in (wheel, sdist)}
    assert report["bytes"][wheel.name] <= LARGEST, f"{wheel.name} is over 30 MB"
    timed(report, "sdist builds the same wheel", lambda: same_wheel(sdist, wheel))
    contents(wheel)
    tools = environment(Path(sys.executable), OUT / "tools")
    timed(report, "tools", lambda: pip(tools, *TOOLS))
    run(tools, "-m", "twine", "check", "--strict", wheel, sdist)
    found = pythons(options.pythons)
    report["pythons"] = {name: str(path) for name, path in found.items()}
    assert found, "no supported Python was found"
    for name, python in found.items():
        inside = environment(python, OUT / f"python{name}")
        report[name] = try_out(inside, wheel, options)
        print(json.dumps({name: report[name]}), flush=True)
    bom = OUT / "sbom.json"
    run(tools, "-m", "cyclonedx_py", "environment", "-o", bom, inside)
    report["packages in the SBOM"] = components(bom)
    (OUT / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


def try_out(python, wheel, options):
    """Install a wheel into an environment and run lessons in it; seconds of each."""
    one: dict = {}
    constraints = [] if options.newest else ["-c", ROOT / "constraints.txt"]
    timed(one, "install", lambda: pip(python, *constraints, f"{wheel}[course]"))
    run(python, "-m", "pip", "check")
    for lesson in lessons(python) if options.all else LESSONS:
        timed(one, lesson, partial(run_lesson, python, lesson))
    return one


def timed(report, name, work):
    """Do it, and note how many seconds it took."""
    print(f"{name} …", flush=True)
    begun = time.monotonic()
    work()
    report[f"{name}, seconds"] = round(time.monotonic() - begun, 1)


def build(dist, folder=ROOT, *kinds):
    """Build what is published of a folder: wheel and sdist, or the kinds named."""
    wanted = [part for kind in kinds for part in ("-t", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "-d", dist, *wanted]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def same_wheel(sdist, wheel):
    """The sdist alone builds the wheel, byte for byte."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (inside,) = Path(folder).iterdir()
        build(Path(folder) / "again", inside, "wheel")
        again = Path(folder) / "again" / wheel.name
        assert again.read_bytes() == wheel.read_bytes(), (
            "another wheel than the sdist's"
        )


def contents(wheel):
    """Everything of `data/` that is in the wheel has a row in data/LICENSES.md."""
    names = zipfile.ZipFile(wheel).namelist()
    at = "tlkeras/checkpoints/shipped/"
    inside = {name.removeprefix(at) for name in names if name.startswith(at)}
    listed = subprocess.run(
        ["git", "ls-files", "data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name.removeprefix("data/") for name in listed.stdout.split()}
    assert inside == ours, inside ^ ours
    test = [sys.executable, "-m", "pytest", "-q", "tests/test_licences.py"]
    subprocess.run(test, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def pythons(wanted=None):
    """The supported Pythons of this machine, by version: on the path, or in pyenv."""
    pattern = r"Python :: (3\.\d+)"
    supported = re.findall(pattern, "\n".join(PROJECT["classifiers"]))
    found = {}
    for version in supported:
        beside = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for candidate in (shutil.which(f"python{version}"), *map(str, beside)):
            if candidate and version_of(candidate) == version:
                found[version] = Path(candidate)
                break
    return {v: path for v, path in found.items() if not wanted or v in wanted}


def version_of(python):
    """The version that a Python says it has; nothing if it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return ran.stdout.strip()


def environment(python, folder):
    """The Python of a new, empty environment."""
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    return folder / "bin" / "python"


def pip(python, *requirements):
    """Install into an environment; compile nothing that is not imported."""
    options = ["-q", "--no-compile", "--disable-pip-version-check"]
    run(python, "-m", "pip", "install", *options, *requirements)


def lessons(python):
    """Names of all lessons in the installed wheel."""
    code = "from tlkeras.course import lessons; print(*[x.name for x in lessons()])"
    return run(python, "-P", "-c", code, stdout=subprocess.PIPE).stdout.split()


def run_lesson(python, lesson):
    """Run a lesson from the wheel at quick scale, in a folder of its own."""
    run(python, "-P", Path(__file__).with_name("lesson.py"), lesson)


def run(python, *arguments, **options):
    """Run a Python far from the checkout, without its settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [python, *arguments], cwd=folder, env=kept, check=True, text=True, **options
        )


def components(bom):
    """How many packages a list of materials names; each has a version."""
    every = json.loads(bom.read_text("utf-8"))["components"]
    assert all(each.get("version") for each in every)
    assert "tlkeras" in {each["name"] for each in every}
    return len(every)


if __name__ == "__main__":
    main()
