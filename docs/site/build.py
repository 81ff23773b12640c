"""The course as a website: `make site` writes it to `build/site`.

python docs/site/build.py [--scale quick] [--run 01 06 | --run none] [--out DIR]

Pages are prepared from what exists (lessons, `docs/`, the glossary, docstrings, measured
results) in `build/site-pages`, and Sphinx makes HTML of them. Lessons are run once, see
`solve.py`; `--run none` takes what was kept before and shows the others without outputs.
"""

import argparse
import os
import re
import shutil
import sys
import unicodedata
from html import escape
from pathlib import Path

import api_pages
import evidence
import lesson_pages
import maths
import nbformat
import numpy as np
import solve
from sphinx.cmd.build import build_main

from tlkeras import grading
from tlkeras.course import anywhere, glossary, lessons

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCS = ROOT / "docs"
# Guides: the file in `docs/`, and what it is called in lists.
GUIDES = {
    "layers.head.md": "The layers",
    "transfer.head.md": "Checkpoints and transfer",
    "pipelines.head.md": "Pipelines",
    "interpret.head.md": "Seeing inside",
    "scale.head.md": "From a laptop to several machines",
    "grading.md": "Grading a class",
    "hub.md": "On a JupyterHub",
    "results.md": "Reports, feedback, exports",
}
# What each is for.
ABOUT = {
    "layers.head.md": "every layer, and what to change when you come from elsewhere",
    "transfer.head.md": "load what somebody trained, and adapt it",
    "pipelines.head.md": "text, speech or images in, answers out",
    "interpret.head.md": "what a model computed, and what its answer depends on",
    "scale.head.md": "GPUs, several devices, clusters, and what was tried on them",
    "grading.md": "grade a folder of notebooks in sandboxes",
    "hub.md": "hand the course out to many people",
    "results.md": "what a grading leaves, for Gradescope and nbgrader too",
}
# The wrong answer that the first page shows, as it is checked.
WRONG = """\
def causal_mask(length):
    return np.tri(length, dtype=bool).T
"""


