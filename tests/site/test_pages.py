"""What stands on the pages of the website, read as text."""

import inspect
import re
import zlib
from pathlib import Path
from urllib.parse import unquote

import evidence
import lesson_pages
import maths
import nbformat
import pytest
import solve

from tlkeras.course import glossary, lessons

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "site"
ABROAD = re.compile(r"^(https?:|mailto:|data:|//)")


@pytest.fixture(scope="module")
def pages(site):
    """Every page: its path in the site to its text."""
    return {
        str(path.relative_to(site)): path.read_text("utf-8")
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }


def test_every_link_leads_to_a_page_and_a_place_on_it(site, pages):
    ids = {
        name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in pages.items()
    }
    lost = set()
    for name, text in pages.items():
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text):
            if ABROAD.match(link):
                continue
            file, _, place = unquote(link).partition("#")
            target = (site / name).parent / file if file else site / name
            if not target.exists():
                lost.add((name, link))
            elif place and target.suffix == ".html":
                there = ids[str(target.resolve().relative_to(site.resolve()))]
                if place not in there:
                    lost.add((name, link))
    assert lost == set()


def test_nothing_on_a_page_is_fetched_from_elsewhere(site, pages):
    fetched = re.compile(
        r'<(?:script|img|link|audio|iframe)\b[^>]*(?:src|href)="([^"]+)"'
    )
    away = {
        (name, url)
        for name, text in pages.items()
        for url in fetched.findall(text)
        if re.match(r"https?:|//", url)
    }
    styles = [path.read_text("utf-8") for path in site.rglob("*.css")]
    assert away == set()
    assert not [s for s in styles if re.search(r"url\(['\"]?(https?:|//)", s)]


def test_every_lesson_has_its_exercises_and_says_where_outputs_are_from(pages):
    for lesson in lessons():
        text = pages[f"lessons/{lesson.name}.html"]
        assert text.count('class="tl-solution"') == len(lesson.names)
        assert text.count("YOUR CODE HERE") >= len(lesson.names)
        assert "$$" not in text
    assert "Outputs from a run at quick scale" in pages["lessons/01_attention.html"]
    assert "<img" in pages["lessons/01_attention.html"]


def test_what_stands_around_a_translated_page_is_translated(pages):
    text = pages["lessons/zh/01_attention.html"]
    around = re.sub(r"<article.*?</article>", "", text, flags=re.DOTALL)
    captions = re.findall(r'class="caption-text">([^<]+)', around)
    assert len(captions) == 11
    assert not [c for c in captions if re.search("[a-z]", c)]
    for words in ("Skip to content", "Search", "On this page", ">Next", "Back to top"):
        assert words not in around
        assert words in pages["lessons/01_attention.html"]
    assert "Link to this heading" not in text


def test_every_picture_of_a_lesson_says_what_it_shows(pages):
    pictures = re.findall(r"<img\b[^>]*>", pages["lessons/01_attention.html"])
    assert len(pictures) >= 5
    for picture in pictures:
        (alt,) = re.findall(r'alt="([^"]*)"', picture)
        assert len(alt) > 15


def test_the_road_map_and_the_glossary_hold_everything(pages):
    for lesson in lessons():
        assert f"{lesson.name[:2]} {lesson.title}" in pages["course.html"]
    dts = pages["glossary.html"].count("<dt")
    assert dts == len(glossary.terms())


def test_every_public_name_is_in_the_reference(site, pages):
    inventory = (site / "objects.inv").read_bytes().split(b"zlib.\n", 1)[1]
    known = {
        line.split()[0] for line in zlib.decompress(inventory).decode().splitlines()
    }
    import api_pages

    for room in api_pages.ROOMS:
        module = __import__(f"tlkeras.{room}", fromlist=["x"])
        for name in module.__all__:
            if not inspect.ismodule(getattr(module, name)):
                assert f"tlkeras.{room}.{name}" in known
    layers = pages["api/layers.html"]
    assert "api_docs/python/tf/keras/layers/MultiHeadAttention" in layers


def test_no_section_with_differences_is_left_out():
    """The table of claims holds all of them: those of lesson 22 had been forgotten."""
    differing = {
        table.section
        for table in evidence.tables(evidence.results())
        if " − " in " ".join([*table.head, *(row[0] for row in table.rows)])
        and any(evidence.number(cell) for row in table.rows for cell in row)
    }
    told = {claim.source for claim in evidence.claims()}
    assert differing
    assert differing <= told, differing - told


