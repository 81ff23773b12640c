"""Write the pages of `PAGES` in `docs/` from the docstrings of the library.

python docs/build.py            # write it
python docs/build.py --check    # fail when it is not up to date
"""

import enum
import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path

import keras

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parent / "benchmarks" / "_torch_weights.py"
SECTIONS = ("Args", "Call arguments", "Returns", "Yields", "Raises", "Warns")
SECTIONS += ("Example", "Reference")
LISTS = ("Args", "Call arguments", "Raises", "Warns")  # sections of one item a name
HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):[ \t]*", re.MULTILINE)

LAYERS = {
    "Attention": ["MultiHeadAttention", "scaled_dot_product_attention"],
    "Positions": [
        "SinePositionEncoding",
        "sine_position_encoding",
        "PositionEmbedding",
        "interpolate_positions",
        "RotaryEmbedding",
        "RelativePositionBias",
        "TokenAndPositionEmbedding",
    ],
    "Blocks": [
        "TransformerEncoder",
        "TransformerDecoder",
        "AdaptiveTransformerEncoder",
        "FeedForward",
        "gelu_tanh",
    ],
    "Vision": ["PatchEmbedding", "ClassToken", "Registers", "TubeletEmbedding"],
    "Speech": [
        "LogMelSpectrogram",
        "UtteranceNormalization",
        "ConvSubsampling",
        "SpecAugment",
    ],
}
# What an instance is called; the first that fits counts.
KINDS = {
    "model": keras.Model,
    "layer": keras.layers.Layer,
    "loss": keras.losses.Loss,
    "schedule": keras.optimizers.schedules.LearningRateSchedule,
}
# What an instance of another class is called, by its module or its own name.
CALLED = {
    "tlkeras.pipelines": "pipeline",
    "tlkeras.generation": "sampler",
    "Tokenizer": "tokenizer",
    "ImagePreprocessor": "preprocessor",
}
# Methods that a model or a sampler calls itself: a subclass may replace them.
HOOKS = {
    *("adjust", "advance", "before_layer", "bias", "candidates", "check_backbone"),
    *("condition", "draw", "embed", "noisy", "plan", "prepare", "read"),
    "read_out",
}
WIDTH = 80  # of signatures, which must fit into a box of the website
FUNCTIONS = "<!-- functions -->"  # in a head: here the functions for PyTorch's weights
# Page to its headings and the rooms below them; the layers come first, in groups.
PAGES = {
    "layers": {
        "Masks": "masks",
        "Boxes": "boxes",
        "Generation": "generation",
        "CTC": "ctc",
        "Diffusion": "diffusion",
        "Models": "models",
    },
    "transfer": {"Checkpoints": "checkpoints", "Transfer": "transfer"},
    "pipelines": {"Reference": "pipelines"},
    "interpret": {"Reference": "interpret"},
    "scale": {"Reference": "distribution"},
}


def groups(name):
    """Heading to module and public names of a page."""
    found = layer_groups() if name == "layers" else {}
    for heading, room in PAGES[name].items():
        module = importlib.import_module(f"tlkeras.{room}")
        found[heading] = (module, sorted(module.__all__, key=by_name))
    return found


def by_name(name):
    """Classes before functions, each in the order of the alphabet."""
    return name[0].islower(), name.lower()


def layer_groups():
    """The same for the layers alone, each in one group."""
    layers = importlib.import_module("tlkeras.layers")
    grouped = {name for names in LAYERS.values() for name in names}
    if grouped != set(layers.__all__):
        missing = sorted(grouped ^ set(layers.__all__))
        raise ValueError(f"LAYERS must hold each public name; it differs by {missing}.")
    return {heading: (layers, names) for heading, names in LAYERS.items()}


def page(name):
    """A whole page as Markdown."""
    parts = [whole((HERE / f"{name}.head.md").read_text("utf-8")).rstrip()]
    found = groups(name)
    parts.append("## Contents\n\n" + "\n".join(map(contents, found.items())))
    for heading, (module, names) in found.items():
        parts.append(f"## {heading}")
        parts += [entry(module, name) for name in names]
    made = "<!-- Made by docs/build.py from the docstrings; edit those. -->"
    return "\n\n".join([made, *parts]) + "\n"


def whole(head):
    """A head with the functions that it speaks of."""
    return head.replace(FUNCTIONS, torch_weights()) if FUNCTIONS in head else head


def torch_weights():
    """The functions that read PyTorch's weights, without the module's docstring."""
    code = WEIGHTS.read_text("utf-8").split('"""\n', 1)[1].strip()
    block = f"```python\n{code}\n```"
    return f"<details><summary>The functions</summary>\n\n{block}\n\n</details>"


def contents(group):
    """One line of the table of contents."""
    heading, (_, names) = group
    links = ", ".join(f"[{name}](#{name.lower()})" for name in names)
    return f"- [{heading}](#{heading.lower()}): {links}"


def entry(module, name):
    """One public name: idea, signature and the sections of its docstring."""
    thing = getattr(module, name)
    first, *sections = HEADING.split(inspect.getdoc(thing))
    idea, _, text = first.partition("\n")
    lines = [f"### {name}", f"**{idea.strip()}**"]
    lines.append(f"```python\n{signatures(module, name, thing)}\n```")
    lines.append(text.strip("\n").rstrip())
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        lines.append(section(heading, body, module, name))
    lines.append(methods(thing))
    return "\n\n".join(line for line in lines if line)