def main(arguments=None):
    """Build the site; 0 when there was neither an error nor a warning."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=solve.SCALES, default="default")
    parser.add_argument("--run", nargs="*", default=[], metavar="LESSON")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--pages", type=Path, default=ROOT / "build" / "site-pages")
    parser.add_argument("--solved", type=Path, default=solve.SOLVED)
    given = parser.parse_args(arguments)
    shutil.rmtree(given.pages, ignore_errors=True)
    Pages(given.pages, given.scale, given.run, given.solved).write()
    os.environ["TLKERAS_SITE_PAGES"] = str(given.pages.resolve())
    shutil.rmtree(given.out, ignore_errors=True)
    # Deterministic search and pages: everything is read again.
    code = build_main(
        [
            *["-b", "html", "-q", "-W", "--keep-going", "-E", "-c", str(HERE)],
            *["-d", str(given.pages.parent / f"{given.pages.name}-trees")],
            *[str(given.pages), str(given.out)],
        ]
    )
    if not code:
        print(f"The site is in {given.out}: open index.html there.")
    return code


class Pages:
    """What Sphinx reads, written from what exists.

    Args:
        folder: to write to.
        scale: of the outputs of lessons.
        run: numbers of lessons to run; all if empty, none if it is `["none"]`.
        solved: where notebooks that ran are kept.
    """

    def __init__(self, folder, scale, run, solved):
        self.folder, self.scale, self.solved = folder, scale, solved
        self.lessons = lessons()
        self.run = {x.name for x in solve.chosen(run)} if run != ["none"] else set()
        self.reference = api_pages.Reference()
        self.about = dict(
            re.findall(
                r"^\| (\d\d) .*\| ([^|]+) \|$",
                (ROOT / "README.md").read_text("utf-8"),
                re.MULTILINE,
            )
        )

    def write(self):
        """Write everything."""
        for lesson in self.lessons:
            self._lesson(lesson)
        self._put("course.md", self._road_map())
        for file in GUIDES:
            self._put(f"guides/{file.replace('.head', '')}", self._guide(file))
        self._put("guides/index.md", self._guides())
        self._put("api/index.md", api_pages.contents())
        for room in api_pages.ROOMS:
            self._put(f"api/{room}.md", self.reference.page(room))
        self._put("glossary.md", self._glossary())
        self._put("claims.md", evidence.claims_page())
        self._put("grader.md", evidence.grader_page())
        self._put("benchmarks.md", self._rewritten(evidence.benchmarks_page()))
        self._put("index.md", self._landing())
        shutil.copytree(DOCS / "pictures", self.folder / "guides" / "pictures")
        fonts = self.folder / "_own" / "fonts"
        fonts.mkdir(parents=True)
        maths.write_font(fonts)

    def _put(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    # Lessons

    def _lesson(self, lesson):
        extra = self.folder / "_extra"
        for language in languages(lesson):
            text = solve.text(lesson, language, solved=False)
            folder = "" if language == "en" else f"{language}/"
            self._put(f"_extra/notebooks/{folder}{lesson.name}.ipynb", text)
            notebook = self._ran(lesson, language)
            page = lesson_pages.LessonPage(
                lesson,
                nbformat.reads(text, as_version=4),
                notebook or nbformat.reads(solve.text(lesson, language), as_version=4),
                self.scale if notebook else None,
                sounds=extra / "sounds",
                language=language,
                others=addresses(lesson, language),
            )
            path = self.folder / "lessons" / folder / f"{lesson.name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(page.notebook(), path)

    def _ran(self, lesson, language):
        """The solved notebook with its outputs, if they are wanted or at hand."""
        ran = solve.solve if lesson.name in self.run else solve.kept
        return ran(lesson, self.scale, self.solved, language)

    def _road_map(self):
        parts = []
        for title in dict.fromkeys(lesson.part for lesson in self.lessons):
            rows = "".join(
                self._row(lesson) for lesson in self.lessons if lesson.part == title
            )
            parts.append(f"## {title}\n\n{rows}")
        minutes = sum(lesson.minutes for lesson in self.lessons)
        exercises = sum(len(lesson.names) for lesson in self.lessons)
        return (
            "# Road map\n\n"
            f"{len(self.lessons)} lessons, {exercises} exercises, about {minutes / 60:.0f} "
            "hours. Each lesson imports what earlier ones built, so the order is that of "
            "the list; whoever knows Transformers may begin with lesson 06. Here the "
            "lessons can be read, with their outputs and a solution of each exercise; "
            "they are meant to be worked through in Jupyter, where the checks are: "
            "`make start` in a checkout opens them.\n\n" + "\n\n".join(parts) + "\n"
        )

    def _row(self, lesson):
        about = self.about.get(lesson.name[:2], "").rstrip()
        about = about[:1].upper() + about[1:]
        other = "".join(
            f" · [{lesson_pages.LANGUAGES[code]}](lessons/{code}/{lesson.name}.ipynb)"
            for code in languages(lesson)
            if code != "en"
        )
        return (
            f"### [{lesson.name[:2]} {lesson.title}](lessons/{lesson.name}.ipynb)\n\n"
            f"{lesson.minutes} minutes, {lesson.points:g} points{other}. {about}.\n\n"
        )

    # Guides and words

    def _guide(self, file):
        text = self.reference.build.whole((DOCS / file).read_text("utf-8"))
        return self.reference.linked(self._rewritten(text))

    def _rewritten(self, text):
        """Links into the repository become its paths; those to names lead to the API."""
        places = reversed(self.reference.places.items())  # the first one counts
        names = {k.lower(): v for k, v in places if v}

        def link(found):
            text, target = found[1], found[2]
            if target.startswith("#"):
                full = names.get(target[1:])
                return f"{{py:obj}}`{text.strip('`')} <{full}>`" if full else text
            if target.startswith("../"):
                return f"`{target.removeprefix('../')}`"
            return found[0]

        return re.sub(r"(?<!!)\[([^\]]+)\]\(((?:#|\.\./)[^)\s]+)\)", link, text)

    def _guides(self):
        rows = "\n".join(
            f"- [{title}]({file.replace('.head', '')}): {ABOUT[file]}"
            for file, title in GUIDES.items()
        )
        return f"# Guides\n\nWhat an engineer or an instructor looks up.\n\n{rows}\n"

    def _glossary(self):
        titles = {lesson.name: lesson.title for lesson in self.lessons}
        entries = []
        for term in sorted(glossary.terms(), key=lambda t: plain(t.term)):
            where = (
                f"[Lesson {term.lesson[:2]}, {titles[term.lesson]}]"
                f"(lessons/{term.lesson}.ipynb)"
            )
            entries.append(f"{term.term}\n  {term.meaning} {where}")
        body = "\n\n".join(entries)
        return (
            "# Glossary\n\nThe words of the course, and the lesson that explains each.\n\n"
            f"`````{{glossary}}\n\n{body}\n`````\n"
        )

    # The first page

    def _landing(self):
        every = evidence.claims()
        later = evidence.grader_counts()
        trees = [
            _tree("The course", ["course", "glossary"]),
            *(
                _tree(
                    part, [f"lessons/{x.name}" for x in self.lessons if x.part == part]
                )
                for part in dict.fromkeys(lesson.part for lesson in self.lessons)
            ),
            _tree("Measured", ["claims", "grader", "benchmarks"]),
            _tree(
                "Guides",
                ["guides/index"]
                + [
                    "guides/" + f.replace(".head.md", "").replace(".md", "")
                    for f in GUIDES
                ],
            ),
            _tree("Reference", ["api/index"]),
        ]
        translated = [
            f"lessons/{code}/{x.name}"
            for x in self.lessons
            for code in languages(x)
            if code != "en"
        ]
        if translated:
            trees.append(_tree("中文", translated))
        lines = (HERE / "landing.md").read_text("utf-8")
        values = {
            "wrong": WRONG.rstrip(),
            "card": wrong_card(),
            "known": f"{later['known']:,}",
            "unseen": f"{later['unseen']:,}",
            "claims": str(len(every)),
            "lost": str(sum(c.verdict != "gain" for c in every)),
            "lessons": str(len(self.lessons)),
            "hours": f"{sum(x.minutes for x in self.lessons) / 60:.0f}",
            "get": where_to_get(anywhere.repository()),
            "trees": "\n\n".join(trees),
        }
        for name, value in values.items():
            lines = lines.replace(f"<<{name}>>", value)
        return lines


def plain(text):
    """Small letters without accents, as a list is sorted."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(x for x in letters if not unicodedata.combining(x))


