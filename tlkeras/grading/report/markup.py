"""HTML in which text cannot become markup: what is not Markup is escaped."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from string import Template

from tlkeras.grading.messages import language
from tlkeras.grading.report.text import clean
from tlkeras.visualization.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, RED

HERE = Path(__file__).parent
# Colour of each state, as on the cards where those tell states apart.
COLOURS = {
    "passed": GREEN,
    "wrong": RED,
    "raised": PURPLE,
    "timed-out": ORANGE,
    "not-attempted": BLUE,
    "uncheckable": GREY,
}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name, *children, **attributes):
    """An element: `element("a", "me & you", href="…", class_="plain")`.

    Children that are not Markup are escaped; `None` is left out. In attribute names
    `_` stands for `-`; `None` and `False` leave an attribute out.
    """
    words = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(key)
        elif value is not None and value is not False:
            words.append(f'{key}="{escape(clean(value))}"')
    return Markup(f"<{' '.join(words)}>{join(*children)}</{name}>")


def join(*children):
    """Markup of several pieces, one after the other."""
    return Markup("".join(_safe(child) for child in children if child is not None))


def _safe(child):
    return child if isinstance(child, Markup) else escape(clean(child))


def prose(text):
    """A sentence; what stands between back-ticks is code, and *this* is stressed."""
    pieces = clean(text).split("`")
    return join(
        *(element("code", p) if i % 2 else _stress(p) for i, p in enumerate(pieces))
    )


def _stress(text):
    pieces = re.split(r"\*([^\W_][^*]*)\*", text)
    return join(*(element("em", p) if i % 2 else p for i, p in enumerate(pieces)))


def page(title, body, script=False, inline_styles=False):
    """A whole page that loads nothing and runs nothing but our own script.

    Args:
        title: of the page.
        body: Markup.
        script: with the script that sorts tables. Defaults to `False`.
        inline_styles: allow `style="…"`, which cards use. Defaults to `False`.
    """
    style = _colours() + _read("style.css")
    code = _read("sort.js") if script else ""
    return Template(_read("page.html")).substitute(
        language=language(),
        policy=_policy(style, code, inline_styles),
        title=escape(clean(title)),
        style=style,
        body=body,
        script=f"<script>{code}</script>" if code else "",
    )


def _policy(style, code, inline_styles):
    """The Content-Security-Policy: nothing but this very style and script."""
    styles = "'unsafe-inline'" if inline_styles else _digest(style)
    scripts = f" script-src {_digest(code)};" if code else ""
    return (
        f"default-src 'none'; style-src {styles};{scripts} "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text):
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _colours():
    """The states' colours as CSS variables, each with the ink that reads on it."""
    rules = (
        f"--{name}:{colour};--on-{name}:{ink(colour)};"
        for name, colour in COLOURS.items()
    )
    return f":root{{{''.join(rules)}}}\n"


def ink(colour):
    """Black or white, whichever has more contrast with a colour (WCAG 2.1)."""
    light = luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"


def luminance(colour):
    """Relative luminance of `#rrggbb`, from 0 (black) to 1 (white; WCAG 2.1)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _read(name):
    return (HERE / name).read_text("utf-8")
