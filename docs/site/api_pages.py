"""Every public name on a page of its module, from its docstring, linked to others' pages.

What a docstring becomes in Markdown is told by `docs/build.py`, which also writes the
pages of `docs/`; here each name becomes an object that Sphinx can link to and find.
"""

import enum
import importlib
import importlib.util
import inspect
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Modules in the order in which they are met, and what each is for.
ROOMS = {
    "layers": "The layers of Transformers",
    "masks": "Who may look at what",
    "models": "Whole models",
    "checkpoints": "Pretrained weights",
    "transfer": "Adapting a model, and measuring what that is worth",
    "pipelines": "Model and tokenizer together",
    "generation": "Writing, token by token",
    "interpret": "Looking inside",
    "diffusion": "Noise and pictures",
    "ctc": "Texts without alignment",
    "boxes": "Boxes in pictures",
    "spans": "Answers as parts of a passage",
    "scores": "Scores of texts, boxes and rankings",
    "distribution": "Several devices",
    "datasets": "Data sets",
    "visualization": "Figures",
    "course": "Lessons in a notebook",
    "grading": "Checks that name the mistake",
}
# What functions return or take, and no `__all__` holds: module to its names.
FURTHER = {
    "ctc": {"ctc.alignment": ["Alignment", "Span"]},
    "datasets": {
        "datasets.text.byte_pairs": ["learn_merges"],
        "datasets.text.ngrams": ["NGrams"],
    },
    "scores": {"scores.transcripts": ["Edit", "ErrorRate"]},
    "transfer": {
        "transfer.comparison": ["Estimate", "Result"],
        "transfer.leakage": ["Leak"],
        "transfer.report": ["Summary"],
    },
}
RESULTS = "What functions return"
QUOTED = re.compile(r"(?<![`\w])`([A-Za-z_][\w.]*)(\(\))?`(?!`)")
ITEM = re.compile(r"- (`[^`]*`, )*")  # of a list, up to the name it is about
FOREIGN = ("keras.", "numpy.", "np.")


