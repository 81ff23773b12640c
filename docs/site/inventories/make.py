"""Write the inventories of Keras and NumPy that the API pages link by.

python docs/site/inventories/make.py

Neither is fetched: names are those of the installed packages, and addresses follow the
scheme of the documentation. NumPy: `reference/generated/numpy.NAME.html#numpy.NAME`.
Keras's own site has no address that a name alone tells, so links lead to TensorFlow's
pages of the same objects: `tf/keras/layers/Dense`.
"""

import inspect
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
KERAS = (
    "activations",
    "callbacks",
    "config",
    "distribution",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "ops",
    "ops.image",
    "ops.linalg",
    "ops.nn",
    "ops.numpy",
    "optimizers",
    "optimizers.schedules",
    "random",
    "regularizers",
    "saving",
    "utils",
)
NUMPY = ("", "linalg", "random", "fft")


def write(path, project, version, entries):
    """An inventory in Sphinx's format 2.

    Args:
        path: of the file.
        project: its name.
        version: of the project.
        entries: tuples of name, role and address.
    """
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: {version}\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    lines = "".join(f"{name} py:{role} 1 {at} -\n" for name, role, at in entries)
    path.write_bytes(head.encode() + zlib.compress(lines.encode(), 9))


def keras_entries():
    """What `keras` makes public, with addresses below `tf/`."""
    import keras

    yield "keras.Model", "class", "keras/Model"
    yield "keras.Sequential", "class", "keras/Sequential"
    for room in KERAS:
        module = keras
        for part in room.split("."):
            module = getattr(module, part)
        place = f"keras.{room}"
        yield place, "module", place.replace(".", "/")
        for name, thing in sorted(vars(module).items()):
            if not name.startswith("_") and not inspect.ismodule(thing):
                role = "class" if inspect.isclass(thing) else "function"
                yield f"{place}.{name}", role, f"{place}.{name}".replace(".", "/")


def numpy_entries():
    """What `numpy` makes public."""
    import numpy

    for room in NUMPY:
        module = getattr(numpy, room) if room else numpy
        for name in sorted(getattr(module, "__all__", dir(module))):
            thing = getattr(module, name, None)
            if name.startswith("_") or not callable(thing):
                continue
            full = ".".join(filter(None, ["numpy", room, name]))
            role = "class" if inspect.isclass(thing) else "function"
            yield full, role, f"reference/generated/{full}.html#{full}"


if __name__ == "__main__":
    import keras
    import numpy

    for module, entries in ((keras, keras_entries()), (numpy, numpy_entries())):
        name = module.__name__
        write(HERE / f"{name}.inv", name, module.__version__, entries)
