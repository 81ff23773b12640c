"""Whatever files are called, each is graded, and none gets at the result of another."""

import csv
import os
import re
import shutil
from urllib.parse import unquote

import pytest
from arena import command, isolation_or_skip, notebook, run

from tlkeras.grading.notebooks.notebook import NotebookError
from tlkeras.grading.submissions import result, submission

NAMES = [
    *("x", "x/result.json", "x/printed.txt", "x/x", "x/x/result.json", "result.json"),
    *("x/submissions", "submissions/x", "submissions/x/result.json", "grading.json"),
    *(
        "a/b",
        "a%2Fb",
        "a%2fb",
        "a-b",
        "a b",
        "a\\b",
        "a\\x2fb",
        "a%252Fb",
        "a|b",
        "a:b",
    ),
    *("Ada", "ada", "ADA", "Lovelace, Ada_12 (1)", "O'Brien", "ada@example.org", "ﬁ"),
    *("Müller", "Mu\u0308ller", "Müller-2", "李雷", "𠀀" * 60, "é" * 120, "🙂", "أدا"),
    *(" ", " x", "x ", "x.", "x..", "-rf", "--out", "~", "~root", "x~0123456789abcdef"),
    *("$(touch ran)", "`touch ran`", "; touch ran", "x\ny", "x\ty", "x\ry", "\x1b[2J"),
    *(
        "x\u202ey",
        "x\u200by",
        "\ufeffx",
        "<script>1<",
        '"><img src=x>',
        "{name}",
        "%s%n",
    ),
    *("[red]x[/red]", "[/]", "=1+1", "+1", "@x", "con", "NUL", "com1.x", "aux.ipynb"),
    *("a" * 249, "a" * 248 + "b", "/".join(["long"] * 500), "/".join(["l" * 200] * 15)),
    *("%", "%%", "%2E%2E", "*", "?", "#", "&amp;", "C:", "\\\\server\\x", "x/.y/../z"),
]
BYTES = [
    *(b"M\xfcller", b"M\x81ller", b"M\xf6ller", b"M\xc3\xbcller\xff", b"\xff\xfe"),
    *(b"\xed\xa0\x80", b"\xc0\xaf", b"x\x80/y\x80", b"M\\xfcller", b"\xff" * 249),
]
FILES = dict.fromkeys(os.fsencode(os.path.normpath(name)) for name in NAMES)
FILES = [*FILES, *BYTES]


@pytest.fixture(scope="module")
def graded(tmp_path_factory, solved_cells):
    """Where it was graded, and the results by the file that they are of."""
    isolation_or_skip("A")
    place = tmp_path_factory.mktemp("names")
    for name in FILES:
        path = os.fsencode(place / "class") + b"/" + name + b".ipynb"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(notebook(*solved_cells))
    words = ["grade", "class", "--out", "out", "--tier", "A", "--jobs", "2"]
    words += ["--lesson", "01_tiny"]
    done = run([*command(place), *words], place, COLUMNS="200")
    assert done.returncode == 0, done.stderr[-2000:]
    found = [(path, result.read(path)) for path in result.paths(place / "out")]
    yield place, {found["submission"]["file"]: (path, found) for path, found in found}
    shutil.rmtree(place)


def test_each_file_has_a_result(graded):
    place, found = graded
    assert len(found) == len(FILES) > 90
    assert len({entry["submission"]["name"] for _, entry in found.values()}) == len(
        FILES
    )
    assert len([*(place / "out/submissions").iterdir()]) == len(FILES)
    assert not (place / "ran").exists()


@pytest.mark.parametrize("name", FILES, ids=lambda name: ascii(name)[:40])
def test_a_name_costs_nobody_a_point(graded, name):
    place, found = graded
    file = os.fsdecode(os.fsencode(place / "class") + b"/" + name + b".ipynb")
    path, entry = found[submission.printable(file)]
    assert (entry["state"], entry["points"]) == ("graded", 3)
    assert path == result.path_of(place / "out", entry["submission"]["name"])
    assert path.parent.parent == place / "out" / "submissions"
    assert len(os.fsencode(path.parent.name)) <= result.LONGEST


def test_the_table_and_the_report_have_them_all(graded):
    out = graded[0] / "out"
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(FILES)
    assert {row["points"] for row in rows} == {"3"}
    links = set(
        re.findall(r'href="(feedback/[^"]+)"', (out / "report.html").read_text())
    )
    assert len(links) == len(FILES)
    assert all((out / unquote(link)).is_file() for link in links)


def test_folders_have_readable_names():
    for name in (
        "ada",
        "Müller, Jürgen (2)",
        "李雷",
        "O'Brien",
        "ada@example.org",
        "a.b",
    ):
        assert result.folder_of(name) == name
    assert result.folder_of("group 1/ada") == "group 1%2Fada"
    assert result.folder_of("..") == "%2E%2E"


def test_what_cannot_be_listed_is_no_submission_that_was_overlooked(tmp_path):
    """A path longer than the system opens, made step by step as unzipping can."""
    (tmp_path / "right.ipynb").write_text("{}")
    before, step = os.getcwd(), "d" * 240
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(18):
        os.mkdir(step, dir_fd=folder)
        inner = os.open(step, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("hw.ipynb", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    found = submission.find([tmp_path])
    assert os.getcwd() == before
    right, overlooked = sorted(found, key=lambda each: len(each.name))
    assert right.name == "right"
    with pytest.raises(NotebookError, match="too long"):
        submission.read(overlooked.path)
    shutil.rmtree(tmp_path / step)
