"""Dates, times, amounts, measures and number words, from English into nine languages.

The phrases of `tlkeras.datasets.phrases`, with another language beside the English:
the same values, formats and splits, written by Babel (BSD) from the Unicode Common
Locale Data Repository (CLDR, Unicode License). Two languages with the same seed have
the same English side, so that every phrase can be had in all of them.

| code | language   | `Tuesday, January 1, 1952`  | `in 455 years`     |
|------|------------|-----------------------------|--------------------|
| `da` | Danish     | tirsdag den 1. januar 1952  | om 455 år          |
| `sv` | Swedish    | tisdag 1 januari 1952       | om 455 år          |
| `nl` | Dutch      | dinsdag 1 januari 1952      | over 455 jaar      |
| `de` | German     | Dienstag, 1. Januar 1952    | in 455 Jahren      |
| `fr` | French     | mardi 1 janvier 1952        | dans 455 ans       |
| `es` | Spanish    | martes, 1 de enero de 1952  | dentro de 455 años |
| `it` | Italian    | martedì 1 gennaio 1952      | tra 455 anni       |
| `pt` | Portuguese | terça-feira, 1 de janeiro … | em 455 anos        |
| `zh` | Chinese    | 1952年1月1日星期二            | 455年后             |

What stands in a test (a date, a time of day, a number, a pair of choices) is in no
training phrase of *any* of the languages.

Reference:
    Unicode Technical Standard 35, *Unicode Locale Data Markup Language*, parts 3 and 4.
"""

from typing import NamedTuple

from tlkeras.datasets.text import phrases

LANGUAGES = {
    "da": "Danish",
    "sv": "Swedish",
    "nl": "Dutch",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "zh": "Chinese",
}


class Translation(NamedTuple):
    """One value, written twice."""

    format: str  # "datetime.long.12h", as in `phrases`
    language: str  # the code of the second one
    english: str
    translation: str


def load_data(
    language: str, train: int = 20_000, test: int = 1_000, seed: int = 0
) -> tuple[list[Translation], list[Translation], list[Translation]]:
    """Write phrases in English and in one other language.

    Args:
        language: one of `LANGUAGES`, such as `"da"`.
        train: how many to train with; repetitions are possible. Defaults to 20,000.
        test: how many in each of the two test sets, no two alike. Defaults to 1,000.
        seed: of the choice of values. Defaults to 0.

    Returns:
        Three lists of `Translation`: to train with; new values in formats that are in
        training; new values in formats that are held out. Fewer training phrases are
        the first ones of more.

    Raises:
        ValueError: `language` is not one of `LANGUAGES`.

    Example:

    >>> load_data("da", train=2, test=1)[0][0].translation
    'lørdag den 31. januar 1953'
    """
    if language not in LANGUAGES:
        raise ValueError(
            f"language must be one of {', '.join(LANGUAGES)}; given {language!r}."
        )
    first, second, third = phrases.draw_splits(train, test, seed, ("en", language))
    return _named(first, language), _named(second, language), _named(third, language)


def _named(drawn, language):
    return [Translation(name, language, *texts) for name, *texts in drawn]
