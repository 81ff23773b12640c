import pytest

from tlkeras.grading.judge.links import anchored, plain, to_section


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Read again: {to_section('1. A (b)')}.", "Read again: “1. A (b)”."),
        ("[next](02_two.ipynb) and [last](3.ipynb)", "next and last"),
        ("x[0](1 2) and `a[i](j)`", "x[0](1 2) and `a[i](j)`"),
        ("no link", "no link"),
    ],
)
def test_links_become_words(text, said):
    assert plain(text) == said


def test_a_place_is_the_same_in_every_language_and_ascii():
    english = "3. Why √H"
    assert to_section("3. 为什么", english) == "[“3. 为什么”](#3.-Why-H)"
    text = anchored("## 3. 为什么", english)
    assert text == '<div id="3.-Why-H"></div>\n\n## 3. 为什么'
