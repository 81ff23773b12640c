"""Questions about the parameters of functions, from docstrings; no network needed.

A passage is what a docstring of an installed package says of some of its parameters, a
line each. There are three kinds of question:

- `which`: a parameter is described, and its name is asked for. The description is
  another docstring's, of a parameter of the same name, in other words;
- `default`: the default of a parameter, which stands in brackets, behind an equals sign
  or in a sentence, as whoever wrote it liked;
- `type`: what a parameter may be.

Some questions have no answer: what they describe is not in the passage, or it does not
say a default.

A split holds whole source files, so no docstring is in two of them, and a passage that
stands in several places is taken once. What comes out depends on the versions
installed: state them beside results.

Licence: that of the package; Matplotlib has its own, which is like Python's.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from tlkeras.datasets.text._copies import normalized
from tlkeras.datasets.text.docstrings import all_docstrings, source_files
from tlkeras.datasets.text.squad_files import Answer, Question

PACKAGES = ("numpy", "scipy", "sklearn")
KINDS = {"which": 0.9, "default": 0.9, "type": 0.3}  # how often each is asked
SHARES = (0.6, 0.1, 0.3)  # of the source files: training, validation, test
ENTRIES = 3  # parameters in a passage
WORDS = (4, 10)  # of a description
NONE = 0.15  # about this share of questions has no answer

SECTION = re.compile(
    r"^(?:Other )?Parameters\s*\n\s*-{3,}\n(.*?)(?=^\S[^\n]*\n-{3,}|\Z)", re.M | re.S
)
MARKS = re.compile(r":\w+(?::\w+)?:(?=`)|[`*$~\\]+")
HEAD = re.compile(r"^(\w+)\s*:\s*(\S.*)$")
VALUE = r"""('[^']*'|"[^"]*"|[-+]?[\d.]*\d(?:e[-+]?\d+)?|True|False|None)(?!\w)"""
STATED = re.compile(
    rf"\bdefaults?(?: value)?(?: is|=|:| to| of)?\s*{VALUE}"
    rf"|{VALUE},? (?:by default|\(?default\b|\(?the default\b)",
    re.I,
)
WORDINGS = {
    "which": ("Which parameter is this? {}", "Find the parameter: {}"),
    "default": ("What is the default of {}?", "By default, what is {}?"),
    "type": ("What type does {} have?", "What can {} be?"),
}


class Entry(NamedTuple):
    """What a docstring says of one parameter.

    Args:
        name: of the parameter.
        kind: what it may be, such as `int or None`.
        line: all that is said of it, beginning with its name.
        default: where its default stands in the line, first character and the one after
            the last; `None` if it is not said.
        description: the first sentence about it.
    """

    name: str
    kind: str
    line: str
    default: tuple[int, int] | None
    description: str


def entry(name: str, head: str, text: str) -> Entry | None:
    """One parameter of a docstring; `None` if its text is too short, long or strange.

    Args:
        name: of the parameter.
        head: what stands behind the colon.
        text: the paragraph below.
    """
    head, text = (" ".join(MARKS.sub("", x).split()) for x in (head, text))
    sentences = re.split(r"(?<=[a-z)'\"\d][.])\s+(?=[A-Z'\"])", text)
    first, rest = sentences[0], [s for s in sentences[1:] if STATED.search(s)][:1]
    line = f"{name} : {head}. " + " ".join([first, *rest])
    if not WORDS[0] <= len(first.split()) <= WORDS[1] or len(line) > 300:
        return None
    if not line.isascii() or not first.endswith(".") or not first[0].isupper():
        return None
    kind = re.split(r",? *(?:\boptional\b|\(?\bdefault)", head)[0].strip(" ,(")
    begin = len(name)
    found = list(STATED.finditer(line, begin))
    default = None
    if len(found) == 1:
        default = found[0].span(1 if found[0].group(1) else 2)
    elif "default" in line.lower():
        return None
    return Entry(name, kind, line, default, first) if kind else None


def entries(docstring: str) -> Iterator[Entry]:
    """The parameters of a docstring in numpydoc's form.

    Args:
        docstring: as `ast.get_docstring` gives it.

    Yields:
        An `Entry` each; what is said too little or too much of is left out.
    """
    found = SECTION.search(docstring)
    for block in re.split(r"\n(?=\S)", found.group(1)) if found else ():
        head, _, text = block.partition("\n")
        match = HEAD.match(head)
        if match:
            one = entry(
                match.group(1),
                match.group(2),
                re.split(r"\n\s*\n|\n\s*(?:[-*]|\.\.) ", text)[0],
            )
            if one is not None:
                yield one


