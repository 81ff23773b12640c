from pathlib import Path

import pytest

from tlkeras.course import build, lessons, syllabus

TINY = Path(__file__).parent / "tiny"


@pytest.fixture
def tiny(monkeypatch):
    """The only lesson of a course of one tiny lesson."""
    return use_course(monkeypatch, TINY)


def use_course(monkeypatch, folder):
    monkeypatch.setattr(syllabus, "home", lambda: folder)
    syllabus._read.cache_clear()
    return lessons()[0]


@pytest.fixture
def tiny_copy(monkeypatch, tmp_path):
    """The tiny lesson in a folder where a test may change it."""
    import shutil

    shutil.copytree(TINY, tmp_path / "course")
    return use_course(monkeypatch, tmp_path / "course")


@pytest.fixture
def solved(tiny, tmp_path):
    """The solved notebook of the tiny lesson, as a file."""
    path = tmp_path / "01_tiny.ipynb"
    path.write_text(build.build(tiny, solved=True), "utf-8")
    return path
