"""A learner's feedback: the cards of practice, and nothing for others."""

import random
from urllib.parse import unquote

from report_pages import LESSON, Page
from synthetic import HOSTILE, one

from tlkeras.grading import report
from tlkeras.grading.report.text import clean


def test_feedback_lies_where_the_report_says(hostile):
    page = Page(hostile["report"].read_text("utf-8"))
    links = {a["href"] for a in page.all("a")}
    assert len(links) == len(HOSTILE)
    for href in links:
        path = hostile["report"].parent / unquote(href)
        assert path.parent == hostile["feedback"]
        assert path.is_file()


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
