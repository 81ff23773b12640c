"""What the README says can be done, can be done."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
SHELL = "\n".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL))


def test_the_python_example_prints_what_it_says(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    (said,) = re.findall(r"# (\(.*)$", code, re.MULTILINE)
    assert result.stdout.strip() == said, result.stderr


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"^tlkeras (\w+)", SHELL, re.M)))
)
def test_every_command_exists(name):
    command = [sys.executable, "-m", "tlkeras", name, "--help"]
    assert subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bmake ([\w-]+)`?\n", SHELL))))
def test_every_make_target_exists(name):
    command = ["make", "--dry-run", name]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


def test_every_picture_and_link_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_of_lessons_is_the_syllabus():
    rows = re.findall(r"^\| (\d\d) ([^|]+) \| (\d+) \|", TEXT, re.MULTILINE)
    parts = tomllib.loads((ROOT / "course" / "syllabus.toml").read_text("utf-8"))
    every = [lesson for part in parts["parts"] for lesson in part["lessons"]]
    lessons = [lesson for lesson in every if not lesson.get("draft")]
    assert rows == [
        (lesson["name"][:2], lesson["title"], str(lesson["minutes"]))
        for lesson in lessons
    ]
