"""Everything that people read from the grader can be said in another language.

A copy of the package speaks a language of its own: English in full-width letters. What
stands in ordinary letters afterwards is a name, code, or a sentence in the code.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tlkeras.grading import State
from tlkeras.grading.submissions.result import STATES

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "course" / "tiny"
WIDE = {n: n + 0xFEE0 for n in range(ord("A"), ord("z") + 1) if chr(n).isalpha()}
# Code, what Python and NumPy say, places, dates and names; all else is ours.
DATA = re.compile(
    r"`[^`]*`|(?:def|class|raise|return|import) [ -~]*|\w+Error: [ -~]*"
    r"|\(setting an [ -~]*\)"
    r"|[\w /.-]*/[\w /.-]*|[\w -]+\.ipynb|\b\d{4}-\d\d-\d\dT[\d:]+Z|\b[0-9a-f]{16,}\b"
    r"|\b(?:double|row_sums|broken|sums|Tiny|01_tiny|L\d+|Silent|numpy|einsum|eval|raw"
    r"|\w+Error|None|NaN|nan|function|list|str|int|float64|bool|\d+e\d+)\b"
)
OUT = "ｏｕｔ"
HEAD = "import numpy as np\n"
OWN = f"{HEAD}def double(x): return 2 * x\n"
CELLS = {  # what a learner wrote; L0 … mark the learner's own words
    "right": [OWN + "def row_sums(x): return x.sum(-1)"],
    "mistake": [f"{HEAD}def double(x): return 3 * x\ndef row_sums(x): return x.sum(0)"],
    "two": [f"{HEAD}def double(x): return 3 * x + 1\ndef row_sums(x): return 7 * x"],
    "unknown": [f"{HEAD}def double(x): return x - 3.3\ndef row_sums(x): return [3.5]"],
    "none": ["def double(x): return None\ndef row_sums(x): return (x, x)"],
    "text": ["def double(x): return x.astype(str)\ndef row_sums(x): return 'L0'"],
    "kinds": ["def double(x): return (y for y in x)\nasync def row_sums(x): return x"],
    "calls": ["def double(x): return double\ndef row_sums(x): return [[1], [1, 2]]"],
    "inputs": [f"{HEAD}def double(x): x *= 2; return x\ndef row_sums(x): return x > 0"],
    "other": [
        "n = []\ndef double(x): n.append(1); return x + len(n)\ndef row_sums(): 0"
    ],
    "forms": ["class double: pass\nrow_sums = 3"],
    "nan": [f"{HEAD}def double(x): return x * np.nan\ndef row_sums(x): return x"],
    "raised": [
        "def double(x): raise ValueError('L0')\n"
        "class Silent(Exception):\n    def __str__(self): raise OSError\n"
        "def row_sums(x): raise Silent"
    ],
    "shapes": [f"{HEAD}def double(x): return x @ x\ndef row_sums(x): return x[9]"],
    "late": ["def double(x):\n    while True: pass\ndef row_sums(x): return x.sum(1)"],
    "unfinished": [
        "raise OSError('L0')\ndef double(x): return x",
        "def row_sums(x: L0",
    ],
    "blank": ["def double(x): raise NotImplementedError", "L0 = 3"],
    "calls a stub": [
        "def L0(x): raise NotImplementedError\ndef double(x): return L0(x)"
    ],
    "ends": [
        "import os\ndef double(x): os._exit(3)\n"
        "def row_sums(x): os.kill(os.getpid(), 9)"
    ],
    "never starts": ["import os; os._exit(3)", OWN],
    "prints": ["print('L0 ' * 99_999)", OWN],
    "broken": ["def broken(x): return x\ndef double(x): return 2"],
    "forbidden": [f"{HEAD}def double(x): eval('L0'); return np.einsum(x)"],
    "lies": ["import os\ndef double(x): os.write(3, b'Z' * 99)\nrow_sums = double"],
    "puts back": ["def double(x): return np.add(x, x)"],
    "starts": [f"import os; os._exit({n})" for n in range(14)],
}
# Added to the tiny lesson: an exercise that is broken, and something that must not be
# called in another.
ADDED = {
    "lesson.py": '\n\n# %% exercise="broken"\ndef broken(x):\n    return x\n',
    "exercises/broken.py": """
import dataclasses

from .double import EXERCISE as DOUBLE

EXERCISE = dataclasses.replace(DOUBLE, name="broken", reference=lambda x: 1 / 0)
""",
    "exercises/double.py": """
import dataclasses

