"""What `import tlkeras` alone is enough for."""

import ast
import functools
import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

import tlkeras
from tlkeras.registration import REGISTERED

PACKAGE = Path(tlkeras.__file__).parent
ROOT = PACKAGE.parent
SELF = ("self", "cls")


def rooms():
    found = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return sorted({*found, "boxes", "masks"})


def run(code, *arguments):
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_every_room_is_an_attribute():
    assert set(rooms()) == set(tlkeras.__all__) - {"__version__"}
    code = f"import tlkeras\nfor x in {rooms()}: print(getattr(tlkeras, x).__name__)"
    assert run(code) == [f"tlkeras.{room}" for room in rooms()]


def test_one_version():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["hatch"]["version"]["path"] == "tlkeras/__init__.py"


def registered_in(path):
    """The names that a module registers with Keras under `tlkeras>`."""
    for node in ast.parse(path.read_text("utf-8")).body:
        marks = map(ast.unparse, getattr(node, "decorator_list", ()))
        if "keras.saving.register_keras_serializable(package='tlkeras')" in marks:
            yield node.name


def test_every_registered_name_has_a_stand_in():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        if names := tuple(sorted(registered_in(path))):
            parts = path.relative_to(PACKAGE).with_suffix("").parts
            found[".".join(parts)] = names
    assert len(found) > 20
    assert found == {name: tuple(sorted(x)) for name, x in REGISTERED.items()}


MAKE = """
import sys, keras
from tlkeras.layers import gelu_tanh
from tlkeras.models import Bert, BertMaskedLM
folder = sys.argv[1]
BertMaskedLM(Bert(9, 1, 2, 8, 12)).save(folder + "/model.keras")
dense = keras.layers.Dense(2, activation=gelu_tanh)
keras.Sequential([keras.Input((3,)), dense]).save(folder + "/function.keras")
"""
LOAD = """
for name in ("model", "function"):
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    model.save(sys.argv[1] + "/again.keras")
    again = keras.models.load_model(sys.argv[1] + "/again.keras")
    assert type(again) is type(model)
    print(type(model).__name__)
    outputs = model(keras.ops.ones((2, 3))) if name == "function" else None
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    run(MAKE, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import sys, tlkeras, keras",
        "import sys, keras, tlkeras",
        "import sys, tlkeras.layers, keras",
        "import sys, tlkeras, importlib.util\n"
        "importlib.util.find_spec('keras')\nimport keras",
    ],
    ids=["before", "after", "a room", "looked for first"],
)
def test_a_saved_model_loads(saved, imports):
    assert run(f"{imports}\n{LOAD}", saved) == ["BertMaskedLM", "Sequential"]


def exported():
    """Each name in `__all__` of a room, and what a module among these defines."""
    for room in rooms():
        for name in getattr(tlkeras, room).__all__:
            thing = getattr(getattr(tlkeras, room), name)
            if not inspect.ismodule(thing):
                yield f"{room}.{name}", thing
                continue
            for inner, own in vars(thing).items():
                here = getattr(own, "__module__", None) == thing.__name__
                if here and not inner.startswith("_"):
                    yield f"{room}.{name}.{inner}", own


def methods(kind):
    """The public methods and properties of a class that this package defines."""
    for base in kind.__mro__:
        if not base.__module__.startswith("tlkeras."):
            continue
        for name, thing in vars(base).items():
            if isinstance(thing, property):
                thing = thing.fget
            elif isinstance(thing, functools.cached_property):
                thing = thing.func
            thing = getattr(thing, "__func__", thing)  # of a class or static method
            named = inspect.isfunction(thing) and thing.__name__ != "<lambda>"
            if named and not name.startswith("_") and name != "call":
                yield name, thing


def functions():
    for name, thing in exported():
        if inspect.isclass(thing):
            yield from ((f"{name}.{inner}", x) for inner, x in methods(thing))
        elif inspect.isfunction(thing):
            yield name, thing


def unannotated(function):
    """The arguments without a type, and `return`; an annotation must mean something."""
    names = [x for x in inspect.signature(function).parameters if x not in SELF]
    return {*names, "return"} - set(get_type_hints(inspect.unwrap(function)))


def test_every_public_function_says_its_types():
    found = dict(functions())
    assert len(found) > 200
    rooms_found = {name.split(".")[0] for name in found}
    assert rooms_found == set(rooms())
    missing = {name: unannotated(function) for name, function in found.items()}
    assert {name: names for name, names in missing.items() if names} == {}


def test_a_missing_or_misspelt_type_is_noticed():
    def missing(x, y: int): ...

    def misspelt(x: "Tensr") -> None: ...  # noqa: F821

    assert unannotated(missing) == {"x", "return"}
    with pytest.raises(NameError, match="Tensr"):
        unannotated(misspelt)


@pytest.mark.parametrize(
    ("earlier", "name", "config"),
    [
        ("tlkeras.models.vit", "Registers", {"count": 2, "position": 1}),
        ("tlkeras.models.speech_encoder", "UtteranceNormalization", {"epsilon": 1e-3}),
    ],
)
def test_a_layer_that_moved_is_found_where_it_was(earlier, name, config):
    import importlib

    import keras

    layer = keras.saving.deserialize_keras_object(
        {
            "module": earlier,
            "class_name": name,
            "registered_name": f"tlkeras>{name}",
            "config": config,
        }
    )
    assert type(layer) is getattr(tlkeras.layers, name)
    assert getattr(importlib.import_module(earlier), name) is type(layer)
    assert config.items() <= layer.get_config().items()
