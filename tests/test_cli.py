import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rich.console

import tlkeras
from tlkeras import __main__, output
from tlkeras.course import build, machine, syllabus, tables

ROOT = Path(tlkeras.__file__).parents[1]
TINY = Path(__file__).parent / "course" / "tiny"


@pytest.fixture
def tlkeras_command(monkeypatch, capsys, tmp_path):
    """Run the command on the tiny course, in an empty folder."""
    monkeypatch.setattr(syllabus, "home", lambda: TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tlkeras", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            __main__.main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return run


def test_version(tlkeras_command):
    assert tlkeras_command("--version") == (0, f"tlkeras {tlkeras.__version__}\n", "")


def test_a_wrong_command_is_exit_code_2(tlkeras_command):
    assert tlkeras_command("frobnicate")[0] == 2


def test_start_makes_a_folder_and_list_finds_it(tlkeras_command, tmp_path):
    code, said, _ = tlkeras_command("list")
    assert code == 0
    assert "Not started here yet. To begin: tlkeras start" in said
    code, said, _ = tlkeras_command("start", "--no-open")
    folder = tmp_path / "tlkeras-course"
    assert code == 0
    assert f"Your notebooks are in {folder}." in said
    assert (folder / "01_tiny.ipynb").is_file()
    said = tlkeras_command("list")[1]
    assert "0 of 3" in said
    assert f"Progress of {folder}." in said


def test_start_says_that_a_changed_lesson_was_put_beside(tlkeras_command, tmp_path):
    folder = tmp_path / "tlkeras-course"
    folder.mkdir()
    (folder / "01_tiny.ipynb").write_text("something of mine")
    said = tlkeras_command("start", "--no-open")[2]
    assert "the new one is 01_tiny.new.ipynb" in " ".join(said.split())
    assert (folder / "01_tiny.ipynb").read_text() == "something of mine"


def test_start_opens_jupyter_and_ends_as_it_does(
    tlkeras_command, monkeypatch, tmp_path
):
    calls = []
    monkeypatch.setattr(
        "tlkeras.course.start.open_jupyter", lambda *given: calls.append(given) or 3
    )
    code, said, _ = tlkeras_command("start", "--no-browser")
    folder = tmp_path / "tlkeras-course"
    assert code == 3
    assert "Ctrl+C" in said
    assert calls == [(folder, folder / "01_tiny.ipynb", False)]


def test_start_in_a_file_is_one_line(tlkeras_command, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, errors = tlkeras_command("start", tmp_path / "file")
    assert code == 2
    assert "is a file" in errors.splitlines()[0]
    assert len(errors.splitlines()) == 1


def test_check_prints_json_and_nothing_else(tlkeras_command, tmp_path):
    path = tmp_path / "01_tiny.ipynb"
    path.write_text(build.build(syllabus.lessons()[0], solved=True), "utf-8")
    code, said, _ = tlkeras_command("check", path, "--json")
    data = json.loads(said)
    assert code == 0
    assert data["lesson"] == "01_tiny"
    assert {n: o["passed"] for n, o in data["exercises"].items()} == {
        "double": True,
        "row_sums": True,
    }


def test_check_of_a_blank_notebook_is_exit_code_1(tlkeras_command):
    tlkeras_command("start", "--no-open")
    code, said, _ = tlkeras_command("check", "tlkeras-course/01_tiny.ipynb")
    assert code == 1
    assert said.count("not attempted") >= 2
    assert "Doubling” explains what to do" in said


@pytest.mark.parametrize("content", [None, "{", '{"cells": []}'])
def test_check_of_what_it_cannot_read_is_one_line(tlkeras_command, tmp_path, content):
    path = tmp_path / "mine.ipynb"
    if content is not None:
        path.write_text(content)
    code, said, errors = tlkeras_command("check", path, "--json")
    assert (code, said) == (2, "")
    lines = [line for line in errors.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith(f"tlkeras: {path}")


def test_build_for_nbgrader_wants_a_folder_and_says_what_is_in_it(tlkeras_command):
    code, _, said = tlkeras_command("build", "--nbgrader")
    assert code == 2
    assert "tlkeras build --nbgrader COURSE/source" in said
    assert "solutions" in said


def test_build_for_nbgrader_names_an_exercise_without_a_check(tlkeras_command):
    code, _, said = tlkeras_command("build", "--nbgrader", "source")
    assert code == 2
    assert "exercise double has no check(double)" in said


def test_build_check_names_what_is_stale_and_what_to_run(tlkeras_command, tmp_path):
    folder = tmp_path / "notebooks"
    code, said, _ = tlkeras_command("build", folder, "--check")
    assert code == 1
    assert f"{folder / '01_tiny.ipynb'} is stale. Run: tlkeras build" in said
    assert tlkeras_command("build", folder)[0] == 0
    assert tlkeras_command("build", folder, "--check")[:2] == (0, "")
    (folder / "09_old.ipynb").write_text("{}")
    code, said, _ = tlkeras_command("build", folder, "--check")
    assert code == 1
    assert "09_old.ipynb belongs to no lesson" in said


def test_verify_prints_a_table(tlkeras_command):
    code, said, _ = tlkeras_command("verify", "--seeds", 2)
    assert code == 0
    assert "row_sums" in said
    assert "6/6" in said


def test_verify_prints_json_with_all_numbers(tlkeras_command):
    code, said, _ = tlkeras_command("verify", "01_tiny", "--json", "--seeds", 2)
    data = json.loads(said)
    assert code == 0
    double = data["lessons"]["01_tiny"][0]
    assert double["kinds"]["misconceptions"] == {"tried": 6, "right": 6}
    assert data["seeds"] == 2


def test_verify_of_one_exercise(tlkeras_command):
    code, said, _ = tlkeras_command("verify", "01_tiny", "double", "--json")
    names = [report["name"] for report in json.loads(said)["lessons"]["01_tiny"]]
    assert (code, names) == (0, ["double"])
    code, _, errors = tlkeras_command("verify", "01_tiny", "double", "--metrics")
    assert code == 2
    assert errors.splitlines() == [
        "tlkeras: --metrics runs whole lessons: name no exercise."
    ]


def test_verify_lists_failures_and_is_exit_code_1(tlkeras_command, monkeypatch):
    monkeypatch.setattr(syllabus.lessons()[0], "points", 4)
    code, said, _ = tlkeras_command("verify", "--seeds", 1)
    assert code == 1
    assert "✗ 01_tiny: its exercises have 3 points, the syllabus 4" in said


def test_verify_metrics_prints_figures_and_fails_outside_their_bands(
    tlkeras_command, monkeypatch
):
    from tlkeras.course import metrics

    monkeypatch.setattr(metrics, "bands", lambda lesson: {"accuracy": (0.8, 1.0)})
    measured = {"accuracy": 0.5}, 6, 1, [(0.2, "import keras"), (2.5, "train()")]
    monkeypatch.setattr(metrics, "measure", lambda lesson: measured)
    code, said, errors = tlkeras_command("verify", "--metrics")
    assert code == 1
    assert "0.8 to 1" in said
    times = [line.split("│")[2:4] for line in said.splitlines() if "01_tiny" in line]
    cells = [[cell.strip() for cell in row] for row in times[-3:]]
    assert cells == [["train()", "2.5"], ["import keras", "0.2"], ["all cells", "2.7"]]
    assert "accuracy is 0.5, not in [0.8, 1]" in errors
    code, said, _ = tlkeras_command("verify", "--metrics", "--json")
    assert json.loads(said)["01_tiny"][0] == ["accuracy", 0.5, 0.8, 1.0]


def test_verify_of_an_unknown_lesson_is_one_line(tlkeras_command):
    code, _, errors = tlkeras_command("verify", "77_nothing")
    assert code == 2
    assert "There is no lesson named '77_nothing'" in errors


@pytest.mark.parametrize(
    ("found", "required", "code"), [(0, 1, 1), (0, 0, 0), (1, 1, 0)]
)
def test_doctor_fails_when_something_required_is_missing(
    tlkeras_command, monkeypatch, found, required, code
):
    finding = machine.Finding("Thing", bool(found), "seen", "Do this.", bool(required))
    monkeypatch.setattr(machine, "findings", lambda: iter([finding]))
    ended, said, _ = tlkeras_command("doctor")
    assert ended == code
    assert ("Do this." in said) == (not found)
    ended, said, _ = tlkeras_command("doctor", "--json")
    assert ended == code
    assert json.loads(said) == [finding.to_dict()]


BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
sys.argv[0] = "tlkeras"
from tlkeras.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("blocked", "arguments"),
    [
        (["typer", "rich"], ["--version"]),
        (["rich"], ["list"]),
        (["jupytext"], ["start", "folder"]),
        (["nbformat"], ["build", "folder"]),
        (["jupyterlab"], ["start", "folder"]),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(tmp_path, blocked, arguments):
    code = BLOCK.format(blocked=blocked)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith("tlkeras: ")
    assert lines[0].endswith(f"Run: pip install -e '{ROOT}[course]'")


def test_an_import_error_of_our_own_is_not_hidden(tmp_path):
    code = BLOCK.format(blocked=["tlkeras.course"]).replace('.split(".")[0]', "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'tlkeras.course'" in done.stderr


# Every command in one process, on the tiny course, with one encoding after the other.
EVERY_COMMAND = """
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tlkeras import __main__, output
from tlkeras.course import grade, machine, syllabus
from tlkeras.grading.submissions import batch

syllabus.home = lambda: Path({tiny!r})
grade.home = lambda: Path({tiny!r}).parent
batch._pool = ThreadPoolExecutor
found = machine.Finding("Thing", False, "seen é → ✓ 你", "Do this … “now”.", True)
machine.findings = lambda: iter([found])
for encoding in sys.argv[1:]:
    file = open(encoding, "wb")
    sys.stdout = io.TextIOWrapper(file, encoding, write_through=True)
    sys.stderr = io.TextIOWrapper(file, encoding, write_through=True)
    for line in [
        "--version", "--help", "list", "start --no-open", "list", "check --help",
        "check tlkeras-course/01_tiny.ipynb", "build made", "build made --check",
        "grade tlkeras-course --out results --tier C --seed 1", "verify --seeds 1",
        "verify --seeds 1 --json", "verify 77", "doctor", "doctor --json",
        "no-such-command", "check ✓.ipynb",
    ]:
        print("##", ascii(line))
        sys.argv = ["tlkeras", *line.split()]
        try:
            __main__.main()
        except SystemExit as end:
            print("## ended", end.code)
"""
ENDS = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 1, 1, 2, 2]
ENCODINGS = ("cp1252", "cp437", "ascii", "utf-8")


@pytest.mark.slow
def test_every_command_can_write_to_any_encoding(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", EVERY_COMMAND.format(tiny=str(TINY)), *ENCODINGS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for encoding in ENCODINGS:
        said = (tmp_path / encoding).read_bytes().decode(encoding)
        assert "Traceback" not in said
        ends = [line.split()[-1] for line in said.splitlines() if "## ended" in line]
        assert list(map(int, ends)) == ENDS, (ends, said)
        sign = "○" if encoding == "utf-8" else "o"
        assert f"{sign} double: not attempted" in said
        data = said.split("## 'doctor --json'\n")[1].split("## ended")[0]
        assert json.loads(data)[0]["detail"] == "seen é → ✓ 你"


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_the_command_itself_takes_any_encoding(tmp_path, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "tlkeras", "list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Attention" in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "text", "wanted"),
    [
        ("cp1252", "“é” – 3 µs … ✓ ≤ → 你", "“é” – 3 µs … + <= -> ?"),
        ("cp437", "“é” – 3 µs … ✓ ≤ → 你", '"é" - 3 µs ... + ≤ -> ?'),
        ("ascii", "“é” – ² ﬁ × ✗ − ∞", '"e" - 2 fi x x - inf'),
        ("utf-8", "“é” ✓ 你 \udc80", "“é” ✓ 你 ?"),
    ],
)
def test_what_an_encoding_lacks_is_written_plainly(monkeypatch, encoding, text, wanted):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    output.make_printable()
    stream.write(text)
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == wanted
    assert output.is_unicode() == (encoding == "utf-8")


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_never_shorten_a_name(monkeypatch, width):
    console = rich.console.Console(width=width, file=io.StringIO())
    every = syllabus.lessons()
    console.print(tables.lessons_table(every, None))
    outcomes = {
        name: {"state": "not attempted", "points": 0, "max_points": 6, "diagnoses": []}
        for lesson in every
        for name in lesson.names
    }
    console.print(tables.outcomes_table(every[0], outcomes))
    said = console.file.getvalue()
    assert "…" not in said
    for lesson in every:
        assert f"{lesson.name} " in said
    for name in outcomes:
        assert f"{name} " in said
    assert all(len(line) <= width for line in said.splitlines())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("frobnicate", "No such command 'frobnicate'"),
        ("check", "notebook"),
        ("check x --timeout 0", "greater than or equal to 1"),
        ("verify --no-such-option", "No such option"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_where_to_read(
    tlkeras_command, line, said
):
    code, out, errors = tlkeras_command(*line.split())
    assert (code, out) == (2, "")
    assert errors.startswith("tlkeras: ")
    assert said in errors
    assert "--help" in errors
    assert len(errors.splitlines()) == 1


def test_check_takes_a_lesson_or_a_folder(tlkeras_command, tmp_path):
    code, _, errors = tlkeras_command("check", "01_tiny")
    assert code == 2
    assert "tlkeras start" in errors
    tlkeras_command("start", "--no-open")
    for wanted in ("01_tiny", "tlkeras-course"):
        code, said, _ = tlkeras_command("check", wanted, "--json")
        assert code == 1
        assert json.loads(said)["lesson"] == "01_tiny"
    (tmp_path / "empty").mkdir()
    code, _, errors = tlkeras_command("check", "empty")
    assert code == 2
    assert "holds no notebook of the course" in errors


def test_the_shell_completes_commands():
    done = subprocess.run(
        [sys.executable, "-m", "tlkeras"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "_TLKERAS_COMPLETE": "complete_bash",
            "COMP_WORDS": "tlkeras ch",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
    )
    assert "check" in done.stdout.split()