def docs_build():
    """The module `docs/build.py`."""
    spec = importlib.util.spec_from_file_location(
        "docs_build", HERE.parent / "build.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def members(room):
    """Full name to thing: what a room makes public, with the functions of its modules."""
    module = importlib.import_module(f"tlkeras.{room}")
    found: dict = {}
    seen = []
    for name in public(module):
        thing = getattr(module, name)
        if not inspect.ismodule(thing):
            found[f"{module.__name__}.{name}"] = thing
            seen.append(thing)
            continue
        for each in public(thing):
            part = getattr(thing, each)
            if callable(part) and inspect.getdoc(part) and part not in seen:
                found[f"{module.__name__}.{name}.{each}"] = part
    for place, names in FURTHER.get(room, {}).items():
        further = importlib.import_module(f"tlkeras.{place}")
        found |= {f"tlkeras.{place}.{name}": getattr(further, name) for name in names}
    return found


def public(module):
    """The names of a module: its `__all__`, or else what is defined in it."""
    own = [
        name
        for name, thing in vars(module).items()
        if name[0] != "_" and getattr(thing, "__module__", "") == module.__name__
    ]
    return getattr(module, "__all__", own)


class Reference:
    """The pages of all rooms."""

    def __init__(self):
        self.build = docs_build()
        self.members = {room: members(room) for room in ROOMS}
        self.every = {n: x for found in self.members.values() for n, x in found.items()}
        self.arguments = {name for x in self.every.values() for name in arguments(x)}
        self.places = {}  # short name to full name, where it is the only one
        for name in self.every:
            short = name.rpartition(".")[2]
            self.places[short] = None if short in self.places else name

    def page(self, room):
        """The page of a room as MyST."""
        parts = [
            f"# tlkeras.{room}",
            f"*{ROOMS[room]}.*",
            self._idea(f"tlkeras.{room}"),
            f"```{{py:module}} tlkeras.{room}\n```",
        ]
        for heading, names in self._grouped(room).items():
            if heading:
                parts.append(f"## {heading}")
            if room == "datasets" and heading:
                parts.append(self._idea(f"tlkeras.{room}.{heading}"))
            level = "###" if heading else "##"
            parts += [self._entry(room, name, level) for name in names]
        return "\n\n".join(parts) + "\n"

    def _idea(self, name):
        """What a module says of itself."""
        text = inspect.getdoc(importlib.import_module(name)) or ""
        idea, *rest = re.split(r"^Reference:\s*", text, flags=re.MULTILINE)
        parts = [
            idea.rstrip(),
            *(f"**Reference**: {' '.join(x.split())}" for x in rest),
        ]
        return self.linked("\n\n".join(parts), name)

    def _grouped(self, room):
        """Heading to full names; the layers are in groups, modules are groups too."""
        if room == "layers":
            return {
                heading: [f"tlkeras.layers.{name}" for name in names]
                for heading, names in self.build.LAYERS.items()
            }
        grouped = {"": []}
        for name in self.members[room]:
            inner = name.removeprefix(f"tlkeras.{room}.").rpartition(".")[0]
            heading = RESULTS if inner and room != "datasets" else inner
            grouped.setdefault(heading, []).append(name)
        grouped[""].sort(key=lambda name: self.build.by_name(name.rpartition(".")[2]))
        return {heading: names for heading, names in grouped.items() if names}

    def _entry(self, room, full, level):
        thing = self.members[room][full]
        owner, _, name = full.rpartition(".")
        if inspect.isclass(thing) and issubclass(thing, Exception):
            idea = self.linked(inspect.getdoc(thing), owner)
            return f"{level} {name}\n\n```{{py:exception}} {name}\n\n{idea}\n```"
        module = importlib.import_module(owner)
        text = self.build.entry(_Room(owner, module), name)
        _, body = text.split("\n", 1)  # without its heading
        body = re.sub(
            r"^\*\*(.*)\*\*$", r"\1", body.strip(), count=1, flags=re.MULTILINE
        )
        kind = "class" if inspect.isclass(thing) else "function"
        made = name
        if not (inspect.isclass(thing) and issubclass(thing, enum.Enum)):
            # How it is made or called is the heading of the object, in one line.
            made = self.build.signature(full, thing)
            body = re.sub(
                rf"^```python\n{re.escape(made)}\n(```\n*)?",
                lambda found: "" if found[1] else "```python\n",
                body,
                count=1,
                flags=re.MULTILINE,
            )
            made = self.build.signature(name, thing, width=None)
        headings = "|".join([*self.build.SECTIONS, "Methods"])
        body = re.sub(rf"^({headings}):", r"**\1**:", body, flags=re.MULTILINE)
        body = self.linked(body, owner, arguments(thing))
        fence = "`" * 6
        head = f"{fence}{{py:{kind}}} {made}\n:module: {owner}"
        return f"{level} {name}\n\n{head}\n\n{body}\n{fence}"

    def linked(self, text, owner=None, arguments=()):
        """Quoted names of ours, Keras and NumPy become links, outside of code blocks.

        Args:
            text: Markdown.
            owner: the module that speaks, whose names may be written short.
            arguments: names that stand for arguments there. Defaults to none.
        """
        pieces = re.split(
            r"(^```.*?^```|^(?: {4}[^\n]*\n?)+)", text, flags=re.MULTILINE | re.DOTALL
        )

        def link(found):
            before = found.string[: found.start()].rpartition("\n")[2]
            name, call = found[1], found[2] or ""
            entry = owner and name.islower() and ITEM.fullmatch(before)
            if entry or name in arguments:
                return found[0]
            if name.startswith(FOREIGN):
                full = re.sub(r"^np\.", "numpy.", name)
            else:
                full = self._place(name, owner)
            return f"{{py:obj}}`{name}{call} <{full}>`" if full else found[0]

        return "".join(
            piece if i % 2 else QUOTED.sub(link, piece)
            for i, piece in enumerate(pieces)
        )

    def _place(self, name, owner):
        """The full name that a name stands for, or `None`.

        In docstrings a word in small letters is more often an argument than a function
        of another module, which needs the module's name: `boxes.area`.
        """
        for full in (name, f"tlkeras.{name}", f"{owner}.{name}"):
            if full in self.every:
                return full
        known = name not in self.arguments and ("_" in name or owner is None)
        if not ("." in name or name[0].isupper() or known):
            return None
        found = [full for full in self.every if full.endswith(f".{name}")]
        near = [full for full in found if owner and full.startswith(f"{owner}.")]
        return next((each[0] for each in (found, near) if len(each) == 1), None)


def arguments(thing):
    """The names of the arguments that make or call a thing."""
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return set()
    call = getattr(thing, "call", None) or getattr(thing, "__call__", None)  # noqa: B004
    functions = [thing, *filter(inspect.isfunction, [call])]
    return {name for each in functions for name in inspect.signature(each).parameters}


class _Room:
    """A module as `docs/build.py` looks at it: it need not have an `__all__`."""

    def __init__(self, name, module):
        self.__name__ = name
        self.__all__ = public(module)
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)


def contents():
    """The page that lists the modules."""
    rows = "\n".join(
        f"| [tlkeras.{room}]({room}.md) | {idea} |" for room, idea in ROOMS.items()
    )
    tree = "\n".join(ROOMS)
    return (
        "# API reference\n\nEvery public name, from its docstring. In every mask True "
        "means keep; all calls use keywords where Keras and its functions disagree about "
        "the order of query, key and value.\n\n"
        f"| module | what it holds |\n|---|---|\n{rows}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
