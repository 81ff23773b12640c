"""The card that a notebook shows."""

import html
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tlkeras.course import lesson
from tlkeras.grading import check
from tlkeras.grading.judge.card import _short, inline
from tlkeras.grading.messages import minus
from tlkeras.visualization import palette

ATTENTION = lesson("01_attention").exercises["scaled_dot_product_attention"]


def parse(card):
    """A card is well-formed XML, so it can be taken apart."""
    return ElementTree.fromstring(card)


def unscaled(query, key, value, mask=None):
    scale = lambda logits, **_: logits  # noqa: E731
    return ATTENTION.reference(query, key, value, mask, scale=scale)


def test_a_wrong_answer_is_drawn_beside_the_expected_one():
    outcome = check(ATTENTION, unscaled)
    card = parse(outcome._repr_html_())
    captions = [figure.find("figcaption").text for figure in card.iter("figure")]
    assert captions == ["yours", "expected", "yours − expected"]
    cells = [len(list(svg.iter("rect"))) for svg in card.iter("svg")]
    assert cells == [outcome.picture.yours.size] * 3


def test_the_card_says_what_the_text_says():
    outcome = check(ATTENTION, unscaled)
    text = "".join(parse(outcome._repr_html_()).itertext())
    for heading, body in outcome.parts:
        assert heading in text
        assert body.replace("`", "") in text


def test_a_passing_card_is_green_and_a_failing_one_is_not():
    passed = check(ATTENTION, ATTENTION.reference)._repr_html_()
    failed = check(ATTENTION, unscaled)._repr_html_()
    assert palette.GREEN in passed
    assert palette.GREEN not in failed
    assert 'data-state="passed"' in passed


def test_nothing_from_the_learner_becomes_markup():
    def hostile(*inputs):
        raise ValueError("<script>alert(1)</script> & <b>")

    card = check(ATTENTION, hostile)._repr_html_()
    assert "<script" not in card
    assert html.escape("<script>alert(1)</script> & <b>") in card


def test_infinite_and_missing_numbers_can_be_drawn():
    def odd(query, key, value, mask=None):
        output = ATTENTION.reference(query, key, value, mask).copy()
        output[..., 0, :3] = np.nan, np.inf, -np.inf
        return output

    card = check(ATTENTION, odd)._repr_html_()
    texts = [element.text for element in parse(card).iter("text")]
    assert {"NaN", "inf", "−inf"} <= set(texts)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0, "0.00"), (-0.001, "0.00"), (-0.01, "−0.01"), (0.004, "0.00")],
)
def test_what_a_cell_shows_as_nothing_has_no_sign(value, text):
    assert _short(value) == text


def test_a_card_needs_no_network_and_no_script():
    card = check(ATTENTION, unscaled)._repr_html_()
    assert not re.search(r"https?://|<script|<link|@import|url\(", card)


@pytest.mark.parametrize("colour", ["GREEN", "RED", "BLUE", "GREY"])
def test_text_colours_can_be_read_on_white(colour):
    """WCAG 2.1, 1.4.3: large or bold text needs a contrast of 3."""
    channels = [c / 255 for c in palette._rgb(getattr(palette, colour))]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    luminance = sum(
        w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
    assert 1.05 / (luminance + 0.05) >= 3


@pytest.mark.parametrize(
    ("text", "html_"),
    [
        ("True means *keep*", "True means <em>keep</em>"),
        ("**True** means keep", "<strong>True</strong> means keep"),
        ("2 * 3 * 4, a*b and `a * b *`", "2 * 3 * 4, a*b and <code>a * b *</code>"),
        ("[“1. A”](#1.-A)", '<a href="#1.-A">“1. A”</a>'),
        ("[next](02_two.ipynb)", '<a href="02_two.ipynb">next</a>'),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("[x](https://example.org)", "[x](https://example.org)"),
        ('[x](#"onclick)', "[x](#&quot;onclick)"),
        ("`<b>` & *<i>*", "<code>&lt;b&gt;</code> &amp; <em>&lt;i&gt;</em>"),
    ],
)
def test_the_small_markdown_of_sentences(text, html_):
    if '"' in text:  # a quote stays a quote: it cannot end the attribute
        assert 'href="#&quot;onclick"' in inline(text)
    else:
        assert inline(text) == html_


def test_cause_and_hints_are_folded_behind_the_problem():
    outcome = check(ATTENTION, unscaled, hint=1)
    card = parse(outcome._repr_html_())
    folds = [fold.find("summary").text for fold in card.iter("details")]
    assert folds == ["Likely cause", "Hint 1 of 3", "Hint 2 of 3"]
    assert not any(fold.get("open") for fold in card.iter("details"))
    text = "".join(card.itertext())
    assert text.index("You returned") < text.index("Likely cause")


def test_the_section_to_reread_is_a_link_on_the_card_and_words_in_the_text():
    outcome = check(ATTENTION, unscaled)
    [link] = parse(outcome._repr_html_()).iter("a")
    assert link.get("href") == "#3.-Likeness,-and-why-we-divide-by-a-square-root"
    said = "Read again: “3. Likeness, and why we divide by a square root”."
    assert said in outcome.message


def test_the_card_takes_the_colours_of_a_notebooks_theme():
    card = check(ATTENTION, unscaled)._repr_html_()
    assert "background:var(--jp-layout-color1," in card
    assert "background:#fff" not in card


def test_a_card_has_one_minus_sign():
    """In its sentences, its picture and what stands beside the pointer."""

    def negative(query, key, value, mask=None):
        return -ATTENTION.reference(query, key, value, mask)

    card = check(ATTENTION, negative)._repr_html_()
    text = html.unescape(re.sub(r"<code>.*?</code>|style=\"[^\"]*\"", "", card))
    assert re.search(r"−\d", text)
    assert not re.search(r"(?<![\w-])-\.?\d", re.sub(r"<svg[^>]*>", "", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.5", "−0.5"),
        ("from -3 to -.5", "from −3 to −.5"),
        ("-1e-05", "−1e−05"),
        ("-inf", "−inf"),
        ("2020-05-12, 3-4, x-1, --out", "2020-05-12, 3-4, x-1, --out"),
        ("axis=-1, x[-1], [-1]", "axis=-1, x[-1], [−1]"),
        ("two-headed", "two-headed"),
    ],
)
def test_which_hyphen_is_a_minus(text, expected):
    assert minus(text) == expected