EXERCISE = dataclasses.replace(EXERCISE, forbidden=("numpy.einsum",))
""",
    "messages.en.toml": """
[cases.broken]
small = "a small table"
large = "a larger table"
""",
}
RAW = {  # files that are no such notebooks
    "damaged": b"{",
    "binary": b"\xff\xfe\x00",
    "no cells": b"[]",
    "no lesson": b'{"cells": []}',
}


class Words(HTMLParser):
    """What a page says, also to those who hear it."""

    def __init__(self, page):
        super().__init__()
        self.words, self.inside = [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        spoken = ("aria-label", "title", "alt", "data-ascending", "data-descending")
        self.words += [value for name, value in attributes if name in spoken]

    def handle_data(self, data):
        if self.inside not in ("script", "style", "code"):
            self.words.append(data)

    def handle_endtag(self, tag):
        self.inside = None


def translated(entry, key=""):
    """A table of messages with every letter of its sentences marked."""
    if isinstance(entry, dict):
        return {name: translated(each, name) for name, each in entry.items()}
    if isinstance(entry, list):
        return [translated(each) for each in entry]
    if key == "pattern":
        return entry
    pieces = re.split(r"(`[^`]*`|\{[^}]*\})", entry)
    return "".join(p if i % 2 else p.translate(WIDE) for i, p in enumerate(pieces))


def toml(table, path=()):
    """The text of a table of strings, lists and tables."""
    lines, below = [f"[{'.'.join(path)}]"] if path else [], []
    for key, entry in table.items():
        name = json.dumps(key)
        if isinstance(entry, dict):
            below += toml(entry, (*path, name))
        elif isinstance(entry, list) and isinstance(entry[0], dict):
            for each in entry:
                below += [f"[[{'.'.join((*path, name))}]]"]
                below += [
                    f"{k} = {json.dumps(v, ensure_ascii=False)}"
                    for k, v in each.items()
                ]
        else:
            lines.append(f"{name} = {json.dumps(entry, ensure_ascii=False)}")
    return lines + below


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a package that speaks another language, and what was handed in."""
    folder = tmp_path_factory.mktemp("language")
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "tlkeras", folder / "tlkeras", ignore=skip)
    lessons = folder / "tlkeras" / "course" / "lessons"
    shutil.copytree(TINY, lessons)
    for file, more in ADDED.items():
        with open(lessons / "01_tiny" / file, "a", encoding="utf-8") as opened:
            opened.write(more)
    for path in (folder / "tlkeras").rglob("messages.en.toml"):
        table = translated(tomllib.loads(path.read_text("utf-8")))
        path.with_name("messages.xx.toml").write_text("\n".join(toml(table)), "utf-8")
    (folder / "class").mkdir()
    for name, cells in CELLS.items():
        made = [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]
        if name == "blank":
            hidden = {"cell_type": "raw", "source": "def row_sums(x): return 3"}
            made.append(hidden | {"metadata": {}})
        document = {"cells": made, "metadata": {"tlkeras": {"lesson": "01_tiny"}}}
        notebook = f"{name.translate(WIDE)}.ipynb"
        (folder / "class" / notebook).write_text(json.dumps(document), "utf-8")
    for name, content in RAW.items():
        (folder / "class" / f"{name.translate(WIDE)}.ipynb").write_bytes(content)
    (folder / "class" / "１.ipynb").symlink_to("a link")
    return folder


