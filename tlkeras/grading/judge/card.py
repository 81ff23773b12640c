"""An Outcome as an HTML card for notebooks: no scripts, no style sheet, no network."""

import re
from html import escape

import numpy as np

from tlkeras.grading.judge.links import LINK, plain
from tlkeras.grading.messages import FALLBACK, language, minus, say
from tlkeras.visualization.palette import (
    BLUE,
    DIVERGING,
    GREEN,
    GREY,
    RED,
    SEQUENTIAL,
    shade,
    text_on,
)

# By the text of a State, which knows the card.
EDGE = {"passed": GREEN, "not attempted": BLUE, "uncheckable": GREY}
CELL, GAP = 30, 1  # pixels


# A notebook's own colours, in its light and its dark theme; light where it has none.
PAPER = "var(--jp-layout-color1,var(--vscode-editor-background,#fff))"
INK = "var(--jp-content-font-color1,var(--vscode-editor-foreground,#1a1a1a))"
FAINT = "var(--jp-content-font-color2,var(--vscode-descriptionForeground,#555))"
SHADED = "var(--jp-layout-color2,var(--vscode-textCodeBlock-background,#f2f2f2))"
LINE = "var(--jp-border-color2,var(--vscode-panel-border,#ddd))"


def card(outcome, links=True):
    """The HTML of a card: the problem first; cause and hints open when clicked.

    Args:
        outcome: an Outcome.
        links: whether it is shown in the lesson's notebook, where sections are.
            Defaults to `True`.
    """
    shown = inline if links else lambda text: inline(plain(text))
    rows = "".join(_row(heading, shown(text)) for heading, text in outcome.parts)
    folds = "".join(
        f'<details style="margin-top:6px"><summary style="cursor:pointer">'
        f"{escape(heading)}</summary>"
        f'<div style="{PROSE};margin:4px 0 0 18px">{shown(text)}</div></details>'
        for heading, text in outcome.folds
    )
    body = f"{rows}{_heat_maps(outcome.picture)}{folds}"
    edge = EDGE.get(outcome.state, RED)
    return frame(outcome.headline, body, edge, "card", outcome.state.value)


PROSE = "white-space:pre-wrap;overflow-wrap:anywhere"


def _row(heading, html):
    """A heading beside its text; above it where the window is narrow."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0 12px;margin-top:6px">'
        f'<div style="flex:0 0 150px;color:{FAINT}">{escape(heading)}</div>'
        f'<div style="flex:1 1 320px;min-width:0;{PROSE}">{html}</div></div>'
    )


def frame(headline, body, edge, kind, state=""):
    """The HTML around a card's body, on the notebook's own background.

    Args:
        headline: plain text.
        body: HTML.
        edge: the colour of the left edge.
        kind: what card it is, for whoever looks for it in a page.
        state: how a check ended.
    """
    spoken = language()  # tells a browser which shapes Chinese characters have
    lang = "" if spoken == FALLBACK else f'lang="{escape(spoken)}" '
    return (
        f'<div class="tlkeras-{kind}" data-state="{state}" role="status" {lang}'
        f'style="background:{PAPER};color:{INK};border:1px solid {LINE};'
        f"border-left:6px solid {edge};border-radius:4px;padding:10px 14px;"
        f'font:14px/1.5 system-ui,sans-serif;max-width:820px">'
        f'<div style="font-weight:600">{escape(headline)}</div>{body}</div>'
    )


def inline(text):
    """A sentence's small Markdown as HTML: code, strong, emphasis and links."""
    pieces = text.split("`")
    return "".join(
        f"<code>{escape(piece)}</code>" if i % 2 else _marked(piece)
        for i, piece in enumerate(pieces)
    )


def _marked(text):
    text = escape(text)
    text = LINK.sub(r'<a href="\2">\1</a>', text)
    text = re.sub(r"\*\*(\S(?:[^*]*\S)?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![\w*])\*(\S(?:[^*]*\S)?)\*(?![\w*])", r"<em>\1</em>", text)


def _heat_maps(picture):
    if picture is None:
        return ""
    both = np.concatenate([picture.yours.ravel(), picture.expected.ravel()])
    low, high = _limits(both)
    delta = picture.yours - picture.expected
    largest = max(abs(x) for x in _limits(delta)) or 1.0
    maps = (
        (say("picture", "yours"), picture.yours, SEQUENTIAL, low, high),
        (say("picture", "expected"), picture.expected, SEQUENTIAL, low, high),
        (say("picture", "difference"), delta, DIVERGING, -largest, largest),
    )
    figures = "".join(
        f'<figure style="margin:0"><figcaption style="font-size:12px;color:{FAINT}">'
        f"{escape(title)}</figcaption>{_heat_map(*rest)}</figure>"
        for title, *rest in maps
    )
    return (
        f'<div style="margin-top:8px;font-size:12px;color:{FAINT}">'
        f"{escape(picture.label)}"
        f'</div><div style="display:flex;flex-wrap:wrap;gap:18px">{figures}</div>'
    )


def _limits(values):
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _heat_map(matrix, colours, low, high):
    rows, columns = matrix.shape
    step = min(CELL, 480 // columns)
    cells = []
    for (row, column), value in np.ndenumerate(matrix):
        fraction = (value - low) / (high - low) if high > low else 0.5
        colour = shade(colours, fraction) if np.isfinite(value) else "#F0E442"
        x, y = column * step, row * step
        title = minus(f"[{row}, {column}] {value:.6g}")
        cells.append(
            f'<rect x="{x}" y="{y}" width="{step - GAP}" height="{step - GAP}" '
            f'fill="{colour}"><title>{title}</title></rect>'
        )
        if step == CELL:
            cells.append(
                f'<text x="{x + step / 2}" y="{y + step / 2 + 3}" font-size="9" '
                f'text-anchor="middle" fill="{text_on(colour)}">{_short(value)}</text>'
            )
    width, height = columns * step, rows * step
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="display:block;border:1px solid {LINE}">{"".join(cells)}</svg>'
    )


def _short(value):
    """At most five characters, to fit a cell."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "inf" if value > 0 else minus("-inf")
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.0e}".replace("e+0", "e")
    if not text.strip("-0."):  # nothing is left to have a sign
        text = text.lstrip("-")
    return minus(text)
