"""Pieces that pages share: their words, signs of states, bars and sortable tables."""

from pathlib import Path
from urllib.parse import quote

from tlkeras.grading.judge.outcome import State
from tlkeras.grading.messages import Messages
from tlkeras.grading.report.markup import Markup, element, join

say = Messages(Path(__file__).parent).say

# A state is told by its sign and its name; colour only helps.
SIGNS = {
    State.PASSED: "✓",
    State.WRONG: "✗",
    State.RAISED: "!",
    State.TIMED_OUT: "…",
    State.NOT_ATTEMPTED: "○",
    State.UNCHECKABLE: "?",
}


def state_class(state):
    """The state as a name in style.css."""
    return State(state).value.replace(" ", "-")


def state_name(state):
    """The state in words."""
    return say("state", State(state).value)


def chip(state, spoken=False):
    """The sign of a state. Where no words stand beside it, it is `spoken`."""
    heard = {"role": "img", "aria_label": state_name(state), "title": state_name(state)}
    words = heard if spoken else {"aria_hidden": "true"}
    return element("i", SIGNS[State(state)], class_=state_class(state), **words)


def link(row):
    """A submission's name, which leads to its feedback."""
    return element("a", element("bdi", row.name), href=f"feedback/{quote(row.page)}")


def breakable(name):
    """A long name of an exercise that may break after each `_`."""
    first, *rest = name.split("_")
    pieces = (join("_", Markup("<wbr>"), piece) for piece in rest)
    return element("code", first, *pieces)


def bar(shares, label):
    """Classes of rectangles, each with its share of the whole, drawn as one bar."""
    at, parts = 0.0, []
    for name, share in shares:
        if share > 0:
            parts.append(
                element(
                    "rect",
                    x=f"{at:.2f}",
                    width=f"{max(100 * share - 0.5, 0.5):.2f}",
                    height="10",
                    class_=name,
                )
            )
        at += 100 * share
    return element(
        "svg",
        *parts,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_="bar",
    )


def sortable(caption, heads, rows, sorted_by=None, wide=False):
    """A table that its reader can sort, in a box that scrolls by itself.

    Args:
        caption: what the table shows.
        heads: `(text or Markup, kind)`; the kind is `text`, `number` (largest first)
            or `plain` (not to be sorted by).
        rows: elements `tr`. A cell sorts by its `data-v`, else by its text.
        sorted_by: index of the head by which the rows come sorted already.
        wide: prints across the page. Defaults to `False`.
    """
    cells = []
    for number, (head, kind) in enumerate(heads):
        direction = "descending" if kind == "number" else "ascending"
        cells.append(
            element(
                "th",
                head if kind == "plain" else element("button", head, type="button"),
                scope="col",
                class_="number" if kind == "number" else None,
                data_first=None if kind == "plain" else direction,
                aria_sort=direction if number == sorted_by else None,
            )
        )
    table = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *cells)),
        element("tbody", *rows),
        class_="sortable",
    )
    return element(
        "div",
        table,
        class_="scroll wide" if wide else "scroll",
        role="region",
        aria_label=caption,
        tabindex="0",
    )
