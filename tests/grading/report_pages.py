"""Reports of a class to look at, as elements and words."""

from html.parser import HTMLParser
from types import SimpleNamespace

from tlkeras.course import lesson
from tlkeras.grading.report import summary

LESSON = lesson("01_attention")


LESSON02 = SimpleNamespace(name="02_other", title="Other", exercises=LESSON.exercises)


class Page(HTMLParser):
    """The elements of a page, its words, and whether every tag was closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "wbr"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(self.words)


def rows_of(results):
    return [summary.row(result, f"{n}.html") for n, result in enumerate(results)]


def pages(paths):
    return [paths["report"], *sorted(paths["feedback"].iterdir())]
