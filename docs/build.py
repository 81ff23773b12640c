"""Write the pages of `PAGES` in `docs/` from the docstrings of the library.

python docs/build.py            # write it
python docs/build.py --check    # fail when it is not up to date
"""

import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path

import keras

HERE = Path(__file__).resolve().parent
WEIGHTS = HERE.parent / "benchmarks" / "_torch_weights.py"
SECTIONS = ("Args", "Call arguments", "Returns", "Raises", "Example", "Reference")
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
# What an instance of another class is called.
CALLED = {"tlkeras.pipelines": "pipeline"}
# Classes whose methods Keras calls, not a reader.
PLAIN = (*KINDS.values(), keras.callbacks.Callback)
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
        found[heading] = (module, list(module.__all__))
    return found


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
    parts = [(HERE / f"{name}.head.md").read_text("utf-8").rstrip()]
    if name == "layers":
        parts.append(torch_weights())
    found = groups(name)
    parts.append("## Contents\n\n" + "\n".join(map(contents, found.items())))
    for heading, (module, names) in found.items():
        parts.append(f"## {heading}")
        parts += [entry(module, name) for name in names]
    made = "<!-- Made by docs/build.py from the docstrings; edit those. -->"
    return "\n\n".join([made, *parts]) + "\n"


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
    if module.__name__ in ("tlkeras.transfer", "tlkeras.pipelines"):
        lines.append(methods(thing))
    return "\n\n".join(line for line in lines if line)


def signatures(module, name, thing):
    """How it is made, and for a layer or sampler how it is called."""
    lines = [signature(f"{module.__name__}.{name}", thing)]
    if inspect.isclass(thing):
        is_layer = issubclass(thing, keras.layers.Layer)
        call = thing.call if is_layer else getattr(thing, "__call__", None)  # noqa: B004
        kind = next(
            (k for k, base in KINDS.items() if issubclass(thing, base)),
            CALLED.get(module.__name__, "sampler"),
        )
        if inspect.isfunction(call):
            lines.append(signature(kind, call))
    return "\n".join(lines)


def methods(thing):
    """What a plain class offers: each public method with its first sentence."""
    if not inspect.isclass(thing) or issubclass(thing, PLAIN):
        return ""
    own = {name: x for name, x in vars(thing).items() if not name.startswith("_")}
    lines = [
        f"- `{signature(name, x)}`: {inspect.getdoc(x).partition(chr(10))[0]}"
        for name, x in own.items()
        if inspect.isfunction(x) and inspect.getdoc(x)
    ]
    return "\n".join(["Methods:\n", *lines]) if lines else ""


def signature(name, function):
    """Name and arguments, one a line when they do not fit into one."""
    given = inspect.signature(function).parameters.values()
    arguments = [
        str(argument.replace(annotation=argument.empty))
        for argument in given
        if argument.name not in ("self", "kwargs")
    ]
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= 88:
        return line
    wrapped = textwrap.fill(", ".join(arguments), 84)
    return f"{name}(\n{textwrap.indent(wrapped, '    ')}\n)"


def section(heading, body, module, name):
    """One section of a docstring as Markdown."""
    if heading == "Example":
        note, _, code = body.partition(">>>")
        code = textwrap.dedent(f">>>{code}" if code else "").strip()
        code = f"{imports(module, name, code)}\n{code}"
        title = f"Example: {note.strip()}" if note.strip() else "Example:"
        return f"{title}\n\n```pycon\n{code}\n```"
    body = textwrap.dedent(body.strip("\n"))
    if heading in ("Args", "Call arguments", "Raises"):
        return f"{heading}:\n\n" + "\n".join(map(item, items(body)))
    text = " ".join(body.split())
    return f"{heading}: {text}"


def imports(module, name, code):
    """What the example takes for granted, because its module has imported it."""
    used = [x for x in module.__all__ if x == name or re.search(rf"\b{x}\(", code)]
    lines = [f">>> from {module.__name__} import {', '.join(used)}"]
    scope = vars(sys.modules[getattr(module, name).__module__])
    models = importlib.import_module("tlkeras.models")
    model = [x for x in models.__all__ if x in scope and f"{x}(" in code]
    if model and module is not models:
        lines.append(f">>> from tlkeras.models import {', '.join(model)}")
    for word, line in {"np": "import numpy as np", "keras": "import keras"}.items():
        if re.search(rf"(?<![.\w]){word}\.", code) and line not in code:
            lines.insert(0, f">>> {line}")
    return "\n".join(lines)


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
