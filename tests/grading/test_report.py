"""What people read of a class: marks, feedback and the report, whatever was sent in."""

import json
import random

import pytest
from report_pages import LESSON, LESSON02, Page, pages
from synthetic import made

from tlkeras.course import lesson
from tlkeras.grading import report
from tlkeras.grading.submissions import result as result_files


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
