"""Lessons in other languages: what they claim to hold is there, and works the same."""

import ast
import io
import json
import re

import nbclient
import nbformat
import pytest
from babel.messages.pofile import read_po, write_po
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from tlkeras import cli
from tlkeras.course import (
    CourseError,
    build,
    catalogs,
    editions,
    glossary,
    grade,
    headless,
    lesson_text,
    lessons,
    material,
    progress,
    start,
)
from tlkeras.grading import messages, translations
from tlkeras.grading.notebooks import notebook, source
from tlkeras.grading.sandbox import Limits, choose

EVERY = lessons()
CLAIMS = [
    (language, name)
    for language, said in translations.languages().items()
    for name in [*catalogs.ENGINE, *said["lessons"]]
]
WHOLE = [
    (language, lesson)
    for language in translations.languages()
    for lesson in editions.whole(EVERY, language)
]
BOTH = {"ids": lambda x: x if isinstance(x, str) else x.name}
CHINESE = "\u4e00-\u9fff"
run = CliRunner().invoke


@pytest.fixture(autouse=True)
def english_again(monkeypatch):
    monkeypatch.delenv("TLKERAS_LANGUAGE", raising=False)
    yield
    messages.choose(None)


def cells(lesson, **options):
    return json.loads(build.build(lesson, **options))["cells"]


def text(cell):
    return "".join(cell["source"])


# ── what a language claims ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("language", "name"), CLAIMS)
def test_what_a_language_claims_is_whole_fresh_and_unharmed(language, name):
    assert not catalogs.update(language, name, EVERY, check=True), "run: make gettext"
    assert list(catalogs.problems(language, name, EVERY)) == []


@pytest.mark.parametrize(("language", "lesson"), WHOLE, **BOTH)
def test_a_section_that_a_card_names_is_a_heading_of_the_notebook(language, lesson):
    prose = [c for c in cells(lesson, language=language) if c["cell_type"] != "code"]
    headings = re.findall(r"^#+ (.*)$", "\n".join(map(text, prose)), re.MULTILINE)
    with messages.speaking(language):
        exercise = lesson.exercise(lesson.names[0])
        assert {*exercise.messages.get("sections").values()} <= {*headings}


@pytest.mark.parametrize("lesson", EVERY, ids=lambda x: x.name)
def test_a_section_that_a_card_names_can_be_reached(lesson):
    """JupyterLab finds no heading with a √: its link led nowhere."""
    exercise = lesson.exercise(lesson.names[0])
    assert all(map(str.isascii, exercise.messages.get("sections").values()))


@pytest.mark.parametrize(("language", "lesson"), WHOLE, **BOTH)
def test_every_cell_is_the_same_but_for_what_people_read(language, lesson):
    pairs = zip(cells(lesson), cells(lesson, language=language), strict=True)
    for english, other in pairs:
        for key in ("id", "cell_type", "metadata"):
            assert english[key] == other[key]
        if other["cell_type"] == "code":
            assert without_texts(text(english)) == without_texts(text(other))


def without_texts(code):
    """The structure of some code without its texts and without `language=`."""
    tree = ast.parse(source.python(code))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str()):
                node.value = ""
            case ast.JoinedStr(parts):
                filled = [x for x in parts if isinstance(x, ast.FormattedValue)]
                node.values = sorted(filled, key=ast.unparse)
            case ast.Call(ast.Name("lesson")):
                node.keywords = []
    return ast.dump(tree)


@pytest.mark.parametrize(("language", "lesson"), WHOLE, **BOTH)
def test_the_words_of_a_lesson_are_linked_and_explained(language, lesson):
    words = [t for t in glossary.terms(None, language) if t.lesson == lesson.name]
    prose = "\n".join(
        text(c) for c in cells(lesson, language=language) if c["cell_type"] != "code"
    )
    explained = glossary.notebook([lesson], None, language)
    for word in words:
        assert prose.count(f"]({word.place})") == 1, word.bold
        assert f"### {word.term}" in explained


@pytest.mark.parametrize(("language", "lesson"), WHOLE, **BOTH)
def test_bold_text_is_bold_also_where_no_space_stands_before_it(language, lesson):
    for cell in cells(lesson, language=language):
        if cell["cell_type"] == "markdown":
            assert "**" not in MarkdownIt().enable("table").render(text(cell))


CHINESE_CLAIMS = [name for language, name in CLAIMS if language == "zh"]


