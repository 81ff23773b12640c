"""What is promised of the phrases: exact, disjoint, and held out by pairs alone."""

import collections

import pytest

from tlkeras.datasets import phrases
from tlkeras.datasets.text import characters, words

# Written by hand, from CLDR's charts.
EXAMPLES = {
    "date.full": ("Thursday, March 7, 2024", "2024年3月7日星期四"),
    "date.slashes": ("3/7/2024", "2024/3/7"),
    "time.period": ("3:04 in the afternoon", "下午3:04"),
    "time.12h": ("12:05 AM", "上午12:05"),
}


@pytest.fixture(scope="module")
def data():
    return phrases.load_data(train=6000, test=400, seed=0)


def test_some_phrases_as_cldr_has_them():
    assert tuple(phrases.write_date("full", 2024, 3, 7)) == EXAMPLES["date.full"]
    assert tuple(phrases.write_date("slashes", 2024, 3, 7)) == EXAMPLES["date.slashes"]
    assert tuple(phrases.write_time("period", 15, 4, 0)) == EXAMPLES["time.period"]
    assert tuple(phrases.write_time("12h", 0, 5, 0)) == EXAMPLES["time.12h"]


def test_the_same_seed_gives_the_same(data):
    assert phrases.load_data(train=50, test=20)[0] == data[0][:50]
    assert phrases.load_data(train=50, test=20, seed=1)[0] != data[0][:50]


def test_one_english_phrase_has_one_translation(data):
    translations = collections.defaultdict(set)
    for part in data:
        for phrase in part:
            translations[phrase.english].add(phrase.chinese)
    assert max(map(len, translations.values())) == 1


def test_no_test_phrase_was_trained_on(data):
    train, seen, held_out = ({phrase.english for phrase in part} for part in data)
    assert not train & (seen | held_out)
    assert (len(seen), len(held_out)) == (400, 400)  # no two alike


def test_values_are_disjoint_in_every_format(data):
    """A date's Chinese form `年月日` and a number's digits say which value it is."""

    def dates(part):
        chosen = [p.chinese for p in part if p.format.startswith("date.")]
        return {text.split("日")[0] for text in chosen if "年" in text}

    def numbers(part):
        families = ("measure", "relative")
        chosen = [p for p in part if phrases.family(p.format) in families]
        return {"".join(c for c in p.english if c in "0123456789.") for p in chosen}

    train, seen, held_out = data
    assert len(dates(seen)) > 20
    assert not dates(train) & dates(seen)
    assert len(numbers(seen)) > 50
    assert not numbers(train) & (numbers(seen) | numbers(held_out))


def test_held_out_formats_are_pairs_of_choices_that_are_trained(data):
    train, seen, held_out = ({phrase.format for phrase in part} for part in data)
    assert train == seen
    assert not train & held_out
    assert train | held_out == {one.name for one in phrases.all_formats()}
    for name in held_out:
        family, left, right = name.split(".")
        assert any(other.startswith(f"{family}.{left}.") for other in train)
        assert any(
            other.startswith(f"{family}.") and other.endswith(f".{right}")
            for other in train
        )


def test_what_the_table_of_the_module_says(data):
    formats = phrases.all_formats()
    counts = {}
    for name in ("datetime", "amount", "measure", "relative"):
        all_of_it = [f for f in formats if phrases.family(f.name) == name]
        counts[name] = (sum(f.held_out for f in all_of_it), len(all_of_it))
    assert counts == {
        "datetime": (5, 20),
        "amount": (4, 16),
        "measure": (8, 24),
        "relative": (3, 12),
    }
    for name, (held_out, number) in counts.items():
        line = next(x for x in phrases.__doc__.splitlines() if f"`{name}`" in x)
        assert f"{held_out} of {number}" in line


def test_held_out_phrases_have_no_new_word(data):
    train, _, held_out = data
    for side, split in (("english", words), ("chinese", characters)):
        known = {token for p in train for token in split(getattr(p, side))}
        assert not {t for p in held_out for t in split(getattr(p, side))} - known


def test_no_narrow_spaces_and_no_names_that_babel_lacks(data):
    for part in data:
        for phrase in part:
            assert not set("\u202f\xa0\u2009") & set(phrase.english + phrase.chinese)
            assert not any(c.isascii() and c.islower() for c in phrase.chinese), phrase


def test_families_share_the_data(data):
    counts = collections.Counter(phrases.family(p.format) for p in data[0])
    assert len(counts) == 7
    assert max(counts.values()) - min(counts.values()) <= 1
