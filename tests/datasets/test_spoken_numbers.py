"""Spoken numbers: the rules of three languages, and the recordings that ship."""

import csv
from collections import Counter

import numpy as np
import pytest
from num2words import num2words

from tlkeras import shipped
from tlkeras.datasets import spoken_numbers, synthetic_speech
from tlkeras.datasets.spoken_numbers import in_chinese, in_english, in_german

BY_HAND = {  # written by people, not by the rules
    0: ("zero", "null", "零"),
    1: ("one", "eins", "一"),
    10: ("ten", "zehn", "十"),
    11: ("eleven", "elf", "十一"),
    16: ("sixteen", "sechzehn", "十六"),
    17: ("seventeen", "siebzehn", "十七"),
    20: ("twenty", "zwanzig", "二十"),
    21: ("twenty one", "einundzwanzig", "二十一"),
    26: ("twenty six", "sechsundzwanzig", "二十六"),
    30: ("thirty", "dreißig", "三十"),
    66: ("sixty six", "sechsundsechzig", "六十六"),
    77: ("seventy seven", "siebenundsiebzig", "七十七"),
    99: ("ninety nine", "neunundneunzig", "九十九"),
    100: ("one hundred", "einhundert", "一百"),
    101: ("one hundred and one", "einhunderteins", "一百零一"),
    110: ("one hundred and ten", "einhundertzehn", "一百一十"),
    111: ("one hundred and eleven", "einhundertelf", "一百一十一"),
    120: ("one hundred and twenty", "einhundertzwanzig", "一百二十"),
    206: ("two hundred and six", "zweihundertsechs", "二百零六"),
    231: ("two hundred and thirty one", "zweihunderteinunddreißig", "二百三十一"),
    512: ("five hundred and twelve", "fünfhundertzwölf", "五百一十二"),
    700: ("seven hundred", "siebenhundert", "七百"),
    999: ("nine hundred and ninety nine", "neunhundertneunundneunzig", "九百九十九"),
}


@pytest.mark.parametrize("number", BY_HAND)
def test_numbers_written_by_hand(number):
    found = in_english(number), in_german(number), in_chinese(number)
    assert found == BY_HAND[number]


def german_value(text):
    """A number from its German words, by another rule: from right to left."""
    head, behind, rest = text.rpartition("hundert")
    units = "null ein zwei drei vier fünf sechs sieben acht neun".split()  # noqa: SIM905
    value = 100 * units.index(head) if behind else 0
    small = {"": 0, "null": 0, "eins": 1, "elf": 11, "zwölf": 12, "zehn": 10}
    small |= {name: n for n, name in enumerate(units) if n > 1}
    stems = {"sechs": "sech", "sieben": "sieb"}
    teens = {stems.get(name, name) + "zehn": 10 + n for n, name in enumerate(units)}
    if rest in small:
        return value + small[rest]
    if rest in teens:
        return value + teens[rest]
    unit, und, tens = rest.rpartition("und")
    names = {stems.get(name, name) + "zig": 10 * n for n, name in enumerate(units)}
    names |= {"zwanzig": 20, "dreißig": 30}
    return value + names[tens] + (units.index(unit) if und else 0)


def chinese_value(text):
    """A number from its Chinese words, read as they are: a digit times what follows."""
    digits = "零一二三四五六七八九"
    value, digit = 0, None
    for character in text:
        if character in digits:
            value += digit or 0
            digit = digits.index(character)
        else:
            value += (1 if digit is None else digit) * {"百": 100, "十": 10}[character]
            digit = None
    return value + (digit or 0)


def test_words_of_all_numbers_are_different_and_mean_their_number():
    for rule, value in ((in_german, german_value), (in_chinese, chinese_value)):
        texts = [rule(number) for number in range(1000)]
        assert len(set(texts)) == 1000
        assert [value(text) for text in texts] == list(range(1000))


def test_chinese_says_zero_where_tens_are_left_out_and_nowhere_else():
    for number in range(1, 1000):
        gap = number > 100 and 0 < number % 100 < 10
        assert in_chinese(number).count("零") == gap
        if number >= 100 and 10 <= number % 100 < 20:
            assert "百一十" in in_chinese(number)


def test_english_and_german_are_those_of_num2words():
    for number in range(1000):
        english = num2words(number, lang="en").replace("-", " ")
        assert in_english(number) == english
        assert in_german(number) == num2words(number, lang="de")


@pytest.mark.parametrize("rule", [in_english, in_german, in_chinese])
@pytest.mark.parametrize("number", [-1, 1000, 2.0, True, "6"])
def test_other_numbers_are_refused(rule, number):
    with pytest.raises(ValueError, match="number must be"):
        rule(number)


def test_recordings_of_both_splits():
    train, test = (spoken_numbers.load_data(split) for split in ("train", "test"))
    assert len(train.german) == 800
    assert len(test.chinese) == 200
    voices = [{x.split("+")[1] for x in s.recordings.speakers} for s in (train, test)]
    assert voices[1] == set(synthetic_speech.TEST_VARIANTS.split())
    assert not voices[0] & voices[1]
    for split in (train, test):
        x = split.recordings
        assert x.waveforms.shape[1] == 3 * x.sample_rate
        assert x.padding_mask[:, 0].all()
        assert not x.padding_mask[:, -1].any()  # none is cut off
        loudest = np.abs(x.waveforms).max(axis=1)
        assert np.all((loudest > 0.85) & (loudest <= 1))
        assert x.texts.tolist() == [in_english(int(n)) for n in x.labels]
        assert split.german.tolist() == [in_german(int(n)) for n in x.labels]
    kinds = Counter(int(n) % 100 // 10 for n in train.recordings.labels)
    assert min(kinds.values()) > 30
    with pytest.raises(ValueError, match="split"):
        spoken_numbers.load_data("valid")


def test_what_ships_is_small_and_has_its_hashes():
    folder = shipped.checked("spoken_numbers")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5e6
    with open(folder / "index.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000
    assert {int(row["number"]) for row in rows} <= set(range(1000))
