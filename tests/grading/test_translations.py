"""The files of translators: what of them is said, and where it belongs."""

import pytest

from tlkeras.grading import Messages, messages, translations

PO = """
msgctxt "hints.sums"
msgid "One"
msgstr "Eins"

#, fuzzy
msgctxt "hints.sums"
msgid "Two"
msgstr "Zwei"

msgctxt "hints.sums"
msgid "Three"
msgstr ""

msgctxt "meaning.text"
msgid "It means {this}."
msgstr "Es heißt {this}."
"""
ENGLISH = """
[hints]
sums = ["One", "Two", "Three"]
other = "One"

[[meaning]]
pattern = "One"
text = "It means {this}."
"""


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A folder of messages, and a language that translates some of them."""
    monkeypatch.setattr(translations, "folder", lambda: tmp_path / "locale")
    (tmp_path / "locale" / "xx").mkdir(parents=True)
    (tmp_path / "locale" / "xx" / "language.toml").write_text("lessons = []")
    (tmp_path / "locale" / "xx" / "01_sums.po").write_text(PO, "utf-8")
    (tmp_path / "01_sums").mkdir()
    (tmp_path / "01_sums" / "messages.en.toml").write_text(ENGLISH, "utf-8")
    forget()
    yield Messages(tmp_path / "01_sums")
    forget()


def forget():
    for cached in (translations.known, translations.languages, messages._load):
        cached.cache_clear()


def test_what_is_fresh_is_said_and_english_stands_in_for_the_rest(lesson):
    with messages.speaking("xx"):
        assert lesson.get("hints", "sums") == ["Eins", "Two", "Three"]
        assert lesson.get("hints", "other") == "One"  # it stands elsewhere
        [meaning] = lesson.get("meaning")
        assert meaning == {"pattern": "One", "text": "Es heißt {this}."}
    assert lesson.get("hints", "sums") == ["One", "Two", "Three"]


@pytest.mark.parametrize("language", ["yy", "../xx", "en"])
def test_a_language_without_a_folder_is_english(lesson, language):
    assert translations.known(language, "01_sums") == {}
    with messages.speaking(language):
        assert lesson.get("hints", "sums") == ["One", "Two", "Three"]


def test_each_folder_of_messages_has_its_file(tmp_path):
    package = translations.PACKAGE
    assert translations.place(package / "course") == ("engine", ("course",))
    report = package / "grading" / "report"
    assert translations.place(report) == ("reports", ("grading/report",))
    assert translations.place(tmp_path / "02_more") == ("02_more", ())
    rooms = {path.parent for path in package.rglob("messages.en.toml")}
    rooms = {room for room in rooms if "lessons" not in room.parts}
    assert {package / room for room in translations.FILES} == rooms
