"""The website as readers have it: light, dark, wide, narrow, without a network."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LESSON = "lessons/01_attention.html"
PAGES = (
    "index.html",
    LESSON,
    "course.html",
    "api/layers.html",
    "glossary.html",
    "claims.html",
    "grader.html",
    "benchmarks.html",
    "guides/transfer.html",
    "search.html",
)
LIMIT = 1_500_000  # bytes of a page with all that it asks for


class Visit:
    """A page, with what it asked for and complained about."""

    def __init__(self, browser, address, page, **options):
        self.address, self.bytes = address, 0
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("response", self._weigh)
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{address}/{page}")
        self.page.wait_for_load_state("networkidle")

    def _weigh(self, response):
        self.bytes += int(response.headers.get("content-length", 0))

    def _complain(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def scroll(self):
        """To the end, so that what is fetched late is fetched."""
        self.page.keyboard.press("End")
        self.page.wait_for_load_state("networkidle")

    def outside(self):
        """Addresses that lead away from the site."""
        inside = (f"{self.address}/", "data:", "blob:")
        return [url for url in self.requests if not url.startswith(inside)]


@pytest.fixture
def visit(browser, address):
    """Opens a page; closed at the end."""
    opened = []

    def visit(page, **options):
        opened.append(Visit(browser, address, page, **options))
        return opened[-1]

    yield visit
    for each in opened:
        each.context.close()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_nobody_else_and_is_light(visit, page):
    seen = visit(page)
    seen.scroll()
    assert seen.outside() == []
    assert seen.complaints == []
    assert 10_000 < seen.bytes < LIMIT


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_phone(visit, page):
    seen = visit(page, viewport={"width": 390, "height": 844})
    wide = seen.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page", ["index.html", LESSON, "api/masks.html", "glossary.html", "claims.html"]
)
def test_axe_finds_nothing_serious(visit, page, scheme):
    seen = visit(page, color_scheme=scheme, reduced_motion="reduce")
    # Also what is folded: a learner opens it. Of many like rows some will do.
    opened = "document.querySelectorAll('details').forEach(d => d.open = true)"
    rows = "document.querySelectorAll('#claims tbody tr:nth-child(n+40)')"
    seen.page.evaluate(opened)
    seen.page.evaluate(f"{rows}.forEach(row => row.remove())")
    seen.page.wait_for_timeout(1000)  # colours have settled
    found = Axe().run(seen.page).response["violations"]
    serious = {
        rule["id"]: [node["html"][:200] for node in rule["nodes"][:3]]
        for rule in found
        if rule["impact"] in ("serious", "critical")
    }
    assert serious == {}


def test_the_first_page_names_a_mistake_and_draws_it(visit):
    page = visit("index.html").page
    card = page.locator(".tl-hero .tlkeras-card")
    assert card.get_attribute("data-state") == "wrong"
    assert card.get_by_text("Your mask keeps the upper triangle").is_visible()
    assert card.locator("figure svg").count() == 3


def test_an_experiment_is_folded_until_it_is_opened(visit):
    page = visit(LESSON).page
    fold = page.locator("details.tl-experiment").first
    picture = fold.locator("img").first
    assert not picture.is_visible()
    fold.locator("summary").first.press("Enter")  # by the keyboard
    assert picture.is_visible()
    page.get_by_label("nearly all of it").first.check()


def test_exercises_are_blank_and_solutions_folded(visit):
    page = visit(LESSON).page
    assert page.locator(".cell_input", has_text="YOUR CODE HERE").count() == 6
    solution = page.locator("details.tl-solution").first
    assert not solution.get_by_text("keepdims").first.is_visible()
    solution.locator("summary").click()
    assert solution.get_by_text("keepdims").first.is_visible()


def test_equations_are_laid_out_without_scripts(visit):
    page = visit(LESSON, java_script_enabled=False).page
    equation = page.locator(".math-display math").first
    box = equation.bounding_box()
    assert box["height"] > 30
    assert box["width"] > 100
    assert page.get_by_role("heading", name="2. Softmax").first.is_visible()


def test_the_table_of_claims_sorts_and_filters(visit):
    page = visit("claims.html").page
    place = page.locator("#claims thead th", has_text="difference")
    button = place.get_by_role("button")
    column = "#claims tbody tr:not([hidden]) td.tl-number"

    def values():
        cells = page.locator(column)
        return cells.evaluate_all("x => x.map(cell => Number(cell.dataset.value))")

    button.press("Enter")
    assert place.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    button.click()
    assert place.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)
    assert len(values()) > 200
    page.get_by_label("Show").fill("13 raw pixels")
    assert len(values()) == 3


def test_paper_holds_what_is_folded(visit):
    page = visit(LESSON).page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("article details:not([open])").count() == 0
    # Paper does not wait for what fades in.
    moving = "document.getAnimations().filter(x => x.playState === 'running').length"
    assert page.evaluate(moving) == 0
    assert page.locator("details.hide .cell_input").count() > 3
    assert not page.locator(".sidebar-drawer").is_visible()
    assert page.locator("details.tl-solution pre").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("article details[open]").count() == 0


SEARCHES = {
    "softmax": LESSON,
    "positional encoding": "lessons/03_positions.html",
    "causal mask": "glossary.html",
    "LoRA": "lessons/07_few_parameters.html",
    "beam search": "glossary.html",
    "speech translation": "lessons/18_speech_translation.html",
    "rotary": "lessons/03_positions.html",
    "MultiHeadAttention": "api/layers.html",
    "from_preset": "api/checkpoints.html",
    "nbgrader": "guides/results.html",
    "bits per byte": "lessons/09_gpt.html",
    "transfer claims": "claims.html",
    "logit lens": "glossary.html",
}


@pytest.mark.parametrize(("words", "expected"), SEARCHES.items())
def test_a_search_finds_its_page_first(visit, words, expected):
    page = visit(f"search.html?q={words.replace(' ', '+')}").page
    first = page.locator("#search-results ul.search li a").first
    first.wait_for()
    found = first.evaluate("link => link.href").partition("?")[0].partition("#")[0]
    assert found.endswith(expected)
