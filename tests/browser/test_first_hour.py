"""A learner's first hour, in a browser: wrong, told why, mended, green.

Set `TLKERAS_PICTURES` to a folder to keep the screenshots that the README shows.
"""

import os
import re
from pathlib import Path

import pytest
from pages import Notebook

SOFTMAX = """\
def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
"""
ATTENTION = """\
def scaled_dot_product_attention(query, key, value, mask=None):
    logits = query @ np.swapaxes(key, -1, -2) / {scale}
    if mask is not None:
        logits = np.where(mask, logits, -1e9)
    return softmax(logits) @ value
"""


@pytest.fixture
def notebook(browser, lab):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    page.goto(lab.format("01_attention.ipynb"))
    notebook = Notebook(page)
    notebook.cell("lesson(").wait_for()
    notebook.run_when_ready(notebook.cell("lesson("))
    yield notebook
    page.close()


def keep(card, name):
    folder = os.environ.get("TLKERAS_PICTURES")
    if folder:
        card.screenshot(path=Path(folder) / f"{name}.png")


def test_a_wrong_answer_is_named_mended_and_turns_green(notebook):
    attention = "scaled_dot_product_attention"
    notebook.run(notebook.cell("def softmax"))
    notebook.check("softmax", "not attempted")
    notebook.write("def softmax", SOFTMAX)
    notebook.check("softmax", "passed")

    stub = f"def {attention}"
    notebook.write(stub, ATTENTION.format(scale="query.shape[-1]"))
    failed = notebook.check(attention, "wrong")
    assert "You divided by H" not in failed.inner_text()  # folded until it is wanted
    failed.locator("summary", has_text="Likely cause").click()
    words = failed.inner_text()
    assert "You divided by H instead of √H" in words
    assert "3. Likeness, and why we divide by a square root" in words
    assert "this.failing" in words
    assert failed.locator("svg").count() == 3
    keep(failed, "card-wrong")
    failed.locator("a", has_text="divide by a square root").first.click()
    heading = notebook.page.locator("h2", has_text="3. Likeness").first
    notebook.page.wait_for_timeout(1_000)  # scrolled to
    assert 0 < heading.bounding_box()["y"] < 300

    notebook.write(stub, ATTENTION.format(scale="np.sqrt(query.shape[-1])"))
    passed = notebook.check(attention, "passed")
    assert "6 of 6 points" in passed.inner_text()
    colour = passed.evaluate("card => getComputedStyle(card).borderLeftColor")
    assert colour == "rgb(0, 158, 115)"
    keep(passed, "card-passed")
    asked = notebook.page.get_by_text(re.compile("Jupyter news"))
    assert asked.count() == 0, "JupyterLab asks a learner about its news"


def test_a_traceback_is_the_learners_own(notebook):
    notebook.write("def softmax", "def softmax(x):\n    return x / undefined_name\n")
    words = notebook.check("softmax", "raised").inner_text()
    assert "NameError" in words
    assert "line 2: return x / undefined_name" in words
    assert "tlkeras" not in words


def test_a_prediction_is_kept_and_stands_beside_the_result(notebook):
    page = notebook.page
    notebook.write("def softmax", SOFTMAX)
    code = page.locator(".jp-Notebook .jp-CodeCell")
    asked = code.filter(has=page.locator(".jp-Placeholder")).filter(
        has_text="this.predict("
    )
    notebook.run_folded(asked.first)
    form = page.locator(".tlkeras-predict").first
    form.get_by_text("about a half").click()
    form.get_by_text("You predict: about a half").wait_for()
    keep(form, "prediction")
    experiment = code.filter(has_text="default_rng(0)").first
    notebook.run_folded(experiment)
    card = experiment.locator(".tlkeras-prediction")
    card.wait_for()
    assert "You predicted about a half." in card.inner_text()
    explanation = page.locator("details", has_text="What it shows, and why").first
    assert "The standard deviation follows" not in explanation.inner_text()
    explanation.locator("summary").click()
    assert "The standard deviation follows" in explanation.inner_text()


def test_whoever_is_stuck_sees_what_a_solution_costs_and_then_the_solution(notebook):
    first = "this.solution('causal_mask')"
    notebook.write("def padding_mask", first)
    price = notebook.page.locator(".tlkeras-solution").first
    price.wait_for()
    assert "none of its 2 points" in price.inner_text()
    assert "np.arange" not in price.inner_text()
    notebook.write(first, "this.solution('causal_mask', give_up=True)")
    shown = notebook.page.locator(".tlkeras-solution", has_text="np.arange")
    shown.wait_for()
    assert "positions = np.arange(length)" in shown.inner_text()


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_cards_can_be_read_in_either_theme(notebook, theme):
    page = notebook.page
    notebook.write("def softmax", "def softmax(x):\n    return x\n")
    card = notebook.check("softmax", "wrong")
    menu = page.locator("li.lm-MenuBar-item", has_text="Settings").first
    menu.click()
    page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    page.locator(".lm-Menu-item", has_text=theme).first.click()
    page.wait_for_timeout(1_500)
    ink, paper = card.evaluate(
        "c => [getComputedStyle(c).color, getComputedStyle(c).backgroundColor]"
    )
    assert contrast(ink, paper) > 7, (ink, paper)


def contrast(one, other):
    """The contrast of two colours `rgb(…)`, as WCAG 2 defines it."""
    light = sorted(map(_luminance, (one, other)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def _luminance(colour):
    shares = [float(x) for x in re.findall(r"[\d.]+", colour)]
    if len(shares) > 3:  # half seen through: over its own theme's page
        shares, alpha = shares[:3], shares[3]
        back = 255 if sum(shares) > 382 else 0
        shares = [alpha * x + (1 - alpha) * back for x in shares]
    linear = [
        (x / 255) / 12.92 if x <= 10 else ((x / 255 + 0.055) / 1.055) ** 2.4
        for x in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