def tlkeras(place, *words):
    """What the command says in the other language."""
    environment = os.environ | {
        "TLKERAS_LANGUAGE": "xx",
        "PYTHONPATH": str(place),
        "COLUMNS": "500",
    }
    return subprocess.run(
        [sys.executable, "-m", "tlkeras", *map(str, words)],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def english(text):
    """The words in ordinary letters that are no data."""
    return re.findall(r"[A-Za-z]{2,}", DATA.sub(" ", text))


def spoken(result):
    """Everything in a result that is for people, with the place where it stands."""
    yield "isolation", result["graded"]["isolation"]["name"]
    yield "reason", result["reason"] or ""
    yield from (("note", note) for note in result["notes"])
    for finding in result["policy"]:
        yield "policy", finding["text"]
        yield "policy", finding["name"]
    for entry in result["exercises"]:
        yield from ((key, entry[key]) for key in ("headline", "message", "section"))
        yield from (("idea", each["idea"]) for each in entry["misconceptions"])
        yield from (("card", text) for text in Words(entry["card"]).words)


@pytest.fixture(scope="module")
def graded(place):
    """What the command said, and the results by name of the submission."""
    limits = ("--cell", 2, "--exercise", 2, "--wall", 20, "--seed", 1, "--jobs", 2)
    done = tlkeras(place, "grade", "class", "--out", OUT, *limits)
    paths = (place / OUT / "submissions").glob("*/result.json")
    results = {p.parent.name: json.loads(p.read_text("utf-8")) for p in paths}
    assert len(results) == len(CELLS) + len(RAW) + 1, done.stderr
    return done, results


def test_every_sentence_of_a_result_is_translated(graded):
    _, results = graded
    entries = [e for each in results.values() for e in each["exercises"]]
    assert {entry["state"] for entry in entries} == {state.value for state in State}
    assert {each["state"] for each in results.values()} == {*STATES}
    for name, each in results.items():
        for key, text in spoken(each):
            assert english(text) == [], (name, key, text)


def test_every_sentence_of_the_reports_is_translated(graded, place):
    pages = [place / OUT / "report.html", *(place / OUT / "feedback").iterdir()]
    assert len(pages) == len(graded[1]) + 1
    for page in pages:
        for text in Words(page.read_text("utf-8")).words:
            assert english(text) == [], (page.name, text)


def test_every_sentence_of_the_command_is_translated(graded):
    assert english(graded[0].stdout + graded[0].stderr) == []


def test_what_is_handed_on_and_practice_are_translated(place):
    words = (
        "--export",
        "gradescope",
        "--tier",
        "C",
        "--out",
        "ｏｔｈｅｒ",
        "--seed",
        1,
    )
    notebook = f"class/{'forbidden'.translate(WIDE)}.ipynb"
    refused = tlkeras(place, "grade", notebook, *words)
    assert refused.returncode
    assert english(refused.stdout + refused.stderr) == ["tlkeras"]
    assert tlkeras(place, "grade", notebook, *words, "--allow-practice").stdout
    data = json.loads((place / "ｏｔｈｅｒ" / "results.json").read_text("utf-8"))
    texts = [data["output"], *(test["output"] for test in data["tests"])]
    assert len(texts) > 3
    assert [english(text) for text in texts] == [[]] * len(texts)
    for text in Words((place / "ｏｔｈｅｒ" / "report.html").read_text("utf-8")).words:
        assert english(text) == [], text


def test_a_check_on_the_learners_own_machine_is_translated(place):
    done = tlkeras(
        place, "check", f"class/{'unfinished'.translate(WIDE)}.ipynb", "--json"
    )
    outcomes = json.loads(done.stdout)["exercises"]
    assert {each["state"] for each in outcomes.values()} == {"raised", "not attempted"}
    for each in outcomes.values():
        assert english(each["message"]) == [], each
    lost = tlkeras(place, "check", f"class/{'no lesson'.translate(WIDE)}.ipynb")
    assert english(lost.stderr) == ["tlkeras"]


MODULES = [
    *(ROOT / "tlkeras" / "grading").rglob("*.py"),
    *(
        ROOT / "tlkeras" / "course" / f"{n}.py"
        for n in ("grade", "headless", "material")
    ),
    ROOT / "tlkeras" / "cli_grade.py",
]
# Errors that only authors of lessons and developers meet, and no Markup.
FOR_AUTHORS = {"ValueError", "KeyError", "PackingError", "ProbeError"}
MARKUP = re.compile(r"<\w+|</|\w+:[^ ]|default-src|base-uri")


# Ids, what Python and Keras say, code, and names in HTML, by how they begin.
NO_SENTENCES = (
    *("not attempted", "timed out", "mount private", "scroll wide", "the probe of "),
    *("^(?:[\\w.<>]+", "Unrecognized keyword arguments passed to"),
    *("Exception encountered when calling", "Could not automatically infer"),
    *("import sys; sys.path", " import child; child()"),
)


def literals(node):
    """The texts of a module that are no docstrings, help of a command or Markup."""
    match node:
        case ast.Expr(ast.Constant()) | ast.keyword("help"):
            return
        case ast.Raise(ast.Call(ast.Name(name))) if name in FOR_AUTHORS:
            return
        case ast.Constant(str(text)) if not MARKUP.search(text):
            yield text
    for inner in ast.iter_child_nodes(node):
        yield from literals(inner)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_sentence_stands_in_the_code(path):
    found = literals(ast.parse(path.read_text("utf-8")))
    like = [text for text in found if re.search(r"[A-Za-z]{2} [a-z]{2}", text)]
    assert [text for text in like if not text.startswith(NO_SENTENCES)] == []
