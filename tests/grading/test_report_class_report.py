"""The class report: mistakes, and who needs a person."""

import random
import re

from report_pages import LESSON, Page, rows_of
from synthetic import made, one

from tlkeras.grading import report
from tlkeras.grading.report import summary


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
