"""What people read of a class: marks, feedback and the report, whatever was sent in."""

import csv
import io
import json
import random
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from synthetic import HOSTILE, NO_SANDBOX, classroom, made, one, outcomes

from tlkeras.course import lesson
from tlkeras.grading import report
from tlkeras.grading.report import markup, summary
from tlkeras.grading.report.grades import safe
from tlkeras.grading.report.text import FileNames, clean, one_line
from tlkeras.grading.submissions import result as result_files

LESSON = lesson("01_attention")
LESSON02 = SimpleNamespace(name="02_other", title="Other", exercises=LESSON.exercises)
COUNT = 40


class Page(HTMLParser):
    """The elements of a page, its words, and whether every tag was closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(self.words)


@pytest.fixture(scope="module")
def results():
    return list(classroom(COUNT, seed=3))


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    return report.write(iter(results), tmp_path_factory.mktemp("out"), LESSON)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    results = classroom(len(HOSTILE), names=HOSTILE, isolation=NO_SANDBOX)
    return report.write(results, tmp_path_factory.mktemp("hostile"), LESSON)


def rows_of(results):
    return [summary.row(result, f"{n}.html") for n, result in enumerate(results)]


# ── grades.csv ────────────────────────────────────────────────────────────────────────


def test_a_row_a_submission_and_a_column_an_exercise(results, written):
    table = list(csv.DictReader(io.StringIO(written["grades"].read_text("utf-8"))))
    by_name = {row["submission"]: row for row in table}
    assert len(table) == len(by_name) == COUNT
    for result in results:
        row = by_name[result["submission"]["name"]]
        assert float(row["points"]) == pytest.approx(result["points"])
        assert row["state"] == result["state"]
        found = {e["name"]: e["points"] for e in result["exercises"]}
        for name in LESSON.exercises:
            expected = found.get(name)
            assert row[name] == ("" if expected is None else f"{expected:g}")
    names = [row["submission"] for row in table]
    assert names == sorted(names, key=lambda name: (name.casefold(), name))


def test_grades_are_the_same_bytes_whatever_the_order(results, written, tmp_path):
    again = report.write(reversed(results), tmp_path, LESSON)
    assert again["grades"].read_bytes() == written["grades"].read_bytes()
    assert again["report"].read_bytes() == written["report"].read_bytes()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n-", "＝"])
def test_no_cell_is_a_formula(start):
    assert safe(f"{start}1+1").startswith("'")
    assert safe(f"x{start}1+1").startswith("x")


def test_hostile_names_stay_one_cell_each(hostile):
    table = list(csv.reader(io.StringIO(hostile["grades"].read_text("utf-8"))))
    assert len(table) == len(HOSTILE) + 1
    assert {len(row) for row in table} == {len(table[0])}
    assert not [c for row in table for c in row if c.startswith(("=", "+", "@"))]


# ── names ─────────────────────────────────────────────────────────────────────────────


def test_file_names_are_safe_and_all_different():
    names = [*HOSTILE, *HOSTILE, "Ada", "ada", "ADA", "a/b", "a-b", "é" * 300]
    files = FileNames()
    found = [files.of(name) for name in names]
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert re.fullmatch(r"[\w.-]+", name)
        assert not name.startswith((".", "-"))
        assert len(f".{name}.html.12345678".encode()) <= 255  # a draft's name
    assert FileNames().of("Zoë_1.final") == "Zoë_1.final"


def test_harmful_characters_are_shown_as_such():
    assert clean("a\x00b\u202ec\udcffd\r\ne") == "a\ufffdb\ufffdc\ufffdd\ne"
    assert one_line(" a\n b\t c ") == "a b c"
    assert one_line("abcdef", 4) == "abc…"


def test_feedback_lies_where_the_report_says(hostile):
    page = Page(hostile["report"].read_text("utf-8"))
    links = {a["href"] for a in page.all("a")}
    assert len(links) == len(HOSTILE)
    for href in links:
        path = hostile["report"].parent / unquote(href)
        assert path.parent == hostile["feedback"]
        assert path.is_file()


# ── pages ─────────────────────────────────────────────────────────────────────────────


def pages(paths):
    return [paths["report"], *sorted(paths["feedback"].iterdir())]


def test_pages_are_well_formed_and_load_nothing(written, hostile):
    for path in (*pages(written), *pages(hostile)):
        text = path.read_text("utf-8")
        page = Page(text)
        policy = page.all("meta")[1]["content"]
        assert policy.startswith("default-src 'none'; style-src ")
        assert "unsafe-eval" not in policy
        named = {name for _, attributes in page.elements for name in attributes}
        assert not [name for name in named if name.startswith("on")]
        assert not named & {"src", "srcset", "action", "formaction", "xlink:href"}
        loading = {"img", "iframe", "link", "object", "embed", "base", "form", "image"}
        assert not loading & {tag for tag, _ in page.elements}
        scripts = 1 if path in (written["report"], hostile["report"]) else 0
        assert len(page.all("script")) == scripts
        assert all(a["href"].startswith("feedback/") for a in page.all("a"))


def test_what_learners_wrote_is_text(hostile):
    text = Page(hostile["report"].read_text("utf-8")).text
    assert "<script>window.pwned = 1</script>" in text
    assert "$title {name} %s" in text
    assert "txt.\ufffdipynb" in text


def test_feedback_holds_the_cards_of_practice(results, tmp_path):
    (result,) = [r for r in results if r["state"] == "graded"][:1]
    page = report.feedback(result, LESSON)
    for entry in result["exercises"]:
        assert clean(entry["card"]) in page
    assert Page(page).all("h1")
    without = result | {"exercises": [e | {"card": None} for e in result["exercises"]]}
    text = Page(report.feedback(without, LESSON)).text
    for entry in result["exercises"]:
        assert clean(entry["message"]) in text


def test_a_learners_feedback_says_nothing_of_policy_or_of_the_graders_folders():
    result = one("ada", random.Random(0))
    where = {"exercise": "softmax", "line": 1, "name": "x", "text": "a secret finding"}
    result = result | {"policy": [where], "notes": ["cell 3 raised `NameError`"]}
    page = report.feedback(result, LESSON)
    assert "secret" not in page
    assert result["submission"]["file"] == "submissions/ada.ipynb"
    assert "submissions/" not in page
    assert "ada.ipynb" in page
    assert "<code>NameError</code>" in page


def test_a_card_that_was_tampered_with_cannot_run():
    """The policy of the page forbids scripts, whatever stands in a card."""
    result = one("ada", random.Random(0))
    result["exercises"][0]["card"] = "<script>window.pwned = 1</script>"
    policy = Page(report.feedback(result, LESSON)).all("meta")[1]["content"]
    assert "script-src" not in policy  # so `default-src 'none'` holds


# ── the report ────────────────────────────────────────────────────────────────────────


def test_the_report_counts_every_mistake_and_names_who_made_it(results):
    rows = rows_of(results)
    expected: dict = {}
    for result in results:
        for entry in result["exercises"]:
            for mistake in entry["misconceptions"]:
                names = expected.setdefault((entry["name"], mistake["id"]), [])
                names.append(result["submission"]["name"])
    found = summary.mistakes(rows)
    assert {(m.exercise, m.id): [r.name for r in m.rows] for m in found} == expected
    counts = [len(m.rows) for m in found]
    assert counts == sorted(counts, reverse=True)
    text = Page(report.class_report(rows, LESSON)).text
    plain = re.sub(r"[`*\s]", "", text)
    for mistake in found:
        assert mistake.section in text
        assert re.sub(r"[`*\s]", "", mistake.idea) in plain


def test_what_no_mistake_explains_is_said(results):
    found = summary.unexplained(rows_of(results))
    for name, rows in found.items():
        for row in rows:
            assert row.exercises[name]["state"] in ("wrong", "raised")
            assert row.exercises[name]["misconceptions"] == []
    assert sum(map(len, found.values())) > 0


def test_states_add_up(results):
    rows = rows_of(results)
    read = sum(result["state"] != "unreadable" for result in results)
    for name in LESSON.exercises:
        assert sum(summary.states(rows, name).values()) == read
        assert len(outcomes(name)["mistake"]) >= 4


def test_the_histogram_counts_both_ends():
    values = [0, 1.99, 2, 10, 18, 19.99, 20]
    assert summary.histogram(values, 20) == [2, 1, 0, 0, 0, 1, 0, 0, 0, 3]
    assert summary.histogram([0, 0], 0) == [2, *[0] * 9]
    assert summary.quartiles([]) is None
    assert summary.quartiles([3]) == (3, 3, 3, 3, 3)
    assert summary.quartiles([0, 1, 2, 3, 4]) == (0, 1, 2, 3, 4)


def test_who_needs_a_person_is_listed(tmp_path):
    good, broken = one("ada", random.Random(0)), one("bob", random.Random(1))
    broken["exercises"][0]["state"] = "uncheckable"
    broken["notes"] = ["cell 4 raised <b>"]
    policy = {"exercise": "softmax", "line": 2, "name": "n", "text": "a finding"}
    stopped = one("dan", random.Random(2)) | {"state": "stopped", "reason": "no time"}
    results = [
        good | {"policy": [policy]},
        broken,
        made("cyd", random.Random(3), reason="it is a picture"),
        stopped,
    ]
    text = Page(report.class_report(rows_of(results), LESSON)).text
    for words in ("a finding", "cell 4 raised <b>", "it is a picture", "no time"):
        assert words in text


def test_practice_is_said_in_the_report_and_in_feedback(hostile, written):
    for path in pages(hostile):
        assert "not for marks" in Page(path.read_text("utf-8")).text
    for path in pages(written):
        assert "not for marks" not in Page(path.read_text("utf-8")).text


def test_an_empty_class_and_an_unreadable_one_have_a_report(tmp_path):
    report.write([], tmp_path, LESSON)
    unread = made("eve", random.Random(0), reason="it is empty")
    paths = report.write([unread], tmp_path, LESSON)
    assert "it is empty" in Page(paths["report"].read_text("utf-8")).text
    assert "it is empty" in Page(pages(paths)[1].read_text("utf-8")).text


def test_another_lesson_is_refused(results, tmp_path):
    (result,) = [r for r in results if r["lesson"]][:1]
    with pytest.raises(ValueError, match=r"'02_other'.*'01_attention'"):
        report.write([result | {"lesson": "02_other"}], tmp_path, LESSON)


def test_a_folder_of_results_is_reported_by_lesson(results, tmp_path):
    def keep(folder, found):
        for result in found:
            name = result["submission"]["name"]
            path = result_files.path_of(folder, name)
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(result), "utf-8")

    keep(tmp_path, results[:9])
    paths = report.write_all(tmp_path, lesson)
    assert list(paths) == ["01_attention"]
    assert paths["01_attention"]["report"] == tmp_path / "report.html"

    several = tmp_path / "several"
    named = results[0]["submission"] | {"name": "x"}
    other = results[0] | {"lesson": "02_other", "submission": named}
    unread = made("eve", random.Random(0), reason="it is empty")
    keep(several, [*results[:9], unread, other])
    lessons = {"01_attention": LESSON, "02_other": LESSON02}
    paths = report.write_all(several, lessons.get)
    assert list(paths) == list(lessons)
    text = (several / "02_other" / "grades.csv").read_text("utf-8")
    assert [line.split(",")[0] for line in text.splitlines()] == [
        "submission",
        "eve",
        "x",
    ]

    nothing = tmp_path / "nothing"
    keep(nothing, [unread])
    paths = report.write_all(nothing, lesson)
    assert "it is empty" in paths[None]["report"].read_text("utf-8")


def test_tables_can_be_sorted_and_heard(written):
    page = Page(written["report"].read_text("utf-8"))
    tables = [a for a in page.all("table") if a.get("class") == "sortable"]
    assert len(page.all("caption")) == len(tables) == 4
    heads = [a for a in page.all("th") if a.get("scope") == "col"]
    assert all(a.get("data-first") in ("ascending", "descending", None) for a in heads)
    sorted_now = [a["aria-sort"] for a in heads if "aria-sort" in a]
    assert sorted_now == ["descending", "ascending", "ascending"]
    for box in [a for a in page.all("div") if a.get("role") == "region"]:
        assert box["aria-label"]
        assert box["tabindex"] == "0"
    for picture in page.all("svg"):
        assert picture["role"] == "img"
        assert "aria-label" in picture
    html = page.all("html")
    assert html == [{"lang": "en"}]


def contrast(one, other):
    high, low = sorted(map(markup.luminance, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read(theme):
    """WCAG 2.1, 1.4.3: a contrast of 4.5."""
    blocks = re.findall(r":root \{(.*?)\}", markup._read("style.css"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6})", blocks[theme]))
    for ink in ("ink", "quiet", "link"):
        for paper in ("paper", "shade"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert contrast(colours["ink"], colours["warning"]) >= 4.5
    for colour in markup.COLOURS.values():
        assert contrast(colour, markup.ink(colour)) >= 4.5


def test_markup_escapes_what_is_not_markup():
    found = markup.element("a", "<b>", None, markup.Markup("<i>"), href='"&', id=None)
    assert found == '<a href="&quot;&amp;">&lt;b&gt;<i></a>'
    assert markup.prose("a `b*c*` *d* <e>") == (
        "a <code>b*c*</code> <em>d</em> &lt;e&gt;"
    )
