"""What a warm parent can see, and what it finds in its environment."""

import itertools
import os

from tlkeras.grading.sandbox import jail


def test_the_environment_is_none_of_ours_but_for_the_language(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("PATH", "/somewhere")
    monkeypatch.setenv("TLKERAS_LANGUAGE", "zh")
    found = jail.environment(["/a", "/b"])
    assert found["PYTHONPATH"] == f"/a{os.pathsep}/b"
    assert found["TLKERAS_LANGUAGE"] == "zh"
    assert found["PATH"] == "/usr/bin:/bin"
    assert "SECRET" not in found
    monkeypatch.delenv("TLKERAS_LANGUAGE")
    assert "TLKERAS_LANGUAGE" not in jail.environment([])


def test_bubblewrap_is_never_one_that_was_handed_in(monkeypatch, tmp_path):
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", "here"]))
    assert jail.bubblewrap() != str(tmp_path / "bwrap")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jail.bubblewrap() == str(tmp_path / "bwrap")


def test_the_course_is_empty_and_lessons_in_what_is_shown_are_covered(monkeypatch):
    monkeypatch.setattr(jail, "SYSTEM", (str(jail.PACKAGE.parent),))
    words = jail.command(True, [jail.PACKAGE.parent / "course"])
    pairs = list(itertools.pairwise(words))
    inside = str(jail.INSIDE / "tlkeras" / "course")
    assert ("--tmpfs", inside) in pairs
    assert (str(jail.EMPTY_COURSE), f"{inside}/__init__.py") in pairs
    assert ("--tmpfs", str(jail.PACKAGE.parent / "course")) in pairs
    assert ("--tmpfs", str(jail.PACKAGE)) in pairs
    assert "--unshare-net" in words
    assert "--clearenv" in words
