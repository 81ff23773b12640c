import pytest

from tlkeras.grading.judge.links import plain, to_section


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
