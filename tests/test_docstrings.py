"""What every public name says of itself, and whether its example runs.

The rule: a public name is in `__all__` of a room. In `layers`, `masks`, `ctc`,
`generation`, `models` and `interpret` its docstring has the sections of the house style
and names every argument, and each line that starts with `>>>` runs and prints what
stands below it, in the namespace of the module that defines the name. In `boxes`,
`transfer`, `checkpoints` and `pipelines` it names every argument (tests/test_docs.py
runs the examples). Elsewhere a docstring that starts with a sentence will do.
"""

import doctest
import importlib
import importlib.util
import inspect
import re
import sys

import keras
import pytest

STRICT = ("layers", "masks", "ctc", "generation", "models", "interpret")
NAMED = ("boxes", "transfer", "checkpoints", "pipelines")
PLAIN = ("visualization", "datasets", "grading", "course")
SECTIONS = ("Args", "Call arguments", "Returns", "Raises", "Example", "Reference")
HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):", re.MULTILINE)
# Conventions and plumbing, which no paper introduced.
NO_SOURCE = {"generate", "jit", "stream"} | {
    "at_layer",
    "attention_layers",
    "intermediates",
    "layer_paths",
}


def public(rooms):
    """Each public name as `room.name`, with what it stands for."""
    for room in rooms:
        if importlib.util.find_spec(f"tlkeras.{room}"):
            module = importlib.import_module(f"tlkeras.{room}")
            for name in module.__all__:
                yield f"{room}.{name}", getattr(module, name)


DOCUMENTED = dict(public(STRICT))
LAYERS = {
    name: x
    for name, x in DOCUMENTED.items()
    if inspect.isclass(x) and issubclass(x, keras.layers.Layer)
}
ARGUED = {**DOCUMENTED, **dict(public(NAMED))}
EVERYTHING = {**ARGUED, **dict(public(PLAIN))}
each = pytest.mark.parametrize("name", DOCUMENTED)
each_layer = pytest.mark.parametrize("name", LAYERS)


def sections(thing):
    """Heading to text; the part before the first heading is under the empty string."""
    first, *rest = HEADING.split(inspect.getdoc(thing))
    return {"": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def arguments(function):
    hidden = ("self", "_cls", "args", "kwargs")
    return [
        name for name in inspect.signature(function).parameters if name not in hidden
    ]


def named(section):
    """The names that the entries of a section are about."""
    body = inspect.cleandoc("\n" + re.sub(r"\n {8,}", " ", section.strip("\n")))
    heads = [line.split(": ")[0] for line in body.splitlines() if ": " in line]
    return {name.strip("* ") for head in heads for name in head.split(",")}


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_starts_with_a_sentence(name):
    first, _, rest = inspect.getdoc(EVERYTHING[name]).partition("\n")
    assert first[0].isupper() or first[0] == "`"
    assert first.endswith((".", "etc.", ":")) or (rest and not rest.startswith("\n"))


@pytest.mark.parametrize("name", ARGUED)
def test_it_names_every_argument(name):
    thing = ARGUED[name]
    function = thing.__init__ if inspect.isclass(thing) else thing
    if inspect.isclass(thing) and issubclass(thing, tuple):  # a NamedTuple
        function = thing.__new__
    wanted = set(arguments(function))
    assert wanted == named(sections(thing).get("Args", ""))


@each_layer
def test_a_layer_names_every_argument_of_a_call(name):
    assert named(sections(LAYERS[name])["Call arguments"]) == set(
        arguments(LAYERS[name].call)
    )


@each_layer
def test_a_layer_says_shapes_errors_and_masking(name):
    found = sections(LAYERS[name])
    assert set(found) == {"", *SECTIONS}
    shape = r"`\([^)`]*\b[A-Z][^)`]*\)`"
    assert re.search(shape, found["Call arguments"])
    assert re.search(shape, found["Returns"] + found["Call arguments"])
    assert "ValueError: " in found["Raises"]
    assert "Masking:" in found[""]


@each
def test_it_says_what_it_returns_and_where_it_comes_from(name):
    thing = DOCUMENTED[name]
    found = sections(thing)
    assert "Example" in found
    assert "Returns" in found
    if "Reference" in found:
        assert re.search(
            r"\(\d{4}\), arXiv:\d{4}\.\d{4,5}, .*section", found["Reference"]
        )
    else:
        assert name.split(".")[0] == "masks" or name.split(".")[1] in NO_SOURCE


@each
def test_a_function_says_what_it_raises(name):
    """Where its own code raises; what deeper functions raise is theirs to say."""
    thing = DOCUMENTED[name]
    if not inspect.isclass(thing) and "raise ValueError" in inspect.getsource(thing):
        assert "ValueError: " in sections(thing)["Raises"]


@each
def test_its_example_runs(name):
    thing = DOCUMENTED[name]
    scope = dict(vars(sys.modules[thing.__module__]))
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    test = parser.get_doctest(inspect.getdoc(thing), scope, name, None, None)
    assert test.examples
    printed = []
    runner.run(test, out=printed.append)
    assert runner.failures == 0, "".join(printed)


def test_a_wrong_example_is_noticed():
    text = ">>> 1 + 1\n3\n"
    test = doctest.DocTestParser().get_doctest(text, {}, "wrong", None, None)
    runner = doctest.DocTestRunner()
    runner.run(test, out=lambda line: None)
    assert runner.failures == 1
