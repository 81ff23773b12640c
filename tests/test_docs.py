"""The pages made from docstrings are up to date, and their examples run."""

import doctest
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "layers": 36,
    "transfer": 20,
    "pipelines": 5,
    "interpret": 18,
    "scale": 1,
}  # with this many examples at least
DOCS = ROOT / "docs"
TEXTS = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in PAGES}
HEADS = {name: (DOCS / f"{name}.head.md").read_text("utf-8") for name in PAGES}


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


each_page = pytest.mark.parametrize("name", PAGES)


@each_page
def test_a_page_is_up_to_date(build, name):
    assert set(build.PAGES) == set(PAGES)
    assert build.page(name) == TEXTS[name], "run: python docs/build.py"


def test_check_tells_an_old_page(build, tmp_path, monkeypatch, capsys):
    assert build.main(["--check"]) == 0
    for name in PAGES:
        (tmp_path / f"{name}.head.md").write_text(HEADS[name], "utf-8")
    monkeypatch.setattr(build, "HERE", tmp_path)
    assert build.main(["--check"]) == 1
    assert "docs/layers.md is not up to date" in capsys.readouterr().out
    build.main([])
    assert build.main(["--check"]) == 0
    changed = TEXTS["transfer"].replace("frozen", "thawed")
    (tmp_path / "transfer.md").write_text(changed, "utf-8")
    assert build.main(["--check"]) == 1
    said = capsys.readouterr().out
    assert "docs/transfer.md is not up to date: run python docs/build.py" in said
    assert "layers.md" not in said


def test_a_name_in_no_group_is_an_error(build, monkeypatch):
    monkeypatch.setitem(build.LAYERS, "Vision", ["PatchEmbedding", "ClassToken"])
    with pytest.raises(ValueError, match=r"differs by .*TubeletEmbedding"):
        build.groups("layers")


@each_page
def test_every_link_leads_to_a_heading(name):
    text = TEXTS[name]
    headings = {
        line.lstrip("# ").lower() for line in re.findall(r"^##+ .*", text, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert len(links) > PAGES[name]
    assert links <= headings


EXAMPLES = [*((name, 0) for name in PAGES), ("layers", 1)]
# Each in a namespace of its own; what one raises is among what it prints.
RUN_ALL = """
import json, sys, traceback
for code in json.load(sys.stdin):
    try:
        exec(code, {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    print(end="\\0")
"""


def example(name, index):
    return re.findall(r"```python\n(.*?)```", HEADS[name], re.DOTALL)[index]


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each example prints. They share a process, which takes seconds to begin.

    All but that of scale, which chooses Keras's backend.
    """
    folder = tmp_path_factory.mktemp("examples")
    alone = [which for which in EXAMPLES if which[0] == "scale"]
    others = [which for which in EXAMPLES if which[0] != "scale"]
    return run_all(others, folder) | run_all(alone, folder)


def run_all(examples, folder):
    result = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps([example(*which) for which in examples]),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    *outputs, _ = result.stdout.split("\0")
    assert len(outputs) == len(examples), result.stderr
    return dict(zip(examples, outputs, strict=True))


@pytest.mark.parametrize(("name", "index"), EXAMPLES)
def test_an_example_prints_what_it_says(printed, name, index):
    (said,) = re.findall(r"^print.*  # (.*)$", example(name, index), re.MULTILINE)
    assert printed[name, index].strip() == said


@each_page
def test_every_example_of_a_page_runs_by_itself(name):
    blocks = re.findall(r"```pycon\n(.*?)```", TEXTS[name], re.DOTALL)
    assert len(blocks) >= PAGES[name]
    parser, runner, printed = doctest.DocTestParser(), doctest.DocTestRunner(), []
    for index, block in enumerate(blocks):
        test = parser.get_doctest(block, {}, f"block {index}", None, None)
        runner.run(test, out=printed.append)
    assert runner.failures == 0, "".join(printed)


def test_the_first_example_is_short():
    first = re.findall(r"```python\n(.*?)```", HEADS["layers"], re.DOTALL)[0]
    assert len(first.strip().splitlines()) <= 12