@pytest.mark.parametrize("name", CHINESE_CLAIMS)
def test_chinese_is_set_as_chinese(name):
    for (_, english), said in translations.known("zh", name).items():
        # What is filled in may be Chinese as well.
        plain = re.sub(r"\{[^{}]*\}", "，", said)
        plain = re.sub(r"`[^`]*`|\$[^$]+\$", "X", plain)
        if not english.startswith("```"):
            assert not re.search(
                rf"[{CHINESE}][A-Za-z0-9]|[A-Za-z0-9%][{CHINESE}]", plain
            )
        assert not re.search(rf"[{CHINESE}][,;:?!.(]|[)][{CHINESE}]", plain), said
        assert "您" not in said


# ── translating ───────────────────────────────────────────────────────────────────────

TEXT = """
# %% [markdown]
# ## A heading
#
# Lines that go
# on and on.
#
# $$x = 1$$

# %%
print("sum of all:", f"{LAST:.1f} of {LAST!r} in 'all'")
this.predict("share", "How many?", ["one", "two"])
"""


@pytest.fixture
def xx(tiny_copy, tmp_path, monkeypatch):
    """The tiny lesson, and a language that begins to translate it."""
    monkeypatch.setattr(translations, "folder", lambda: tmp_path / "locale")
    place = tmp_path / "locale" / "xx"
    place.mkdir(parents=True)
    (place / "language.toml").write_text('name = "X"\nlessons = ["01_tiny"]\n')
    path = tiny_copy.folder / "lesson.py"
    path.write_text(path.read_text("utf-8") + TEXT, "utf-8")
    forget()
    yield tiny_copy
    forget()


def forget():
    for cached in (translations.known, translations.languages, messages._load):
        cached.cache_clear()
    material.material.cache_clear()


def say(lesson, translate):
    """Bring the file up to date, and translate what `translate` has."""
    catalogs.update("xx", lesson.name, [lesson])
    path = translations.path_of("xx", lesson.name)
    catalog = read_po(io.BytesIO(path.read_bytes()), locale="de")
    for entry in catalog:
        if entry.id in translate:
            entry.string = translate[entry.id]
    with open(path, "wb") as file:
        write_po(file, catalog)
    forget()


def edit(lesson, old, new):
    path = lesson.folder / "lesson.py"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def whole(lesson, **options):
    return "\n\n".join(map(text, cells(lesson, language="xx", **options)))


FILLED = "{LAST:.1f} of {LAST!r} in 'all'"


def test_each_block_and_each_text_of_code_is_translated_by_itself(xx):
    said = {
        "Lines that go on and on.": "Eine Zeile.",
        "sum of all:": 'Summe "aller"\n:',
        FILLED: 'In "allen" {LAST!r}: {LAST:.1f}\\',
        "two": "zwei",
    }
    say(xx, said)
    found = whole(xx)
    assert "## A heading\n\nEine Zeile.\n\n$$x = 1$$" in found
    call = r"""print("Summe \"aller\"\n:", f"In \"allen\" {LAST!r}: {LAST:.1f}\\")"""
    assert call in found
    assert '"How many?", ["one", "zwei"]' in found


def test_a_cell_with_magics_is_told_the_language():
    cell = '%pip install x\nthis = lesson("01_tiny")\nprint("as it is")'
    said = cell.replace('")\n', '", language="xx")\n', 1)
    assert editions.code(cell, lambda *key: "other", "xx") == said


def test_lines_may_be_wrapped_anew(xx):
    say(xx, {"Lines that go on and on.": "Eine Zeile."})
    edit(xx, "Lines that go\n# on and on.", "Lines\n# that go on and on.")
    assert not catalogs.update("xx", xx.name, [xx], check=True)
    assert "Eine Zeile." in whole(xx)


def test_what_changed_in_english_is_fuzzy_fails_and_is_said_in_english(xx):
    say(xx, {each.text: each.text for each in editions.of_lesson(xx)})
    say(xx, {"Lines that go on and on.": "Eine Zeile."})
    assert list(catalogs.problems("xx", xx.name, [xx])) == []
    edit(xx, "on and on.", "on and on and on.")
    assert catalogs.update("xx", xx.name, [xx], check=True)
    [problem] = catalogs.problems("xx", xx.name, [xx])
    assert "is not translated" in problem
    assert catalogs.update("xx", xx.name, [xx])
    [problem] = catalogs.problems("xx", xx.name, [xx])
    assert "has changed in English" in problem
    assert "#, fuzzy" in translations.path_of("xx", xx.name).read_text("utf-8")
    forget()
    assert "Lines that go\non and on and on." in whole(xx)


