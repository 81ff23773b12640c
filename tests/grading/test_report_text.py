"""Names and texts that came with submissions do no harm."""

import re

from synthetic import HOSTILE

from tlkeras.grading.report.text import FileNames, clean, one_line


def test_file_names_are_safe_and_all_different():
    names = [*HOSTILE, *HOSTILE, "Ada", "ada", "ADA", "a/b", "a-b", "é" * 300]
    files = FileNames()
    found = [files.of(name) for name in names]
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert re.fullmatch(r"[\w.-]+", name)
        assert not name.startswith((".", "-"))
        assert len(f".{name}.html.12345678".encode()) <= 255  # a draft's name
    assert FileNames().of("Zoë_1.final") == "Zoë_1.final"


def test_harmful_characters_are_shown_as_such():
    assert clean("a\x00b\u202ec\udcffd\r\ne") == "a\ufffdb\ufffdc\ufffdd\ne"
    assert one_line(" a\n b\t c ") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