def test_claims_are_those_of_the_notes_beside_the_weights():
    """Worked out from the runs, they are what people wrote down."""
    found = {
        (c.source, c.first, c.second, c.detail, c.amount): c for c in evidence.claims()
    }
    assert len(found) == len(evidence.claims()), "each claim once"
    for key, text in {
        ("vit_digits", "fine-tuned", "from scratch", "accuracy", "5 labels a class"): (
            "0.130 ± 0.091"
        ),
        ("vit_stickers", "frozen", "raw pixels", "accuracy", "1 label a kind"): (
            "0.244 ± 0.100"
        ),
        ("bert_docstrings", "frozen", "from scratch", "accuracy", "50 labels"): (
            "0.122 ± 0.019"
        ),
        (
            "speech_digits",
            "pretrained",
            "from scratch",
            "known speakers; accuracy",
            "1 recording a digit",
        ): "0.298 ± 0.056",
        (
            "gpt_adaptation",
            "fine-tuned",
            "from scratch",
            "bits per byte",
            "8 docstrings",
        ): ("−1.541 ± 0.114"),
    }.items():
        assert found[key].text == text


def test_a_claim_knows_a_gain_from_a_loss_and_from_neither():
    claim = evidence.Claim("", "", "01", "", "a", "b", "1", 0.2, 0.1, False, "")
    assert claim.verdict == "gain"
    turned = {**vars(claim), "fewer": True}
    assert evidence.Claim(**turned).verdict == "loss"
    assert evidence.Claim(**{**turned, "half": 0.2}).verdict == "open"


def test_every_table_of_differences_is_among_the_claims():
    told = {c.source for c in evidence.claims()}
    for table in evidence.tables(evidence.results()):
        differences = [row for row in table.rows if " − " in row[0] and "±" in row[1]]
        assert not differences or table.section in told
    programs = {p.stem for p in (ROOT / "benchmarks" / "claims").glob("*.py")}
    assert told <= programs


def test_the_graders_score_is_counted(pages):
    counts = evidence.grader_counts()
    assert counts["unseen"] >= counts["named"] > 800
    assert f"{counts['known']:,} known mistakes" in pages["grader.html"]


def test_equations_become_mathml():
    made = maths.mathml(r"\operatorname{softmax}(x)_i = \frac{e^{x_i}}{-\infty}")
    assert "<mtext>softmax</mtext>" in made
    assert "<mfrac>" in made
    assert "<mo>&#x0221E;</mo>" not in made


def test_names_of_functions_stand_apart_and_bars_are_as_high_as_what_they_hold():
    made = maths.mathml(r"u \cos a - \lVert \log_2 p \rVert + \log(q)")
    space = f"{maths.THIN}<mi>cos</mi>{maths.THIN}<mi>a</mi>"
    assert f"<mi>u</mi>{space}" in made
    assert "<msub><mi>log</mi><mn>2</mn></msub>" in made
    assert '<mi>log</mi><mo stretchy="false">' in made
    assert len(re.findall('<mo stretchy="true" fence="true" form="p', made)) == 2
    assert maths.mathml(r"\left\lVert p \right\rVert") == maths.mathml(
        r"\lVert p \rVert"
    )


def test_a_bar_of_progress_is_no_output():
    bars = "\rtraining: 12%|█▎ | 1/8 [00:02<00:14, 2.0s/it]\r   \r"
    bars += "0/60 \x1b[37m━━━\x1b[0m 9s\n"
    page = object.__new__(lesson_pages.LessonPage)
    stream = nbformat.v4.new_output("stream", text=bars + "loss 0.5, 50 %\n")
    assert page._output(stream).text.strip() == "loss 0.5, 50 %"
    assert page._output(nbformat.v4.new_output("stream", text=bars)) is None


def test_a_kept_notebook_is_used_until_the_lesson_changes(tmp_path, monkeypatch):
    lesson = lessons()[0]
    notebook = nbformat.reads(solve.text(lesson), as_version=4)
    notebook.metadata["tlkeras_site"] = {"state": solve.state(lesson)}
    path = solve.place(lesson, "quick", tmp_path)
    path.parent.mkdir()
    nbformat.write(notebook, path)
    assert solve.solve(lesson, "quick", tmp_path) == solve.kept(
        lesson, "quick", tmp_path
    )
    monkeypatch.setattr(solve, "state", lambda *arguments: "another")
    assert solve.kept(lesson, "quick", tmp_path) is None


def test_the_inventories_hold_what_docstrings_name():
    for name, wanted in {"keras": "keras.layers.Dense", "numpy": "numpy.where"}.items():
        content = (SITE / "inventories" / f"{name}.inv").read_bytes()
        lines = zlib.decompress(content.split(b"zlib.\n", 1)[1]).decode().splitlines()
        assert wanted in {line.split()[0] for line in lines}