def test_a_sentence_of_a_card_is_english_until_it_is_translated(xx, tmp_path):
    known = xx.exercise("row_sums").messages.get("hints", "row_sums")
    say(xx, {known[0]: "Tipp"})
    with messages.speaking("xx"):
        now = xx.exercise("row_sums").messages.get("hints", "row_sums")
        assert messages.say("heading", "cause") == "Likely cause"
    assert now == ["Tipp", *known[1:]]


def test_a_text_that_fills_in_something_else_is_refused(xx):
    say(xx, {FILLED: "{LAST:.1f"})
    with pytest.raises(ValueError, match="is no text of an f-string"):
        whole(xx)


@pytest.mark.parametrize(
    ("english", "said", "lost"),
    [
        ("`x` is 1", "1 ist `y`", "code"),
        ("$x^2$ and {a}", "{a} und $x$", "formula"),
        ("{a} of {b:.1f}", "{a} von {b}", "field"),
        ("[here](a.ipynb)", "[hier](b.ipynb)", "address"),
        ("## One", "### Eins", "heading"),
        ("- one\n- two", "- eins", "item"),
        ("| a | b |\n|---|---|", "| a |\n|---|", "column"),
        ("a **word**", "ein Wort", "bold"),
    ],
)
def test_what_a_translation_has_lost_is_named(english, said, lost):
    assert any(lost in text for text in catalogs.differences(english, said))
    assert list(catalogs.differences(english, english)) == []


def test_the_command_begins_a_lesson_and_names_what_is_open(xx, monkeypatch):
    assert run(cli.app, ["gettext", "01_tiny"]).exit_code == 0
    assert translations.path_of("xx", "01_tiny").is_file()
    checked = run(cli.app, ["gettext", "--check"])
    assert checked.exit_code == 1
    assert "'How many?' is not translated" in checked.output
    with pytest.raises(CourseError, match="There is no language 'yy', only xx"):
        editions.known_languages("yy")


def test_build_makes_and_checks_every_language(xx, tmp_path, monkeypatch):
    say(xx, {"Lines that go on and on.": "Eine Zeile."})
    monkeypatch.setattr(build, "home", lambda: xx.folder.parent)
    assert run(cli.app, ["build"]).exit_code == 0
    path = tmp_path / "notebooks" / "xx" / "01_tiny.ipynb"
    assert "Eine Zeile." in path.read_text("utf-8")
    assert (tmp_path / "notebooks" / "01_tiny.ipynb").is_file()
    assert run(cli.app, ["build", "--check"]).exit_code == 0
    path.write_text("{}")
    checked = run(cli.app, ["build", "--check"])
    assert checked.exit_code == 1
    assert "is stale" in checked.output
    assert run(cli.app, ["build", "--language", "xx"]).exit_code == 0
    assert run(cli.app, ["build", "--check"]).exit_code == 0


def test_a_started_folder_keeps_its_language(xx, tmp_path):
    say(xx, {"Lines that go on and on.": "Eine Zeile."})
    folder = start.prepare(tmp_path / "mine")
    assert start.language_of(folder) is None
    assert start.language_of(folder, "xx") == "xx"
    assert start.language_of(folder) == "xx"
    start.hand_out(folder, xx, "xx")
    assert "Eine Zeile." in (folder / "01_tiny.ipynb").read_text("utf-8")
    assert start.language_of(folder, "en") is None


# ── running and grading ───────────────────────────────────────────────────────────────


def test_the_notebook_chooses_the_language_else_the_environment(monkeypatch):
    assert messages.language() == "en"
    monkeypatch.setenv("TLKERAS_LANGUAGE", "yy")
    assert messages.language() == "yy"
    messages.choose("zh")
    assert messages.language() == "zh"
    with messages.speaking("xx"):
        assert messages.language() == "xx"
    assert messages.language() == "zh"


def test_a_prediction_is_the_same_in_every_language(tmp_path, monkeypatch):
    (tmp_path / progress.MARK).mkdir()
    monkeypatch.chdir(tmp_path)
    lesson = EVERY[0]
    choices = ["大约 1/8", "大约一半", "几乎全部"]
    messages.choose("zh")
    lesson.predict("largest-weight", "？", choices, mine="3")
    kept = progress.kept(tmp_path)["predictions"][lesson.name]
    assert kept["largest-weight"]["said"] == "nearly all of it"
    messages.choose(None)
    assert "right." in str(lesson.reveal("largest-weight", "nearly all of it"))
    messages.choose("zh")
    assert "几乎全部。对了" in str(lesson.reveal("largest-weight", "几乎全部"))
    lesson.predict("all-known", "？", mine="９９％")
    kept = progress.kept(tmp_path)["predictions"][lesson.name]
    assert kept["all-known"]["said"] == 0.99