def languages(lesson):
    """The languages that a lesson can be read in, English first.

    A translated one has its notebook in the folder of its language.
    """
    found = (ROOT / "notebooks").glob(f"*/{lesson.name}.ipynb")
    return ["en", *sorted(path.parent.name for path in found)]


def addresses(lesson, language):
    """Where the page of a lesson in each other language is, seen from the one in this."""
    up = "" if language == "en" else "../"
    return {
        code: f"{up}{'' if code == 'en' else code + '/'}{lesson.name}.html"
        for code in languages(lesson)
        if code != language
    }


def where_to_get(address):
    """How to get the repository; where it lies may not be known."""
    if address:
        return f"Clone the repository (`git clone {address}`)"
    return "Get a copy of the course's repository from whoever runs this site"


def wrong_card():
    """The grader's own card of the wrong answer of the first page, its cause unfolded."""
    exercise = lessons()[0].exercise("causal_mask")
    scope: dict = {"np": np}
    exec(WRONG, scope)
    outcome = grading.check(exercise, scope[exercise.name], seed=1)
    if outcome.passed or not outcome.diagnoses or outcome.picture is None:
        raise ValueError(f"the first page wants a mistake with a name: {outcome}")
    html = outcome._repr_html_().replace(' role="status"', "")
    html = html.replace("<details", "<details open", 1)
    return re.sub(r'<a href="#[^"]*">(.*?)</a>', r"\1", html).replace("\n", "&#10;")


def _tree(caption, pages):
    listed = "\n".join(pages)
    return (
        f"```{{toctree}}\n:hidden:\n:caption: {escape(caption, quote=False)}\n\n"
        f"{listed}\n```"
    )


if __name__ == "__main__":
    sys.exit(main())
