"""The phrases in nine languages: as CLDR has them, and the same values in each."""

import pytest

from tlkeras.datasets import languages, phrases

# Written by hand, from CLDR's charts.
FULL_DATES = {
    "da": "torsdag den 4. juli 2024",
    "sv": "torsdag 4 juli 2024",
    "nl": "donderdag 4 juli 2024",
    "de": "Donnerstag, 4. Juli 2024",
    "fr": "jeudi 4 juillet 2024",
    "es": "jueves, 4 de julio de 2024",
    "it": "giovedì 4 luglio 2024",
    "pt": "quinta-feira, 4 de julho de 2024",
    "zh": "2024年7月4日星期四",
}


@pytest.fixture(scope="module")
def data():
    return {code: languages.load_data(code, 300, 150) for code in languages.LANGUAGES}


@pytest.mark.parametrize("code", languages.LANGUAGES)
def test_a_full_date_as_cldr_has_it(code):
    assert phrases.write_date("full", 2024, 7, 4, (code,)) == [FULL_DATES[code]]


def test_chinese_is_what_phrases_gives(data):
    for ours, theirs in zip(data["zh"], phrases.load_data(300, 150), strict=True):
        assert [(p.format, p.english, p.translation) for p in ours] == theirs


@pytest.mark.parametrize("code", languages.LANGUAGES)
def test_one_english_side_for_all_languages(data, code):
    for ours, danish in zip(data[code], data["da"], strict=True):
        assert {p.language for p in ours} == {code}
        assert [p.english for p in ours] == [p.english for p in danish]


@pytest.mark.parametrize("code", languages.LANGUAGES)
def test_no_name_that_babel_lacks(data, code):
    """Babel writes the English name of a unit that it does not find."""
    english = {"hour", "hours", "liters", "grams", "kilograms", "days", "thousand"}
    for part in data[code]:
        for phrase in part:
            assert not english & set(phrase.translation.split()), phrase
            assert not set("\u202f\xa0\u2009") & set(phrase.translation)


def test_fewer_phrases_are_the_first_of_more(data):
    assert languages.load_data("da", 40, 10)[0] == data["da"][0][:40]


def test_held_out_formats_are_in_no_training_phrase(data):
    for train, seen, held_out in data.values():
        assert {p.format for p in train} >= {p.format for p in seen}
        assert not {p.format for p in train} & {p.format for p in held_out}


def test_another_language_is_refused():
    with pytest.raises(ValueError, match=r"language must be one of da.*given 'xx'"):
        languages.load_data("xx")
