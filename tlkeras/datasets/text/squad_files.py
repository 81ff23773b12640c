"""Questions about a passage, in the JSON format of SQuAD.

Reference:
    Rajpurkar et al. (2016), arXiv:1606.05250; (2018), arXiv:1806.03822 (no answer).
"""

import json
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from tlkeras.datasets._fetch import DataError


class Answer(NamedTuple):
    """What somebody answered.

    Args:
        text: the words.
        start: the character of the passage where they begin; `None` if they do not
            stand in it, word for word.
    """

    text: str
    start: int | None


class Question(NamedTuple):
    """A question about a passage.

    Args:
        id: its name in the file.
        text: the question.
        passage: where the answer is to be found.
        answers: what people answered; none if the passage does not say it.
    """

    id: str
    text: str
    passage: str
    answers: tuple[Answer, ...]


def load(path: str | PathLike[str]) -> list[Question]:
    """The questions of a file, in its order.

    A start that is wrong by a few characters, as some are in published files, is put
    right: at the nearest place where the answer does stand.

    Args:
        path: a JSON file with `data`, lists of `paragraphs`, each a `context` and its
            `qas`; as SQuAD 1.1 and 2.0, XQuAD and CMRC 2018 have it.

    Returns:
        A list of `Question`.

    Raises:
        DataError: there is no such file, or it is not of this format; the message says
            where.
    """
    try:
        document = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
    questions = []
    for i, article in enumerate(_get(document, "data", list, path, "the file")):
        name = f"data[{i}]"
        for j, paragraph in enumerate(_get(article, "paragraphs", list, path, name)):
            name = f"data[{i}].paragraphs[{j}]"
            passage = _get(paragraph, "context", str, path, name)
            for k, entry in enumerate(_get(paragraph, "qas", list, path, name)):
                where = f"{name}.qas[{k}]"
                questions.append(_question(entry, passage, path, where))
    if len({question.id for question in questions}) < len(questions):
        raise DataError(f"{path}: each question must have an id of its own.")
    return questions


def _question(entry, passage, path, name):
    given = _get(entry, "answers", list, path, name)
    answers = [
        _answer(answer, passage, path, f"{name}.answers[{i}]")
        for i, answer in enumerate(given)
    ]
    return Question(
        id=str(_get(entry, "id", str | int, path, name)),
        text=_get(entry, "question", str, path, name),
        passage=passage,
        answers=() if entry.get("is_impossible") else tuple(answers),
    )


def _answer(entry, passage, path, name):
    text = _get(entry, "text", str, path, name)
    start = _get(entry, "answer_start", int, path, name)
    return Answer(text, _nearest(text, passage, start))


def _nearest(text, passage, start):
    """Where a text stands in a passage, as near to `start` as can be, or `None`."""
    if start >= 0 and passage.startswith(text, start):
        return start
    places, place = [], passage.find(text)
    while place >= 0 and text:
        places.append(place)
        place = passage.find(text, place + 1)
    return min(places, key=lambda place: abs(place - start), default=None)


def _get(holder: Any, key: str, kind: Any, path: Any, name: str) -> Any:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, kind):
        wanted = {list: "a list", str: "a text", int: "an integer"}.get(kind, "an id")
        raise DataError(
            f"{path}: {name} must have {key!r}, {wanted}; given {str(value)[:40]!r}. "
            "Is the file in SQuAD's format?"
        )
    return value
