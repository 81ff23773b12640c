"""Recordings play in the page of a lesson, and pictures of sound stand there."""

import os
from pathlib import Path

import pytest
from pages import Notebook

from tlkeras.course import build, lessons

(LESSON,) = (x for x in lessons() if x.name == "17_speech_to_text")

PLAY = """async audio => {
    audio.muted = true;
    await audio.play();
    while (!audio.currentTime) await new Promise(done => setTimeout(done, 20));
    return [audio.duration, audio.currentTime];
}"""


@pytest.mark.parametrize(
    ("name", "pictures"), [("17_speech_to_text", 1), ("18_speech_translation", 0)]
)
def test_the_first_recordings_of_a_lesson_play(browser, lab, name, pictures):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    # A workspace of its own: the one that all share opens again what was open.
    page.goto(lab.format(f"{name}.ipynb").replace("/lab/", f"/lab/workspaces/{name}/"))
    notebook = Notebook(page)
    notebook.cell("lesson(").wait_for()
    notebook.run_when_ready(notebook.cell("lesson("))
    heard = notebook.code.filter(has_text="show.players(").first
    notebook.run_folded(heard)
    players = heard.locator("audio")
    players.first.wait_for()
    assert players.count() == 3
    for i in range(3):
        length, reached = players.nth(i).evaluate(PLAY)
        assert 0.3 < length < 5  # seconds
        assert 0 < reached <= length
    shown = heard.locator(".jp-OutputArea-output img")
    if pictures:  # drawn after the players
        shown.nth(pictures - 1).wait_for()
    assert shown.count() == pictures
    for i in range(pictures):
        assert shown.nth(i).evaluate("picture => picture.naturalWidth") > 300
    page.close()


def test_alignments_stand_over_their_spectrograms(browser, lab, folder):
    """Lesson 17 with its exercises solved, run from top to bottom at quick scale."""
    solved = build.build(LESSON, solved=True)
    (folder / "solved_17.ipynb").write_text(solved, "utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(240_000)
    page.goto(lab.format("solved_17.ipynb").replace("/lab/", "/lab/workspaces/solved/"))
    notebook = Notebook(page)
    notebook.cell("lesson(").wait_for()
    notebook.run_when_ready(notebook.cell("lesson("))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # Folded, the cell shows its first line.
    drawn = notebook.code.filter(has_text="set_weights(after_weights)")
    pictures = drawn.locator(".jp-OutputArea-output img")
    pictures.nth(1).wait_for()
    for i in range(2):
        assert pictures.nth(i).evaluate("picture => picture.naturalWidth") > 300
    words = drawn.locator(".jp-OutputArea-output", has_text="tlkeras.ctc.align")
    assert "100% of your paths are those of tlkeras.ctc.align" in words.inner_text()
    if os.environ.get("TLKERAS_PICTURES"):
        drawn.scroll_into_view_if_needed()
        path = Path(os.environ["TLKERAS_PICTURES"]) / "alignments.png"
        drawn.screenshot(path=path)
    page.close()
