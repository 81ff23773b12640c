"""What the files beside the code say of the project is what its metadata say."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import tlkeras

ROOT = Path(__file__).resolve().parents[1]


def test_a_citation_names_this_version_and_its_licences():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cited["version"] == tlkeras.__version__
    assert " AND ".join(cited["license"]) == project["license"]
    assert cited["authors"] == project["authors"]


def test_links_between_the_files_beside_the_code_lead_somewhere():
    for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text("utf-8")
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (ROOT / link).exists(), f"{name}.md: {link}"


@pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no checkout"
)
def test_nothing_that_git_ignores_is_in_the_repository():
    """An environment once was, with 38,000 files."""
    git = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files"]
    listed = subprocess.run(
        [*git, "--cached", "--ignored", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""
