"""The page of the layers is up to date, and its examples run."""

import doctest
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "layers.md").read_text("utf-8")
HEAD = (ROOT / "docs" / "layers.head.md").read_text("utf-8")


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(build):
    assert build.page() == TEXT, "run: python docs/build.py"


def test_check_tells_an_old_page(build, tmp_path, monkeypatch, capsys):
    assert build.main(["--check"]) == 0
    monkeypatch.setattr(build, "PAGE", tmp_path / "layers.md")
    assert build.main(["--check"]) == 1
    assert "python docs/build.py" in capsys.readouterr().out
    (tmp_path / "layers.md").write_text(TEXT.replace("True means keep", "keep"))
    assert build.main(["--check"]) == 1
    build.main([])
    assert build.main(["--check"]) == 0


def test_a_name_in_no_group_is_an_error(build, monkeypatch):
    monkeypatch.setitem(build.LAYERS, "Vision", ["PatchEmbedding", "ClassToken"])
    with pytest.raises(ValueError, match=r"differs by .*TubeletEmbedding"):
        build.groups()


def test_every_link_leads_to_a_heading():
    headings = {
        line.lstrip("# ").lower() for line in re.findall(r"^##+ .*", TEXT, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert len(links) > 40
    assert links <= headings


@pytest.mark.parametrize("index", [0, 1])
def test_an_example_prints_what_it_says(index, tmp_path):
    code = re.findall(r"```python\n(.*?)```", HEAD, re.DOTALL)[index]
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    (said,) = re.findall(r"^print.*  # (.*)$", code, re.MULTILINE)
    assert result.stdout.strip() == said, result.stderr


def test_every_example_of_the_page_runs_by_itself():
    blocks = re.findall(r"```pycon\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) >= 36
    parser, runner, printed = doctest.DocTestParser(), doctest.DocTestRunner(), []
    for index, block in enumerate(blocks):
        test = parser.get_doctest(block, {}, f"block {index}", None, None)
        runner.run(test, out=printed.append)
    assert runner.failures == 0, "".join(printed)


def test_the_first_example_is_short():
    first = re.findall(r"```python\n(.*?)```", HEAD, re.DOTALL)[0]
    assert len(first.strip().splitlines()) <= 12