@pytest.mark.parametrize(("language", "lesson"), WHOLE, **BOTH)
def test_the_grader_knows_the_cells_that_the_lesson_gave(language, lesson):
    code = notebook.parse(build.build(lesson, language=language)).code
    code = [cell for cell in code if lesson_text.STUB[0] not in cell.source]
    code = [cell for cell in code if "setup" not in cell.tags]
    given, experiments = material.material(lesson.folder, language)
    for found, tagged in ((given, False), (experiments, True)):
        wanted = [c.source for c in code if ("experiment" in c.tags) == tagged]
        assert list(map(source.bare, found)) == list(map(source.bare, wanted))


def graded(path, content):
    path.write_text(content, "utf-8")
    isolation = choose([EVERY[0].folder.parent], "C")
    return grade.grade(grade.Job("x", str(path), 0, isolation, Limits()))[0]


WRONG = ("/ np.sqrt(query.shape[-1])", "/ query.shape[-1]")


def test_a_chinese_notebook_is_graded_like_the_english_one(tmp_path):
    lesson = EVERY[0]
    results = []
    for language in (None, "zh"):
        solved = build.build(lesson, solved=True, language=language)
        result = graded(tmp_path / "solved.ipynb", solved)
        assert result["points"] == lesson.points
        assert result["notes"] == []
        assert WRONG[0] in solved
        results.append(graded(tmp_path / "wrong.ipynb", solved.replace(*WRONG)))
    english, chinese = ({e["name"]: e for e in r["exercises"]} for r in results)
    for name, entry in english.items():
        other = chinese[name]
        for key in ("state", "points", "cases"):
            assert entry[key] == other[key]
        ids = [[m["id"] for m in e["misconceptions"]] for e in (entry, other)]
        assert ids[0] == ids[1]
    found = chinese["scaled_dot_product_attention"]
    assert found["misconceptions"][0]["id"] == "attention.scaled-without-root"
    assert "你除以了 H，而不是 √H" in found["card"]
    assert 'lang="zh"' in found["card"]


def test_practice_speaks_the_language_of_the_notebook(tmp_path):
    path = tmp_path / "mine.ipynb"
    path.write_text(build.build(EVERY[0], language="zh"), "utf-8")
    _, outcomes = headless.check_notebook(path)
    assert {outcome["state"] for outcome in outcomes.values()} == {"not attempted"}
    assert all("还没有作答" in outcome["headline"] for outcome in outcomes.values())


def test_a_language_that_there_is_not_is_english():
    for metadata in ({"language": "yy"}, {"language": ["zh"]}, {"language": "../zh"}):
        document = notebook.Notebook((), metadata)
        assert editions.language_of(document) is None
    call = notebook.Cell("code", 'this = lesson("01_attention", language="zh")')
    assert editions.language_of(notebook.Notebook((call,), {})) == "zh"


# What is no sentence: names, what libraries call things, and labels of figures.
NAMES = r"tlkeras|Keras|XLA|nan|inf|dot|fusion|transpose|divide|reduce|maximum|subtract"
NAMES += r"|exponential|softmax|\w+_\w+|Unit length|Raw pixels|[A-Z]"


@pytest.mark.slow
def test_the_chinese_notebook_runs_and_speaks_chinese(tmp_path, monkeypatch):
    monkeypatch.setenv("TLKERAS_SCALE", "quick")
    written = build.build(EVERY[0], solved=True, language="zh")
    document = nbformat.reads(written, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(document, timeout=300, resources=where).execute()
    outputs = [each for cell in document.cells for each in cell.get("outputs", [])]
    html = "".join(each.get("data", {}).get("text/html", "") for each in outputs)
    assert html.count('data-state="passed"') == len(EVERY[0].names)
    said = [each.text for each in outputs if "text" in each]
    said += [
        each.data["text/plain"]
        for each in outputs
        if "text/html" in each.get("data", {})
    ]
    assert len(said) > 20
    for text in said:
        left = re.sub(rf"\b(?:{NAMES})\b|`[^`]*`|\d\w*|\(\S+\.ipynb\)", "", text)
        assert not re.search("[A-Za-z]{2}", left), left


def test_the_notebooks_that_are_shown_are_those_that_are_built():
    for language, lesson in WHOLE:
        folder = build.notebooks_folder(language)
        assert not build.update(lesson, folder, check=True, language=language)
