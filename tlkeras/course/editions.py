"""A lesson in another language: what is translated of it, and where it goes.

Of text that is every block; of code what people read when it runs: what `print` prints,
questions, choices and results of predictions, labels of progress. The rest of the code
is the same in every language.
"""

import ast
import os
import re
import tomllib
from dataclasses import dataclass

from tlkeras.course import lesson_text
from tlkeras.course.syllabus import CourseError
from tlkeras.grading import messages, translations
from tlkeras.grading.judge.links import anchored

FENCE = ("```", "~~~")
ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s|#|\|")  # what begins a line of its own
FIELD = re.compile(r"(\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})")
WORDS = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True)
class Sentence:
    """Something to translate.

    Args:
        context: where it stands, by its role; a lesson may say the same twice.
        text: in English.
        place: for translators: the heading or file it stands under.
    """

    context: str
    text: str
    place: str = ""


def of_lesson(lesson):
    """All Sentences of a Lesson, in the order of its text."""
    heading = ""
    for cell in lesson_text.cells((lesson.folder / "lesson.py").read_text("utf-8")):
        if cell.is_code:
            found: list[tuple[str, str]] = []
            code(cell.source, lambda *entry, found=found: found.append(entry))
            yield from (Sentence(*entry, f"code under “{heading}”") for entry in found)
            continue
        lines = (line[2:] for line in cell.source.strip().splitlines())
        for block in _blocks("\n".join(lines)):
            if block.startswith("#"):
                heading = block.lstrip("# ")
            if _is_text(block):
                yield Sentence("text", _unwrapped(block), f"under “{heading}”")
    yield from of_messages(lesson.folder)
    path = lesson.folder.parent / "glossary.en.toml"
    entries = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name, entry in entries.items():
        if entry["lesson"] == lesson.name:
            for key, text in ({"bold": entry["term"]} | entry).items():
                if key != "lesson":
                    yield Sentence(f"glossary.{name}.{key}", text, path.name)


def of_messages(folder):
    """The Sentences of a folder's `messages.en.toml`."""
    path = folder / "messages.en.toml"
    table = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    found = []

    def take(context, text):
        found.append(Sentence(context, text, path.name))
        return text

    translations.walk(table, take, translations.place(folder)[1])
    return found


def text(source, known):
    """The Markdown of a cell in another language, as far as it is known.

    Args:
        source: in English.
        known: from context and English to what is said instead.
    """
    found = []
    for block in _blocks(source):
        said = known.get(("text", _unwrapped(block)), block)
        if block.startswith("##") and said != block:
            said = anchored(said, block.lstrip("# "))
        found.append(said)
    return "\n\n".join(found)


def code(source, say, language=None):
    """A cell of code with what people read of it in other words.

    Args:
        source: Python; of a cell with magics only `lesson(…)` changes.
        say: from a context and a text to another text, or `None`. In a text `{…}`
            stands for what an f-string fills in.
        language: for `lesson(…)` to know. Defaults to `None`: as it is.

    Raises:
        ValueError: what is said fills in something that the English does not.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        tree = ast.Module([], [])
    changes = []
    for context, node in _spoken(tree):
        said = say(context, _template(node))
        if said is not None:
            changes.append((node, _literal(said, isinstance(node, ast.JoinedStr))))
    changed = source.encode().split(b"\n")
    for node, new in sorted(changes, key=lambda x: _start(x[0]), reverse=True):
        first, last = node.lineno - 1, node.end_lineno - 1
        end = changed[last][node.end_col_offset :]
        new = changed[first][: node.col_offset] + new.encode() + end
        changed[first : last + 1] = [new]
    whole = b"\n".join(changed).decode()
    if language is not None:
        opened = rf'\1, language="{language}")'
        whole = re.sub(r'(\blesson\("\w+")\)', opened, whole)
    return whole


def translated(cells, lesson, language):
    """Cells of a lesson's notebook, each in another language as far as it is known.

    Args:
        cells: nbformat's; changed in place when they are asked for.
        lesson: name of the lesson.
        language: `None` for English.
    """
    known = translations.known(language, lesson) if language else {}

    def say(context, text):
        return known.get((context, text))

    for cell in cells:
        if language and cell.cell_type == "markdown":
            cell.source = text(cell.source, known)
        elif language and cell.cell_type == "code":
            cell.source = code(cell.source, say, language)
        yield cell


def given(source, lesson, language):
    """A cell of a lesson's code as its notebook in a language holds it."""
    if language not in translations.languages():
        return source
    known = translations.known(language, lesson)
    return code(source, lambda *key: known.get(key), language)


def exists(lesson, language) -> bool:
    """Whether a Lesson can be had in a language, as far as that is written."""
    return translations.path_of(language, lesson.name).is_file()


def whole(every, language):
    """Those of some Lessons that a language claims to have translated."""
    named = translations.languages()[language]["lessons"]
    return [lesson for lesson in every if lesson.name in named]


