"""Recordings play in the page of a lesson, and pictures of sound stand there."""

import pytest
from pages import Notebook

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