def signatures(module, name, thing):
    """How it is made, and for a layer or sampler how it is called."""
    full = f"{module.__name__}.{name}"
    if inspect.isclass(thing) and issubclass(thing, enum.Enum):
        return "\n".join(f"{full}.{each.name}  # {each.value!r}" for each in thing)
    lines = [signature(full, thing)]
    if inspect.isclass(thing):
        is_layer = issubclass(thing, keras.layers.Layer)
        call = thing.call if is_layer else getattr(thing, "__call__", None)  # noqa: B004
        if inspect.isfunction(call):
            lines.append(signature(instance(module, name, thing), call))
    return "\n".join(lines)


def instance(module, name, thing):
    """What an instance of a class is called."""
    kinds = (kind for kind, base in KINDS.items() if issubclass(thing, base))
    return next(kinds, None) or CALLED.get(name) or CALLED[module.__name__]


def methods(thing):
    """What a class offers: each public method of its own, with its arguments."""
    if not inspect.isclass(thing) or issubclass(thing, enum.Enum):
        return ""
    ours, others = {}, set(inspect.signature(thing).parameters)
    for base in reversed(thing.__mro__):
        if base.__module__.split(".")[0] == "tlkeras":
            ours |= vars(base)
        else:  # such as Keras's, which calls them itself
            others |= set(vars(base))
    names = [x for x in ours if not x.startswith("_") and x not in others | HOOKS]
    lines = [method(thing, name) for name in names if callable(getattr(thing, name))]
    return "\n".join(["Methods:\n", *filter(None, lines)]) if any(lines) else ""


def method(thing, name):
    """One method: its signature and idea, and below them what goes in and out."""
    function = getattr(thing, name)
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return ""
    first, *sections = HEADING.split(inspect.getdoc(function) or "")
    idea = " ".join(first.partition("\n\n")[0].split())
    owned = inspect.ismethod(function)  # a class method makes an instance
    called = f"{thing.__name__}.{name}" if owned else name
    lines = [f"- `{signature(called, function, width=None)}`: {idea}"] if idea else []
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        body = textwrap.dedent(body.strip("\n"))
        if heading == "Args":
            lines += [f"  {item(line)}" for line in items(body)]
        elif heading == "Returns":
            lines.append(f"  - {heading}: {' '.join(body.split())}")
    return "\n".join(lines)


def signature(name, function, width=WIDTH):
    """Name and arguments, one a line when they do not fit into one."""
    given = inspect.signature(function).parameters.values()
    arguments = [
        str(argument.replace(annotation=argument.empty, default=default(argument)))
        for argument in given
        if argument.name not in ("self", "kwargs") and argument.name[0] != "_"
    ]
    line = f"{name}({', '.join(arguments)})"
    if width is None or len(line) <= width:
        return line
    wrapped = textwrap.fill(", ".join(arguments), width - 4)
    return f"{name}(\n{textwrap.indent(wrapped, '    ')}\n)"


def default(argument):
    """The default of an argument, as it is read rather than as Python writes it."""
    value = argument.default
    if inspect.isfunction(value):
        return _As(value.__name__)
    return _As("…") if repr(value) == "<factory>" else value


class _As(str):
    """A text that is its own `repr`."""

    __repr__ = str.__str__


def section(heading, body, module, name):
    """One section of a docstring as Markdown."""
    if heading == "Example":
        note, _, code = body.partition(">>>")
        code = textwrap.dedent(f">>>{code}" if code else "").strip()
        code = "\n".join([*imports(module, name, code), code])
        title = f"Example: {note.strip()}" if note.strip() else "Example:"
        return f"{title}\n\n```pycon\n{code}\n```"
    body = textwrap.dedent(body.strip("\n"))
    if heading in LISTS:
        return f"{heading}:\n\n" + "\n".join(map(item, items(body)))
    text = " ".join(body.split())
    return f"{heading}: {text}"


def imports(module, name, code):
    """Lines for what an example takes for granted, as its module has imported it."""
    own = set(re.findall(r"\w+", str(re.findall(r">>> from .*? import (.*)", code))))
    used = [x for x in module.__all__ if x == name or re.search(rf"\b{x}\(", code)]
    lines = imported(module.__name__, [x for x in used if x not in own])
    scope = vars(sys.modules[getattr(module, name).__module__])
    place, given = scope["__name__"], {*own, *module.__all__}
    beside = [x for x, y in scope.items() if getattr(y, "__module__", "") == place]
    beside = [x for x in beside if x not in given and re.search(rf"\b{x}\(", code)]
    lines += imported(place, beside)
    models = importlib.import_module("tlkeras.models")
    model = [x for x in models.__all__ if x in scope and f"{x}(" in code]
    if module.__name__ != models.__name__:
        lines += imported(models.__name__, [x for x in model if x not in own])
    for word, line in {"np": "import numpy as np", "keras": "import keras"}.items():
        if re.search(rf"(?<![.\w]){word}\.", code) and line not in code:
            lines.insert(0, f">>> {line}")
    return lines


def imported(module, names):
    """The line that imports names, if there are any."""
    return [f">>> from {module} import {', '.join(names)}"] if names else []


def items(body):
    """Each argument with its description on one line."""
    joined = re.sub(r"\n +", " ", body).strip()
    return joined.splitlines()


def item(line):
    """`name: what it is` as an entry of a list."""
    names, _, text = line.partition(": ")
    names = ", ".join(f"`{name}`" for name in names.split(", "))
    return f"- {names}: {text}"


def main(arguments):
    """Write the pages, or say whether they are up to date."""
    old = 0
    for name in PAGES:
        path, text = HERE / f"{name}.md", page(name)
        if "--check" not in arguments:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            print(f"docs/{name}.md is not up to date: run python docs/build.py")
            old = 1
    return old


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
