"""The colours of every figure and card: told apart by colour-blind readers too.

Plain Python, so that the grader's cards need no plotting library.
"""

from collections.abc import Sequence

# Okabe & Ito (2008), in the order in which curves take them.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#6E6E6E"
CYCLE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY)

# Heat maps: small to large, and negative through zero to positive.
SEQUENTIAL = ("#FFFFFF", "#BFD9EC", "#5FA5D3", "#0072B2", "#00294D")
DIVERGING = (
    "#A34700",
    "#D55E00",
    "#F3C6A5",
    "#FFFFFF",
    "#A9CFE8",
    "#0072B2",
    "#004A75",
)


def shade(colours: Sequence[str], fraction: float) -> str:
    """The colour `#rrggbb` at `fraction` (0 to 1) of the way along some colours."""
    place = min(max(fraction, 0.0), 1.0) * (len(colours) - 1)
    low = min(int(place), len(colours) - 2)
    mix = place - low
    pairs = zip(_rgb(colours[low]), _rgb(colours[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * mix):02x}" for a, b in pairs)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on a background colour."""
    red, green, blue = _rgb(colour)
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def _rgb(colour):
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