def known_languages(language=None):
    """The languages that there are, or the one that is asked for.

    Raises:
        CourseError: it is none of them.
    """
    names = list(translations.languages())
    if language is not None and language not in names:
        raise CourseError(
            f"There is no language {language!r}, only {', '.join(names) or 'English'}: "
            f"begin one in {translations.folder() / language / 'language.toml'}."
        )
    return [language] if language else names


def wanted(every, language, everything):
    """The Lessons to build in each language; `None` stands for English.

    Args:
        every: the Lessons.
        language: the only one. Defaults to `None`: English, and the others as well if
            `everything` is so; then of each language what it claims to be whole.
        everything: whether notebooks go where a checkout keeps them.
    """
    if language is None:
        found = {None: every}
        names = known_languages() if everything else []
    else:
        found, names = {}, known_languages(language)
    for name in names:
        built = whole(every, name)
        if not everything:  # elsewhere also what is begun
            built = [lesson for lesson in every if exists(lesson, name)]
        if built:
            found[name] = built
    return found


def title(lesson):
    """The title of a Lesson in the language that is spoken."""
    known = translations.known(messages.language(), "engine")
    return known.get(("title", lesson.title), lesson.title)


def english(lesson, context, text):
    """What a text of a lesson's code is in English, if it is a translation of any.

    Args:
        lesson: name of the lesson.
        context: where the text stands.
        text: in the language that is spoken, or in English.
    """
    known = translations.known(messages.language(), lesson)
    found = (key[1] for key, said in known.items() if (key[0], said) == (context, text))
    return next(found, text)


def spoken(lesson, context, text):
    """A text of a lesson's code in the language that is spoken, if that is known."""
    known = translations.known(messages.language(), lesson)
    return known.get((context, text), text)


def language_of(document):
    """The language of a Notebook, by its metadata or its code; `None`: English."""
    source = "\n".join(cell.source for cell in document.code)
    asked = re.findall(r"\blesson\([^()]*\blanguage=[\"'](\w+)[\"']", source)
    for language in (document.metadata.get("language"), *asked):
        if isinstance(language, str) and language in translations.languages():
            return language
    return None


def spoken_by(document):
    """In which language to speak of a Notebook: its own, unless one is asked for."""
    asked = os.environ.get("TLKERAS_LANGUAGE")
    return None if asked else language_of(document)


def _blocks(source):
    """The blocks of a cell's Markdown: what blank lines separate, fences whole."""
    found: list[list[str]] = [[]]
    fenced = False
    for line in source.splitlines():
        fenced ^= line.lstrip().startswith(FENCE)
        if line.strip() or fenced:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def _is_text(block):
    """Whether there is anything to translate in a block."""
    equation = block.startswith("$$") and block.endswith("$$")
    return bool(WORDS.search(block)) and not equation


def _unwrapped(block):
    """A block whose paragraphs are one line each, so that no line end matters."""
    if block.startswith((*FENCE, "$$")):
        return block
    lines: list[str] = []
    for line in block.splitlines():
        if lines and not ITEM.match(line):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.rstrip())
    return "\n".join(lines)


def _spoken(tree):
    """Context and node of each text in code that people read when it runs."""
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        match call:
            case ast.Call(ast.Name("print"), args):
                texts, context = args, "print"
            case ast.Call(
                ast.Attribute(ast.Name("this"), "predict" | "reveal"),
                [ast.Constant(str(name)), *args],
            ):
                named = [keyword.value for keyword in call.keywords]
                lists = [x.elts for x in (*args, *named) if isinstance(x, ast.List)]
                texts = [*args, *named, *(each for one in lists for each in one)]
                context = f"predict.{name}"
            case ast.Call(ast.Attribute(ast.Name("this"), "progress"), [_, *args]):
                texts, context = args, "progress"
            case _:
                continue
        for node in texts:
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if not (is_text or isinstance(node, ast.JoinedStr)):
                continue
            if WORDS.search(FIELD.sub("", _template(node))):
                yield context, node


def _template(node):
    """The text of a string, or of an f-string with what it fills in."""
    if isinstance(node, ast.Constant):
        return node.value
    pieces = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            pieces.append(str(part.value))
            continue
        form = f"!{chr(part.conversion)}" if part.conversion != -1 else ""
        form += f":{_template(part.format_spec)}" if part.format_spec else ""
        pieces.append(f"{{{ast.unparse(part.value)}{form}}}")
    return "".join(pieces)


def _literal(said, filled):
    """Python's text for a string, or an f-string."""
    pieces = FIELD.split(said) if filled else [said]
    for place in range(0, len(pieces), 2):
        quoted = pieces[place].replace("\\", r"\\").replace('"', r"\"")
        pieces[place] = quoted.replace("\n", r"\n")
    new = f'{"f" if filled else ""}"{"".join(pieces)}"'
    try:
        [statement] = ast.parse(new).body
        right = isinstance(statement, ast.Expr) and _template(statement.value) == said
    except SyntaxError:
        right = False
    if not right:
        raise ValueError(f"{said!r} is no text of an f-string: write {{…}} as it was.")
    return new


def _start(node):
    return node.lineno, node.col_offset
