"""Sentences are found by key, in the chosen language where there are any in it."""

import pytest

from tlkeras.grading import Messages
from tlkeras.grading.messages import say


@pytest.fixture
def messages(tmp_path):
    english = '[sections]\none = "One of {count}"\ntwo = "Two"\n'
    (tmp_path / "messages.en.toml").write_text(english, "utf-8")
    (tmp_path / "messages.xx.toml").write_text('[sections]\none = "Eins von {count}"\n')
    return Messages(tmp_path)


@pytest.mark.parametrize(
    ("language", "one"), [("en", "One of 3"), ("xx", "Eins von 3"), ("yy", "One of 3")]
)
def test_the_language_is_chosen_and_english_is_there_for_the_rest(
    messages, monkeypatch, language, one
):
    monkeypatch.setenv("TLKERAS_LANGUAGE", language)
    assert messages.say("sections", "one", count=3) == one
    assert messages.say("sections", "two") == "Two"
    assert messages.say("picture", "yours") == say("picture", "yours")


def test_a_lesson_may_say_something_in_its_own_way(tmp_path):
    (tmp_path / "messages.en.toml").write_text('[picture]\nyours = "mine"\n', "utf-8")
    assert Messages(tmp_path).say("picture", "yours") == "mine"
    assert say("picture", "yours") == "yours"


@pytest.mark.parametrize("keys", [("sections", "three"), ("sections",), ("nothing",)])
def test_what_is_no_sentence_is_an_error_that_names_it(messages, keys):
    with pytest.raises(KeyError, match=f"no message {'.'.join(keys)} in"):
        messages.say(*keys)