def load_data(
    packages: Sequence[str] = PACKAGES, seed: int = 0
) -> tuple[list[Question], list[Question], list[Question]]:
    """Questions in three splits, in random order: one a parameter.

    Args:
        packages: some that are installed and write their docstrings in numpydoc's form.
            Defaults to `PACKAGES`.
        seed: of all that is drawn. Defaults to 0.

    Returns:
        To train on, to validate and to test with: lists of `squad_files.Question`. An
        id begins with the kind, one of `KINDS`, and the package: `"which/scipy/17"`.

    Raises:
        ValueError: `packages` is a text, or there is none.
        ModuleNotFoundError: a package is not installed.
    """
    if isinstance(packages, str) or not packages:
        raise ValueError(
            f'packages must be names, such as ("scipy",); given {packages!r}.'
        )
    rng = np.random.default_rng(seed)
    splits: list[list[Any]] = [[], [], []]
    seen: set[str] = set()
    for package in packages:
        files = _files(package)
        ends = np.round(np.cumsum(SHARES) * len(files)).astype(int)
        parts = np.split(rng.permutation(len(files)), ends[:-1])
        for split, part in zip(splits, parts, strict=True):
            for number in part:
                split += ((package, p) for p in _passages(files[number], seen))
    train, validation, test = (_asked(split, rng) for split in splits)
    return train, validation, test


def kind(question: Question) -> str:
    """The kind of a question, one of `KINDS`.

    Args:
        question: from `load_data`.
    """
    return question.id.partition("/")[0]


@functools.cache
def _files(package):
    """The source files of a package, each as the parameters of its docstrings."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    files = source_files(next(iter(spec.submodule_search_locations)))
    return [tuple(_of_file(path)) for path in files]


def _of_file(path):
    """The parameters of each docstring of a source file; most files have none."""
    if b"Parameters" not in path.read_bytes():
        return
    for docstring in all_docstrings(path):
        yield tuple(entries(docstring))


def _passages(file, seen):
    """Rows of neighbouring parameters of one docstring each, not seen before."""
    for found in file:
        for i in range(0, len(found) - ENTRIES + 1, ENTRIES):
            some = found[i : i + ENTRIES]
            key = normalized(" ".join(one.description for one in some))
            names = {one.name.lower() for one in some}
            if key not in seen and len(names) == len(some):
                seen.add(key)
                yield some


def _asked(passages, rng):
    """Questions about each parameter of each passage, in random order."""
    known: dict[str, list[str]] = {}
    for _, some in passages:
        for one in some:
            if len(one.name) > 2:
                known.setdefault(one.name.lower(), []).append(one.description)
    questions: list[Question] = []
    for package, some in passages:
        text = "\n".join(one.line for one in some)
        here = {one.name.lower() for one in some}
        others = {name: said for name, said in known.items() if name not in here}
        for one in some:
            for kind, often in KINDS.items():
                found = _about(kind, one, known, others, rng)
                if found is None or rng.random() > often:
                    continue
                subject, span = found
                wording = WORDINGS[kind][rng.integers(2)].format(subject)
                start = text.index(one.line)
                answers = () if span is None else (_answer(text, start, *span),)
                name = f"{kind}/{package}/{len(questions)}"
                questions.append(Question(name, wording, text, answers))
    return [questions[i] for i in rng.permutation(len(questions))]


def _answer(text, start, first, after):
    return Answer(text[start + first : start + after], start + first)


def _about(kind, one, known, others, rng):
    """What is asked about, and where in the line the answer is; `None` if nothing fits.

    Where the answer is `None`, too, there is none in the passage.
    """
    if kind == "type":
        place = one.line.index(one.kind, len(one.name))
        return one.name, (place, place + len(one.kind))
    if kind == "default":
        skipped = one.default is None and rng.random() > NONE
        return None if skipped else (one.name, one.default)
    none = rng.random() < NONE
    name = one.name.lower()
    if none:
        name = sorted(others)[rng.integers(len(others))] if others else ""
    said = [x for x in known.get(name, ()) if not _alike(x, one.description)]
    if not said:
        return None
    text = said[rng.integers(len(said))]
    text = re.sub(rf"(?i)\b{re.escape(name)}\b", "it", text)
    return text, None if none else (0, len(one.name))


def _alike(first, second):
    """Whether two descriptions are nearly the same words."""
    a, b = (set(normalized(text).split()) for text in (first, second))
    return len(a & b) >= 0.6 * len(a | b)
