"""Dates, times, amounts, measures and number words, in English and in Chinese.

Both sides are written by Babel (BSD) from the Unicode Common Locale Data Repository
(CLDR, Unicode License): what software shows its users, `en` and `zh`. The same value is
written twice, so every reference is exact, and there is no end of them.

A **format** is a way to write a value: `date.full` is `Thursday, March 7, 2024`, and
`2024年3月7日星期四`. Some formats are made of two choices, and some pairs of choices
are **held out**: they are in no training phrase, while each choice is in many.

| family     | a format is made of                                     | held out |
|------------|---------------------------------------------------------|----------|
| `date`     | one of 5 styles                                         | none     |
| `time`     | one of 4 styles                                         | none     |
| `datetime` | a style of date × a style of time                       | 5 of 20  |
| `amount`   | a currency × below or above 1,000; with symbol or name  | 4 of 16  |
| `measure`  | a unit × whole, decimal or above 1,000                  | 8 of 24  |
| `relative` | a unit of time × future or past                         | 3 of 12  |
| `words`    | thousand, million or billion: `12.3 million`, `1230万`   | none     |

**Values** are split too: a fifth of all dates, of all times of day and of all numbers
is for tests alone, in every format. A test's date and time are both from there.

(CLDR also has rules that spell numbers out, "twelve"; Babel does not carry them.)

Reference:
    Unicode Technical Standard 35, *Unicode Locale Data Markup Language*, parts 3 and 4.
"""

import datetime
import zlib
from typing import Any, NamedTuple

import numpy as np

LOCALES = ("en", "zh")
DATE_STYLES = ("full", "long", "medium", "weekday", "slashes")
TIME_STYLES = ("24h", "12h", "period", "seconds")
_SKELETONS = {
    "full": "full",
    "long": "long",
    "medium": "medium",
    "weekday": "yMMMEd",
    "slashes": "yMd",
    "24h": "Hm",
    "12h": "hm",
    "period": "Bhm",
    "seconds": "hms",
}
CURRENCIES = ("USD", "EUR", "CNY", "GBP", "JPY", "KRW", "CHF", "INR")
SIZES = ("small", "large")
NUMBERS = ("whole", "decimal", "thousands")
# CLDR lets a length that a locale lacks inherit from the short one; Babel does not.
# So this is the length in Chinese; in other languages it is the long one.
UNITS = {
    "kilometer": "short",
    "meter": "short",
    "mile": "short",
    "liter": "short",
    "hour": "short",
    "kilogram": "long",
    "gram": "long",
    "celsius": "long",
}
PERIODS = ("year", "month", "week", "day", "hour", "minute")
DIRECTIONS = ("future", "past")
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}

HELD_OUT = frozenset(
    [
        *zip(DATE_STYLES, (*TIME_STYLES, "24h"), strict=True),
        *((currency, "large") for currency in ("GBP", "JPY")),
        *((currency, "small") for currency in ("CHF", "KRW")),
        *((unit, NUMBERS[i % 3]) for i, unit in enumerate(UNITS)),
        *(("week", "past"), ("minute", "future"), ("year", "past")),
    ]
)


class Phrase(NamedTuple):
    """One value, written twice."""

    format: str  # its family, and what the format is made of: "datetime.long.12h"
    english: str
    chinese: str


class Format(NamedTuple):
    """A way to write values."""

    name: str
    write: Any  # a function (rng, test, locales) → a text in each of them
    held_out: bool


def load_data(
    train: int = 20_000, test: int = 1_000, seed: int = 0
) -> tuple[list[Phrase], list[Phrase], list[Phrase]]:
    """Write phrases.

    Args:
        train: how many to train with; repetitions are possible. Defaults to 20,000.
        test: how many in each of the two test sets, no two alike. Defaults to 1,000.
        seed: of the choice of values. Defaults to 0.

    Returns:
        Three lists of `Phrase`: to train with; new values in formats that are in
        training; new values in formats that are held out. Formats take turns within
        each family, and families share each list alike.
    """
    first, second, third = draw_splits(train, test, seed, LOCALES)
    return (
        [Phrase(*phrase) for phrase in first],
        [Phrase(*phrase) for phrase in second],
        [Phrase(*phrase) for phrase in third],
    )


def draw_splits(
    train: int, test: int, seed: int, locales: tuple[str, ...]
) -> list[list[tuple[str, ...]]]:
    """The three lists of `load_data`: a format's name, and a text in each locale."""
    formats = all_formats()
    seen = [f for f in formats if not f.held_out]
    unseen = [f for f in formats if f.held_out]
    rng = np.random.default_rng(seed)
    return [
        _draw(seen, train, rng, False, locales),
        _draw(seen, test, rng, True, locales),
        _draw(unseen, test, rng, True, locales),
    ]


def family(name: str) -> str:
    """`datetime` of `datetime.long.12h`."""
    return name.split(".")[0]


def is_for_test(*value: Any) -> bool:
    """Whether a date `(year, month, day)`, time `(hour, minute)` or number is."""
    return zlib.crc32(repr(value).encode()) % 5 == 0


def all_formats() -> list[Format]:
    """Every `Format`."""
    formats = [Format(f"date.{s}", _Date(s), False) for s in DATE_STYLES]
    formats += [Format(f"time.{s}", _Time(s), False) for s in TIME_STYLES]
    pairs = (
        ("datetime", DATE_STYLES, TIME_STYLES, _DateTime),
        ("amount", CURRENCIES, SIZES, _Amount),
        ("measure", UNITS, NUMBERS, _Measure),
        ("relative", PERIODS, DIRECTIONS, _Relative),
    )
    for name, lefts, rights, kind in pairs:
        for left in lefts:
            for right in rights:
                write, held_out = kind(left, right), (left, right) in HELD_OUT
                formats.append(Format(f"{name}.{left}.{right}", write, held_out))
    return formats + [Format(f"words.{s}", _Words(s), False) for s in SCALES]


