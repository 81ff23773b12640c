"""Every public name on a page of its room, from its docstring, linked to others' pages.

What a docstring becomes in Markdown is told by `docs/build.py`, which also writes the
pages of `docs/`; here each name becomes an object that Sphinx can link to and find.
"""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Rooms in the order in which they are met, and what each is for.
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
    "scores": "Scores of texts, boxes and rankings",
    "distribution": "Several devices",
    "datasets": "Data sets",
    "visualization": "Figures",
    "course": "Lessons in a notebook",
    "grading": "Checks that name the mistake",
}
QUOTED = re.compile(r"(?<![`\w])`([A-Za-z_][\w.]*)(\(\))?`(?!`)")
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
    for name in module.__all__:
        thing = getattr(module, name)
        if not inspect.ismodule(thing):
            found[f"{module.__name__}.{name}"] = thing
            seen.append(thing)
            continue
        inner = [x for x in vars(thing) if not x.startswith("_")]
        for each in getattr(thing, "__all__", inner):
            part = getattr(thing, each)
            own = getattr(part, "__module__", "") == thing.__name__
            if own and callable(part) and inspect.getdoc(part) and part not in seen:
                found[f"{module.__name__}.{name}.{each}"] = part
    return found


class Reference:
    """The pages of all rooms."""

    def __init__(self):
        self.build = docs_build()
        self.members = {room: members(room) for room in ROOMS}
        every = [name for found in self.members.values() for name in found]
        self.places = {}  # short name to full name, where it is the only one
        for name in every:
            short = name.rpartition(".")[2]
            self.places[short] = None if short in self.places else name

    def page(self, room):
        """The page of a room as MyST."""
        module = importlib.import_module(f"tlkeras.{room}")
        idea = inspect.getdoc(module) or ""
        parts = [
            f"# tlkeras.{room}",
            f"*{ROOMS[room]}.*",
            self.linked(idea),
            f"```{{py:module}} tlkeras.{room}\n```",
        ]
        for heading, names in self._grouped(room).items():
            if heading:
                parts.append(f"## {heading}")
            level = "###" if heading else "##"
            parts += [self._entry(room, name, level) for name in names]
        return "\n\n".join(parts) + "\n"

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
            grouped.setdefault(inner, []).append(name)
        return {heading: names for heading, names in grouped.items() if names}

    def _entry(self, room, full, level):
        thing = self.members[room][full]
        owner, _, name = full.rpartition(".")
        inner = full.removeprefix(f"tlkeras.{room}.")  # the page has named the module
        if inspect.isclass(thing) and issubclass(thing, Exception):
            idea = self.linked(inspect.getdoc(thing))
            return f"{level} {name}\n\n```{{py:exception}} {inner}\n\n{idea}\n```"
        module = importlib.import_module(owner)
        text = self.build.entry(_Room(owner, module), name)
        _, body = text.split("\n", 1)  # without its heading
        body = re.sub(
            r"^\*\*(.*)\*\*$", r"\1", body.strip(), count=1, flags=re.MULTILINE
        )
        kind = "class" if inspect.isclass(thing) else "function"
        body = re.sub(
            r"^(Args|Call arguments|Raises|Methods|Returns|Reference|Example)"
            r"(:)",
            r"**\1**\2",
            body,
            flags=re.MULTILINE,
        )
        fence = "`" * 6
        return f"{level} {name}\n\n{fence}{{py:{kind}}} {inner}\n\n{self.linked(body)}\n{fence}"

    def linked(self, text):
        """Quoted names of ours, Keras and NumPy become links, outside of code blocks."""
        pieces = re.split(r"(^```.*?^```|^(?: {4}.*\n?)+)", text, flags=re.M | re.S)
        return "".join(
            piece if i % 2 else QUOTED.sub(self._link, piece)
            for i, piece in enumerate(pieces)
        )

    def _link(self, found):
        name, call = found[1], found[2] or ""
        if name.startswith(FOREIGN):
            full = re.sub(r"^np\.", "numpy.", name)
            return f"{{py:obj}}`{name}{call} <{full}>`"
        full = name if name.startswith("tlkeras.") else self.places.get(name)
        if full not in {n for names in self.members.values() for n in names}:
            return found[0]
        return f"{{py:obj}}`{name}{call} <{full}>`"


class _Room:
    """A module as `docs/build.py` looks at it: it need not have an `__all__`."""

    def __init__(self, name, module):
        self.__name__ = name
        self.__all__ = getattr(
            module, "__all__", [x for x in vars(module) if x[0] != "_"]
        )
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)


def contents():
    """The page that lists the rooms."""
    rows = "\n".join(
        f"| [tlkeras.{room}]({room}.md) | {idea} |" for room, idea in ROOMS.items()
    )
    tree = "\n".join(ROOMS)
    return (
        "# API reference\n\nEvery public name, from its docstring. In every mask True "
        "means keep; all calls use keywords where Keras and its functions disagree about "
        "the order of query, key and value.\n\n"
        f"| room | what it holds |\n|---|---|\n{rows}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )
