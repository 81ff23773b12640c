"""Drawings that are part of a page: SVG whose colours follow its light or dark theme."""

from html import escape

# Classes `tl-s0` … of the style sheet: the course's own cycle of colours.
COLOURS = 7


def interval(mean, half, limit, verdict):
    """A mean and its 95 % interval on a line through zero.

    Args:
        mean: of the difference.
        half: half the width of its interval.
        limit: what the ends of the line stand for, `-limit` and `limit`.
        verdict: a class: `gain`, `loss` or `open`.
    """
    width, middle = 110, 55

    def at(value):
        return middle + 50 * max(-1.0, min(1.0, value / limit))

    low, high = at(mean - half), at(mean + half)
    return (
        f'<svg class="tl-interval tl-{verdict}" viewBox="0 0 {width} 16" width="{width}" '
        'height="16" aria-hidden="true">'
        f'<line class="tl-zero" x1="{middle}" x2="{middle}" y1="0" y2="16"/>'
        f'<line class="tl-range" x1="{low:.1f}" x2="{high:.1f}" y1="8" y2="8"/>'
        f'<circle cx="{at(mean):.1f}" cy="8" r="4"/></svg>'
    )


def ratios(title, rows):
    """Bars of how many times as long others take; 1 is as long as ours.

    Args:
        title: what is compared, for who cannot see it.
        rows: tuples of case, peer, ratio.
    """
    most = max(1.2, *(ratio for *_, ratio in rows))
    left, right, step = 250, 640, 22
    scale = (right - left - 50) / most
    one = left + scale
    parts = []
    for number, (case, peer, ratio) in enumerate(rows):
        y = 24 + number * step
        kind = "tl-gain" if ratio >= 1 else "tl-loss"
        parts.append(
            f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(case)}, '
            f"{escape(peer)}</text>"
            f'<rect class="{kind}" x="{left}" y="{y}" width="{ratio * scale:.1f}" '
            f'height="15" rx="2"/><text x="{left + ratio * scale + 5:.1f}" '
            f'y="{y + 12}">{ratio:.2f}</text>'
        )
    height = 30 + step * len(rows)
    label = f"{title}. " + "; ".join(f"{c}, {p}: {r:.2f}" for c, p, r in rows)
    return (
        f'<figure class="tl-drawing"><svg viewBox="0 0 {right} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}'
        f'<line class="tl-zero" x1="{one:.1f}" x2="{one:.1f}" y1="16" y2="{height - 6}"/>'
        f'<text class="tl-faint" x="{one:.1f}" y="11" text-anchor="middle">as long as '
        "tlkeras</text></svg><figcaption>Time of others ÷ ours: longer bars are slower "
        "than tlkeras.</figcaption></figure>"
    )


def curves(title, amounts, ways):
    """Means with their 95 % intervals over amounts of data, a colour a way.

    Args:
        title: what is measured.
        amounts: texts, one a column.
        ways: name to a list of `(mean, half)` or `None`, one an amount.
    """
    points = [p for line in ways.values() for p in line if p]
    low = min(mean - half for mean, half in points)
    high = max(mean + half for mean, half in points)
    low, high = (low - 0.05 * (high - low), high + 0.05 * (high - low))
    span = (high - low) or 1.0
    width, height, left, right, top, bottom = 640, 240, 56, 16, 12, 30

    def y(value):
        return top + (height - top - bottom) * (high - value) / span

    def x(column, number):
        room = (width - left - right) / len(amounts)
        return left + room * (column + 0.5) + 7 * (number - (len(ways) - 1) / 2)

    parts = []
    for tick in range(5):
        value = low + span * (tick + 0.5) / 5
        parts.append(
            f'<line class="tl-grid" x1="{left}" x2="{width - right}" y1="{y(value):.1f}" '
            f'y2="{y(value):.1f}"/><text class="tl-faint" x="{left - 6}" '
            f'y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    for column, amount in enumerate(amounts):
        room = (width - left - right) / len(amounts)
        parts.append(
            f'<text x="{left + room * (column + 0.5):.1f}" y="{height - 8}" '
            f'text-anchor="middle">{escape(amount)}</text>'
        )
    for number, line in enumerate(ways.values()):
        place = [(x(i, number), *point) for i, point in enumerate(line) if point]
        track = " ".join(f"{a:.1f},{y(mean):.1f}" for a, mean, _ in place)
        parts.append(f'<g class="tl-s{number % COLOURS}"><polyline points="{track}"/>')
        parts += [
            f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{y(mean - half):.1f}" '
            f'y2="{y(mean + half):.1f}"/><circle cx="{a:.1f}" cy="{y(mean):.1f}" r="4"/>'
            for a, mean, half in place
        ]
        parts.append("</g>")
    legend = "".join(
        f'<li class="tl-s{number % COLOURS}"><svg viewBox="0 0 12 12" width="12" '
        f'height="12" aria-hidden="true"><circle cx="6" cy="6" r="5"/></svg> '
        f"{escape(name)}</li>"
        for number, name in enumerate(ways)
    )
    return (
        f'<figure class="tl-drawing"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}; '
        f'the figures stand in the table below">{"".join(parts)}</svg>'
        f'<ul class="tl-legend">{legend}</ul></figure>'
    )
