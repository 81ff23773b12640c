"""The words of the course: what each means, linked from where a lesson explains it.

`glossary.<language>.toml` lies beside the lessons; English stands in for what is not
translated. `tlkeras build` makes a notebook of it, with a heading for each word.
"""

import re
import tomllib
from dataclasses import dataclass

import nbformat

from tlkeras.course.lesson_text import KERNEL
from tlkeras.course.syllabus import MESSAGES, drafts, home, lessons

NOTEBOOK = "glossary.ipynb"


@dataclass(frozen=True)
class Term:
    """A word of the course.

    Args:
        id: stable, in links.
        term: as it is listed.
        meaning: in a sentence or two.
        lesson: name of the lesson that explains it.
        bold: how it stands there in bold.
    """

    id: str
    term: str
    meaning: str
    lesson: str
    bold: str = ""

    @property
    def place(self):
        """Where a link to it leads."""
        return f"{NOTEBOOK}#{self.term.replace(' ', '-')}"


def terms(folder=None) -> list[Term]:
    """All words but those of drafts, in the order of the lessons that explain them.

    Args:
        folder: where the lessons lie. Defaults to where they are.
    """
    path = (folder or home()) / "glossary.en.toml"
    entries = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    unfinished = drafts(folder)
    return [
        Term(id=name, **{"bold": entry["term"], **entry})
        for name, entry in entries.items()
        if entry["lesson"] not in unfinished
    ]


def link(cells, lesson, folder=None):
    """Link the first bold use of each word that a lesson explains.

    Args:
        cells: of the lesson's notebook; their text is changed.
        lesson: name of the lesson.
        folder: where the lessons lie. Defaults to where they are.

    Returns:
        The words that stand nowhere in bold.
    """
    waiting = {t.bold: t for t in terms(folder) if t.lesson == lesson}
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
        return path.read_bytes() == notebook(lessons(), home()).encode()
    except OSError:
        return False


def notebook(every, folder=None) -> str:
    """The glossary as a notebook.

    Args:
        every: the Lessons that it links to.
        folder: where the lessons lie. Defaults to where they are.
    """
    titles = {lesson.name: lesson.title for lesson in every}
    say = MESSAGES.say
    cells = [nbformat.v4.new_markdown_cell(say("glossary", "head"), id="title")]
    for term in sorted(terms(folder), key=lambda t: t.term.lower()):
        where = say(
            "glossary",
            "lesson",
            title=titles[term.lesson],
            notebook=f"{term.lesson}.ipynb",
        )
        text = f"### {term.term}\n\n{term.meaning} {where}"
        cells.append(nbformat.v4.new_markdown_cell(text, id=term.id))
    # Without a kernel JupyterLab would ask for one.
    document = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.validate(document)
    return nbformat.writes(document).rstrip("\n") + "\n"
