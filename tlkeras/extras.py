"""What to install when something that tlkeras can use is not there."""

import shlex
from importlib.util import find_spec
from pathlib import Path

EXTRAS = {
    "course": (
        "IPython",
        "babel",
        "jupyterlab",
        "jupytext",
        "keras_hub",
        "keras_nlp",
        "matplotlib",
        "nbformat",
        "rich",
        "safetensors",
        "scipy",
        "sklearn",
        "tokenizers",
        "traitlets",
        "typer",
    ),
    "cluster": ("distributed",),
    "tensorflow": ("tensorflow",),
    "scores": ("nltk", "rouge_score", "sacrebleu"),
    "audio": ("soundfile",),
    "gguf": ("gguf",),
    "tfds": ("tensorflow_datasets",),
    "parity": ("torch", "transformers"),
    "nbgrader": ("nbgrader",),
    # What lessons import; where one of these is missing, a notebook installs them.
    "lessons": (
        "babel",
        "ipywidgets",
        "keras_hub",
        "keras_nlp",
        "matplotlib",
        "rouge_score",
        "sacrebleu",
        "safetensors",
        "scipy",
        "sklearn",
        "tensorflow",
        "tokenizers",
        "tqdm",
    ),
}


def require(module):
    """Make sure of a module that is to run in another process.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def advice(module):
    """One line that says which extra brings a module; `None` if none does.

    Args:
        module: name of what could not be imported, as `ModuleNotFoundError.name`.
    """
    root = (module or "").split(".")[0]
    for extra, modules in EXTRAS.items():
        if root in modules:
            return f"{root} is not installed. Run: {command(extra)}"
    return None


def command(extra):
    """The command that installs an extra: of this checkout, or of the package.

    Args:
        extra: its name, as in EXTRAS.
    """
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return f"pip install -e {shlex.quote(f'{checkout}[{extra}]')}"
    return f"pip install 'tlkeras[{extra}]'"
