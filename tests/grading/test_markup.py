"""Text cannot become markup, and every text can be read."""

import re

import pytest

from tlkeras.grading.report import markup


def test_markup_escapes_what_is_not_markup():
    found = markup.element("a", "<b>", None, markup.Markup("<i>"), href='"&', id=None)
    assert found == '<a href="&quot;&amp;">&lt;b&gt;<i></a>'
    assert markup.prose("a `b*c*` *d* <e>") == (
        "a <code>b*c*</code> <em>d</em> &lt;e&gt;"
    )


def contrast(one, other):
    high, low = sorted(map(markup.luminance, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read(theme):
    """WCAG 2.1, 1.4.3: a contrast of 4.5."""
    blocks = re.findall(r":root \{(.*?)\}", markup._read("style.css"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6})", blocks[theme]))
    for ink in ("ink", "quiet", "link"):
        for paper in ("paper", "shade"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert contrast(colours["ink"], colours["warning"]) >= 4.5
    for colour in markup.COLOURS.values():
        assert contrast(colour, markup.ink(colour)) >= 4.5
