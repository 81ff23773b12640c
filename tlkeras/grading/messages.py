"""Every sentence that a learner reads from the grader, looked up by id.

Sentences live in TOML files apart from the code, one file a language: the grader's own
in `tlkeras/grading/messages.<language>.toml`, a lesson's beside the lesson; or in the
files that `translations` reads. The notebook chooses the language, else
`TLKERAS_LANGUAGE`; English stands in for what is not translated.
"""

import contextlib
import os
import re
import tomllib
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from tlkeras.grading import translations

FALLBACK = "en"
_chosen: dict[str, str] = {}  # by the notebook that runs in this process
_spoken: ContextVar[str | None] = ContextVar("_spoken", default=None)


def language() -> str:
    """The language in which sentences are said here and now."""
    chosen = _spoken.get() or _chosen.get("notebook")
    return chosen or os.environ.get("TLKERAS_LANGUAGE") or FALLBACK


def choose(language: str | None) -> None:
    """Say everything in a language from now on; `None`: as `TLKERAS_LANGUAGE` asks."""
    _chosen["notebook"] = language or ""


@contextlib.contextmanager
def speaking(language: str | None):
    """Say everything in a language for a while; `None` changes nothing."""
    token = _spoken.set(language or _spoken.get())
    try:
        yield
    finally:
        _spoken.reset(token)


class Messages:
    """A lesson's sentences, with the grader's own behind them.

    Args:
        folder: where `messages.<language>.toml` lies. Defaults to `None`: only the
            grader's own sentences.
    """

    def __init__(self, folder=None):
        self.folder = None if folder is None else Path(folder)

    def get(self, *keys: str) -> Any:
        """The entry at a path of keys, or `None`: a string, list or table."""
        for folder in (self.folder, Path(__file__).parent):
            for name in dict.fromkeys((language(), FALLBACK)):
                entry = _load(folder, name) if folder is not None else {}
                for key in keys:
                    entry = entry.get(key) if isinstance(entry, dict) else None
                if entry is not None:
                    return entry
        return None

    def say(self, *keys: str, **values: Any) -> str:
        """The sentence at a path of keys, with `{names}` filled in.

        Raises:
            KeyError: there is no such sentence.
        """
        sentence = self.get(*keys)
        if not isinstance(sentence, str):
            raise KeyError(
                f"no message {'.'.join(keys)} in {self.folder or 'the grader'}"
            )
        return sentence.strip().format(**values) if values else sentence.strip()


def minus(text: str) -> str:
    """The real minus sign where a hyphen stands before a number, not between two.

    >>> minus("-0.5 of 3-4, 1e-05, x-1")
    '−0.5 of 3-4, 1e−05, x-1'
    """
    return MINUS.sub("−", text)


MINUS = re.compile(r"(?<![\w.)\]=-])(?<!\w\[)-(?=\.?\d|inf\b)|(?<=\de)-(?=\d)")
say = Messages().say  # in the grader's own words


@cache
def _load(folder, language):
    path, english = (folder / f"messages.{x}.toml" for x in (language, FALLBACK))
    if path.is_file():
        return tomllib.loads(path.read_text("utf-8"))
    name, keys = translations.place(folder)
    known = translations.known(language, name) if english.is_file() else {}
    if not known:
        return {}
    return translations.walk(
        tomllib.loads(english.read_text("utf-8")),
        lambda context, text: known.get((context, text), text),
        keys,
    )
