"""The `.po` files of translations: bringing them up to date, and what is wrong in them.

They are what every gettext editor opens. A sentence whose English has changed keeps its
translation, marked fuzzy; it is said in English until a person has looked at it.
"""

import io
import re
from collections import Counter

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

import tlkeras
from tlkeras.course import editions
from tlkeras.files import write_atomically
from tlkeras.grading import translations
from tlkeras.grading.translations import path_of

AUTHORS = "The tlkeras authors"
ENGINE = sorted(set(translations.FILES.values()))


def names(every, language):
    """What has a file in a language: the engine, its reports, and some of the lessons.

    Args:
        every: the Lessons.
        language: as its folder is called.
    """
    found = [lesson.name for lesson in every if editions.exists(lesson, language)]
    return [*ENGINE, *found]


def sentences(name, every):
    """The Sentences that a file holds.

    Args:
        name: of a lesson, or an entry of ENGINE.
        every: the Lessons.
    """
    if name not in ENGINE:
        [lesson] = [lesson for lesson in every if lesson.name == name]
        return list(editions.of_lesson(lesson))
    rooms = [room for room, file in translations.FILES.items() if file == name]
    found = [
        sentence
        for room in rooms
        for sentence in editions.of_messages(translations.PACKAGE / room)
    ]
    if "course" in rooms:
        for name in ("title", "part"):
            texts = dict.fromkeys(getattr(lesson, name) for lesson in every)
            found += [editions.Sentence(name, x, "syllabus.toml") for x in texts]
    return found


def update(language, name, every, check=False):
    """Bring a file up to date, or begin it; whether it was not.

    Args:
        language: as its folder is called.
        name: of a lesson, or an entry of ENGINE.
        every: the Lessons.
        check: change nothing. Defaults to `False`.
    """
    path = path_of(language, name)
    template = Catalog()
    for each in sentences(name, every):
        template.add(each.text, context=each.context, auto_comments=[each.place])
    catalog = _read(path, language)
    before = _state(catalog)
    catalog.update(template, update_creation_date=False)
    catalog.obsolete.clear()  # version control remembers
    if path.is_file() and _state(catalog) == before:
        return False
    if not check:
        content = io.BytesIO()
        write_po(content, catalog, width=88, no_location=True, include_previous=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content.getvalue().decode())
    return True


def problems(language, name, every):
    """What is missing, stale or damaged in a file, in words."""
    catalog = _read(path_of(language, name), language)
    for each in dict.fromkeys(sentences(name, every)):
        entry = catalog.get(each.text, each.context)
        where = f"{each.context}: {each.text[:60]!r}"
        if entry is None or not entry.string:
            yield f"{where} is not translated"
        elif entry.fuzzy:
            yield f"{where} has changed in English: look at its translation"
        else:
            for lost in differences(each.text, entry.string):
                yield f"{where}: {lost}"


# What a translation has to hold as often as the English does.
KEPT = {
    "code": r"`[^`\n]+`",
    "formula": r"\$\$?[^$]+\$\$?",
    "address": r"\]\(([^)\s]+)\)",
    "field": r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}",
    "heading": r"^#+(?= )",
    "item": r"^ *(?:[-*+]|\d+\.)(?= )",
    "row": r"^\|",
    "column": r"\|",
    "fence": r"^```",
    "mark of bold": r"\*\*",
}


def differences(english, said):
    """What stands in one of two texts and not in the other: code, formulas, fields."""
    if english.startswith("```"):  # a drawing in letters
        return
    for what, pattern in KEPT.items():
        texts = [english, said]
        if what == "field":
            texts = [re.sub(KEPT["formula"], "", text) for text in texts]
        if what == "column":
            texts = [re.sub(f"{KEPT['code']}|{KEPT['formula']}", "", t) for t in texts]
        before, after = (Counter(re.findall(pattern, t, re.M)) for t in texts)
        if before != after:
            lost, new = list((before - after).elements()), list(after - before)
            yield f"{what} differs: {lost} was, {new} is"


def _read(path, language):
    if not path.is_file():
        return Catalog(
            locale=language,
            header_comment="# Kept up to date by `tlkeras gettext`.",
            project="tlkeras",
            version=tlkeras.__version__,
            last_translator=AUTHORS,
            language_team=AUTHORS,
            fuzzy=False,
        )
    with open(path, "rb") as file:
        return read_po(file, locale=language)


def _state(catalog):
    return [
        (entry.context, entry.id, entry.string, entry.fuzzy, tuple(entry.auto_comments))
        for entry in catalog
        if entry.id
    ]
