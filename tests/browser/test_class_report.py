"""The class report and a feedback page, in a real browser.

Set `TLKERAS_PICTURES` to a folder to keep screenshots of them.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grading"))
from synthetic import HOSTILE, NO_SANDBOX, classroom

from tlkeras.course import lesson
from tlkeras.grading import report

LESSON = lesson("01_attention")
LARGE = 1000


class Visit:
    """A page, and everything that it asked for or complained about."""

    def __init__(self, browser, path, **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        self.page = browser.new_context(**options).new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.go(path)

    def go(self, path):
        """Open a page; what was asked for before is forgotten."""
        self.requests.clear()
        self.address = path.as_uri()
        self.page.goto(self.address)

    def keep(self, name, **options):
        """A screenshot, where they are wanted; what was seen must be sound."""
        if "TLKERAS_PICTURES" in os.environ:
            path = Path(os.environ["TLKERAS_PICTURES"]) / name
            self.page.screenshot(path=path, **options)
        assert self.complaints == []
        assert self.requests == [self.address]


def column(page, number, section="submissions"):
    """The texts of a column, from top to bottom."""
    cells = f"#{section} tbody tr > :nth-child({number})"
    return [text.strip() for text in page.locator(cells).all_inner_texts()]


def written(folder, count, **options):
    return report.write(classroom(count, **options), folder, LESSON)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return written(tmp_path_factory.mktemp("class"), 40)


def test_the_report_is_sorted_with_keys_alone(browser, paths):
    visit = Visit(browser, paths["report"])
    page = visit.page
    heads = page.locator("#submissions thead th")
    points = heads.nth(1)
    names = column(page, 1)
    page.locator("#submissions .scroll").focus()
    page.keyboard.press("Tab")
    assert heads.nth(0).locator("button").evaluate("e => e === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert points.get_attribute("aria-sort") == "descending"
    found = [float(text.split()[0]) for text in column(page, 2)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > 5
    said = page.locator("#announcement").inner_text()
    assert said == "Sorted by points, largest first."
    page.keyboard.press("Space")
    assert points.get_attribute("aria-sort") == "ascending"
    found = [float(text.split()[0]) for text in column(page, 2)]
    assert found == sorted(found)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert sorted(column(page, 1)) == sorted(names)
    assert page.locator("#submissions th[aria-sort]").count() == 1
    visit.keep("report.png", full_page=True)


def test_who_made_a_mistake_is_unfolded_and_leads_to_the_feedback(browser, paths):
    visit = Visit(browser, paths["report"])
    first = visit.page.locator("#mistakes tbody tr").first
    count = int(first.locator("strong").inner_text())
    who = first.locator("summary")
    who.focus()
    visit.page.keyboard.press("Enter")
    links = first.locator("li a")
    assert links.first.is_visible()
    assert links.count() == count
    assert who.inner_text() == f"who ({count})"
    name = links.first.inner_text()
    visit.keep("report-who.png")
    links.first.click()
    visit.page.wait_for_url("**/feedback/*.html")
    assert visit.page.locator("h1").inner_text() == name
    assert visit.page.locator(".tlkeras-card").count() == len(LESSON.exercises)
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(browser, paths, scheme, width):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    feedback = max(paths["feedback"].iterdir(), key=lambda path: path.stat().st_size)
    for path, name in ((paths["report"], "report"), (feedback, "feedback")):
        visit = Visit(browser, path, **options)
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        visit.keep(f"{name}-{width}-{scheme}.png", full_page=True)


def test_nothing_that_learners_wrote_runs(browser, tmp_path):
    paths = written(tmp_path, len(HOSTILE), names=HOSTILE, isolation=NO_SANDBOX)
    feedback = sorted(paths["feedback"].iterdir())
    assert len(feedback) == len(HOSTILE)
    visit = Visit(browser, paths["report"])
    for path in (paths["report"], *feedback):
        visit.go(path)
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.locator("img, iframe, object, embed, form").count() == 0
        visit.keep(f"hostile-{path.stem[:20]}.png")


def test_a_script_inside_a_card_is_stopped_by_the_pages_policy(browser, tmp_path):
    (result,) = classroom(1)
    for entry in result["exercises"]:
        entry["card"] = (
            "<script>window.pwned = 1</script><p onclick='window.pwned = 1'>here</p>"
            "<img src='http://localhost:9/x' onerror='window.pwned = 1'>"
        )
    paths = report.write([result], tmp_path, LESSON)
    (path,) = paths["feedback"].iterdir()
    visit = Visit(browser, path)
    visit.page.get_by_text("here").first.click()
    assert visit.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in text for text in visit.complaints)


def test_the_report_prints(browser, paths, tmp_path):
    visit = Visit(browser, paths["report"])
    folder = Path(os.environ.get("TLKERAS_PICTURES", tmp_path))
    path = folder / "report.pdf"
    visit.page.pdf(path=path, prefer_css_page_size=True)
    assert path.read_bytes().startswith(b"%PDF")
    visit.page.emulate_media(media="print", color_scheme="dark")
    styles = visit.page.evaluate(
        """() => {
        const box = getComputedStyle(document.querySelector("#submissions .scroll"));
        const paper = getComputedStyle(document.body).backgroundColor;
        return [paper, box.overflow, box.maxHeight];
        }"""
    )
    assert styles == ["rgb(255, 255, 255)", "visible", "none"]


@pytest.mark.slow
def test_a_thousand_submissions_load_and_sort(browser, tmp_path):
    paths = written(tmp_path, LARGE)
    assert paths["report"].stat().st_size < 2_000_000
    visit = Visit(browser, paths["report"])
    page = visit.page
    load = "performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert page.evaluate(load) < 10_000  # ms; far less on a machine at rest
    press = """() => {
        const started = performance.now();
        document.querySelectorAll("#submissions th button")[1].click();
        document.body.getBoundingClientRect();
        return performance.now() - started;
    }"""
    assert page.evaluate(press) < 10_000
    found = [float(text.split()[0]) for text in column(page, 2)]
    assert len(found) == LARGE
    assert found == sorted(found, reverse=True)
    visit.keep("report-large.png")
