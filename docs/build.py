"""Write `docs/layers.md` from the docstrings of the library.

python docs/build.py            # write it
python docs/build.py --check    # fail when it is not up to date
"""

import importlib
import importlib.util
import inspect
import re
import sys
import textwrap
from pathlib import Path

import keras

HERE = Path(__file__).resolve().parent
PAGE = HERE / "layers.md"
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
        "TokenAndPositionEmbedding",
    ],
    "Blocks": ["TransformerEncoder", "TransformerDecoder", "FeedForward", "gelu_tanh"],
    "Vision": ["PatchEmbedding", "ClassToken", "TubeletEmbedding"],
    "Speech": ["LogMelSpectrogram", "ConvSubsampling", "SpecAugment"],
}
# What an instance is called; the first that fits counts.
KINDS = {
    "model": keras.Model,
    "layer": keras.layers.Layer,
    "loss": keras.losses.Loss,
    "schedule": keras.optimizers.schedules.LearningRateSchedule,
}
ROOMS = {"Masks": "masks", "Generation": "generation", "Models": "models"}


def groups():
    """Heading to module and public names; the rooms that do not exist are left out."""
    layers = importlib.import_module("tlkeras.layers")
    grouped = {name for names in LAYERS.values() for name in names}
    if grouped != set(layers.__all__):
        missing = sorted(grouped ^ set(layers.__all__))
        raise ValueError(f"LAYERS must hold each public name; it differs by {missing}.")
    found = {heading: (layers, names) for heading, names in LAYERS.items()}
    for heading, room in ROOMS.items():
        if importlib.util.find_spec(f"tlkeras.{room}"):
            module = importlib.import_module(f"tlkeras.{room}")
            found[heading] = (module, list(module.__all__))
    return found


def page():
    """The whole page as Markdown."""
    parts = [(HERE / "layers.head.md").read_text("utf-8").rstrip(), torch_weights()]
    found = groups()
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
    return "\n\n".join(line for line in lines if line)


def signatures(module, name, thing):
    """How it is made, and for a layer or sampler how it is called."""
    lines = [signature(f"{module.__name__}.{name}", thing)]
    if inspect.isclass(thing):
        is_layer = issubclass(thing, keras.layers.Layer)
        call = thing.call if is_layer else thing.__call__
        kind = next(
            (k for k, base in KINDS.items() if issubclass(thing, base)), "sampler"
        )
        lines.append(signature(kind, call))
    return "\n".join(lines)


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
    if "np." in code and "import numpy as np" not in code:
        lines.insert(0, ">>> import numpy as np")
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
    """Write the page, or say whether it is up to date."""
    text = page()
    if "--check" not in arguments:
        PAGE.write_text(text, "utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text("utf-8") == text:
        return 0
    print("docs/layers.md is not up to date: run python docs/build.py")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
