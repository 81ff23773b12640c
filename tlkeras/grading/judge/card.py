"""An Outcome as an HTML card for notebooks: no scripts, no style sheet, no network."""

from html import escape

import numpy as np

from tlkeras.grading.messages import say
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


def card(outcome):
    """The HTML of a card, light on any theme of the notebook."""
    edge = EDGE.get(outcome.state, RED)
    rows = "".join(
        f'<div style="display:flex;gap:12px;margin-top:6px">'
        f'<div style="flex:0 0 150px;color:#555">{escape(heading)}</div>'
        f'<div style="white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{_inline(text)}</div>"
        f"</div>"
        for heading, text in outcome.parts
    )
    return (
        f'<div class="tlkeras-card" data-state="{outcome.state.value}" role="status" '
        f'style="background:#fff;color:#1a1a1a;border:1px solid #ddd;'
        f"border-left:6px solid {edge};border-radius:4px;padding:10px 14px;"
        f'font:14px/1.5 system-ui,sans-serif;max-width:820px">'
        f'<div style="font-weight:600;color:{edge}">{escape(outcome.headline)}</div>'
        f"{rows}{_heat_maps(outcome.picture)}</div>"
    )


def _inline(text):
    """Escape, and set what stands between back-ticks in a fixed-width face."""
    pieces = escape(text).split("`")
    return "".join(
        f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces)
    )


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
        f'<figure style="margin:0"><figcaption style="font-size:12px;color:#555">'
        f"{escape(title)}</figcaption>{_heat_map(*rest)}</figure>"
        for title, *rest in maps
    )
    return (
        f'<div style="margin-top:8px;font-size:12px;color:#555">{escape(picture.label)}'
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
        cells.append(
            f'<rect x="{x}" y="{y}" width="{step - GAP}" height="{step - GAP}" '
            f'fill="{colour}"><title>[{row}, {column}] {value:.6g}</title></rect>'
        )
        if step == CELL:
            cells.append(
                f'<text x="{x + step / 2}" y="{y + step / 2 + 3}" font-size="9" '
                f'text-anchor="middle" fill="{text_on(colour)}">{_short(value)}</text>'
            )
    width, height = columns * step, rows * step
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="display:block;border:1px solid #ddd">{"".join(cells)}</svg>'
    )


def _short(value):
    """At most five characters, to fit a cell."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "inf" if value > 0 else "−inf"
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.0e}".replace("e+0", "e")
    return text.replace("-", "−")
