import json
import subprocess
import sys

import pytest

from tlkeras.course import machine


@pytest.fixture
def probe(monkeypatch):
    """Let the probe find something else than what this machine has."""

    def pretend(output="", errors=""):
        done = subprocess.CompletedProcess([], 0, output, errors)
        monkeypatch.setattr(machine.subprocess, "run", lambda *_, **__: done)

    return pretend


def found(name):
    return next(one for one in machine.findings() if one.name == name)


def test_this_environment_has_what_the_course_requires():
    findings = list(machine.findings())
    assert len(findings) == machine.COUNT
    missing = [one for one in findings if one.required and not one.found]
    assert not missing
    assert all(one.advice for one in findings)
    (xla,) = (one for one in findings if one.name == "XLA")
    assert xla.detail == "compiled a function"


def test_a_broken_keras_is_told_by_its_last_line(probe):
    probe(errors="Traceback\nImportError: no tensorflow for you")
    finding = found("Keras backend")
    assert not finding.found
    assert finding.required
    assert finding.detail.endswith("no tensorflow for you")


def test_another_backend_is_not_what_the_course_runs_on(probe):
    probe("noise\nFOUND" + json.dumps({"backend": "jax"}))
    assert not found("Keras backend").found
    assert "KERAS_BACKEND=tensorflow" in found("Keras backend").advice
    assert not found("XLA").found


def test_gpus_are_named(probe):
    probe(
        "FOUND" + json.dumps({"backend": "tensorflow", "gpus": ["/gpu:0"], "xla": True})
    )
    assert found("GPU").detail == "/gpu:0"
    assert found("XLA").found


def test_a_hanging_keras_is_given_up(monkeypatch):
    monkeypatch.setattr(machine, "PROBE", "import time; time.sleep(60)")
    assert machine._probe(seconds=1) == {"error": "Keras did not load within 1 s"}


def test_a_package_that_is_missing_says_what_to_install():
    finding = machine._package("Nothing", "no-such-package", machine.INSTALL)
    assert not finding.found
    assert "[course]" in finding.advice


def test_a_package_that_is_too_old_is_not_good_enough(monkeypatch):
    from packaging.specifiers import SpecifierSet

    monkeypatch.setattr(
        machine, "_requirements", lambda: {"numpy": SpecifierSet(">=99")}
    )
    finding = machine._package("NumPy", "numpy", machine.INSTALL)
    assert not finding.found
    assert ">=99 is needed" in finding.detail


def test_a_version_other_than_the_tested_one_is_told(monkeypatch):
    monkeypatch.setattr(machine, "_constraints", lambda: {"numpy": "0.1"})
    assert "(tested: 0.1)" in machine._package("NumPy", "numpy", "").detail


@pytest.mark.parametrize(
    ("script", "detail"),
    [("exit 1", "bwrap does not run: refused"), ("exit 0", "bwrap ran")],
)
def test_the_sandbox_is_really_run(tmp_path, monkeypatch, script, detail):
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\necho refused >&2\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = machine._sandbox()
    assert finding.detail.startswith(detail)
    assert finding.found == (script == "exit 0")


def test_without_a_sandbox_the_doctor_says_who_needs_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = machine._sandbox()
    assert not finding.found
    assert not finding.required
    assert "bubblewrap" in finding.advice


def test_an_old_python_is_not_good_enough(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    assert not machine._python().found
