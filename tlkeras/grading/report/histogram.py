"""How the points of a class are spread, drawn and said."""

from tlkeras.grading.report import summary
from tlkeras.grading.report.markup import element
from tlkeras.grading.report.parts import say
from tlkeras.grading.report.text import number

WIDTH, HEIGHT, FOOT, HEAD = 640, 210, 48, 24  # of the drawing, in its own units


def picture(rows):
    """A histogram of the points of some rows, with its message in words."""
    points = [row.result["points"] for row in rows]
    spread = summary.quartiles(points)
    if spread is None:
        return element("p", say("report", "no_scores"))
    highest = max(row.result["max_points"] for row in rows)
    names = ("least", "low", "median", "high", "most")
    words = say(
        "report", "spread", **dict(zip(names, map(number, spread), strict=True))
    )
    counts = summary.histogram(points, highest)
    drawing = element(
        "svg",
        *(part for i, n in enumerate(counts) for part in _bar(i, n, counts)),
        *_axis(highest, len(counts)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=_spoken(counts, highest),
        class_="histogram",
    )
    return element("figure", drawing, element("figcaption", words))


def _edges(highest, bins):
    return [number(highest * i / bins) for i in range(bins + 1)]


def _spoken(counts, highest):
    edges = _edges(highest, len(counts))
    pieces = (
        say("report", "bin", low=edges[i], high=edges[i + 1], count=count)
        for i, count in enumerate(counts)
    )
    return f"{say('report', 'histogram')} {'; '.join(pieces)}"


def _bar(place, count, counts):
    """A bar, and how many it stands for."""
    width, room = WIDTH / len(counts), HEIGHT - FOOT - HEAD
    height = room * count / max(counts)
    x, y = place * width, HEIGHT - FOOT - height
    yield element(
        "rect", x=x + 2, y=f"{y:.1f}", width=width - 4, height=f"{height:.1f}"
    )
    if count:
        middle = x + width / 2
        yield element(
            "text", str(count), x=middle, y=f"{y - 5:.1f}", text_anchor="middle"
        )


def _axis(highest, bins):
    base = HEIGHT - FOOT
    yield element("line", x1=0, x2=WIDTH, y1=base, y2=base)
    for i, edge in enumerate(_edges(highest, bins)):
        anchor = "start" if i == 0 else "end" if i == bins else "middle"
        x = WIDTH * i / bins
        yield element("text", edge, x=x, y=base + 20, text_anchor=anchor)
    label = say("column", "points")
    yield element("text", label, x=WIDTH, y=HEIGHT - 4, text_anchor="end")
