"""What a learner does with a notebook in JupyterLab, for the tests in this folder."""

import contextlib
import re

from playwright.sync_api import TimeoutError


class Notebook:
    """The notebook in a page, as hands and eyes have it."""

    def __init__(self, page):
        self.page = page
        self.code = page.locator(".jp-Notebook .jp-CodeCell")

    def cell(self, text):
        """The code cell that holds some text."""
        content = self.page.locator(".cm-content", has_text=text)
        return self.code.filter(has=content).first

    def run(self, cell):
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def run_when_ready(self, cell):
        """A kernel that is still starting lets the first run go unanswered.

        JupyterLab may ask something meanwhile, as when the server is slow to answer;
        the learner presses the button that is offered.
        """
        prompt = cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]"))
        asked = self.page.locator("dialog.jp-Dialog")
        for _ in range(20):
            if asked.count():
                print("JupyterLab asks:", asked.first.inner_text())
                asked.first.locator("button.jp-mod-accept").click()
            with contextlib.suppress(TimeoutError):
                cell.locator(".cm-content").click(timeout=3_000)
                self.page.keyboard.press("Shift+Enter")
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

    def run_folded(self, cell):
        """Run a cell whose code is folded away: it is selected by its prompt."""
        cell.locator(".jp-InputPrompt").first.click()
        self.page.keyboard.press("Shift+Enter")

    def check(self, name, state):
        """Run a check and wait for its card."""
        cell = self.cell(f"check({name})")
        self.run(cell)
        card = cell.locator(f".tlkeras-card[data-state='{state}']")
        card.wait_for()
        card.scroll_into_view_if_needed()
        return card
