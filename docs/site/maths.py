"""Equations as MathML, made when the site is built: no script, no font from elsewhere.

A Sphinx extension. Readers' browsers lay MathML out by themselves; the font with its
signs is cut out of STIX Two Math, which the package `ziamath` brings along.
"""

import re
from importlib.resources import files
from pathlib import Path

from docutils import nodes
from fontTools import subset
from latex2mathml.converter import convert

# What equations here are set in: Latin and Greek, upright and slanted, arrows, operators.
SIGNS = [(0x20, 0x7E), (0xA0, 0xFF), (0x391, 0x3F5), (0x2010, 0x2044), (0x2190, 0x2194)]
SIGNS += [(0x2200, 0x22F1), (0x2308, 0x230B), (0x27E8, 0x27E9), (0x210E, 0x210E)]
SIGNS += [(0x1D434, 0x1D467), (0x1D6FC, 0x1D71B)]
# Names of functions, which TeX sets apart from what they stand between, if no bracket.
FUNCTION = r"<mi>(?:sin|cos|tan|tanh|log|ln|exp|max|min|arg|det|dim)</mi>"
QUANTITY = "mi|mn|msub|msup|msubsup|mrow|mfrac|msqrt|munder|mover|mtext"
BASE = "".join(f"(?<!<{name}>)" for name in ("msub", "msup", "msubsup", "munder"))
THIN = '<mspace width="0.167em"/>'


def mathml(latex, display=False):
    """An equation as MathML, with its TeX as a label for who cannot see it.

    Args:
        latex: without its dollars.
        display: on a line of its own. Defaults to `False`.
    """
    # A word stays one piece, upright.
    text = re.sub(r"\\(operatorname|mathrm)\{", r"\\text{", latex.strip())
    for bar in ("vert", "Vert"):  # a pair, which is as high as what it holds
        pair = rf"(?<!\\left)\\l{bar}\b(.*?)\\r{bar}\b"
        text = re.sub(pair, rf"\\left\\l{bar}\1\\right\\r{bar}", text)
    made = convert(text, display="block" if display else "inline")
    made = made.replace("<mo>&#x0221E;</mo>", "<mi>&#x0221E;</mi>")  # ∞ is no operator
    made = re.sub(f"(</(?:{QUANTITY})>)({FUNCTION})", rf"\1{THIN}\2", made)
    return re.sub(f"{BASE}({FUNCTION})(?=<(?:{QUANTITY})>)", rf"\1{THIN}", made)


def _inline(translator, node):
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _display(translator, node):
    # A wide equation scrolls by itself; the page does not.
    made = mathml(node.astext(), display=True)
    translator.body.append(f'<div class="math-display">{made}</div>')
    raise nodes.SkipNode


def write_font(folder):
    """Cut the font of equations and put it, with its licence, into a folder."""
    path = Path(str(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"))
    options = subset.Options(
        flavor="woff", layout_features=["ssty"], notdef_outline=True
    )
    options.drop_tables = [t for t in options.drop_tables if t != "MATH"]
    font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[u for low, high in SIGNS for u in range(low, high + 1)])
    cutter.subset(font)
    subset.save_font(font, str(folder / "stix-two-math.woff"), options)


def setup(app):
    """Make `mathml` a renderer of equations."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
