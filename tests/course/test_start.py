import json
import os

import pytest

from tlkeras.course import CourseError, progress, start


@pytest.fixture
def folder(tmp_path):
    return start.prepare(tmp_path / "mine")


def names(folder):
    return sorted(path.name for path in folder.glob("*.ipynb"))


def write_in(path, text="my work"):
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][0]["source"] = [text]
    path.write_text(json.dumps(notebook), "utf-8")


def change(lesson, text="Doubling, improved"):
    path = lesson.folder / "lesson.py"
    path.write_text(path.read_text("utf-8").replace("Doubling", text), "utf-8")


def test_the_first_start_hands_everything_out(tiny, folder):
    assert start.hand_out(folder, tiny) is None
    assert names(folder) == ["01_tiny.ipynb"]


def test_an_untouched_notebook_is_refreshed_silently(tiny_copy, folder):
    start.hand_out(folder, tiny_copy)
    change(tiny_copy)
    assert start.hand_out(folder, tiny_copy) is None
    assert "improved" in (folder / "01_tiny.ipynb").read_text("utf-8")
    assert names(folder) == ["01_tiny.ipynb"]


def test_a_notebook_that_was_only_opened_is_untouched(tiny_copy, folder):
    start.hand_out(folder, tiny_copy)
    path = folder / "01_tiny.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["metadata"]["language_info"]["version"] = "3.11"
    path.write_text(json.dumps(notebook), "utf-8")
    change(tiny_copy)
    assert start.hand_out(folder, tiny_copy) is None
    assert "improved" in path.read_text("utf-8")


def test_work_stays_while_the_lesson_stays(tiny, folder):
    start.hand_out(folder, tiny)
    write_in(folder / "01_tiny.ipynb")
    assert start.hand_out(folder, tiny) is None
    assert "my work" in (folder / "01_tiny.ipynb").read_text("utf-8")
    assert names(folder) == ["01_tiny.ipynb"]


def test_work_is_never_overwritten_and_a_new_lesson_comes_beside_it_once(
    tiny_copy, folder
):
    start.hand_out(folder, tiny_copy)
    write_in(folder / "01_tiny.ipynb")
    change(tiny_copy)
    beside = start.hand_out(folder, tiny_copy)
    assert beside == folder / "01_tiny.new.ipynb"
    assert "improved" in beside.read_text("utf-8")
    assert "my work" in (folder / "01_tiny.ipynb").read_text("utf-8")
    assert start.hand_out(folder, tiny_copy) is None
    assert len(names(folder)) == 2


def test_work_in_the_notebook_beside_is_not_overwritten_either(tiny_copy, folder):
    start.hand_out(folder, tiny_copy)
    write_in(folder / "01_tiny.ipynb")
    change(tiny_copy)
    write_in(start.hand_out(folder, tiny_copy), "more work")
    change(tiny_copy, "Doubling, once more")
    assert start.hand_out(folder, tiny_copy) == folder / "01_tiny.new-2.ipynb"
    assert "more work" in (folder / "01_tiny.new.ipynb").read_text("utf-8")


def test_outputs_count_as_work(tiny_copy, folder):
    start.hand_out(folder, tiny_copy)
    path = folder / "01_tiny.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "42"}]
    path.write_text(json.dumps(notebook), "utf-8")
    change(tiny_copy)
    assert start.hand_out(folder, tiny_copy) is not None
    assert "42" in path.read_text("utf-8")


@pytest.mark.parametrize("memory", ["", "[1]", None])
def test_without_a_memory_everything_is_taken_for_work(tiny_copy, folder, memory):
    start.hand_out(folder, tiny_copy)
    path = folder / ".tlkeras" / "handed_out.json"
    path.unlink() if memory is None else path.write_text(memory)
    change(tiny_copy)
    assert start.hand_out(folder, tiny_copy) == folder / "01_tiny.new.ipynb"
    assert "improved" not in (folder / "01_tiny.ipynb").read_text("utf-8")


def test_a_damaged_notebook_is_not_overwritten(tiny_copy, folder):
    (folder / "01_tiny.ipynb").write_text("half of a noteb")
    assert start.hand_out(folder, tiny_copy) == folder / "01_tiny.new.ipynb"
    assert (folder / "01_tiny.ipynb").read_text() == "half of a noteb"


def test_a_folder_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="is a file"):
        start.prepare(tmp_path / "file")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(CourseError, match=r"cannot be written \(Permission denied\)"):
        start.prepare(tmp_path / "mine")


def test_the_first_unfinished_lesson_is_opened(tiny, folder):
    assert start.first_unfinished(folder) is tiny
    for name, answer in [("double", lambda x: 2 * x), ("row_sums", lambda x: x.sum(1))]:
        progress.record(tiny.name, tiny.check(answer, name), folder)
    assert progress.points(folder, tiny) == tiny.points
    assert start.first_unfinished(folder) is tiny  # none is left: the last one


def test_jupyter_opens_the_notebook_in_the_folder(folder, monkeypatch):
    calls = []

    class Process:
        def __init__(self, command, env, cwd):
            calls.append(command)
            assert cwd == folder / ".tlkeras"  # where nobody's settings and modules lie
            assert str(folder) in env["JUPYTER_CONFIG_PATH"]

        def wait(self):
            if len(calls) == 1:
                calls.append("Ctrl+C")
                raise KeyboardInterrupt
            return 7

    monkeypatch.setattr(start.subprocess, "Popen", Process)
    path = folder / "01_tiny.ipynb"
    assert start.open_jupyter(folder, path, browser=False) == 7
    command = calls[0]
    assert command[1:4] == ["-P", "-m", "jupyterlab"]
    assert f"--notebook-dir={folder}" in command
    assert command[-1] == str(path)
    assert "--no-browser" in command
    assert ("--allow-root" in command) == (os.geteuid() == 0)
