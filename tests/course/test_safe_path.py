"""Files beside a notebook take no module's place in `tlkeras check` and `list`."""

import json
import subprocess
import sys

import pytest

from tlkeras.course import build, lesson

MARK = "open({mark!r}, 'a').write(__name__ + chr(10))\n"
# What the command imports late, after Python itself has started with `-m`.
LATE = ["json", "numpy", "rich", "typer", "tomllib", "signal", "subprocess", "random"]
CHECKED = [*LATE, "contextlib", "tlkeras", "IPython", "traitlets", "matplotlib", "site"]


def tlkeras(folder, *words):
    command = [sys.executable, "-m", "tlkeras", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    ran = folder / "ran.txt"
    return done, set(ran.read_text().split()) if ran.exists() else set()


def lay_out(folder, names):
    for name in names:
        text = MARK.format(mark=str(folder / "ran.txt"))
        (folder / f"{name}.py").write_text(text)


def test_a_folder_of_modules_is_no_place_to_import_from(tmp_path):
    lay_out(tmp_path, LATE)
    done, ran = tlkeras(tmp_path, "list")
    assert done.returncode == 0, done.stderr
    assert ran == set()


def test_check_imports_its_own_modules_and_then_the_learners(tmp_path):
    lay_out(tmp_path, CHECKED)
    (tmp_path / "helper_of_mine.py").write_text("value = 2\n")
    notebook = json.loads(build.build(lesson("01_attention"), solved=True))
    cell = "import json, random, signal, helper_of_mine\nassert random.random"
    source = {"cell_type": "code", "metadata": {}, "source": cell, "outputs": []}
    broken = cell + "\ndel attention_classifier"
    notebook["cells"].append(source | {"source": broken})
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "01_attention.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-P", "-m", "tlkeras", "check", "--json"]
    done = subprocess.run(
        [*command, str(tmp_path / "01_attention.ipynb")],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)["exercises"]
    # One answer is gone: so the cell ran to its end, with the learner's module.
    assert {n for n, entry in found.items() if not entry["passed"]} == {
        "attention_classifier"
    }
    assert not (tmp_path / "ran.txt").exists()


@pytest.mark.parametrize("name", ["tlkeras", "json", "random"])
def test_the_check_of_files_beside_a_notebook_can_fail(tmp_path, name):
    lay_out(tmp_path, [name])
    subprocess.run([sys.executable, "-c", f"import {name}"], cwd=tmp_path, check=True)
    assert (tmp_path / "ran.txt").read_text() == f"{name}\n"
