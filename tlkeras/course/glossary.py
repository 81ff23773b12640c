"""The words of the course: what each means, linked from where a lesson explains it.

`glossary.en.toml` lies beside the lessons; a lesson's words are translated in its own
file. `tlkeras build` makes a notebook of it, with a heading for each word.
"""

import re
import tomllib
from dataclasses import dataclass, replace

import nbformat

from tlkeras.course import editions
from tlkeras.course.lesson_text import KERNEL
from tlkeras.course.syllabus import MESSAGES, drafts, home, lessons
from tlkeras.grading import translations
from tlkeras.grading.judge.links import anchor, anchored
from tlkeras.grading.messages import FALLBACK, speaking

NOTEBOOK = "glossary.ipynb"
WORDS = ("term", "meaning", "bold")  # of an entry, which differ between languages


@dataclass(frozen=True)
class Term:
    """A word of the course.

    Args:
        id: stable, in links.
        term: as it is listed.
        meaning: in a sentence or two.
        lesson: name of the lesson that explains it.
        bold: how it stands there in bold.
        english: what it is in English, where that is something else.
    """

    id: str
    term: str
    meaning: str
    lesson: str
    bold: str = ""
    english: str = ""

    @property
    def place(self):
        """Where a link to it leads."""
        place = anchor(self.english) or self.term.replace(" ", "-")
        return f"{NOTEBOOK}#{place}"


def terms(folder=None, language=None) -> list[Term]:
    """All words but those of drafts, in the order of the lessons that explain them.

    Args:
        folder: where the lessons lie. Defaults to where they are.
        language: as far as they are translated into it. Defaults to `None`: English.
    """
    path = (folder or home()) / "glossary.en.toml"
    entries = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    unfinished = drafts(folder)
    every = [
        Term(id=name, **{"bold": entry["term"], **entry})
        for name, entry in entries.items()
        if entry["lesson"] not in unfinished
    ]
    return every if language is None else [_said(term, language) for term in every]


def _said(term, language):
    """A term in another language; as it is unless all of it is translated."""
    known = translations.known(language, term.lesson)
    keys = {x: (f"glossary.{term.id}.{x}", getattr(term, x)) for x in WORDS}
    if not all(key in known for key in keys.values()):
        return term
    said = {x: known[key] for x, key in keys.items()}
    return replace(term, **said, english=term.term)


def link(cells, lesson, folder=None, language=None):
    """Link the first bold use of each word that a lesson explains.

    Args:
        cells: of the lesson's notebook; their text is changed.
        lesson: name of the lesson.
        folder: where the lessons lie. Defaults to where they are.
        language: of the cells. Defaults to `None`: English.

    Returns:
        The words that stand nowhere in bold.
    """
    waiting = {t.bold: t for t in terms(folder, language) if t.lesson == lesson}
    for cell in cells:
        if cell.cell_type != "markdown":
            continue
        for bold, term in list(waiting.items()):
            found = re.search(rf"\*\*{re.escape(bold)}\*\*", cell.source)
            if found:
                start, end = found.span()
                text = f"[{found[0]}]({term.place})"
                cell.source = cell.source[:start] + text + cell.source[end:]
                del waiting[bold]
    return list(waiting.values())


def is_ours(path) -> bool:
    """Whether a file is the glossary that lies among a learner's notebooks."""
    if path.name != NOTEBOOK:
        return False
    try:
        content = path.read_bytes()
        every, known = lessons(), (None, *translations.languages())
        return any(content == notebook(every, home(), x).encode() for x in known)
    except OSError:
        return False


def notebook(every, folder=None, language=None) -> str:
    """The glossary as a notebook.

    Args:
        every: the Lessons whose words it holds.
        folder: where the lessons lie. Defaults to where they are.
        language: as far as words are translated into it. Defaults to `None`: English.
    """
    with speaking(language or FALLBACK):
        cells = list(_cells(every, folder, language))
    # Without a kernel JupyterLab would ask for one.
    document = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(document)
    return nbformat.writes(document).rstrip("\n") + "\n"


def _cells(every, folder, language):
    titles = {lesson.name: editions.title(lesson) for lesson in every}
    say = MESSAGES.say
    yield nbformat.v4.new_markdown_cell(say("glossary", "head"), id="title")
    order = {term.id: term.term.lower() for term in terms(folder)}
    ours = [term for term in terms(folder, language) if term.lesson in titles]
    for term in sorted(ours, key=lambda t: order[t.id]):
        where = say(
            "glossary",
            "lesson",
            title=titles[term.lesson],
            notebook=f"{term.lesson}.ipynb",
        )
        text = f"### {term.term}\n\n{term.meaning} {where}"
        text = anchored(text, term.english) if term.english else text
        yield nbformat.v4.new_markdown_cell(text, id=term.id)
