"""The text that the small BERT is pretrained on: docstrings, none of the task's.

python data/bert_docstrings/corpus.py FOLDER OUTPUT

FOLDER holds the packages of packages.txt (`pip install --no-deps --target FOLDER`);
others and the standard library are read where Python finds them. OUTPUT gets a sentence
a line, and an empty line after each docstring.

The task `tlkeras.datasets.docstrings` tells sentences of five packages apart. Not one
of its sentences is here, whatever its split or seed: no file is read whose path names
one of the five, and sentences are left out that nearly repeat any sentence of the five.
"""

import re
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from tlkeras.datasets import docstrings
from tlkeras.datasets.text._copies import normalized, without_copies

# Read where they are installed: what the course and its tests need anyway.
INSTALLED = """
tensorflow torch jax transformers huggingface_hub tokenizers IPython jupyter_server
nbconvert traitlets ipywidgets jedi pygments babel PIL fontTools rich tornado pexpect
mypy pip setuptools packaging virtualenv jinja2 bs4 absl psutil
"""
TARGET = re.compile(
    r"numpy|scipy|sklearn|scikit_learn|keras|matplotlib|(^|[/_])mpl([/_.]|$)", re.I
)
ENTRY = re.compile(r"\s*(:\w+(\s[\w*]+)?:|[*\w.\[\]'\"`]+\s*(\([^)]*\))?:|[-*+•])\s+")


def roots(folder):
    """The folders of all packages, the standard library last."""
    own = (path for path in sorted(Path(folder).iterdir()) if path.is_dir())
    yield from (path for path in own if path.suffix not in (".dist-info", ".data"))
    for name in INSTALLED.split():
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        yield Path(next(iter(spec.submodule_search_locations)))
    yield Path(sysconfig.get_paths()["stdlib"])


def files(root):
    """What is read of a package."""
    for path in docstrings.source_files(root):
        inside = path.relative_to(root.parent).as_posix()
        if not TARGET.search(inside) and "-packages/" not in inside:
            yield path


def blocks(docstring):
    """Paragraphs, and the descriptions of arguments as paragraphs of their own."""
    for paragraph in re.split(r"\n\s*\n", docstring):
        lines, before, opened = [], 0, False
        for line in paragraph.splitlines():
            indent = len(line) - len(line.lstrip())
            entry = ENTRY.match(line)
            if lines and (entry or indent < before or (indent > before and not opened)):
                yield "\n".join(lines)
                lines = []
            lines.append((line[entry.end() :] if entry else line).strip())
            before, opened = indent, bool(entry)
        yield "\n".join(lines)


def sentences(docstring):
    """Whole sentences of a docstring, descriptions of arguments included."""
    return [text for block in blocks(docstring) for text in docstrings.prose(block)]


def documents(folder):
    """A list of sentences for each docstring; no sentence comes twice."""
    seen = set()
    for root in roots(folder):
        for path in files(root):
            for docstring in docstrings.all_docstrings(path):
                new = []
                for text in sentences(docstring):
                    key = normalized(text)
                    if key not in seen:
                        seen.add(key)
                        new.append(text)
                if new:
                    yield new


def of_the_task():
    """Every sentence of the five packages, of which the task takes some."""
    found = set()
    for name in docstrings.CLASSES:
        root = next(iter(find_spec(name).submodule_search_locations))
        for path in docstrings.source_files(root):
            for docstring in docstrings.all_docstrings(path):
                found.update(sentences(docstring))
                for paragraph in re.split(r"\n\s*\n", docstring):
                    found.update(docstrings.prose(paragraph))
    return sorted(found)


def main(folder, output):
    """Write the corpus; say how large it is."""
    found = list(documents(folder))
    everything = [text for document in found for text in document]
    kept = {everything[i] for i in without_copies(everything, of_the_task())}
    found = [[text for text in document if text in kept] for document in found]
    found = [document for document in found if document]
    text = "\n\n".join("\n".join(document) for document in found)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(text + "\n", "utf-8")
    print(
        f"{len(found)} docstrings, {len(kept)} sentences, {len(text.split())} words; "
        f"left out as copies: {len(everything) - len(kept)}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
