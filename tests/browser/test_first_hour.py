"""A learner's first hour, in a browser: wrong, told why, mended, green.

Set `TLKERAS_PICTURES` to a folder to keep the screenshots that the README shows.
"""

import contextlib
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

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


class Notebook:
    """The notebook in a page, as hands and eyes have it."""

    def __init__(self, page):
        self.page = page

    def cell(self, text):
        """The code cell that holds some text."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        return cells.filter(has=self.page.locator(".cm-content", has_text=text)).first

    def run(self, cell):
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def run_when_ready(self, cell):
        """A kernel that is still starting lets the first run go unanswered."""
        prompt = cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
        for _ in range(20):
            self.run(cell)
            with contextlib.suppress(TimeoutError):
                prompt.wait_for(timeout=3_000)
                return
        raise AssertionError("the kernel never ran the first cell")

    def write(self, text, code):
        """Replace a cell's code, and run it."""
        cell = self.cell(text)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")

    def check(self, name, state):
        """Run a check and wait for its card."""
        cell = self.cell(f"check({name})")
        self.run(cell)
        card = cell.locator(f".tlkeras-card[data-state='{state}']")
        card.wait_for()
        card.scroll_into_view_if_needed()
        return card


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
    words = failed.inner_text()
    assert "You divided by H instead of √H" in words
    assert "3. Likeness, and why we divide by √H" in words
    assert failed.locator("svg").count() == 3
    keep(failed, "card-wrong")

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
