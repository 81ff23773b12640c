"""Transfer learning with Transformers in Keras: layers, lessons and an autograder.

`tlkeras.layers`, `boxes`, `masks`, `models` and `transfer` need Keras and NumPy alone.
The other rooms load on first use, and their heavier dependencies with them. To load a
model that Keras saved, `import tlkeras` is enough.
"""

import importlib

from tlkeras.registration import register_when_keras_is_there

__version__ = "0.1.0"

_ROOMS = (
    "boxes",
    "checkpoints",
    "course",
    "ctc",
    "datasets",
    "diffusion",
    "generation",
    "grading",
    "interpret",
    "layers",
    "masks",
    "models",
    "pipelines",
    "scores",
    "transfer",
    "visualization",
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"tlkeras.{name}")
    raise AttributeError(f"module 'tlkeras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)


register_when_keras_is_there()
