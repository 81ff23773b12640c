"""Notebooks that install what is missing; buttons where an address is known."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from tlkeras.course import CourseError, anywhere, build, material
from tlkeras.extras import EXTRAS
from tlkeras.grading.notebooks import notebook
from tlkeras.grading.notebooks.source import python

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/someone/tlkeras"


@pytest.fixture(autouse=True)
def nobody_said(monkeypatch):
    monkeypatch.delenv(anywhere.VARIABLE, raising=False)
    monkeypatch.setattr(anywhere, "_declared", lambda: None)


def cells(lesson):
    return nbformat.reads(build.build(lesson), as_version=4).cells


def test_the_first_cell_that_runs_is_the_folded_set_up(tiny):
    code = [cell for cell in cells(tiny) if cell.cell_type == "code"]
    assert [cell.id == "setup" for cell in code] == [True] + [False] * len(code[1:])
    assert code[0].metadata.jupyter.source_hidden
    assert code[0].metadata.cellView == "form"
    assert code[0].source.startswith("# @title ")  # what Colab shows of it


@pytest.mark.parametrize("address", [None, ADDRESS, f"{ADDRESS}.git/".rstrip("/")])
def test_it_installs_this_version_from_what_is_known_alone(
    tiny, address, monkeypatch, capsys
):
    if address:
        monkeypatch.setenv(anywhere.VARIABLE, address)
    source = cells(tiny)[1].source
    wheel = f"./{anywhere.WHEEL}[lessons]"
    wanted = f"tlkeras[lessons] @ git+{ADDRESS}@v" if address else wheel
    assert f'%pip install --quiet "{wanted}' in source


def test_where_all_is_there_it_does_and_says_nothing(tiny):
    ran = run(cells(tiny)[1].source)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_where_something_is_missing_it_installs(tiny):
    source = cells(tiny)[1].source.replace('"tlkeras ', '"tlkeras not_there ')
    assert (
        run(source).stdout.strip() == f"pip install --quiet ./{anywhere.WHEEL}[lessons]"
    )


def run(cell):
    """A cell in IPython, with a pip that says what it was asked."""
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "said = lambda line: print('pip', line.replace('\"', ''))\n"
        "shell.register_magic_function(said, magic_name='pip')\n"
        "sys.exit(not shell.run_cell(sys.argv[1]).success)\n"
    )
    command = [sys.executable, "-c", code, cell]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_the_grader_passes_it_over_and_could_run_it(tiny):
    text = build.build(tiny)
    steps = material.steps(tiny.folder, notebook.parse(text.encode()))
    assert not any("find_spec" in step.defines for step in steps)
    exec(python(cells(tiny)[1].source), {})  # should its tag be lost


def test_buttons_are_there_when_an_address_is_and_only_then(tiny, monkeypatch):
    title = cells(tiny)[0].source
    assert "http" not in title
    monkeypatch.setenv(anywhere.VARIABLE, "https://git.example.org/a/b")
    assert cells(tiny)[0].source == title  # the services read GitHub
    monkeypatch.setenv(anywhere.VARIABLE, ADDRESS)
    shown = cells(tiny)[0].source
    place = f"blob/v{anywhere.tlkeras.__version__}/notebooks/{tiny.name}.ipynb"
    assert shown.count(place) == shown.count("](http") == len(anywhere.SERVICES)


def test_the_readme_has_buttons_when_an_address_is_known(tiny, tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    path.write_text(f"Before.\n{anywhere.BEGIN}\n{anywhere.END}\nAfter.\n")
    bare = path.read_text()
    assert not anywhere.update_readme([tiny], path)
    monkeypatch.setenv(anywhere.VARIABLE, ADDRESS)
    assert anywhere.update_readme([tiny], path, check=True)
    assert path.read_text() == bare
    assert anywhere.update_readme([tiny], path)
    assert path.read_text().count(f"/{tiny.name}.ipynb)") == len(anywhere.SERVICES)
    monkeypatch.delenv(anywhere.VARIABLE)
    assert anywhere.update_readme([tiny], path)
    assert path.read_text() == bare


@pytest.mark.parametrize("address", ["ftp://a.org/b", 'https://a.org/b"; rm', "a/b"])
def test_what_is_no_address_is_said_so(tiny, address, monkeypatch):
    monkeypatch.setenv(anywhere.VARIABLE, address)
    with pytest.raises(CourseError, match="no address of a repository"):
        build.build(tiny)


def test_an_address_is_read_from_pyproject(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.delenv(anywhere.VARIABLE, raising=False)
    monkeypatch.setattr(anywhere, "home", lambda: tmp_path / "course")
    urls = f'[project]\n[project.urls]\nRepository = "{ADDRESS}"\n'
    (tmp_path / "pyproject.toml").write_text(urls)
    assert anywhere.repository() == ADDRESS


def test_what_lessons_need_is_what_the_extra_brings():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {line.split(">")[0] for line in project["optional-dependencies"]["lessons"]}
    module = {"scikit-learn": "sklearn"}
    brought = {module.get(name, name.replace("-", "_")) for name in names}
    assert {"keras_hub", *brought} == set(EXTRAS["lessons"])  # keras-nlp brings it


def test_the_notebooks_of_the_repository_say_no_address_that_nobody_gave():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    if "Repository" in project.get("urls", {}):
        pytest.skip("an address was given")
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        every = json.loads(path.read_text("utf-8"))["cells"]
        (setup,) = (cell["source"] for cell in every if cell["id"] == "setup")
        assert "git+" not in "".join(setup)
