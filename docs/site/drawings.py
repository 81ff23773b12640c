"""Drawings that are part of a page: SVG whose colours follow its light or dark theme."""

import math
from html import escape

# Classes `tl-s0` … of the style sheet: the course's own cycle of colours.
COLOURS = 7
# Disc, square, triangle, diamond, cross, triangle on its head.
MARKS = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4 -4h8v8h-8z",
    "M0 -5L5 4H-5z",
    "M0 -5.5L5.5 0L0 5.5L-5.5 0z",
    "M-5 -1.6h3.4v-3.4h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4z",
    "M0 5L5 -4H-5z",
)


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
    left = 12 + 9 * max(len(peer) for _, peer, _ in rows)
    width, step = 400, 22
    one = left + (width - left - 45) / max(1.2, *(ratio for *_, ratio in rows))
    parts, y, before = [], 20, None
    for case, peer, ratio in rows:
        if case != before:
            y += 20
            parts.append(f'<text class="tl-faint" x="0" y="{y}">{escape(case)}</text>')
            y, before = y + 6, case
        parts.append(_bar(peer, ratio, left, one, y))
        y += step
    label = f"{title}. " + "; ".join(f"{c}, {p}: {r:.2f}" for c, p, r in rows)
    return (
        f'<figure class="tl-drawing tl-bars"><svg viewBox="0 0 {width} {y}" role="img" '
        f'aria-label="{escape(label)}">'
        f'<line class="tl-zero" x1="{one:.1f}" x2="{one:.1f}" y1="18" y2="{y}"/>'
        f'<text class="tl-faint" x="{one:.1f}" y="13" text-anchor="middle">as long as '
        f"tlkeras</text>{''.join(parts)}</svg><figcaption>Time of others ÷ ours: a bar "
        "that passes the line is slower than tlkeras.</figcaption></figure>"
    )


def _bar(peer, ratio, left, one, y):
    """A bar, its peer before it and its ratio behind it, beside the line at 1."""
    end = left + ratio * (one - left)
    behind = one if one - 40 < end < one else end
    return (
        f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(peer)}</text>'
        f'<rect class="{"tl-gain" if ratio >= 1 else "tl-loss"}" x="{left}" y="{y}" '
        f'width="{end - left:.1f}" height="15" rx="2"/>'
        f'<text x="{behind + 6:.1f}" y="{y + 12}">{ratio:.2f}</text>'
    )


def curves(title, amounts, ways, shown=True):
    """Means with their 95 % intervals over amounts of data, a colour and mark a way.

    Args:
        title: what is measured.
        amounts: texts, one a column.
        ways: name to a list of `(mean, half)` or `None`, one an amount.
        shown: whether the title stands above; else only who cannot see it gets it.
    """
    points = [p for line in ways.values() for p in line if p]
    low = min(mean - half for mean, half in points)
    high = max(mean + half for mean, half in points)
    low, high = (low - 0.05 * (high - low), high + 0.05 * (high - low))
    span = (high - low) or 1.0
    width, height, left, right, top, bottom = 480, 250, 52, 8, 8, 44
    room = (width - left - right) / len(amounts)

    def y(value):
        return top + (height - top - bottom) * (high - value) / span

    def x(column, number):
        return left + room * (column + 0.5) + 8 * (number - (len(ways) - 1) / 2)

    parts = [
        f'<line class="tl-grid" x1="{left}" x2="{width - right}" y1="{y(value):.1f}" '
        f'y2="{y(value):.1f}"/><text class="tl-faint" x="{left - 6}" '
        f'y="{y(value) + 4:.1f}" text-anchor="end">{said}</text>'
        for value, said in _ticks(low, high)
    ]
    for column, amount in enumerate(amounts):
        lines = amount.split(" ", 1)  # a number, and of what
        parts += [
            f'<text x="{left + room * (column + 0.5):.1f}" y="{height - 26 + 17 * line}" '
            f'text-anchor="middle">{escape(words)}</text>'
            for line, words in enumerate(lines)
        ]
    for number, line in enumerate(ways.values()):
        place = [(x(i, number), *point) for i, point in enumerate(line) if point]
        track = " ".join(f"{a:.1f},{y(mean):.1f}" for a, mean, _ in place)
        parts.append(f'<g class="tl-s{number % COLOURS}"><polyline points="{track}"/>')
        parts += [
            f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{y(mean - half):.1f}" '
            f'y2="{y(mean + half):.1f}"/>{_mark(number, a, y(mean))}'
            for a, mean, half in place
        ]
        parts.append("</g>")
    legend = "".join(
        f'<li class="tl-s{number % COLOURS}"><svg viewBox="0 0 12 12" width="12" '
        f'height="12" aria-hidden="true">{_mark(number, 6, 6)}</svg> '
        f"{escape(name)}</li>"
        for number, name in enumerate(ways)
    )
    caption = f"<figcaption>{escape(title)}</figcaption>" if shown else ""
    return (
        f'<figure class="tl-drawing">{caption}'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}; '
        f'the figures stand in the table below">{"".join(parts)}</svg>'
        f'<ul class="tl-legend">{legend}</ul></figure>'
    )


def _ticks(low, high):
    """Three to seven round numbers between two, and how each is written."""
    most = (high - low) / 3 or 1.0
    power = 10.0 ** math.floor(math.log10(most))
    step = power * next((n for n in (5, 2) if n * power <= most), 1)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    for number in range(first, last + 1):
        yield number * step, f"{number * step:.{digits}f}".replace("-", "−")


def _mark(number, x, y):
    """A shape of its own for each of the first six ways, as wide as a disc of 4.5."""
    shape = MARKS[number % len(MARKS)]
    return f'<path transform="translate({x:.1f} {y:.1f})" d="{shape}"/>'