def _draw(formats, count, rng, for_test, locales):
    families: dict[str, list[Format]] = {}
    for one in formats:
        families.setdefault(family(one.name), []).append(one)
    turns = list(families.values())
    found: set[str] = set()
    phrases: list[tuple[str, ...]] = []
    for turn in range(20 * count):  # a family may run out of new phrases
        if len(phrases) == count:
            break
        group = turns[turn % len(turns)]
        one = group[turn // len(turns) % len(group)]
        texts = [_plain(text) for text in one.write(rng, for_test, locales)]
        if not (for_test and texts[0] in found):
            found.add(texts[0])
            phrases.append((one.name, *texts))
    return phrases


def _plain(text):
    """CLDR's narrow and unbreakable spaces, as the ones on a keyboard."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def _value(rng, for_test, draw):
    """A value of the right side of the split."""
    while is_for_test(*(value := draw(rng))) != for_test:
        pass
    return value


def _date(rng, for_test):
    def draw(rng):
        day = datetime.date(1950, 1, 1) + datetime.timedelta(int(rng.integers(36524)))
        return day.year, day.month, day.day

    return _value(rng, for_test, draw)


def _time(rng, for_test):
    return _value(rng, for_test, lambda r: divmod(int(r.integers(24 * 60)), 60))


def _number(rng, for_test, low, high, decimals=0):
    """A decimal number, at least `low` and below `high`."""
    from decimal import Decimal

    def draw(rng):
        tenths = int(rng.integers(low * 10**decimals, high * 10**decimals))
        return (tenths / 10**decimals,)

    return Decimal(str(_value(rng, for_test, draw)[0]))


class _Date(NamedTuple):
    style: str

    def __call__(self, rng, for_test, locales):
        year, month, day = _date(rng, for_test)
        return write_date(self.style, year, month, day, locales)


class _Time(NamedTuple):
    style: str

    def __call__(self, rng, for_test, locales):
        hour, minute = _time(rng, for_test)
        second = int(rng.integers(60))
        return write_time(self.style, hour, minute, second, locales)


class _DateTime(NamedTuple):
    date_style: str
    time_style: str

    def __call__(self, rng, for_test, locales):
        from babel.dates import get_datetime_format

        date = _Date(self.date_style)(rng, for_test, locales)
        time = _Time(self.time_style)(rng, for_test, locales)
        glue = [str(get_datetime_format("medium", locale=code)) for code in locales]
        return [g.format(t, d) for g, t, d in zip(glue, time, date, strict=True)]


class _Amount(NamedTuple):
    currency: str
    size: str

    def __call__(self, rng, for_test, locales):
        from babel.numbers import format_currency

        low, high = (1, 1000) if self.size == "small" else (1000, 1_000_000)
        cents = 0 if self.currency in ("JPY", "KRW") else 2
        number = _number(rng, for_test, low, high, cents)
        style: Any = ("standard", "name")[rng.integers(2)]
        return [
            format_currency(number, self.currency, locale=code, format_type=style)
            for code in locales
        ]


class _Measure(NamedTuple):
    unit: str
    number: str

    def __call__(self, rng, for_test, locales):
        from babel.units import format_unit

        decimals = 1 if self.number == "decimal" else 0
        low, high = (1000, 100_000) if self.number == "thousands" else (2, 1000)
        number = _number(rng, for_test, low, high, decimals)
        return [
            format_unit(number, self.unit, _length(self.unit, code), locale=code)
            for code in locales
        ]


def _length(unit, code) -> Any:
    if code == "zh":
        return UNITS[unit]
    return "short" if (unit, code) == ("hour", "nl") else "long"


class _Relative(NamedTuple):
    period: Any
    direction: str

    def __call__(self, rng, for_test, locales):
        from babel.dates import TIMEDELTA_UNITS, format_timedelta

        seconds = (
            int(_number(rng, for_test, 2, 1000)) * dict(TIMEDELTA_UNITS)[self.period]
        )
        return [
            format_timedelta(
                seconds if self.direction == "future" else -seconds,
                granularity=self.period,
                threshold=1e9,  # never a larger unit
                add_direction=True,
                locale=code,
            )
            for code in locales
        ]


class _Words(NamedTuple):
    scale: str

    def __call__(self, rng, for_test, locales):
        from babel.numbers import format_compact_decimal

        number = _number(rng, for_test, 1, 1000, decimals=1) * SCALES[self.scale]
        return [
            format_compact_decimal(
                number,
                # in Chinese both styles are the same; Babel has the second
                format_type="short" if code == "zh" else "long",
                locale=code,
                fraction_digits=4,
            )
            for code in locales
        ]


def write_date(
    style: str, year: int, month: int, day: int, locales: tuple[str, ...] = LOCALES
) -> list[str]:
    """A date in one of `DATE_STYLES`, in English and Chinese, or in other locales."""
    from babel.dates import format_date, format_skeleton

    date = datetime.date(year, month, day)
    skeleton = _SKELETONS[style]
    if skeleton in ("full", "long", "medium"):
        return [format_date(date, skeleton, locale=code) for code in locales]
    return [format_skeleton(skeleton, date, locale=code) for code in locales]


def write_time(
    style: str, hour: int, minute: int, second: int, locales: tuple[str, ...] = LOCALES
) -> list[str]:
    """A time in one of `TIME_STYLES`, in English and Chinese, or in other locales."""
    from babel.dates import format_skeleton

    time = datetime.datetime(2000, 1, 1, hour, minute, second)
    return [format_skeleton(_SKELETONS[style], time, locale=code) for code in locales]
