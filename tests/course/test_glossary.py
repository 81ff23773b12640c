import json
import re

import nbformat
import pytest

from tlkeras.course import build, glossary, lessons

TERMS = glossary.terms()


@pytest.mark.parametrize("lesson", lessons(), ids=lambda x: x.name)
def test_each_word_is_linked_once_where_its_lesson_explains_it(lesson):
    ours = [term for term in TERMS if term.lesson == lesson.name]
    cells = json.loads(build.build(lesson))["cells"]
    text = "\n".join(
        "".join(c["source"]) for c in cells if c["cell_type"] == "markdown"
    )
    assert ours
    for term in ours:
        assert text.count(f"]({term.place})") == 1, f"no **{term.bold}** in the lesson"


def test_words_are_in_the_order_of_the_lessons_and_none_twice():
    order = [lesson.name for lesson in lessons()]
    places = [order.index(term.lesson) for term in TERMS]
    assert places == sorted(places)
    assert len({term.term for term in TERMS}) == len(TERMS)


@pytest.mark.parametrize("term", TERMS, ids=lambda t: t.id)
def test_a_meaning_is_short_plain_text(term):
    assert term.meaning.endswith(".")
    assert len(term.meaning.split()) <= 32
    assert not re.search(r"[*`$_]", term.meaning)


def test_the_glossary_is_a_notebook_with_a_heading_for_each_word():
    text = glossary.notebook(lessons())
    assert text == glossary.notebook(lessons())
    cells = nbformat.reads(text, as_version=4).cells
    assert len(cells) == len(TERMS) + 1
    assert "kernelspec" in json.loads(text)["metadata"]  # JupyterLab asks for nothing
    headings = [cell.source.splitlines()[0] for cell in cells[1:]]
    assert headings == sorted(headings, key=str.lower)
    for term in TERMS:
        assert f"### {term.term}" in headings
        anchor = term.place.partition("#")[2]
        assert anchor == term.term.replace(" ", "-")


def test_a_stale_glossary_is_found(tmp_path):
    every = lessons()
    assert build.update_glossary(every, tmp_path, check=True)
    assert not list(tmp_path.iterdir())
    assert build.update_glossary(every, tmp_path)
    assert not build.update_glossary(every, tmp_path, check=True)
    assert build.orphans(every, tmp_path) == []


def test_a_submission_that_is_called_like_it_is_still_a_submission(tmp_path):
    build.update_glossary(lessons(), tmp_path)
    path = tmp_path / glossary.NOTEBOOK
    assert glossary.is_ours(path)
    path.write_text(path.read_text("utf-8").replace("average", "mine"), "utf-8")
    assert not glossary.is_ours(path)
    assert not glossary.is_ours(tmp_path / "missing" / glossary.NOTEBOOK)
