"""A file is never read beyond its end, and no length in it is believed."""

import tempfile

import pytest

from tlkeras.checkpoints.formats.scanner import Scanner


@pytest.fixture
def scan():
    with tempfile.TemporaryFile() as file:
        file.write(b"\1\0\2\0\3\0\0\0abc\xff")
        file.seek(0)
        yield Scanner(file, "a.bin", "a whole file")


def test_one_thing_after_another(scan):
    assert scan.numbers("H", 2, "two") == (1, 2)
    assert scan.number("I", "one") == 3
    assert scan.text(2, "a text") == "ab"
    scan.skip(1, "a letter")
    assert scan.place == 11
    assert scan.take(1, "the end") == b"\xff"
    assert scan.place == scan.size == 12


@pytest.mark.parametrize(
    ("read", "match"),
    [
        (lambda scan: scan.take(13, "x"), "x would need 13 bytes, and 12 are left"),
        (lambda scan: scan.skip(2**60, "x"), "x would need"),
        (lambda scan: scan.numbers("Q", 2**60, "x"), "x would need"),
        (lambda scan: scan.text(2**63, "x"), "x would need"),
        (lambda scan: scan.text(12, "x"), "x is no text in UTF-8"),
    ],
)
def test_what_is_not_there(scan, read, match):
    with pytest.raises(ValueError, match=rf"a\.bin must be a whole file; {match}"):
        read(scan)
