"""Files that are no notebooks, and folders full of them."""

import os

import pytest

from tlkeras.grading.notebooks.notebook import NotebookError
from tlkeras.grading.submissions import submission


def test_notebooks_are_found_in_order_and_named_by_their_place(tmp_path):
    for name in ("b.ipynb", "a/x.ipynb", "a/.ipynb_checkpoints/x.ipynb", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = submission.find([tmp_path, tmp_path / "b.ipynb", tmp_path / "c.txt"])
    assert [each.name for each in found] == ["b", "a/x", "b-2", "c"]


def test_names_that_are_no_text_become_text(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\n")
    open(os.fsencode(tmp_path) + b"/\xff\n/n.ipynb", "w").close()
    (found,) = submission.find([tmp_path])
    assert found.name.isprintable()
    assert found.name.encode()


@pytest.mark.parametrize("place", ["nothing", "empty"])
def test_no_notebook_is_an_error(tmp_path, place):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotebookError):
        submission.find([tmp_path / place])


def make_link(path):
    path.with_suffix(".txt").write_text("{}")
    path.symlink_to(path.with_suffix(".txt"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_link, "it is a link"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a link"),
        (os.mkfifo, "no ordinary file"),
        (os.mkdir, "no ordinary file"),
        (lambda path: path.write_bytes(bytes(2000)), "too large"),
        (lambda path: None, "No such file"),
    ],
)
def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path, make, said):
    path = tmp_path / "x.ipynb"
    make(path)
    with pytest.raises(NotebookError, match=said):
        submission.read(path, largest=1000)


def test_an_ordinary_file_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert submission.read(tmp_path / "x") == b"abc"
