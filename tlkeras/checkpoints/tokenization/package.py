"""The package `tokenizers`, and what it says of files that are wrong."""

import contextlib

from tlkeras.extras import command


def package():
    """The package `tokenizers` of Hugging Face.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Tokenizers need the package tokenizers. Run: {command('course')}",
            name=error.name,
        ) from error
    return tokenizers


@contextlib.contextmanager
def guarded(what):
    """Whatever the package raises, a panic of its Rust included, as a `ValueError`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # a panic is no Exception
        raise ValueError(
            f"{what} does not work; the package tokenizers says: {error!s:.300}. Get "
            "the preset again, or its tokenizer.json."
        ) from error
